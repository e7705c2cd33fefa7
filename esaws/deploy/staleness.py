"""Whether a plan still holds: its lines compared with what the same plan would say now."""

from collections.abc import Collection, Iterable, Iterator

from esaws.deploy.change import Change
from esaws.deploy.graph import Node, node_of
from esaws.resource import KINDS, Difference


def changed_lines(planned: Iterable[Change], current: Iterable[Change], unfinished: Collection[Node]) -> list[str]:
    """Return what has changed since a plan was made, otherwise than by the plan; empty if it still holds. Pure.

    A plan holds as long as what is left to do is what it says. What is done meanwhile, also by another run, is kept. A
    change in `unfinished` was begun by this plan and did not end: it may have left its resource half made.
    """
    before = {node_of(change): change for change in planned}
    return list(_lines(before, current, unfinished))


def _lines(before: dict[Node, Change], current: Iterable[Change], unfinished: Collection[Node]) -> Iterator[str]:
    for change in current:
        node = node_of(change)
        old = before.get(node)
        if change.resource is None:
            # A deploy does not touch foreign parts. What AWS is deleting already is only waited for.
            if change.action == "foreign" or _is_being_deleted(change) or (old and old.action == change.action):
                continue
            yield f"{change.kind} {change.name}: {_undeclared(change, old)}"
        elif not (change.action == "keep" or _is_as_planned(change, old) or _is_half_made(change, node, unfinished)):
            yield f"{change.kind} {change.name}: {_declared(change, old)}"


def _is_being_deleted(change: Change) -> bool:
    return change.live is not None and change.live.state in KINDS[change.kind].deleting


def _is_as_planned(change: Change, old: Change | None) -> bool:
    """Whether the plan says to do just this: create it, or update the fields that it found to differ."""
    if old is None or change.action != old.action:
        return False
    if change.action == "create":
        return True
    assert change.live and old.live
    return all(name in old.drift and change.live.fields[name] == old.live.fields[name] for name in change.drift)


def _is_half_made(change: Change, node: Node, unfinished: Collection[Node]) -> bool:
    return change.action in ("create", "update") and node in unfinished


def _declared(change: Change, old: Change | None) -> str:
    if change.action == "create":
        return "it existed when the plan was made, and does not exist now"
    is_new = old is not None and old.action == "create"
    what = "it did not exist when the plan was made, and now it does" if is_new else "it has changed"
    return f"{what} ({describe_drift(change.drift)})"


def _undeclared(change: Change, old: Change | None) -> str:
    if old:
        return f"the plan says {old.action}, and now it is {change.action}"
    if change.action == "extra":
        return "it was not there when the plan was made, and this architecture does not declare it"
    return "it was not there when the plan was made, and would be deleted"


def describe_drift(drift: dict[str, Difference]) -> str:
    """Describe the fields that differ: `cidr: 10.0.0.0/16 instead of 172.31.0.0/16`."""
    return ", ".join(f"{name}: {value.actual} instead of {value.declared}" for name, value in drift.items())
