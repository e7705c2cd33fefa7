"""Apply the scaling policies that alarms trigger, as far as bounds and cooldowns allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import reconciler
from local_aws_server.services.application_autoscaling import policy_math
from local_aws_server.services.application_autoscaling.scalables import (
    Scalable,
    ScalingPolicy,
    last_scaling,
    list_scalables,
    scale,
)
from local_aws_server.services.cloudwatch import alarms
from local_aws_server.services.cloudwatch.metrics import MetricSources

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="Scaling policies change the desired count of a service when their alarms are in the ALARM state.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html",
        ),
    ),
)

_METRIC_LABELS = {
    "CPUUtilization": "CPU",
    "MemoryUtilization": "memory",
    "RequestCountPerTarget": "requests per target",
}


@dataclass(frozen=True)
class TriggeredPolicy:
    """A policy and the alarm that triggers it."""

    policy: ScalingPolicy
    alarm: Any
    measured: float | None
    """The alarm's metric in the last complete period."""
    next_measurement: float | None
    """When the metric of a newer period is known, if it may differ."""


@dataclass(frozen=True)
class Proposal:
    """The capacity that a triggered policy proposes."""

    trigger: TriggeredPolicy
    capacity: int
    cooldown: float


@reconciler("cloudwatch", "application-autoscaling", order=71)
def apply_policies(backends: Backends) -> float | None:
    """Apply all triggered policies; return when there may be more to do."""
    triggers: dict[str, list[Any]] = {}
    for alarm in backends.backend("cloudwatch").alarms.values():
        for action in alarms.current_actions(alarm):
            if ":scalingPolicy:" in action:
                triggers.setdefault(action.split(":createdBy/")[0], []).append(alarm)
    if not triggers:
        return None
    metrics = MetricSources.of(backends)
    times = [_apply(backends, metrics, scalable, triggers) for scalable in list_scalables(backends)]
    return min((time for time in times if time is not None), default=None)


def _apply(
    backends: Backends, metrics: MetricSources, scalable: Scalable, triggers: Mapping[str, list[Any]]
) -> float | None:
    triggered = list(_triggered_policies(metrics, scalable, triggers))
    if not triggered:
        return None
    times = [trigger.next_measurement for trigger in triggered if trigger.next_measurement is not None]
    now, capacity, last = CLOCK.now(), scalable.capacity(), last_scaling(scalable)
    proposal = _choose_proposal(backends, scalable, triggered)
    if proposal is not None and proposal.capacity != capacity.current:
        scale_out = proposal.capacity > capacity.current
        if policy_math.is_allowed(last, now, scale_out=scale_out):
            alarm, policy = proposal.trigger.alarm, proposal.trigger.policy
            cause = f"monitor alarm {alarm.name} in state {alarm.state_value} triggered policy {policy.name}"
            reason = _event_reason(proposal.trigger, scale_out)
            scale(backends, scalable, proposal.capacity, cause, reason, proposal.cooldown)
            last = last_scaling(scalable)
    if last is not None and last.cooldown_end > now:
        times.append(last.cooldown_end)
    return min(times, default=None)


def _triggered_policies(
    metrics: MetricSources, scalable: Scalable, triggers: Mapping[str, list[Any]]
) -> Iterator[TriggeredPolicy]:
    """Yield the triggered policies, except for target tracking at the bound towards which it would scale."""
    now, capacity = CLOCK.now(), scalable.capacity()
    for policy in scalable.policies():
        for alarm in triggers.get(policy.arn, ()):
            is_low = alarm.name in policy.low_alarms
            at_bound = capacity.current <= capacity.minimum if is_low else capacity.is_at_maximum
            if policy.kind == "TargetTrackingScaling" and at_bound:
                continue
            data, length = alarms.alarm_data(metrics, alarm), alarms.period(alarm)
            period_end = now // length * length
            changes = period_end + length if data.last_change > period_end - length else None
            yield TriggeredPolicy(policy, alarm, data.value_at(period_end - length), changes)


def _choose_proposal(backends: Backends, scalable: Scalable, triggered: list[TriggeredPolicy]) -> Proposal | None:
    """Return the proposal of the largest capacity; a scale-in only if no policy proposes a scale-out."""
    proposals = [proposal for trigger in triggered if (proposal := _propose(scalable, trigger)) is not None]
    current = scalable.capacity().current
    larger = [proposal for proposal in proposals if proposal.capacity > current]
    if larger and scalable.may_scale(out=True):
        return max(larger, key=lambda proposal: proposal.capacity)
    smaller = [proposal for proposal in proposals if proposal.capacity < current]
    if smaller and not larger and scalable.may_scale(out=False) and _all_low_alarms_fire(backends, scalable):
        return max(smaller, key=lambda proposal: proposal.capacity)
    return None


def _propose(scalable: Scalable, trigger: TriggeredPolicy) -> Proposal | None:
    """Return the capacity that a triggered policy proposes; None during the cooldown of simple scaling."""
    policy, measured = trigger.policy, trigger.measured
    capacity, last, now = scalable.capacity(), last_scaling(scalable), CLOCK.now()
    base = policy_math.base_capacity(capacity, last, now)
    if policy.kind == "SimpleScaling":
        if last is not None and now < last.cooldown_end:
            return None
        proposed = policy_math.adjust(capacity, int(policy.config["ScalingAdjustment"] or 0), policy.config)
    elif policy.kind == "StepScaling":
        breach = 0.0 if measured is None else measured - float(trigger.alarm.threshold)
        proposed = policy_math.step_capacity(base, breach, policy.config)
        if proposed > base.current:
            proposed = max(capacity.current, proposed)
        else:
            proposed = policy_math.step_capacity(capacity, breach, policy.config)
    elif measured is None:
        return None
    else:
        target = float(policy.config["TargetValue"])
        if trigger.alarm.name in policy.low_alarms:
            proposed = policy_math.target_tracking_capacity(capacity, measured, target, scale_out=False)
        else:
            proposed = policy_math.target_tracking_capacity(base, measured, target, scale_out=True)
            proposed = max(capacity.current, proposed)
    return Proposal(trigger, proposed, policy.cooldowns[0 if proposed > capacity.current else 1])


def _all_low_alarms_fire(backends: Backends, scalable: Scalable) -> bool:
    """Return whether every target tracking policy that may scale in is triggered to do so."""
    all_alarms: Mapping[str, Any] = backends.backend("cloudwatch").alarms
    low_alarms = [all_alarms.get(name) for policy in scalable.policies() for name in policy.low_alarms]
    return all(alarm is None or alarm.state_value == alarms.ALARM for alarm in low_alarms)


def _event_reason(trigger: TriggeredPolicy, scale_out: bool) -> str:
    """Return the reason for the event log: `CPU 82 % over its target of 50 %`."""
    alarm = trigger.alarm
    label = _METRIC_LABELS.get(alarm.metric_name, alarm.metric_name or "an expression")
    percent = " %" if str(alarm.metric_name).endswith("Utilization") else ""
    measured = "unknown" if trigger.measured is None else f"{trigger.measured:.0f}{percent}"
    target = sidecar(alarm).get("target")
    limit = f"its target of {target:g}" if target is not None else f"{alarm.threshold:g}"
    return f"{label} {measured} {'over' if scale_out else 'under'} {limit}{percent}"
