"""Existing AWS resources and their tags: the result type of the listings, their registry, and helpers for them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from esaws.aws import tag_dict
from esaws.cloud import DEPLOYMENT_TAG, Cloud

Tags = Mapping[str, str]


@dataclass(frozen=True)
class Found:
    """A resource that exists on AWS, of any owner.

    Attributes:
        id: its ARN.
        tags: its tags, or a function that fetches them.
        reason: why it belongs to the deployment whatever its tags say.
        unattributed: its owner is gone, so that its deployment can't be determined.
    """

    id: str
    name: str
    tags: Tags | Callable[[], Tags]
    state: str = ""
    reason: str = ""
    unattributed: bool = False


Lister = Callable[[Cloud, frozenset[str]], Iterable[Found]]
"""Lists resources of a cloud. The second argument holds the ARNs that carry the deployment's tag."""


@dataclass(frozen=True)
class Listing:
    """Lists the existing resources of some kinds: all, or at least those with our tag or our name."""

    kinds: tuple[str, ...]
    lister: Lister


LISTINGS: list[Listing] = []


def listing(*kinds: str) -> Callable[[Callable[..., Iterator[Found]]], Callable[..., Iterator[Found]]]:
    """Register a function as the listing of these kinds."""

    def register(lister: Callable[..., Iterator[Found]]) -> Callable[..., Iterator[Found]]:
        LISTINGS.append(Listing(kinds, lister))
        return lister

    return register


def is_owned(cloud: Cloud, found: Found) -> bool:
    """Whether its tags, if they are fetched already, name the deployment of `cloud`."""
    return not callable(found.tags) and found.tags.get(DEPLOYMENT_TAG) == cloud.deployment


def kind_of(arn: str) -> str:
    """Return AWS's word for the kind of an ARN: `ec2:instance`, `rds:db`, `s3:bucket`."""
    service, resource = arn.split(":", 5)[2], arn.split(":", 5)[5]
    return "s3:bucket" if service == "s3" else f"{service}:{resource.replace(':', '/').split('/')[0]}"


def make_arn(cloud: Cloud, service: str, resource: str, *, is_global: bool = False) -> str:
    """Return the ARN of a resource in the account of `cloud`; ARNs of global services have no region."""
    partition = cloud.client("sts").meta.partition
    return f"arn:{partition}:{service}:{'' if is_global else cloud.region}:{cloud.account}:{resource}"


def lazy_tags(operation: Callable[..., Any], result: str, **parameters: Any) -> Callable[[], Tags]:
    """Return a function that fetches the tags of one resource. Services return them as pairs or as a mapping."""

    def fetch() -> Tags:
        tags = operation(**parameters)[result]
        return tags if isinstance(tags, Mapping) else tag_dict(tags)

    return fetch


def managed_by_aws(cloud: Cloud, found: Found, kind: str, owner: str, owners: Mapping[str, Found]) -> Iterator[Found]:
    """Attribute a resource that AWS created for `owner`, which has a name of ours.

    Yields it if the owner is ours, and as unattributed if the owner is gone. Yields nothing if the owner is another's.
    """
    if owner not in owners:
        reason = f"AWS created it for {kind} {owner}, which is gone, so its deployment is not known"
        yield Found(found.id, found.name, {}, reason=reason, unattributed=True)
    elif is_owned(cloud, owners[owner]):
        yield Found(found.id, found.name, {}, reason=f"AWS created it for our {kind} {owner}")
