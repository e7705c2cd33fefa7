"""Evaluate the datapoints of an alarm: its state, and AWS's text of the reason. Pure functions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"

_EXTRA_PERIODS = 2
"""Older periods that stand in for those without data."""

COMPARISONS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "GreaterThanThreshold": ("greater than", lambda value, threshold: value > threshold),
    "GreaterThanOrEqualToThreshold": ("greater than or equal to", lambda value, threshold: value >= threshold),
    "LessThanThreshold": ("less than", lambda value, threshold: value < threshold),
    "LessThanOrEqualToThreshold": ("less than or equal to", lambda value, threshold: value <= threshold),
}
"""Comparison operator → AWS's text, and the function."""

Datapoint = tuple[float, float | None]
"""The start of a period, and its value; None without data."""


@dataclass(frozen=True)
class AlarmCondition:
    """The condition under which an alarm is in the ALARM state."""

    comparison: str
    threshold: float
    periods: int
    datapoints: int
    """The number of the periods that must breach the threshold."""
    missing: str = "missing"
    """How periods without data are treated: breaching, notBreaching, ignore or missing."""
    is_m_of_n: bool = True
    """Whether the alarm names the number of datapoints; it is in the reason then."""

    def is_breached(self, value: float) -> bool:
        return COMPARISONS[self.comparison][1](value, self.threshold)

    @property
    def evaluation_range(self) -> int:
        """The number of periods that an evaluation reads."""
        return self.periods + _EXTRA_PERIODS


def evaluate_state(condition: AlarmCondition, points: Sequence[Datapoint], current: str) -> str:
    """Return the state that follows from the last periods, the newest last, for an alarm in the current state.

    Older periods count only as far as newer ones have no data.
    """
    real = real_datapoints(condition, points)
    breaching, missing = sum(condition.is_breached(value) for _, value in real), condition.periods - len(real)
    if condition.missing == "notBreaching":
        return ALARM if breaching >= condition.datapoints else OK
    if condition.missing == "breaching":
        return ALARM if breaching + missing >= condition.datapoints else OK
    if not real:
        return current if condition.missing == "ignore" else INSUFFICIENT_DATA
    if breaching >= condition.datapoints:
        return ALARM
    if breaching < len(real):
        return OK
    return current if condition.missing == "ignore" else ALARM


def state_reason(condition: AlarmCondition, points: Sequence[Datapoint], before: str, after: str) -> str:
    """Return why an alarm has changed its state, in AWS's words."""
    real = real_datapoints(condition, points)
    plural = condition.periods > 1
    if after == INSUFFICIENT_DATA:
        return f"Insufficient Data: {condition.periods} datapoint{'s were' if plural else ' was'} unknown."
    if not real:
        treatment = {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(condition.missing, "Missing")
        periods = f"{condition.periods} period{'s' if plural else ''}"
        missing = f"{condition.periods} missing datapoint{'s were' if plural else ' was'}"
        return f"Threshold Crossed: no datapoints were received for {periods} and {missing} treated as [{treatment}]."
    decisive = [point for point in real if condition.is_breached(point[1]) is (after == ALARM)] or real
    values = ", ".join(f"{value} ({_format_time(time)})" for time, value in reversed(decisive))
    negation = "" if after == ALARM else "not "
    comparison = f"{'was' if len(decisive) == 1 else 'were'} {negation}{COMPARISONS[condition.comparison][0]}"
    if not condition.is_m_of_n:
        plural_values = "s" if len(decisive) > 1 else ""
        return (
            f"Threshold Crossed: {len(decisive)} datapoint{plural_values} [{values}] {comparison} the threshold "
            f"({condition.threshold})."
        )
    minimum = condition.datapoints if after == ALARM else condition.periods - condition.datapoints + 1
    transition = f"minimum {minimum} datapoint{'s' if minimum > 1 else ''} for {before} -> {after} transition"
    return (
        f"Threshold Crossed: {len(decisive)} out of the last {condition.periods} datapoints [{values}] {comparison} "
        f"the threshold ({condition.threshold}) ({transition})."
    )


def real_datapoints(condition: AlarmCondition, points: Sequence[Datapoint]) -> list[tuple[float, float]]:
    """Return the newest datapoints with a value, as many as the condition evaluates."""
    known = [(time, value) for time, value in points if value is not None]
    return known[-condition.periods :]


def _format_time(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%d/%m/%y %H:%M:%S")
