"""Check a repair on a copy of the account: it works, the cause is gone, and nothing else was changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from fnmatch import fnmatchcase

from esaws import simulation
from esaws.cloud import Cloud
from esaws.course.checking import Result, collect_points
from esaws.course.exercises import Attempt, Point, Values
from esaws.course.labs.baseline import Baseline, measure, recreated
from esaws.course.labs.lab import Lab
from esaws.course.labs.record import Record
from esaws.course.labs.settings import changed
from esaws.deploy.plan import plan_deploy

LATER = "30m"
"""How long the copy runs before it is looked at."""

_COMPARED_BY_CONTENT = ("SecurityGroupRule",)
"""Kinds that a plan calls foreign if another tool made them; what they allow is among the settings."""
_LOSS = re.compile(r"target unhealthy|task in \S+ stopping|instance (stopped|terminated)")
_MOST_SHOWN = 3
_GONE = "what it is about no longer exists"
_CENT = 0.01


def check_repair(cloud: Cloud, lab: Lab, record: Record) -> Result:
    """Return the points of a repair. The account is not changed.

    Raises:
        LocalNotRunning: the local AWS stopped.
    """
    return Result(f"repair of {lab.name}", collect_points(_points(cloud, lab, record)))


def _points(cloud: Cloud, lab: Lab, record: Record) -> Iterator[Point]:
    mine = lab.values_of(record.seed)
    attempt = Attempt(cloud, mine)
    yield from lab.mended(attempt)
    yield from lab.symptom(attempt)
    yield _as_declared(cloud, lab)
    with simulation.copy(cloud) as later:
        simulation.advance(later, LATER)
        now = measure(later)
        yield from _works(record, now)
        yield _nothing_lost(later, record, mine)
        yield from _nothing_else(lab, record.before, now)
        yield from _trial(lab, later, mine)


def _works(record: Record, now: Baseline) -> Iterator[Point]:
    """The promises that the fault broke, one by one, and all others together."""
    found = {promise: now.promises.get(promise, _GONE) for promise in (*record.broken, *record.before.promises)}
    for promise in record.broken:
        yield Point(f"Half an hour later: {promise}", not found[promise], found[promise])
    kept = [promise for promise, was in record.before.promises.items() if not was and promise not in record.broken]
    lost = [f"not so: {promise} ({found[promise]})" for promise in kept if found[promise]]
    yield Point("Half an hour later: all else works as before", not lost, _shown(lost), "what your repair changed")


def _as_declared(cloud: Cloud, lab: Lab) -> Point:
    changes = [change for change in plan_deploy(lab.system(), cloud) if change.action != "keep"]
    lines = [str(change) for change in changes if change.kind not in _COMPARED_BY_CONTENT]
    left = [line for line in lines if not any(fnmatchcase(line, pattern) for pattern in lab.allowed)]
    return Point(
        "The plan of the declared system has no change",
        not left,
        _shown(left),
        "the lines: what is missing, what differs, and what a plan calls foreign",
    )


def _nothing_lost(later: Cloud, record: Record, mine: Values) -> Point:
    """Services that the fault left alone keep their targets and tasks all the time."""
    broken = " ".join((*record.broken, getattr(mine, "service", "")))
    intact = {
        later.aws_name(promise.partition(" ")[0])
        for promise in record.before.promises
        if promise.endswith("as many tasks as desired") and promise.partition(" ")[0] not in broken
    }
    events = simulation.events(later, datetime.fromisoformat(record.started))
    lost = [
        f"{subject}: {what} ({because})"
        for subject, what, because in zip(events["subject"], events["what"], events["because"], strict=True)
        if _LOSS.match(what) and subject in intact
    ]
    return Point(
        "No service that worked lost a task or a healthy target on the way",
        not lost,
        _shown(list(dict.fromkeys(lost))),
        "the smallest change that removes the cause",
    )


def _nothing_else(lab: Lab, before: Baseline, now: Baseline) -> Iterator[Point]:
    open_now = sorted({*now.world} - {*before.world})
    yield Point(
        "No port more is open to the world",
        not open_now,
        _shown(open_now),
        "the source of your rule: a group, not a CIDR",
    )
    differences = changed(before.settings, now.settings, lab.allowed)
    yield Point(
        "No other setting was changed",
        not differences,
        _shown(differences),
        "health checks, network ACLs, rules and limits: each as it was",
    )
    anew = [what for what in recreated(before, now) if not any(fnmatchcase(what, each) for each in lab.recreates)]
    yield Point("Nothing was created anew", not anew, _shown(anew), "the part that is at fault, not the whole")
    unknown = now.usd is None or before.usd is None
    yield Point(
        "A month costs no more than before",
        not unknown and now.usd <= before.usd + _CENT,  # type: ignore[operator]
        "a price is unknown" if unknown else f"{now.usd:.2f} USD, it was {before.usd:.2f} USD",
        "what your repair added",
    )


def _trial(lab: Lab, later: Cloud, mine: Values) -> Iterable[Point]:
    return () if lab.trial is None else lab.trial(later, mine)


def _shown(items: list[str]) -> str:
    more = len(items) - _MOST_SHOWN
    return "; ".join(items[:_MOST_SHOWN]) + (f"; and {more} more" if more > 0 else "")
