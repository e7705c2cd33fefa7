"""Update alarms on the clock: what they read of their metrics, when they change their state, and what they call.

A period is evaluated when it is over. Between two changes of a metric there is nothing to evaluate: the values of the
coming periods are known, and so is the time at which the state changes.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.isolation import each
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.services.cloudwatch import alarm_messages
from local_aws_server.services.cloudwatch.alarm_history import add_history_item
from local_aws_server.services.cloudwatch.alarm_state import (
    ALARM,
    COMPARISONS,
    INSUFFICIENT_DATA,
    OK,
    AlarmCondition,
    Datapoint,
    evaluate_state,
    real_datapoints,
    state_reason,
)
from local_aws_server.services.cloudwatch.metric_math import UnknownExpression, evaluate
from local_aws_server.services.cloudwatch.metrics import Dimensions, Metric, MetricSources, Series, Source
from local_aws_server.services.cloudwatch.statistics import statistic
from local_aws_server.services.events.delivery import emit
from local_aws_server.services.sns.delivery import publish

# --- the settings of an alarm


def period(alarm: Any) -> float:
    """Return the length of an alarm's periods in seconds."""
    of_queries = [q.period or (q.metric_stat.period if q.metric_stat else 0) for q in alarm.metric_data_queries]
    return float(alarm.period or max((int(length or 0) for length in of_queries), default=0) or 60)


def alarm_condition(alarm: Any) -> AlarmCondition | None:
    """Return an alarm's condition; None for composite alarms and anomaly detection, which are not simulated."""
    if alarm.rule is not None or alarm.comparison_operator not in COMPARISONS or alarm.threshold is None:
        return None
    periods = int(alarm.evaluation_periods or 1)
    datapoints = int(alarm.datapoints_to_alarm or periods)
    missing = alarm.treat_missing_data or "missing"
    is_m_of_n = alarm.datapoints_to_alarm is not None
    return AlarmCondition(alarm.comparison_operator, float(alarm.threshold), periods, datapoints, missing, is_m_of_n)


def current_actions(alarm: Any) -> list[str]:
    """Return the ARNs that an alarm calls in its current state."""
    if not alarm.actions_enabled:
        return []
    actions = {OK: alarm.ok_actions, ALARM: alarm.alarm_actions, INSUFFICIENT_DATA: alarm.insufficient_data_actions}
    return list(actions.get(alarm.state_value) or ())


def initialize_alarm(alarm: Any, existing: Any | None) -> None:
    """Set the state of a new alarm to INSUFFICIENT_DATA; an updated one keeps its state until it is evaluated."""
    if existing is None:
        alarm.state_value, alarm.state_reason = INSUFFICIENT_DATA, "Unchecked: Initial alarm creation"
        alarm.state_reason_data, alarm.state_transitioned_timestamp = None, alarm.state_updated_timestamp
    else:
        for name in ("value", "reason", "reason_data", "updated_timestamp", "transitioned_timestamp"):
            setattr(alarm, f"state_{name}", getattr(existing, f"state_{name}", None))
    hold_state(alarm)


def hold_state(alarm: Any) -> None:
    """Keep an alarm's state until a period ends after now."""
    sidecar(alarm)["held"] = CLOCK.now()


def _held_since(alarm: Any) -> float:
    return float(sidecar(alarm).get("held", 0.0))


# --- the data of an alarm


@dataclass(frozen=True)
class AlarmData:
    """The values that an alarm compares with its threshold."""

    value_at: Callable[[float], float | None]
    """The value of the period that starts at a time; of a future one, as if nothing changed any more."""
    last_change: float
    """The time of the last known change of its metrics."""
    is_steady: bool
    """Whether the metrics continue after the last change, as those of resources do."""
    bounds: Callable[[float, float], tuple[float, float] | None] = lambda start, end: None
    """The minimum and maximum of a range of periods; None if unknown, or if one may be without data."""


