"""An exercise of chapter 16: a finding that is not a fault, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esaws import inspect, simulation
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.seed import Seed
from esaws.inspect.account import snapshot
from esaws.inspect.network.endpoint_catalog import KEYS

_REASONS = (
    "users reach this service on its own address; no rule of the load balancer forwards to it",
    "the port is higher than 1024, so it is not a risk",
    "the load balancer forwards to it, so its own address is not used",
    "the instances are in a public subnet, so closing the port has no effect",
)
"""The right reason is the first."""


def _reasons(seed: Seed) -> Mapping[str, Any]:
    keys = [seed.letters(4) for _ in _REASONS]
    return {"reasons": dict(seed.shuffled(list(zip(keys, _REASONS, strict=True))))}


def _check_no_fault(attempt: Attempt) -> Iterator[Point]:
    group, key = attempt.answer if isinstance(attempt.answer, tuple | list) and len(attempt.answer) == 2 else ("", "")
    reason = attempt.mine.reasons.get(key)
    yield Point(
        "The reason is right",
        reason == _REASONS[0],
        f"you say: {reason}" if reason else f"{key!r} is none of the keys in mine.reasons",
        "inspect.rules(cloud): which services are behind the load balancer, and which are not",
        is_needed=True,
    )
    yield Point(
        "The finding is that of ManagerWeb-sg",
        str(group).removeprefix(f"{attempt.cloud.deployment}-") == "ManagerWeb-sg",
        f"you say {group!r}",
        'inspect.findings(cloud).select("OPEN_SERVICE_PORT")',
    )


def _answer_by_reading(cloud: Cloud, mine: Values) -> tuple[str, str]:
    key = next(key for key, reason in mine.reasons.items() if "on its own address; no rule" in reason)
    return "ManagerWeb-sg", key


def _answer_by_copy(cloud: Cloud, mine: Values) -> tuple[str, str]:
    """Apply the fix on a copy: the managers, who have no other way, lose their web UI."""
    with simulation.copy(cloud) as copy:
        for finding in inspect.findings(copy).select("OPEN_SERVICE_PORT"):
            if "manager-web-ui" in finding.detail:
                finding.fix.apply(copy)
        lost = inspect.reach(snapshot(copy, *KEYS), "internet", "service/manager-web-ui", 4202).decision == "deny"
    right = [key for key, reason in mine.reasons.items() if reason.startswith("users reach this service")]
    return ("ManagerWeb-sg" if lost else ""), right[0]


def _high_port(cloud: Cloud, mine: Values) -> tuple[str, str]:
    return "ManagerWeb-sg", next(key for key, reason in mine.reasons.items() if "1024" in reason)


def _another_group(cloud: Cloud, mine: Values) -> tuple[str, str]:
    return "Redis-sg", next(key for key, reason in mine.reasons.items() if reason == _REASONS[0])


NO_FAULT = Exercise(
    "16-no-fault",
    prompt=(
        "The web UI of the managers has the finding `OPEN_SERVICE_PORT`, and yet it is not a fault. Answer with a "
        "pair: the name of the group that has this finding, and the key of the right reason in `mine.reasons`."
    ),
    values=_reasons,
    check=_check_no_fault,
    hints=(
        "Who loses something if you apply the fix of this finding?",
        "`inspect.rules(cloud)` lists which services are behind the load balancer. The column `detail` of the findings "
        "names the service of each group.",
        '`course.check("16-no-fault", ("…-sg", "key"))`; try the fix on a copy with `simulation.copy(cloud)`',
    ),
    solutions=(_answer_by_reading, _answer_by_copy),
    wrong=(Wrong(_high_port, "higher than 1024"), Wrong(_another_group, "Redis-sg")),
)
