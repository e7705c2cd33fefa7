"""Images of containers: an image of ECR by its digest, so that a tag pushed again is another image."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import error_code
from esaws.cloud import Cloud
from esaws.errors import NotDeployed, UsageError

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/"
    r"(?P<repository>[^:@]+)(:(?P<tag>[^@]+))?(@(?P<digest>.+))?"
)
_IMAGE = re.compile(r"[a-z0-9][\w.:/@+-]*", re.IGNORECASE | re.ASCII)
_MISSING = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})


def resolve_image(cloud: Cloud, image: str) -> str:
    """Return an image of this account's ECR by its digest, and any other image as it is.

    Raises:
        UsageError: the text is not the name of an image.
        NotDeployed: the repository does not have the image.
    """
    if not _IMAGE.fullmatch(image):
        raise UsageError(f"{image!r} is not an image; write it like nginx:1.27 or REPOSITORY@sha256:…")
    match = _ECR.fullmatch(image)
    if match is None or match["account"] != cloud.account:
        return image
    wanted: dict[str, Any] = {"imageTag": match["tag"] or "latest"}
    if match["digest"]:
        wanted = {"imageDigest": match["digest"]}
    ecr = cloud.in_region(match["region"]).client("ecr")
    try:
        described = ecr.describe_images(repositoryName=match["repository"], imageIds=[wanted])
    except ClientError as error:
        if error_code(error) not in _MISSING:
            raise
        raise NotDeployed(
            f"image {image}: repository {match['repository']} in {match['region']} does not have it; push it first"
        ) from None
    return (
        f"{image.partition('@')[0].removesuffix(':' + str(match['tag']))}@{described['imageDetails'][0]['imageDigest']}"
    )
