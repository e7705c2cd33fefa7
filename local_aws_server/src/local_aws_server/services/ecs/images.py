"""Pull the images of a task: they exist, a role may read them, and the network reaches their registry.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
"""

from __future__ import annotations

import re
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.services.ec2.internet_access import find_internet_obstacle
from local_aws_server.services.iam.permissions import role_allows

_ECR_IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)(?::([^@]+))?(?:@(.+))?")

_ECR_ENDPOINTS = ("ecr.api", "ecr.dkr", "s3")
_PUBLIC_REGISTRY = ("public-registry",)
"""There are no VPC endpoints of this name: images of other registries come through the internet only."""


def find_pull_obstacle(
    backends: Backends, image: str, interface: Any | None, role: Any | None, *, fargate: bool
) -> tuple[str, str]:
    """Return (ECS's stopped reason, its cause for the event log) of an image that can't be pulled; ("", "") if it can.

    `interface` is that through which the image is pulled, `role` the one with which.
    """
    match = _ECR_IMAGE.fullmatch(image)
    endpoints = _ECR_ENDPOINTS if match else _PUBLIC_REGISTRY
    if interface is not None and (obstacle := find_internet_obstacle(backends, interface, endpoints)):
        region = match[2] if match else ""
        return _unreachable(image, region, fargate=fargate), f"its image can't be pulled: {obstacle}"
    if match is None:
        return "", ""
    account, region, name, tag, digest = match.groups()
    repository = f"arn:aws:ecr:{region}:{account}:repository/{name}"
    for action, resource in (("ecr:GetAuthorizationToken", "*"), ("ecr:BatchGetImage", repository)):
        if role is None or not role_allows(role, action, resource):
            return _denied(backends, role, action, resource, fargate=fargate), f"no role allows {action}"
    if not _exists(Backends(account, region), name, tag, digest):
        reason = (
            f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
            f"{image}: {image}: not found"
        )
        return reason, "its image can't be pulled"
    return "", ""


def _exists(registry: Backends, name: str, tag: str | None, digest: str | None) -> bool:
    repository = registry.backend("ecr").repositories.get(name)
    if repository is None:
        return False
    if digest:
        return any(stored.get_image_digest() == digest for stored in repository.images)
    return any((tag or "latest") in stored.image_tags for stored in repository.images)


def _unreachable(image: str, ecr_region: str, *, fargate: bool) -> str:
    host = image.split("/")[0] if ecr_region else "registry-1.docker.io"
    if not fargate:
        return (
            f'CannotPullContainerError: Error response from daemon: Get "https://{host}/v2/": net/http: request '
            "canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)"
        )
    if ecr_region:
        return (
            "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth "
            "from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network "
            f'configuration. RequestError: send request failed caused by: Post "https://api.ecr.{ecr_region}.amazonaws'
            '.com/": dial tcp: i/o timeout'
        )
    return (
        f"CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref {image}: "
        f'failed to do request: Head "https://{host}/v2/": dial tcp: i/o timeout'
    )


def _denied(backends: Backends, role: Any | None, action: str, resource: str, *, fargate: bool) -> str:
    if role is None:
        return "CannotPullECRContainerError: NoCredentialProviders: no valid providers in chain"
    user = f"arn:aws:sts::{backends.account}:assumed-role/{role.name}"
    denied = (
        f"AccessDeniedException: User: {user} is not authorized to perform: {action} on resource: {resource} because "
        f"no identity-based policy allows the {action} action"
    )
    if not fargate:
        return f"CannotPullECRContainerError: {denied}"
    return (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
        f"unable to retrieve ecr registry auth: service call has been retried 1 time(s): {denied}"
    )
