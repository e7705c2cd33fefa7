"""What a scaling policy makes of a measurement: the new capacity, and whether it is time for it. Decisions alone.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

DEFAULT_COOLDOWN = 300.0

SCALE_IN_PART = 0.9
"""A metric is low when it is below this part of its target."""

_GRADUALLY = 0.1
"""Target tracking takes away no more than this part at once, but at least one: AWS scales in gradually."""

_SLACK = 1e-6


@dataclass(frozen=True)
class Capacity:
    """How much there is, and between what it may be."""

    now: int
    minimum: int
    maximum: int

    @property
    def full(self) -> bool:
        return self.now >= self.maximum

    def within(self, wanted: float) -> int:
        return int(max(self.minimum, min(self.maximum, wanted)))


def tracked(capacity: Capacity, measured: float, target: float, *, out: bool) -> int:
    """The capacity at which a metric would be at its target: outwards at once, inwards gradually."""
    needed = ceil(capacity.now * measured / target - _SLACK)
    if out:
        return max(capacity.now, capacity.within(needed))
    least = capacity.now - max(1, floor(capacity.now * _GRADUALLY))
    return min(capacity.now, capacity.within(max(needed, least)))


def stepped(capacity: Capacity, beyond: float, policy: Mapping[str, Any]) -> int:
    """The capacity after the step into which a metric falls that is so far beyond the threshold of the alarm."""
    step = next((each for each in policy.get("StepAdjustments") or () if _falls(beyond, each)), None)
    return capacity.now if step is None else adjusted(capacity, int(step["ScalingAdjustment"]), policy)


def _falls(beyond: float, step: Mapping[str, Any]) -> bool:
    """A step includes its lower bound where the metric is above the threshold, its upper bound where it is below."""
    low, high = (step.get(f"MetricInterval{side}Bound") for side in ("Lower", "Upper"))
    above = (low is not None and float(low) >= 0) or (low is None and high is None)
    if above or (high is not None and float(high) > 0):
        return (low is None or beyond >= float(low)) and (high is None or beyond < float(high))
    return (low is None or beyond > float(low)) and (high is None or beyond <= float(high))


def adjusted(capacity: Capacity, adjustment: int, policy: Mapping[str, Any]) -> int:
    """The capacity after an adjustment: to a number, by a number, or by percent."""
    kind = policy.get("AdjustmentType", "ChangeInCapacity")
    if kind == "ExactCapacity":
        return capacity.within(adjustment)
    change = float(adjustment)
    if kind == "PercentChangeInCapacity":
        change = _rounded(capacity.now * adjustment / 100)
        least = int(policy.get("MinAdjustmentMagnitude") or 0)
        if change and abs(change) < least:
            change = least if change > 0 else -least
    moved = capacity.now + change
    # a capacity that is out of its bounds already is not moved further out by bringing it within
    return capacity.within(moved)


def _rounded(change: float) -> int:
    """Below one it is one; what is larger is rounded down."""
    if 0 < abs(change) < 1:
        return 1 if change > 0 else -1
    return floor(change) if change > 0 else ceil(change)


@dataclass(frozen=True)
class Last:
    """The last time that something was scaled by a policy."""

    moment: float
    before: int
    after: int
    cooldown: float

    @property
    def over(self) -> float:
        """When its cooldown is over."""
        return self.moment + self.cooldown


def free(last: Last | None, moment: float, *, out: bool) -> bool:
    """Whether a cooldown lets the capacity change.

    After a scale-in only another one has to wait. After a scale-out another one goes on from where that one began, so
    that only a larger one does anything: see `base`.
    """
    return last is None or moment >= last.over or out


def base(capacity: Capacity, last: Last | None, moment: float) -> Capacity:
    """What a scale-out is reckoned from: what was there before the one whose cooldown is not over."""
    if last is not None and moment < last.over and last.after > last.before and last.after == capacity.now:
        return Capacity(last.before, capacity.minimum, capacity.maximum)
    return capacity


def suspended(state: Mapping[str, Any] | None, which: Iterable[str]) -> bool:
    return any((state or {}).get(name) for name in which)
