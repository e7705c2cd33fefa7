"""An image's digest is the hash of its manifest, and an image whose tag moves on stays, untagged.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html
"""

import hashlib
from typing import Any

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before, patch

BEHAVIOURS = (
    Behaviour(
        service="ECR",
        statement="An image's digest is the hash of its manifest, and an image whose tag moves on stays, untagged.",
        documentation=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html",),
    ),
)


@patch("moto.ecr.models", "Image._create_digest")
def digest_of_the_manifest(self: Any) -> None:
    """moto hashes the digests of the layers, so that a new configuration has the old digest."""
    self._image_digest = f"sha256:{hashlib.sha256((self.image_manifest or '').encode()).hexdigest()}"


@before("ecr", "PutImage")
def old_image_loses_its_tag_only(call: Call) -> None:
    repository = call.backends.backend("ecr").repositories.get(call.params["repositoryName"])
    tag = call.params.get("imageTag")
    if repository is None or tag is None or repository.image_tag_mutability != "MUTABLE":
        return
    for image in repository.images:
        if tag in image.image_tags and image.image_manifest != call.params["imageManifest"]:
            image.remove_tag(tag)
