"""Alarms: what they see in each of their periods, the state that this means, and when it could next be another.

A period is evaluated when it is over. Between two changes of a metric nothing has to be looked at: what the coming
periods will show is known, and so is the moment at which the state changes.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import happened
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.services.cloudwatch import metrics
from local_aws_server.services.cloudwatch.metric_math import UnknownExpression, evaluate
from local_aws_server.services.cloudwatch.metrics import Known, Metric, Source

OK, ALARM, UNKNOWN = "OK", "ALARM", "INSUFFICIENT_DATA"

_MORE_PERIODS = 2
"""Older periods that stand in for those of which nothing is known."""

_HISTORY_SECONDS = 30 * 86400.0

_WORDS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "GreaterThanThreshold": ("greater than", lambda value, threshold: value > threshold),
    "GreaterThanOrEqualToThreshold": ("greater than or equal to", lambda value, threshold: value >= threshold),
    "LessThanThreshold": ("less than", lambda value, threshold: value < threshold),
    "LessThanOrEqualToThreshold": ("less than or equal to", lambda value, threshold: value <= threshold),
}


@dataclass(frozen=True)
class Condition:
    """When an alarm goes off."""

    comparison: str
    threshold: float
    periods: int
    datapoints: int
    """So many of the periods have to be on the wrong side."""
    missing: str = "missing"
    """What a period without data counts as: breaching, notBreaching, ignore or missing."""

    def breached(self, value: float) -> bool:
        return _WORDS[self.comparison][1](value, self.threshold)

    def looked_at(self) -> int:
        """How many periods are looked at."""
        return self.periods + _MORE_PERIODS


Datapoint = tuple[float, float | None]
"""(begin of its period, what was measured)."""


def state(condition: Condition, points: Sequence[Datapoint], present: str) -> str:
    """The state that the last periods, the newest last, mean for an alarm that is in a state at present.

    Older periods are looked at only as far as newer ones show nothing.
    """
    real = _real(condition, points)
    breaching, filled = sum(condition.breached(value) for _, value in real), condition.periods - len(real)
    if condition.missing == "notBreaching":
        return ALARM if breaching >= condition.datapoints else OK
    if condition.missing == "breaching":
        return ALARM if breaching + filled >= condition.datapoints else OK
    if not real:
        return present if condition.missing == "ignore" else UNKNOWN
    if breaching >= condition.datapoints:
        return ALARM
    if breaching < len(real):
        return OK
    return present if condition.missing == "ignore" else ALARM


def reason(condition: Condition, points: Sequence[Datapoint], before: str, after: str) -> str:
    """Why an alarm has changed its state, in AWS's words."""
    real = _real(condition, points)
    if after == UNKNOWN:
        many = condition.periods > 1
        return f"Insufficient Data: {condition.periods} datapoint{'s were' if many else ' was'} unknown."
    if not real:
        treated = {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(condition.missing, "Missing")
        periods = f"{condition.periods} period{'s' if condition.periods > 1 else ''}"
        points_too = f"{condition.periods} missing datapoint{'s were' if condition.periods > 1 else ' was'}"
        return f"Threshold Crossed: no datapoints were received for {periods} and {points_too} treated as [{treated}]."
    wanted = [point for point in real if condition.breached(point[1]) is (after == ALARM)] or real
    shown = ", ".join(f"{value} ({_when(at)})" for at, value in reversed(wanted))
    negated = "" if after == ALARM else "not "
    were = f"{'was' if len(wanted) == 1 else 'were'} {negated}{_WORDS[condition.comparison][0]}"
    least = condition.datapoints if after == ALARM else condition.periods - condition.datapoints + 1
    enough = f"minimum {least} datapoint{'s' if least > 1 else ''} for {before} -> {after} transition"
    return (
        f"Threshold Crossed: {len(wanted)} out of the last {condition.periods} datapoints [{shown}] {were} "
        f"the threshold ({condition.threshold}) ({enough})."
    )


def _real(condition: Condition, points: Sequence[Datapoint]) -> list[tuple[float, float]]:
    known = [(at, value) for at, value in points if value is not None]
    return known[-condition.periods :]


def _when(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%d/%m/%y %H:%M:%S")


# --- moto's alarms


@dataclass(frozen=True)
class View:
    """What an alarm sees of its metrics."""

    at: Callable[[float], float | None]
    """What was measured in the period that begins at a moment; of one to come, as if nothing changed any more."""
    since: float
    """From when on nothing changes, as far as is known."""
    steady: bool
    """Whether what comes after that goes on, as what a resource measures does."""
    bounds: Callable[[float, float], tuple[float, float] | None] = lambda start, end: None
    """Between what the periods of a time lie; None where one of them may be without data, or nobody knows."""


def view(known: Known, alarm: Any) -> View:
    """What an alarm sees: a statistic of one metric, or an expression over several."""
    if alarm.metric_name:
        found = known.source(_metric(alarm))
        name = alarm.statistic or alarm.extended_statistic or "Average"
        seen = _view([found], lambda at: _statistic(found, name, at, period(alarm)))
        if isinstance(found, metrics.Series) and name in ("Average", "Minimum", "Maximum"):
            return replace(seen, bounds=found.steps.bounds)
        return seen
    queries = {query.id: query for query in alarm.metric_data_queries}
    sources = {name: _source(known, query) for name, query in queries.items() if query.metric_stat}
    wanted = next((query for query in queries.values() if query.return_data is not False), None)

    def at(moment: float) -> float | None:
        values: dict[str, float | None] = {}
        for name, found in sources.items():
            values[name] = _statistic(found, queries[name].metric_stat.stat, moment, period(alarm))
        for _ in queries:
            for name, query in queries.items():
                if query.expression:
                    with suppress(UnknownExpression):  # one that needs another is worked out after that
                        values[name] = evaluate(query.expression, values)
        return values.get(wanted.id) if wanted else None

    return _view(list(sources.values()), at)


def _metric(alarm: Any) -> Metric:
    named: Metric | None = remembered(alarm).get("metric")
    if named is None:
        named = Metric(alarm.namespace, alarm.metric_name, _dimensions(alarm.dimensions))
        remembered(alarm)["metric"] = named
    return named


def _view(sources: Sequence[Source | None], at: Callable[[float], float | None]) -> View:
    there = [found for found in sources if found]
    since = max((found.since for found in there), default=0.0)
    return View(at, since, all(isinstance(found, metrics.Series) for found in there))


def _source(known: Known, query: Any) -> Source | None:
    named = query.metric_stat.metric
    return known.source(Metric(named.namespace, named.metric_name, _dimensions(named.dimensions)))


def _dimensions(given: Any) -> metrics.Dimensions:
    return tuple(sorted((each.name, each.value) for each in given))


def _statistic(found: Source | None, name: str, start: float, seconds: float) -> float | None:
    return metrics.statistic(found, name, start, start + seconds) if found else None


def period(alarm: Any) -> float:
    """The seconds of an alarm's periods."""
    of_queries = [q.period or (q.metric_stat.period if q.metric_stat else 0) for q in alarm.metric_data_queries]
    return float(alarm.period or max((int(each or 0) for each in of_queries), default=0) or 60)


def condition(alarm: Any) -> Condition | None:
    """When an alarm goes off; None for one that is not simulated: composite, or of anomaly detection."""
    if alarm.rule is not None or alarm.comparison_operator not in _WORDS or alarm.threshold is None:
        return None
    periods = int(alarm.evaluation_periods or 1)
    datapoints = int(alarm.datapoints_to_alarm or periods)
    missing = alarm.treat_missing_data or "missing"
    return Condition(alarm.comparison_operator, float(alarm.threshold), periods, datapoints, missing)


def follow(world: Backends) -> float | None:
    """Bring every alarm into the state that it should have by now; gives when the next will change by itself."""
    alarms = list(world.backend("cloudwatch").alarms.values())
    if not alarms:
        return None
    known = Known.of(world)
    return min((moment for alarm in alarms if (moment := next_change(world, known, alarm)) is not None), default=None)


def next_change(world: Backends, known: Known, alarm: Any) -> float | None:
    """Bring one alarm into the state that it should have by now; gives when it will change by itself."""
    wanted = condition(alarm)
    if wanted is None:
        return None
    now, kept, seen, length = CLOCK.now(), remembered(alarm), view(known, alarm), period(alarm)
    last = now // length * length
    looked = (seen.since, alarm.state_value, kept.get("held", 0.0))
    if kept.get("looked") == looked and (kept["next"] is None or kept["next"] > now) and seen.steady:
        return None if kept["next"] is None else float(kept["next"])
    measured: dict[float, float | None] = {}

    def points(end: float) -> list[Datapoint]:
        moments = [end - number * length for number in range(wanted.looked_at(), 0, -1)]
        return [(at, measured[at] if at in measured else measured.setdefault(at, seen.at(at))) for at in moments]

    begins, held = last - wanted.looked_at() * length, held_since(alarm)
    if last > held:
        new = _uniform(wanted, seen, begins, last) or state(wanted, points(last), alarm.state_value)
        if new != alarm.state_value:
            text = reason(wanted, points(last), alarm.state_value, new)
            turn(world, alarm, new, text, _reason_data(alarm, wanted, points(last)))
    moments = [last + number * length for number in range(1, wanted.looked_at() + 3)]
    if (same := _uniform(wanted, seen, begins, moments[1])) is not None:
        differ = [moment for moment in moments if moment > held and same != alarm.state_value]
    else:
        differ = [
            moment
            for moment in moments
            if moment > held and state(wanted, points(moment), alarm.state_value) != alarm.state_value
        ]
    kept["next"] = min(differ, default=None)
    kept["looked"] = (seen.since, alarm.state_value, kept.get("held", 0.0))
    return None if kept["next"] is None else float(kept["next"])


def _uniform(wanted: Condition, seen: View, start: float, end: float) -> str | None:
    """The state that all periods of a time mean alike, so that none has to be looked at."""
    bounds = seen.bounds(start, end)
    if bounds is None or wanted.breached(bounds[0]) != wanted.breached(bounds[1]):
        return None
    return ALARM if wanted.breached(bounds[0]) else OK


def held_since(alarm: Any) -> float:
    """Until a period ends after this moment, the alarm stays in its state: it was made, or set by hand, then."""
    return float(remembered(alarm).get("held", 0.0))


def hold(alarm: Any) -> None:
    """From now on an alarm stays in its state until it is evaluated the next time."""
    remembered(alarm)["held"] = CLOCK.now()


def begin(alarm: Any, before: Any | None) -> None:
    """A new alarm knows nothing yet; one that has been changed keeps the state that it had before."""
    if before is None:
        alarm.state_value, alarm.state_reason = UNKNOWN, "Unchecked: Initial alarm creation"
    else:
        for name in ("value", "reason", "reason_data", "updated_timestamp"):
            setattr(alarm, f"state_{name}", getattr(before, f"state_{name}"))
    hold(alarm)


def turn(world: Backends, alarm: Any, to: str, why: str, data: str) -> None:
    """An alarm changes its state; whoever is to act on that follows CloudWatch."""
    before = alarm.state_value
    alarm.state_value, alarm.state_reason, alarm.state_reason_data = to, why, data
    alarm.state_updated_timestamp = datetime.fromtimestamp(CLOCK.now(), UTC)
    turned(world, alarm, before)


def turned(world: Backends, alarm: Any, before: str) -> None:
    """What comes with a change of state: history, messages, and the alarm's actions."""
    to = alarm.state_value
    data = {
        "version": "1.0",
        "oldState": {"stateValue": before},
        "newState": {"stateValue": to, "stateReason": alarm.state_reason},
    }
    remember(world, alarm, "StateUpdate", f"Alarm updated from {before} to {to}", data)
    if not alarm.name.startswith("TargetTracking-"):
        happened(world, alarm.name, f"alarm in {to}", alarm.state_reason)
    for action in actions(alarm):
        if ":sns:" in action:
            happened(world, action.split(":")[-1], "notified", f"alarm {alarm.name} in {to}")
            remember(world, alarm, "Action", f"Successfully executed action {action}", {"actionState": "Succeeded"})
    TIMELINE.touch(world, "cloudwatch")


def actions(alarm: Any) -> list[str]:
    """The ARNs that an alarm calls in the state that it is in."""
    if not alarm.actions_enabled:
        return []
    by_state = {OK: alarm.ok_actions, ALARM: alarm.alarm_actions, UNKNOWN: alarm.insufficient_data_actions}
    return list(by_state.get(alarm.state_value) or ())


def history(world: Backends) -> list[dict[str, Any]]:
    """What happened to alarms in the last 30 days, also to those that are gone, the oldest first."""
    kept: list[dict[str, Any]] = remembered(world.backend("cloudwatch")).setdefault("alarm_history", [])
    return kept


def remember(world: Backends, alarm: Any, kind: str, summary: str, data: dict[str, Any]) -> None:
    """Add to the history of an alarm: a ConfigurationUpdate, StateUpdate or Action."""
    now, kept = CLOCK.now(), history(world)
    kept.append(
        {
            "AlarmName": alarm.name,
            "AlarmType": "MetricAlarm",
            "Timestamp": datetime.fromtimestamp(now, UTC),
            "HistoryItemType": kind,
            "HistorySummary": summary,
            "HistoryData": json.dumps(data),
        }
    )
    oldest = datetime.fromtimestamp(now - _HISTORY_SECONDS, UTC)
    while kept[0]["Timestamp"] < oldest:
        kept.pop(0)


def _reason_data(alarm: Any, wanted: Condition, points: Sequence[Datapoint]) -> str:
    real = _real(wanted, points)
    return json.dumps(
        {
            "version": "1.0",
            "statistic": alarm.statistic or alarm.extended_statistic,
            "period": int(period(alarm)),
            "recentDatapoints": [value for _, value in real],
            "threshold": wanted.threshold,
        }
    )
