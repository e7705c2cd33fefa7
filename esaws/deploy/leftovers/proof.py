"""The proof that nothing is left, from two independent sources. What neither can confirm is `unknown`.

The tagging API returns everything with the deployment's tag, including many resources that were deleted long ago. The
listings return what exists, with its own tags.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from botocore.exceptions import ClientError

from esaws._display import html_table, rich_table
from esaws.aws import CALL_ERRORS, error_code, pages, tag_dict
from esaws.cloud import DEPLOYMENT_TAG, NAME_TAG, Cloud
from esaws.deploy.leftovers import (  # noqa: F401 (each adds its listings to LISTINGS)
    list_account,
    list_containers,
    list_network,
    list_stores,
)
from esaws.deploy.leftovers.found import LISTINGS, Found, Listing, Tags, is_owned, kind_of

if TYPE_CHECKING:
    import pandas
    from rich.console import RenderableType

LOOKS_ON_AWS = 3
"""How often in a row nothing must be found, before it is proved that nothing is left."""

_GONE = frozenset({"InvalidResourceId", "NoSuchBucket", "NoSuchEntity"})


@dataclass(frozen=True)
class Leftover:
    """A resource that a teardown left behind (`left`) or may have left behind (`unknown`).

    `kind` is AWS's word for it, such as `ec2:instance`. `reason` says why it is listed.
    """

    kind: str
    name: str
    id: str
    state: Literal["left", "unknown"]
    reason: str

    def __str__(self) -> str:
        return f"{self.state}: {self.kind} {self.name}".rstrip() + f" ({self.reason})"

    def to_dict(self) -> dict[str, str]:
        """Return kind, name, id, state and reason."""
        return asdict(self)


class Leftovers(list[Leftover]):
    """All leftovers of a deployment, sorted. An empty list proves that nothing is left."""

    def to_dict(self) -> list[dict[str, str]]:
        """Return kind, name, id, state and reason of each leftover."""
        return [leftover.to_dict() for leftover in self]

    def to_frame(self) -> pandas.DataFrame:
        """Return one row per leftover: kind, name, state, reason. Ids are left out, since they differ between runs."""
        import pandas

        columns = ["kind", "name", "state", "reason"]
        return pandas.DataFrame([[getattr(leftover, name) for name in columns] for leftover in self], columns=columns)

    def __str__(self) -> str:
        return "\n".join([self._title(), *(f"  {leftover}" for leftover in self)])

    def _repr_html_(self) -> str:
        return html_table(self._title(), self.to_frame())

    def __rich__(self) -> RenderableType:
        return rich_table(self._title(), self.to_frame())

    def _title(self) -> str:
        if not self:
            return "nothing is left"
        unknown = sum(leftover.state == "unknown" for leftover in self)
        return f"{len(self) - unknown} left, {unknown} unknown"


class ListingResult(NamedTuple):
    """The resources that a listing returned, and the error that ended it."""

    kinds: tuple[str, ...]
    found: tuple[Found, ...] = ()
    error: Exception | None = None


def leftovers(cloud: Cloud, *, looks: int | None = None) -> Leftovers:
    """List everything of the deployment that still exists or could not be checked. An empty list proves it is gone.

    AWS's lists may lack a resource for some seconds, so nothing counts as gone before it is absent in `looks` looks
    in a row: by default three on AWS, with five seconds between them, and one elsewhere. What a look finds is returned
    at once. Service-linked roles belong to the account, so they are never listed.

    Raises:
        LocalNotRunning: the target is the local AWS, and it is not running.
        WrongAccount: the credentials belong to another account.
    """
    cloud.check()
    looks = looks or (LOOKS_ON_AWS if cloud.is_aws else 1)
    for number in range(looks):
        if number:
            time.sleep(cloud.poll_seconds)
        if found := _look(cloud):
            return found
    return Leftovers()


def _look(cloud: Cloud) -> Leftovers:
    tagged: dict[str, Tags] = {}
    results = []
    try:
        tagged = _tagged_resources(cloud)
    except CALL_ERRORS as error:
        results.append(ListingResult(("resourcegroupstaggingapi",), error=error))
    with ThreadPoolExecutor(8) as pool:
        results += pool.map(partial(_list, cloud, frozenset(tagged)), LISTINGS)
    return classify(cloud, tagged, [_without_gap(cloud, result) for result in results])


def _without_gap(cloud: Cloud, result: ListingResult) -> ListingResult:
    """Return a listing without the error of an emulator that lacks its calls, and so has nothing of its kinds."""
    gap = result.error and cloud.gap(result.error)
    if not gap:
        return result
    cloud.gaps[result.kinds[0]] = gap
    return result._replace(error=None)


def classify(cloud: Cloud, tagged: Mapping[str, Tags], results: Iterable[ListingResult]) -> Leftovers:
    """Return what is left or unknown, from the tagged ARNs and the results of the listings. Pure."""
    by_id: dict[str, Leftover] = {}
    errors: dict[str, Exception | None] = {}
    existing = set()
    for result in results:
        if result.error:
            kind = result.kinds[0]
            reason = f"it could not be checked: {_describe(result.error)}"
            by_id[kind] = Leftover(kind, "", "", "unknown", reason)
        for kind in result.kinds:
            errors[kind] = errors.get(kind) or result.error
        for found in result.found:
            existing.add(found.id)
            if leftover := _leftover(cloud, found, tagged.get(found.id, {})):
                by_id.setdefault(found.id, leftover)
    for arn, tags in tagged.items():
        if arn not in existing and (doubt := _doubt(kind_of(arn), errors)):
            by_id[arn] = Leftover(kind_of(arn), tags.get(NAME_TAG, ""), arn, "unknown", doubt)
    return Leftovers(sorted(by_id.values(), key=lambda leftover: (leftover.kind, leftover.name, leftover.id)))


def _leftover(cloud: Cloud, found: Found, tags: Tags) -> Leftover | None:
    """Return an existing resource as a leftover, or None if it is not ours; `tags` are those of the tagging API."""
    found = found if found.tags else replace(found, tags=tags)
    if not (found.reason or is_owned(cloud, found)):
        return None
    name = found.name if callable(found.tags) else found.tags.get(NAME_TAG, found.name)
    reason = (found.reason or "it exists, tagged as ours") + (f"; it is {found.state}" if found.state else "")
    return Leftover(kind_of(found.id), name, found.id, "unknown" if found.unattributed else "left", reason)


def _doubt(kind: str, errors: Mapping[str, Exception | None]) -> str:
    """Return why a tagged resource that no listing returned may still exist; empty if it is certainly gone."""
    if kind not in errors:
        return "the tagging API returns it, and there is no listing to check that with"
    error = errors[kind]
    return f"the tagging API returns it, and it could not be checked: {_describe(error)}" if error else ""


def _tagged_resources(cloud: Cloud) -> dict[str, Tags]:
    """Return the ARN and the tags of each resource that the tagging API has under the deployment's tag."""
    filters = [{"Key": DEPLOYMENT_TAG, "Values": [cloud.deployment]}]
    mappings = pages(cloud, "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", TagFilters=filters)
    return {mapping["ResourceARN"]: tag_dict(mapping["Tags"]) for mapping in mappings}


def _list(cloud: Cloud, tagged: frozenset[str], listing: Listing) -> ListingResult:
    listed = []
    try:
        for found in listing.lister(cloud, tagged):
            if not callable(found.tags):
                listed.append(found)
            elif not found.name.startswith(cloud.aws_name("")):
                # Tags cost one call each, so they are fetched only for names that could be ours.
                listed.append(replace(found, tags={}))
            else:
                listed += _with_tags(found)
    except CALL_ERRORS as error:
        return ListingResult(listing.kinds, tuple(listed), error)
    return ListingResult(listing.kinds, tuple(listed))


def _with_tags(found: Found) -> list[Found]:
    """Return the resource with its tags fetched, or nothing if it was deleted meanwhile."""
    assert callable(found.tags)
    try:
        return [replace(found, tags=found.tags())]
    except ClientError as error:
        code = error_code(error)
        if code == "NoSuchTagSet":
            return [replace(found, tags={})]
        if code in _GONE or code.removesuffix("Fault").removesuffix("Exception").endswith("NotFound"):
            return []
        raise


def _describe(error: Exception) -> str:
    if isinstance(error, ClientError):
        return f"{error_code(error)} ({error.operation_name})"
    return f"{type(error).__name__}: {error}".splitlines()[0]
