"""Images: digests, tags that move on, and the filter of DescribeImages."""

import hashlib
from typing import Any

from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch

BEHAVIOURS = (
    Behaviour(
        service="ECR",
        statement="The digest of an image is the hash of its manifest. An image whose tag moves on stays, untagged.",
        documentation=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html",),
    ),
    Behaviour(
        service="ECR",
        statement="In a repository with immutable tags, a tag that exists cannot point at another image.",
        documentation=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html",),
    ),
    Behaviour(
        service="ECR",
        fidelity=NOT_SIMULATED,
        statement="Lifecycle policies are stored, and delete no images.",
        documentation=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html",),
    ),
    Behaviour(
        service="ECR",
        statement="DescribeImages filters by tagged and untagged images.",
        documentation=("https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImagesFilter.html",),
    ),
)


@patch("moto.ecr.models", "Image._create_digest")
def create_digest(self: Any) -> None:
    """Hash the manifest; moto hashes the layers, so that a new configuration has the old digest."""
    self._image_digest = f"sha256:{hashlib.sha256((self.image_manifest or '').encode()).hexdigest()}"


@before("ecr", "PutImage")
def untag_previous_image(call: Call) -> None:
    repository = call.backends.backend("ecr").repositories.get(call.params["repositoryName"])
    tag = call.params.get("imageTag")
    if repository is None or tag is None or repository.image_tag_mutability != "MUTABLE":
        return
    for image in repository.images:
        if tag in image.image_tags and image.image_manifest != call.params["imageManifest"]:
            image.remove_tag(tag)


@before("ecr", "PutImage")
def keep_immutable_tags(call: Call) -> None:
    name, tag = call.params["repositoryName"], call.params.get("imageTag")
    repository = call.backends.backend("ecr").repositories.get(name)
    if repository is None or tag is None or repository.image_tag_mutability != "IMMUTABLE":
        return
    if any(
        tag in image.image_tags and image.image_manifest != call.params["imageManifest"] for image in repository.images
    ):
        raise AwsError(
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the "
            "repository is immutable.",
        )


@after("ecr", "DescribeImages")
def filter_by_tag_status(call: Call) -> None:
    status = (call.params.get("filter") or {}).get("tagStatus", "ANY")
    if status != "ANY":
        call.result["imageDetails"] = [
            image for image in call.result["imageDetails"] if bool(image.get("imageTags")) == (status == "TAGGED")
        ]
