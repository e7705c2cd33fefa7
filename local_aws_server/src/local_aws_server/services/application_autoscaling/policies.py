"""Scaling policies at work: whatever an alarm calls changes a capacity, as far as bounds and cooldowns let it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.services.application_autoscaling import policy_math
from local_aws_server.services.application_autoscaling.scalables import Policy, Scalable, last, scalables, scale
from local_aws_server.services.cloudwatch import alarms
from local_aws_server.services.cloudwatch.metrics import Known

_WORDS = {
    "CPUUtilization": "CPU",
    "MemoryUtilization": "memory",
    "RequestCountPerTarget": "requests per target",
}


@dataclass(frozen=True)
class Called:
    """A policy that an alarm calls, with what the alarm has seen last."""

    policy: Policy
    alarm: Any
    measured: float | None
    changes: float | None
    """When the alarm will have seen something newer."""


@dataclass(frozen=True)
class Wish:
    """The capacity that a policy would like."""

    called: Called
    capacity: int
    cooldown: float


def act(world: Backends) -> float | None:
    """Scale everything that has to be scaled by now; gives the moment at which there may be more to do."""
    calling: dict[str, list[Any]] = {}
    for alarm in world.backend("cloudwatch").alarms.values():
        for action in alarms.actions(alarm):
            if ":scalingPolicy:" in action:
                calling.setdefault(action.split(":createdBy/")[0], []).append(alarm)
    if not calling:
        return None
    known = Known.of(world)
    moments = [_act(world, known, scalable, calling) for scalable in scalables(world)]
    return min((moment for moment in moments if moment is not None), default=None)


def _act(world: Backends, known: Known, scalable: Scalable, calling: Mapping[str, list[Any]]) -> float | None:
    called = list(_called(known, scalable, calling))
    if not called:
        return None
    moments = [each.changes for each in called if each.changes is not None]
    now, before, latest = CLOCK.now(), scalable.capacity(), last(scalable)
    wish = _wish(world, scalable, called)
    if wish is not None and wish.capacity != before.now:
        out = wish.capacity > before.now
        if policy_math.free(latest, now, out=out):
            alarm, policy = wish.called.alarm, wish.called.policy
            cause = f"monitor alarm {alarm.name} in state {alarm.state_value} triggered policy {policy.name}"
            scale(world, scalable, wish.capacity, cause, _because(wish.called, out), wish.cooldown)
            latest = last(scalable)
        elif latest is not None:
            moments.append(latest.over)
    if latest is not None and latest.over > now:
        moments.append(latest.over)
    return min(moments, default=None)


def _called(known: Known, scalable: Scalable, calling: Mapping[str, list[Any]]) -> Iterator[Called]:
    """The policies that are called, but for those of target tracking that have nothing left to change."""
    now, capacity = CLOCK.now(), scalable.capacity()
    for policy in scalable.policies():
        for alarm in calling.get(policy.arn, ()):
            at_its_end = capacity.now <= capacity.minimum if alarm.name in policy.lows else capacity.full
            if policy.kind == "TargetTrackingScaling" and at_its_end:
                continue
            seen, length = alarms.view(known, alarm), alarms.period(alarm)
            ends = now // length * length
            changes = ends + length if seen.since > ends - length else None
            yield Called(policy, alarm, seen.at(ends - length), changes)


def _wish(world: Backends, scalable: Scalable, called: list[Called]) -> Wish | None:
    """Of all that policies would like the largest; less than there is only if no policy wants more."""
    wishes = [wish for each in called if (wish := _of(scalable, each)) is not None]
    now = scalable.capacity().now
    larger = [wish for wish in wishes if wish.capacity > now]
    if larger and scalable.may(out=True):
        return max(larger, key=lambda wish: wish.capacity)
    smaller = [wish for wish in wishes if wish.capacity < now]
    if smaller and not larger and scalable.may(out=False) and _all_are_low(world, scalable):
        return max(smaller, key=lambda wish: wish.capacity)
    return None


def _of(scalable: Scalable, called: Called) -> Wish | None:
    policy, capacity, latest, now = called.policy, scalable.capacity(), last(scalable), CLOCK.now()
    reckoned = policy_math.base(capacity, latest, now)
    if policy.kind == "SimpleScaling":
        if latest is not None and now < latest.over:
            return None
        wanted = policy_math.adjusted(capacity, int(policy.config["ScalingAdjustment"] or 0), policy.config)
    elif policy.kind == "StepScaling":
        beyond = 0.0 if called.measured is None else called.measured - float(called.alarm.threshold)
        wanted = policy_math.stepped(reckoned, beyond, policy.config)
        wanted = (
            max(capacity.now, wanted) if wanted > reckoned.now else policy_math.stepped(capacity, beyond, policy.config)
        )
    elif called.measured is None:
        return None
    elif called.alarm.name in policy.lows:
        wanted = policy_math.tracked(capacity, called.measured, float(policy.config["TargetValue"]), out=False)
    else:
        wanted = policy_math.tracked(reckoned, called.measured, float(policy.config["TargetValue"]), out=True)
        wanted = max(capacity.now, wanted)
    return Wish(called, wanted, policy.cooldowns[0 if wanted > capacity.now else 1])


def _all_are_low(world: Backends, scalable: Scalable) -> bool:
    """Whether each target tracking policy that may scale in says so."""
    known: Mapping[str, Any] = world.backend("cloudwatch").alarms
    lows = [known.get(name) for policy in scalable.policies() for name in policy.lows]
    return all(alarm is None or alarm.state_value == alarms.ALARM for alarm in lows)


def _because(called: Called, out: bool) -> str:
    alarm = called.alarm
    named = _WORDS.get(alarm.metric_name, alarm.metric_name or "an expression")
    percent = " %" if str(alarm.metric_name).endswith("Utilization") else ""
    measured = "unknown" if called.measured is None else f"{called.measured:.0f}{percent}"
    target = remembered(alarm).get("target")
    limit = f"its target of {target:g}" if target is not None else f"{alarm.threshold:g}"
    return f"{named} {measured} {'over' if out else 'under'} {limit}{percent}"