def alarm_data(metrics: MetricSources, alarm: Any) -> AlarmData:
    """Return the data of an alarm: a statistic of one metric, or an expression over several."""
    if alarm.metric_name:
        source = metrics.find(_metric(alarm), alarm.unit)
        name = alarm.statistic or alarm.extended_statistic or "Average"
        data = _data([source], lambda time: _statistic(source, name, time, period(alarm)))
        if isinstance(source, Series) and name in ("Average", "Minimum", "Maximum"):
            return replace(data, bounds=source.bounds)
        return data
    queries = {query.id: query for query in alarm.metric_data_queries}
    sources = {name: _find_source(metrics, query) for name, query in queries.items() if query.metric_stat}
    returned = next((query for query in queries.values() if query.return_data is not False), None)

    def value_at(time: float) -> float | None:
        values: dict[str, float | None] = {}
        for name, source in sources.items():
            values[name] = _statistic(source, queries[name].metric_stat.stat, time, period(alarm))
        for _ in queries:  # an expression that needs another one is evaluated in a later round
            for name, query in queries.items():
                if query.expression:
                    with suppress(UnknownExpression):
                        values[name] = evaluate(query.expression, values)
        return values.get(returned.id) if returned else None

    return _data(list(sources.values()), value_at)


def _data(sources: Sequence[Source | None], value_at: Callable[[float], float | None]) -> AlarmData:
    existing = [source for source in sources if source]
    last_change = max((source.last_change for source in existing), default=0.0)
    return AlarmData(value_at, last_change, all(isinstance(source, Series) for source in existing))


def _metric(alarm: Any) -> Metric:
    metric: Metric | None = sidecar(alarm).get("metric")
    if metric is None:
        metric = Metric(alarm.namespace, alarm.metric_name, _dimensions(alarm.dimensions))
        sidecar(alarm)["metric"] = metric
    return metric


def _find_source(metrics: MetricSources, query: Any) -> Source | None:
    metric = query.metric_stat.metric
    identity = Metric(metric.namespace, metric.metric_name, _dimensions(metric.dimensions))
    return metrics.find(identity, query.metric_stat.unit)


def _dimensions(dimensions: Any) -> Dimensions:
    return tuple(sorted((dimension.name, dimension.value) for dimension in dimensions))


def _statistic(source: Source | None, name: str, start: float, seconds: float) -> float | None:
    return statistic(source, name, start, start + seconds) if source else None


# --- evaluation


def update_alarms(backends: Backends) -> float | None:
    """Bring every alarm into its current state; return when the next one changes if its metrics do not."""
    alarms = list(backends.backend("cloudwatch").alarms.values())
    if not alarms:
        return None
    metrics = MetricSources.of(backends)
    return each(
        backends, "alarm", alarms, lambda alarm: alarm.name, lambda alarm: update_alarm(backends, metrics, alarm)
    )


def update_alarm(backends: Backends, metrics: MetricSources, alarm: Any) -> float | None:
    """Bring an alarm into its current state; return when it changes if its metrics do not."""
    condition = alarm_condition(alarm)
    if condition is None:
        return None
    now, notes, data, length = CLOCK.now(), sidecar(alarm), alarm_data(metrics, alarm), period(alarm)
    period_end = now // length * length
    evaluated = (data.last_change, alarm.state_value, notes.get("held", 0.0))
    if notes.get("evaluated") == evaluated and (notes["next"] is None or notes["next"] > now) and data.is_steady:
        return None if notes["next"] is None else float(notes["next"])
    cache: dict[float, float | None] = {}

    def points(end: float) -> list[Datapoint]:
        """Return the datapoints that an evaluation at the end of a period reads."""
        times = [end - number * length for number in range(condition.evaluation_range, 0, -1)]
        return [(time, cache[time] if time in cache else cache.setdefault(time, data.value_at(time))) for time in times]

    start, held_since = period_end - condition.evaluation_range * length, _held_since(alarm)
    if period_end > held_since:
        state = _uniform_state(condition, data, start, period_end)
        state = state or evaluate_state(condition, points(period_end), alarm.state_value)
        if state != alarm.state_value:
            reason = state_reason(condition, points(period_end), alarm.state_value, state)
            change_state(backends, alarm, state, reason, _reason_data(alarm, condition, points(period_end)))
    coming = [period_end + number * length for number in range(1, condition.evaluation_range + 3)]
    if (uniform := _uniform_state(condition, data, start, coming[1])) is not None:
        changes = [time for time in coming if time > held_since and uniform != alarm.state_value]
    else:
        changes = [
            time
            for time in coming
            if time > held_since and evaluate_state(condition, points(time), alarm.state_value) != alarm.state_value
        ]
    notes["next"] = min(changes, default=None)
    notes["evaluated"] = (data.last_change, alarm.state_value, notes.get("held", 0.0))
    return None if notes["next"] is None else float(notes["next"])


