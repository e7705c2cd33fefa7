"""What changed in an account, and who did it: against a profile, against an earlier state, or since a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from esaws._display import html_table
from esaws.aws import CALL_ERRORS
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.plan import compare
from esaws.durations import is_duration, parse_duration
from esaws.errors import UsageError, describe_error
from esaws.inspect.account import snapshot
from esaws.inspect.account_state import KEYS, AccountState, kind_of, read_state, state_of
from esaws.inspect.drift import drift_changes
from esaws.inspect.fetch import Raw
from esaws.inspect.snapshots.files import SNAPSHOT_FILE
from esaws.inspect.trail import MAX_CALLS, Trail, TrailCall, read_trail
from esaws.reference.seccom import seccom
from esaws.simulation import cloud_time
from esaws.timestamps import format_utc, parse_timestamp

if TYPE_CHECKING:
    import pandas

Action = Literal["created", "deleted", "changed", "missing", "differs", "extra", "foreign"]
_NOT_IN_TRAIL = "unknown: no recorded call names it"
_NO_TRAIL = Trail((), is_complete=False)
_KEPT = timedelta(days=90)
_CALLED_BY_NAME = ("services", "clusters", "AutoScalingGroups", "taskDefinitions")
_CALLS_SHOWN = 2
"""The newest calls of a changed resource: without the time of the earlier state, older ones are from before it."""
_SHOWN = 200
"""Characters of a value in a table."""


@dataclass(frozen=True)
class AccountChange:
    """One resource that is not as before, or not as declared. `fields` maps a field to (before, now).

    `who` says who did it, or why that is unknown.
    """

    action: Action
    kind: str
    name: str
    fields: Mapping[str, tuple[Any, Any]]
    who: str

    @property
    def what(self) -> str:
        """The fields with their values before and now; of lists only what was added and removed."""
        return "; ".join(f"{name}: {_difference(*values)}" for name, values in sorted(self.fields.items()))

    def to_dict(self) -> dict[str, Any]:
        """Return action, kind, name, who, fields: {name: {before, now}}."""
        fields = {name: {"before": before, "now": now} for name, (before, now) in self.fields.items()}
        return {"action": self.action, "kind": self.kind, "name": self.name, "who": self.who, "fields": fields}


@dataclass(frozen=True, repr=False)
class AccountChanges:
    """What changed. `since` is the time from which calls were read; None means as far back as AWS keeps them.

    `calls` is None where CloudTrail did not answer. `is_compared` is false where there was neither an earlier state nor
    a profile, so that only calls are known. `state` is the state now: a later run can be compared with its record.
    """

    changes: tuple[AccountChange, ...]
    calls: tuple[TrailCall, ...] | None
    since: datetime | None
    not_looked_at: tuple[str, ...]
    state: AccountState
    is_compared: bool

    @property
    def verdict(self) -> str:
        """The result in one line."""
        since = f" since {format_utc(self.since)}" if self.since else ""
        gaps = f"; {len(self.not_looked_at)} things were not looked at" if self.not_looked_at else ""
        count = len(self.changes)
        changed = f"{count} change{'s' * (count > 1)} found" if count else "no change was found"
        compared = changed if self.is_compared else "states were not compared"
        return f"{compared}; {self._who_called()}{since}{gaps}"

    def _who_called(self) -> str:
        if self.calls is None:
            return "changing calls are unknown"
        people = list(dict.fromkeys(call.who for call in self.calls))
        more = f" and {len(people) - 5} more" if len(people) > 5 else ""
        return f"{len(self.calls)} changing calls" + (f" by {', '.join(people[:5])}{more}" if people else "")

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each changed resource: action, kind, name, what, who."""
        import pandas

        rows = [(item.action, item.kind, item.name, item.what, item.who) for item in self.changes]
        return pandas.DataFrame(rows, columns=["action", "kind", "name", "what", "who"])

    def calls_frame(self) -> pandas.DataFrame:
        """Return one row for each caller, call and error: who, call, error, count, first, last, source_ip.

        Times are texts in UTC, the newest first.
        """
        import pandas

        calls = [{**call.to_dict(), "time": format_utc(call.time)} for call in self.calls or ()]
        frame = pandas.DataFrame(calls, columns=["time", "who", "call", "error", "source_ip"])
        keys = ["who", "call", "error", "source_ip"]
        rows = frame.groupby(keys, sort=False).agg(count=("time", "size"), first=("time", "min"), last=("time", "max"))
        return rows.reset_index()[["who", "call", "error", "count", "first", "last", "source_ip"]]

    def to_dict(self) -> dict[str, Any]:
        """Return verdict, since, changes, calls (null where unknown), not_looked_at, compared, account_state."""
        return {
            "verdict": self.verdict,
            "since": self.since.isoformat() if self.since else None,
            "changes": [item.to_dict() for item in self.changes],
            "calls": None if self.calls is None else [call.to_dict() for call in self.calls],
            "not_looked_at": list(self.not_looked_at),
            "compared": self.is_compared,
            **self.state.to_dict(),
        }

    def __repr__(self) -> str:
        lines = [f"  {item.action} {item.kind} {item.name}: {item.what} ({item.who})" for item in self.changes]
        return "\n".join([self.verdict, *lines, *(f"  not looked at: {gap}" for gap in self.not_looked_at)])

    def _repr_html_(self) -> str:
        import pandas

        gaps = pandas.DataFrame({"not looked at": self.not_looked_at})
        parts = [html_table(self.verdict, self.to_frame()), html_table("Changing calls", self.calls_frame())]
        return "".join(parts + ([html_table("", gaps)] if self.not_looked_at else []))


