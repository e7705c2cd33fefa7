"""Images in a registry are charged for by their size; a layer that several images of a repository share counts once.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/what-is-ecr.html
https://aws.amazon.com/ecr/pricing/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.billing.charge import Meter, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader
from local_aws_server.fidelity import Behaviour

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Images in a registry are charged for by their size; a layer that several images of a "
        "repository share counts once.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECR/latest/userguide/what-is-ecr.html",
            "https://aws.amazon.com/ecr/pricing/",
        ),
    ),
)

_GB = Decimal(2**30)


@meter_reader("ecr")
def images(world: Backends) -> Iterator[Reading]:
    """What each repository holds, in GB, as the manifests of its images say."""
    ecr = world.backend("ecr")
    for repository in ecr.repositories.values():
        sizes: dict[str, int] = {}
        for image in repository.images:
            sizes |= _blobs(image)
        if held := sum(sizes.values()):
            meter = Meter(world.region, "AmazonECR", "TimedStorage-ByteHrs", "", "GB-Mo", repository.arn)
            tags = sorted_tags(ecr.tagger.get_tag_dict_for_resource(repository.arn))
            yield Reading(meter, held / _GB, tags)


def _blobs(image: Any) -> dict[str, int]:
    """Digest → bytes of an image's configuration and layers; a manifest list has neither."""
    manifest = json.loads(image.image_manifest)
    blobs = [manifest.get("config", {}), *manifest.get("layers", ())]
    return {blob["digest"]: int(blob.get("size", 0)) for blob in blobs if "digest" in blob}