def _uniform_state(condition: AlarmCondition, data: AlarmData, start: float, end: float) -> str | None:
    """Return the state if all periods of a range are on the same side of the threshold, without reading each."""
    bounds = data.bounds(start, end)
    if bounds is None or condition.is_breached(bounds[0]) != condition.is_breached(bounds[1]):
        return None
    return ALARM if condition.is_breached(bounds[0]) else OK


def change_state(backends: Backends, alarm: Any, state: str, reason: str, data: str) -> None:
    """Change an alarm's state, and record the change; policies that it triggers follow CloudWatch."""
    before = alarm.state_value
    alarm.state_value, alarm.state_reason, alarm.state_reason_data = state, reason, data
    alarm.state_updated_timestamp = datetime.fromtimestamp(CLOCK.now(), UTC)
    record_state_change(backends, alarm, before)


def record_state_change(backends: Backends, alarm: Any, before: str) -> None:
    """Add a change of state to the history and the event log, and call the alarm's SNS topics."""
    state = alarm.state_value
    alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
    data = {
        "version": "1.0",
        "oldState": {"stateValue": before},
        "newState": {"stateValue": state, "stateReason": alarm.state_reason},
    }
    add_history_item(backends, alarm, "StateUpdate", f"Alarm updated from {before} to {state}", data)
    if not alarm.name.startswith("TargetTracking-"):
        record_event(backends, alarm.name, f"alarm in {state}", alarm.state_reason)
    for action in current_actions(alarm):
        if ":sns:" in action:
            _publish(backends, alarm, before, action)
    previous = sidecar(alarm).get("state", {"value": before})
    sidecar(alarm)["state"] = alarm_messages.state(alarm)
    detail = alarm_messages.event_detail(alarm, previous)
    emit(backends, "aws.cloudwatch", "CloudWatch Alarm State Change", [alarm.alarm_arn], detail)
    SCHEDULER.mark_changed(backends, "cloudwatch")


def _publish(backends: Backends, alarm: Any, before: str, topic: str) -> None:
    text = alarm_messages.message(backends, alarm, before)
    if publish(topic, text, alarm_messages.subject(backends, alarm)):
        record_event(backends, topic.split(":")[-1], "notified", f"alarm {alarm.name} in {alarm.state_value}")
        summary, outcome = f"Successfully executed action {topic}", "Succeeded"
    else:
        summary, outcome = f'Failed to execute action {topic}. Received error: "Topic does not exist"', "Failed"
    add_history_item(backends, alarm, "Action", summary, {"actionState": outcome, "notificationResource": topic})


def _reason_data(alarm: Any, condition: AlarmCondition, points: Sequence[Datapoint]) -> str:
    real = real_datapoints(condition, points)
    return json.dumps(
        {
            "version": "1.0",
            "statistic": alarm.statistic or alarm.extended_statistic,
            "period": int(period(alarm)),
            "recentDatapoints": [value for _, value in real],
            "threshold": condition.threshold,
        }
    )