def changes_since(
    cloud: Cloud, since: str | None = None, *, profile: str | None = None, max_calls: int = MAX_CALLS
) -> AccountChanges:
    """Return what changed in an account, and who did it where CloudTrail knows. Nothing is changed.

    Args:
        cloud: any account; a profile is compared with the deployment of esaws in it.
        since: a folder of `esaws snapshot`, the record of an earlier run, a duration such as `2h`, or a time. With a
            duration or a time only the calls are known, not the states before.
        profile: also compare the deployment with this profile of the reference system.
        max_calls: how many changing calls are read at most.

    Raises:
        UsageError: `since` is none of these, or is of another account or region.
    """
    now, gaps, before = cloud_time(cloud), [], None
    start: datetime | None = None
    if since:
        start = _parse_start(since, now)
        if start is None:
            before = read_state(Path(since), cloud.region)
            start = before.time or _written(Path(since), cloud)
    trail: Trail | None = None
    try:
        trail = read_trail(cloud, max(start, now - _KEPT) if start else None, max_calls=max_calls)
        if not trail.is_complete:
            more = (
                "raise the number of calls to read them" if len(trail.calls) >= max_calls else "they are kept no longer"
            )
            gaps.append(f"calls before the newest {len(trail.calls)}; {more}")
    except CALL_ERRORS as error:
        gaps.append(f"who did it: {describe_error(error)}")
    state = state_of(snapshot(cloud, *KEYS), now)
    changes: list[AccountChange] = []
    if before is not None:
        changes += compare_states(before, state, trail or _NO_TRAIL)
        gaps += [f"{kind_of(key)}s: {reason}" for key, reason in {**before.missing, **state.missing}.items()]
    if profile:
        index = inventory(cloud)
        gaps += [f"{kind}: {describe_error(error)}" for kind, error in index.unlisted.items()]
        declared = compare(seccom(profile).fitted(cloud), index, cloud.region, prices=cloud.prices)
        changes += [
            AccountChange(change.action, change.kind, change.name, change.fields, change.who or _NOT_IN_TRAIL)
            for change in drift_changes(cloud, declared, index, trail or _NO_TRAIL)
        ]
    if start is not None and now - start > _KEPT:
        gaps.append(f"calls before {format_utc(now - _KEPT)}: CloudTrail keeps 90 days")
    calls, is_compared = trail.calls if trail else None, before is not None or bool(profile)
    return AccountChanges(tuple(changes), calls, start, tuple(dict.fromkeys(gaps)), state, is_compared)


