"""Images: digests, tags that move on or must not, deletion by digest, and the filter of DescribeImages."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from local_aws_server.behaviours import Behaviour
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
        statement="An immutable tag that exists cannot point at another image; filters exclude tags from the "
        "repository's setting.",
        documentation=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html",),
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
def validate_manifest(call: Call) -> None:
    try:
        manifest = json.loads(call.params["imageManifest"])
    except ValueError:
        manifest = None
    if not isinstance(manifest, dict):
        message = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
        raise AwsError("InvalidParameterException", message)
    digest = f"sha256:{hashlib.sha256(call.params['imageManifest'].encode()).hexdigest()}"
    if call.params.get("imageDigest", digest) != digest:
        message = f"The image digest {call.params['imageDigest']} does not match the digest of the manifest, {digest}."
        raise AwsError("ImageDigestDoesNotMatchException", message)


@before("ecr", "PutImage")
def keep_immutable_tags(call: Call) -> None:
    name, tag = call.params["repositoryName"], call.params.get("imageTag")
    repository = call.backends.backend("ecr").repositories.get(name)
    if repository is None or tag is None or not is_immutable(repository, tag):
        return
    if any(
        tag in image.image_tags and image.image_manifest != call.params["imageManifest"] for image in repository.images
    ):
        raise AwsError(
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the "
            "tag is immutable.",
        )


def is_immutable(repository: Any, tag: str) -> bool:
    """Whether a tag cannot move on: by the repository's setting, or by the opposite one if a filter excludes it."""
    filters = repository.image_tag_mutability_exclusion_filters or ()
    is_excluded = any(
        re.fullmatch(".*".join(map(re.escape, each["filter"].split("*"))), tag) is not None for each in filters
    )
    return str(repository.image_tag_mutability).split(".")[-1].startswith("IMMUTABLE") is not is_excluded


@patch("moto.ecr.models", "ECRBackend.put_image")
def put_image(
    self: Any,
    repository_name: str,
    image_manifest: str,
    image_tag: Any,
    image_manifest_mediatype: str | None = None,
    digest: str | None = None,
) -> Any:
    """Store an image, or add a tag to it; moto would delete an image whose tag moves on."""
    from moto.ecr.exceptions import ImageAlreadyExistsException, InvalidParameterException
    from moto.ecr.models import Image

    repository = self.repositories[repository_name]
    media_type = image_manifest_mediatype or json.loads(image_manifest).get("mediaType")
    if media_type is None:
        raise InvalidParameterException("image manifest mediatype not provided in manifest or parameter")
    existing = next((image for image in repository.images if image.image_manifest == image_manifest), None)
    if existing is not None and (image_tag is None or image_tag in existing.image_tags):
        raise ImageAlreadyExistsException(
            registry_id=repository.registry_id,
            image_tag=image_tag,
            digest=existing.get_image_digest(),
            repository_name=repository_name,
        )
    if image_tag is not None:
        for image in repository.images:
            image.remove_tag(image_tag)
    if existing is not None:
        existing.update_tag(image_tag)
        return existing
    image = Image(self.account_id, image_tag, image_manifest, repository_name, media_type, digest)
    repository.images.append(image)
    return image


@after("ecr", "BatchDeleteImage")
def show_untagged(call: Call) -> None:
    """Return the digests of deleted images without tags."""
    returned = {each.get("imageDigest") for each in call.result.get("imageIds", ())}
    returned |= {each["imageId"].get("imageDigest") for each in call.result.get("failures", ())}
    for requested in call.params.get("imageIds", ()):
        if (digest := requested.get("imageDigest")) and digest not in returned:
            call.result["imageIds"].append({"imageDigest": digest})


@after("ecr", "DescribeImages")
def show_image_status(call: Call) -> None:
    for image in call.result["imageDetails"]:
        image["imageStatus"] = "ACTIVE"


@after("ecr", "DescribeImages")
def filter_by_tag_status(call: Call) -> None:
    status = (call.params.get("filter") or {}).get("tagStatus", "ANY")
    if status != "ANY":
        call.result["imageDetails"] = [
            image for image in call.result["imageDetails"] if bool(image.get("imageTags")) == (status == "TAGGED")
        ]
