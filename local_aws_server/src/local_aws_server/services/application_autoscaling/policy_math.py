"""Compute the new capacity that a scaling policy sets for a measurement, with its bounds and cooldown. Pure functions.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

DEFAULT_COOLDOWN = 300.0

SCALE_IN_THRESHOLD = 0.9
"""Target tracking scales in when the metric is below this fraction of its target."""

_MAX_SCALE_IN = 0.1
"""Target tracking removes at most this fraction at a time, but at least one: AWS scales in gradually."""

_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Capacity:
    """The current capacity and its bounds."""

    current: int
    minimum: int
    maximum: int

    @property
    def is_at_maximum(self) -> bool:
        return self.current >= self.maximum

    def clamp(self, value: float) -> int:
        """Return the nearest capacity within the bounds."""
        return int(max(self.minimum, min(self.maximum, value)))


def target_tracking_capacity(capacity: Capacity, measured: float, target: float, *, scale_out: bool) -> int:
    """Return the capacity at which the metric would be at its target: reached at once outwards, gradually inwards."""
    needed = ceil(capacity.current * measured / target - _TOLERANCE)
    if scale_out:
        return max(capacity.current, capacity.clamp(needed))
    lowest = capacity.current - max(1, floor(capacity.current * _MAX_SCALE_IN))
    return min(capacity.current, capacity.clamp(max(needed, lowest)))


def step_capacity(capacity: Capacity, breach: float, policy: Mapping[str, Any]) -> int:
    """Return the capacity after the step adjustment for a metric; `breach` is its value minus the threshold."""
    step = next((step for step in policy.get("StepAdjustments") or () if _contains(step, breach)), None)
    return capacity.current if step is None else adjust(capacity, int(step["ScalingAdjustment"]), policy)


def _contains(step: Mapping[str, Any], breach: float) -> bool:
    """Return whether a breach is within a step.

    A step above the threshold includes its lower bound, a step below it its upper bound.
    """
    low, high = (step.get(f"MetricInterval{side}Bound") for side in ("Lower", "Upper"))
    is_above = (low is not None and float(low) >= 0) or (low is None and high is None)
    if is_above or (high is not None and float(high) > 0):
        return (low is None or breach >= float(low)) and (high is None or breach < float(high))
    return (low is None or breach > float(low)) and (high is None or breach <= float(high))


def adjust(capacity: Capacity, adjustment: int, policy: Mapping[str, Any]) -> int:
    """Return the capacity after a scaling adjustment, by the policy's adjustment type."""
    adjustment_type = policy.get("AdjustmentType", "ChangeInCapacity")
    if adjustment_type == "ExactCapacity":
        return capacity.clamp(adjustment)
    change = float(adjustment)
    if adjustment_type == "PercentChangeInCapacity":
        change = _round_change(capacity.current * adjustment / 100)
        magnitude = int(policy.get("MinAdjustmentMagnitude") or 0)
        if change and abs(change) < magnitude:
            change = magnitude if change > 0 else -magnitude
    return capacity.clamp(capacity.current + change)


def _round_change(change: float) -> int:
    """Round a change towards zero, but not to zero."""
    if 0 < abs(change) < 1:
        return 1 if change > 0 else -1
    return floor(change) if change > 0 else ceil(change)


@dataclass(frozen=True)
class Scaling:
    """A change of capacity by a policy."""

    time: float
    before: int
    after: int
    cooldown: float
    """Seconds."""

    @property
    def cooldown_end(self) -> float:
        return self.time + self.cooldown


def is_allowed(last: Scaling | None, time: float, *, scale_out: bool) -> bool:
    """Return whether the cooldown of the last scaling allows another one.

    A cooldown only blocks scale-ins. During the cooldown of a scale-out, another one starts from the capacity before
    the first, so that only a larger one has an effect: see `base_capacity`.
    """
    return last is None or time >= last.cooldown_end or scale_out


def base_capacity(capacity: Capacity, last: Scaling | None, time: float) -> Capacity:
    """Return the capacity that a scale-out starts from: during a cooldown, that before the last scale-out."""
    if last is not None and time < last.cooldown_end and last.after > last.before and last.after == capacity.current:
        return Capacity(last.before, capacity.minimum, capacity.maximum)
    return capacity
