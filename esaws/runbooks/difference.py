"""What differs between two runs: parameters, what was found, planned, checked, changed and left."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esaws._display import html_table
from esaws.runbooks.history import PastRun

if TYPE_CHECKING:
    import pandas

ABSENT = "absent"
"""Stands for a value that only one of two runs has."""

PARTS = (
    "runbook",
    "status",
    "exit_code",
    "error",
    "operator",
    "ticket",
    "reason",
    "host",
    "target",
    "account",
    "region",
    "deployment",
    "parameters",
    "steps",
    "found",
    "plans",
    "checks",
    "changed",
    "left",
    "counts",
    "usd",
    "calls",
    "changing_calls",
    "actions",
    "notification",
)
"""The keys of a record that are compared. Ids, files and times differ between any two runs."""

_VOLATILE = {"steps": {"seconds", "calls"}, "plans": {"fingerprint", "approved"}, "error": {"cell"}}
"""Part → keys in it that are not compared."""
_IDENTITIES: Sequence[tuple[str, ...]] = (
    ("kind", "name", "field"),
    ("kind", "name"),
    ("code", "resource"),
    ("what",),
    ("id",),
    ("name",),
    ("step", "title"),
    ("title",),
    ("resource",),
    ("pace",),
    ("usage_type",),
    ("service",),
)
"""The keys that tell the items of a list apart; the first that does so in both runs is taken."""


@dataclass(frozen=True)
class RunDifference:
    """The values that differ between two runs: (part, path, value of the first, value of the second)."""

    first: PastRun
    second: PastRun
    rows: tuple[tuple[str, str, Any, Any], ...]

    def to_frame(self) -> pandas.DataFrame:
        """One row for each value that differs.

        Columns: part (a key of the record), what (where in it), first, second; `absent` where a run lacks the value.
        """
        import pandas

        rows = [(part, what, _to_text(first), _to_text(second)) for part, what, first, second in self.rows]
        return pandas.DataFrame(rows, columns=["part", "what", "first", "second"])

    def to_dict(self) -> dict[str, Any]:
        """first and second (the ids), same, differences: a list of {part, what, first, second}.

        A value that only one run has lacks the key of the other.
        """
        differences = []
        for part, what, first, second in self.rows:
            sides = {"first": first, "second": second}
            values = {name: value for name, value in sides.items() if value is not _MISSING}
            differences.append({"part": part, "what": what, **values})
        return {
            "first": self.first.id,
            "second": self.second.id,
            "same": not self.rows,
            "differences": differences,
        }

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.to_frame())

    def __repr__(self) -> str:
        if not self.rows:
            return f"{self.first.id} and {self.second.id} differ in nothing but their times"
        count = "1 value" if len(self.rows) == 1 else f"{len(self.rows)} values"
        parts = ", ".join(dict.fromkeys(part for part, *_ in self.rows))
        return f"{count} differ between {self.first.id} and {self.second.id}, in {parts}"


class _Missing:
    """The value of a run that lacks a key."""


_MISSING = _Missing()


def compare_runs(first: PastRun, second: PastRun) -> RunDifference:
    """Compare the records of two runs, part by part. Items of lists are matched by what they name, not by position."""
    rows = []
    for part in PARTS:
        values = [_without(run.record.get(part, _MISSING), _VOLATILE.get(part, set())) for run in (first, second)]
        if part == "status":
            values = [first.status, second.status]
        rows += [(part, what, *pair) for what, *pair in _differences("", *values)]
    return RunDifference(first, second, tuple(rows))


def _differences(path: str, first: Any, second: Any) -> Iterator[tuple[str, Any, Any]]:
    """(path, first, second) of each value that differs; of nested data only the innermost."""
    if first == second:
        return
    if isinstance(first, list) and isinstance(second, list):
        first, second = _by_identity(first, second)
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in dict.fromkeys((*first, *second)):
            where = f"{path} › {key}" if path else str(key)
            yield from _differences(where, first.get(key, _MISSING), second.get(key, _MISSING))
    else:
        yield path, first, second


def _by_identity(first: list[Any], second: list[Any]) -> tuple[Any, Any]:
    """Both lists as mappings from what names an item to the item; as they are where nothing tells the items apart."""
    items = [*first, *second]
    if all(isinstance(item, str | int | float) for item in items):
        if len({*map(str, first)}) == len(first) and len({*map(str, second)}) == len(second):
            return {str(item): item for item in first}, {str(item): item for item in second}
        return first, second
    if not all(isinstance(item, Mapping) for item in items):
        return first, second
    for names in _IDENTITIES:
        if all(name in item for item in items for name in names):
            mappings = [{_name(item, names): item for item in side} for side in (first, second)]
            if len(mappings[0]) == len(first) and len(mappings[1]) == len(second):
                return mappings[0], mappings[1]
    return first, second


def _name(item: Mapping[str, Any], names: Sequence[str]) -> str:
    return " ".join(str(item[name]) for name in names if item[name] not in ("", None))


def _without(value: Any, keys: set[str]) -> Any:
    if not keys:
        return value
    if isinstance(value, list):
        return [_without(item, keys) for item in value]
    return {key: item for key, item in value.items() if key not in keys} if isinstance(value, Mapping) else value


def _to_text(value: Any) -> str:
    if value is _MISSING:
        return ABSENT
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