def compare_states(before: AccountState, after: AccountState, trail: Trail) -> list[AccountChange]:
    """Return the resources that differ between two states of one account, by kind and name. Pure.

    Kinds that one of the states lacks are not compared.

    Raises:
        UsageError: the states are of two accounts or regions.
    """
    places = {(state.account, state.region) for state in (before, after)}
    if len(places) > 1 and "unknown" not in before.account:
        raise UsageError(
            f"the earlier state is of account {before.account} in {before.region}, and this is {after.account} in "
            f"{after.region}; choose one of this account"
        )
    found: list[AccountChange] = []
    for key in KEYS:
        if key in before.resources and key in after.resources:
            found += _compare_kind(key, before.resources[key], after.resources[key], trail)
    return sorted(found, key=lambda change: (change.kind, change.name, change.action))


def _compare_kind(
    key: str, before: Mapping[str, Raw], after: Mapping[str, Raw], trail: Trail
) -> Iterator[AccountChange]:
    for id in before.keys() | after.keys():
        old, new = before.get(id), after.get(id)
        shown = new or old or {}
        names = _tokens(key, id, shown)
        if old is None or new is None:
            call = trail.creating(names) if old is None else trail.deleting(names)
            who = call.text if call else _made_by_aws(shown) or _NOT_IN_TRAIL
            yield AccountChange("created" if old is None else "deleted", kind_of(key), shown["name"], {}, who)
        elif fields := _changed(old["fields"], new["fields"]):
            calls = trail.changing(names)
            who = "; ".join(call.text for call in calls[:_CALLS_SHOWN]) or _NOT_IN_TRAIL
            yield AccountChange("changed", kind_of(key), shown["name"], fields, who)


def _tokens(key: str, id: str, resource: Raw) -> set[str]:
    """The names by which a call may mean a resource."""
    tokens = {id, *id.split(" ")[:1]}
    tokens |= {part.rpartition("/")[2] for part in tokens if part.startswith("arn:")}
    return (
        tokens | {resource["name"]}
        if key in ("services", "clusters", "AutoScalingGroups", "taskDefinitions")
        else tokens
    )


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = before.keys() | after.keys()
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def _made_by_aws(resource: Raw) -> str:
    """Who made a resource by the tags that AWS reserves, or by its name; empty where they don't say."""
    tags = resource["fields"].get("Tags") or ()
    values = {tag.get("Key"): tag.get("Value") for tag in tags if isinstance(tag, Mapping)}
    if group := values.get("aws:autoscaling:groupName"):
        return f"EC2 Auto Scaling, for the group {group}"
    if stack := values.get("aws:cloudformation:stack-name"):
        return f"CloudFormation, for the stack {stack}"
    return "target tracking, for its scaling policy" if str(resource["name"]).startswith("TargetTracking-") else ""


def _parse_start(since: str, now: datetime) -> datetime | None:
    """The time that a text means; None where it means a file or folder."""
    if is_duration(since):
        return now - parse_duration(since)
    try:
        return parse_timestamp(since)
    except ValueError:
        return None


def _written(folder: Path, cloud: Cloud) -> datetime | None:
    """When a snapshot was written; None on the local AWS, whose clock is another one than that of files."""
    file = folder / SNAPSHOT_FILE
    return datetime.fromtimestamp(file.stat().st_mtime, UTC) if cloud.is_aws and file.is_file() else None


def _difference(before: Any, now: Any) -> str:
    if isinstance(before, list) and isinstance(now, list):
        added, removed = ([item for item in one if item not in other] for one, other in ((now, before), (before, now)))
        parts = [f"{word} {_short(items)}" for word, items in (("added", added), ("removed", removed)) if items]
        return ", ".join(parts) or "its order"
    return f"{_short(before)} → {_short(now)}"


def _short(value: Any) -> str:
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    texts = (item if isinstance(item, str) else json.dumps(item, default=str, sort_keys=True) for item in items)
    text = ", ".join(texts)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
