"""Charges of stored images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.charge import BYTES_PER_GB, Meter, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Images are charged by size; a layer that several images of a repository share counts once.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECR/latest/userguide/what-is-ecr.html",
            "https://aws.amazon.com/ecr/pricing/",
        ),
    ),
)


@meter_reader("ecr")
def image_storage(backends: Backends) -> Iterator[Reading]:
    """The size of each repository in GB, from the manifests of its images."""
    ecr = backends.backend("ecr")
    for repository in ecr.repositories.values():
        sizes: dict[str, int] = {}
        for image in repository.images:
            sizes |= _blob_sizes(image)
        if total := sum(sizes.values()):
            meter = Meter(backends.region, "AmazonECR", "TimedStorage-ByteHrs", "", "GB-Mo", repository.arn)
            tags = sorted_tags(ecr.tagger.get_tag_dict_for_resource(repository.arn))
            yield Reading(meter, total / BYTES_PER_GB, tags)


def _blob_sizes(image: Any) -> dict[str, int]:
    """Digest → bytes of an image's configuration and layers; empty for a manifest list."""
    manifest = json.loads(image.image_manifest)
    blobs = [manifest.get("config", {}), *manifest.get("layers", ())]
    return {blob["digest"]: int(blob.get("size", 0)) for blob in blobs if "digest" in blob}
