"""What a plan would change, as data; what changed between two inventories; and what a month costs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from esaws.aws import CALL_ERRORS
from esaws.cloud import Cloud
from esaws.deploy.plan import Plan
from esaws.errors import EsawsError
from esaws.leases.park import remaining_costs
from esaws.resource import Index

_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")
"""The id of an instance, which differs between two runs: AWS names a target that was registered by hand after it."""
_HOURS_PER_DAY, _HOURS_PER_MONTH = 24, 730


def plan_lines(plan: Any) -> list[dict[str, Any]]:
    """Return each change of a plan as data, without ids and times. Changes that apply does not make are left out.

    A Plan gives {action, kind, name, drift}, drift being the fields that differ, each as [declared, actual]; a StepPlan
    gives {kind, name, now, then}.
    """
    if isinstance(plan, Plan):
        return [
            {
                "action": change.action,
                "kind": change.kind,
                "name": change.name,
                "drift": {name: [str(value.declared), str(value.actual)] for name, value in change.drift.items()},
            }
            for change in plan.changing
        ]
    lines: list[dict[str, Any]] = [step.to_dict() for step in plan.changing]
    return lines


def stale_message(planned: list[dict[str, Any]], current: list[dict[str, Any]]) -> tuple[str, list[str]]:
    """The message and the lines of a StalePlan: what the plan no longer says, and what it says now."""
    lines = [f"no longer planned: {_line(change)}" for change in planned if change not in current]
    lines += [f"new: {_line(change)}" for change in current if change not in planned]
    head = "nothing was changed: the account has changed since the plan was made:"
    return "\n".join([head, *(f"  {line}" for line in lines), "run all cells again, and look at the plan"]), lines


def _line(change: Mapping[str, Any]) -> str:
    """A planned change on one line: `Service hdm: 2 tasks → 0`, `create Subnet public-3a`."""
    if "action" in change:
        drift = ", ".join(f"{field}: {values[1]} → {values[0]}" for field, values in change["drift"].items())
        return f"{change['action']} {change['kind']} {change['name']}" + (f" ({drift})" if drift else "")
    return f"{change['kind']} {change['name']}: {change['now'] or 'absent'} → {change['then'] or 'absent'}"


def changed_fields(before: Index, after: Index) -> list[dict[str, Any]]:
    """Return what differs between two inventories: kind, name, field, before, after. Pure.

    A resource that appears or disappears is one row, with field `""` and the word `exists`. References are names, not
    ids, so that rows of two runs can be compared.
    """
    old, new = _by_key(before), _by_key(after)
    rows = []
    for key in sorted(old.keys() | new.keys()):
        kind, name = key
        if key not in old or key not in new:
            states = ("exists" if key in old else None, "exists" if key in new else None)
            rows.append({"kind": kind, "name": name, "field": "", "before": states[0], "after": states[1]})
            continue
        for field in sorted(old[key].keys() | new[key].keys()):
            values = old[key].get(field), new[key].get(field)
            if values[0] != values[1]:
                rows.append({"kind": kind, "name": name, "field": field, "before": values[0], "after": values[1]})
    return rows


def changed_by_steps(steps: Iterable[Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the applied steps of a StepPlan that no row of `changed_fields` shows, as such rows. Pure.

    A new version of a password, or another instance of a group, changes no field of a resource that a profile declares.
    """
    shown = {(row["kind"], row["name"]) for row in rows}
    return [
        {
            "kind": step["kind"],
            "name": _INSTANCE.sub("i-…", step["name"]),
            "field": "",
            "before": step["now"] or None,
            "after": step["then"] or None,
        }
        for step in steps
        if "now" in step and (step["kind"], _INSTANCE.sub("i-…", step["name"])) not in shown
    ]


def monthly_usd(cloud: Cloud, index: Index) -> float | None:
    """Return the monthly list price of what is in an inventory; None if a price or a kind is not known."""
    try:
        per_day = remaining_costs(cloud, index)["usd_per_day"]
    except (*CALL_ERRORS, EsawsError):
        return None
    if per_day.isna().any():
        return None
    return round(float(per_day.sum()) / _HOURS_PER_DAY * _HOURS_PER_MONTH, 4)


def _by_key(index: Index) -> dict[tuple[str, str], dict[str, Any]]:
    names = {live.id: f"{live.kind} {live.name}" for live in index}
    return {
        (live.kind, _INSTANCE.sub("i-…", live.name)): dict(_named({**live.fields, "state": live.state}, names))
        for live in index
    }


def _named(fields: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for field, value in fields.items():
        yield field, _replace_ids(value, names)


def _replace_ids(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, Mapping):
        return {str(key): _replace_ids(item, names) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_ids(item, names) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((_replace_ids(item, names) for item in value), key=str)
    return value
