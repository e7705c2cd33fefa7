"""The drift of a deployment from its declaration, with who did it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from esaws.cloud import Cloud
from esaws.deploy.change import Change
from esaws.inspect.trail import Trail, TrailCall
from esaws.resource import Index, Resource

_ACTIONS: dict[str, Literal["missing", "differs", "extra", "foreign"]] = {
    "create": "missing",
    "update": "differs",
    "differs": "differs",
    "extra": "extra",
    "foreign": "foreign",
}
"""What a deploy would do → what that says about the deployment now."""


@dataclass(frozen=True)
class DriftChange:
    """One resource that is not as declared; `who` is empty where no call was found."""

    action: Literal["missing", "differs", "extra", "foreign"]
    kind: str
    name: str
    fields: dict[str, tuple[Any, Any]]
    who: str


def drift_changes(cloud: Cloud, changes: Iterable[Change], index: Index, trail: Trail) -> Iterator[DriftChange]:
    """Yield what a deploy would change, as drift: fields are (declared, actual).

    Of kinds that AWS did not list, and of resources that refer to such a kind, nothing is known, so they are left out.
    """
    for change in changes:
        refers_to = {item.kind for item in change.resource.dependencies} if change.resource else set()
        if index.unlisted.keys() & {change.kind, *refers_to}:
            continue
        if action := _ACTIONS.get(change.action):
            fields = {name: (_plain(item.declared), _plain(item.actual)) for name, item in change.drift.items()}
            call = _call(cloud, change, index, trail)
            yield DriftChange(action, change.kind, change.name, fields, call.text if call else "")


def _call(cloud: Cloud, change: Change, index: Index, trail: Trail) -> TrailCall | None:
    names = {cloud.aws_name(change.name)}
    if change.live:
        names |= {change.live.id, change.live.id.rpartition("/")[2]}
    if change.action in ("extra", "foreign"):
        return trail.creating(names) or next(iter(trail.changing(_parents(change, index))), None)
    if change.action == "create":
        return trail.deleting(names) or trail.removing_from(_parents(change, index))
    return next(iter(trail.changing(names)), None)


def _parents(change: Change, index: Index) -> set[str]:
    """The ids of what a resource is a part of: a missing rule is known by its group alone."""
    resource: Resource | None = change.resource
    if resource is not None:
        return {live.id for parent in resource.dependencies[:1] if (live := parent.find(index))}
    return {ref.id for ref in change.live.parents} if change.live else set()


def _plain(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else value
