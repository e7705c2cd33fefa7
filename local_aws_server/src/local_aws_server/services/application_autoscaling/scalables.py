"""Treat the tasks of an ECS service and the instances of an Auto Scaling group alike: capacity, policies, scaling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.services.application_autoscaling.activities import add_activity
from local_aws_server.services.application_autoscaling.policy_math import DEFAULT_COOLDOWN, Capacity, Scaling
from local_aws_server.services.autoscaling.activities import set_capacity_cause

ECS_DIMENSION = "ecs:service:DesiredCount"


@dataclass(frozen=True)
class ScalingPolicy:
    """A scaling policy of either service."""

    name: str
    arn: str
    kind: str
    """TargetTrackingScaling, StepScaling or SimpleScaling."""
    config: Mapping[str, Any]
    """In boto3's shape."""
    cooldowns: tuple[float, float]
    """Seconds after a scale-out and after a scale-in."""
    low_alarms: tuple[str, ...] = ()
    """The names of the alarms on which target tracking scales in."""


class Scalable(Protocol):
    """A resource with a capacity that policies scale."""

    @property
    def name(self) -> str:
        """The name of the service or group."""

    @property
    def unit(self) -> str:
        """The plural of what its capacity counts."""

    def capacity(self) -> Capacity:
        """Return the current capacity and its bounds."""

    def may_scale(self, *, out: bool) -> bool:
        """Return whether scaling in this direction is not suspended."""

    def policies(self) -> Iterator[ScalingPolicy]:
        """Yield the policies that scale it."""

    def notes(self) -> dict[str, Any]:
        """Return the sidecar that holds the last scaling."""

    def set_capacity(self, count: int, cause: str) -> None:
        """Change the capacity; `cause` is AWS's text."""


def list_scalables(backends: Backends) -> list[Scalable]:
    """Return everything that policies can scale: registered ECS services, and all Auto Scaling groups."""
    targets = backends.backend("applicationautoscaling").targets.get(ECS_DIMENSION, {})
    services = [
        ServiceTasks(backends, target, service)
        for target in targets.values()
        if (service := _service_of(backends, target))
    ]
    return [*services, *(GroupInstances(backends, group) for group in backends.auto_scaling_groups)]


def last_scaling(scalable: Scalable) -> Scaling | None:
    """Return the last change of its capacity by a policy."""
    last: Scaling | None = scalable.notes().get("last")
    return last


def scale(backends: Backends, scalable: Scalable, to: int, cause: str, reason: str, cooldown: float | None) -> None:
    """Change a capacity. `cause` is AWS's text, `reason` that of the event log; only policies have a cooldown."""
    before = scalable.capacity().current
    if cooldown is not None:
        scalable.notes()["last"] = Scaling(CLOCK.now(), before, to, cooldown)
    direction = "out" if to > before else "in"
    record_event(backends, scalable.name, f"scaled {direction} from {before} to {to} {scalable.unit}", reason)
    scalable.set_capacity(to, cause)


def bring_within_bounds(backends: Backends, scalable: Scalable, cause: str, reason: str) -> None:
    """Change a capacity that is outside its bounds to the nearest one within them."""
    capacity = scalable.capacity()
    target = capacity.clamp(capacity.current)
    if target != capacity.current:
        bound = "minimum" if target > capacity.current else "maximum"
        scale(backends, scalable, target, f"{cause or f'{bound} capacity was set to {target}'}", reason, None)


def _service_of(backends: Backends, target: Any) -> Any | None:
    """Return the active ECS service of a scalable target."""
    _, cluster, name = target.resource_id.split("/")
    service = backends.ecs_service(cluster, name)
    return service if service is not None and service.status == "ACTIVE" else None


@dataclass(frozen=True)
class ServiceTasks:
    """A scalable target of Application Auto Scaling: the tasks of an ECS service."""

    backends: Backends
    target: Any
    service: Any
    unit = "tasks"

    @property
    def name(self) -> str:
        return str(self.service.name)

    def capacity(self) -> Capacity:
        low, high = int(self.target.min_capacity or 0), int(self.target.max_capacity or 0)
        return Capacity(int(self.service.desired_count or 0), low, high)

    def is_suspended(self, activity: str) -> bool:
        """Return whether an activity, such as `ScheduledScalingSuspended`, is suspended."""
        return bool((self.target.suspended_state or {}).get(activity))

    def may_scale(self, *, out: bool) -> bool:
        return not self.is_suspended(f"DynamicScaling{'Out' if out else 'In'}Suspended")

    def policies(self) -> Iterator[ScalingPolicy]:
        for policy in self.backends.backend("applicationautoscaling").policies.values():
            if policy.resource_id == self.target.resource_id and policy.scalable_dimension == ECS_DIMENSION:
                config = policy.target_tracking_scaling_policy_configuration or policy.step_scaling_policy_configuration
                default = config.get("Cooldown", DEFAULT_COOLDOWN)
                cooldowns = (config.get("ScaleOutCooldown", default), config.get("ScaleInCooldown", default))
                low_alarms = tuple(alarm.name for alarm in policy.alarms if "-AlarmLow-" in alarm.name)
                name, arn, kind = policy.policy_name, policy.policy_arn, policy.policy_type
                yield ScalingPolicy(name, arn, kind, config, cooldowns, low_alarms)

    def notes(self) -> dict[str, Any]:
        return sidecar(self.target)

    def set_capacity(self, count: int, cause: str) -> None:
        add_activity(self.backends, self.target, count, cause)
        self.service.desired_count = count
        SCHEDULER.mark_changed(self.backends, "ecs")


@dataclass(frozen=True)
class GroupInstances:
    """The instances of an Auto Scaling group."""

    backends: Backends
    group: Any
    unit = "instances"

    @property
    def name(self) -> str:
        return str(self.group.name)

    def capacity(self) -> Capacity:
        group = self.group
        return Capacity(int(group.desired_capacity or 0), int(group.min_size or 0), int(group.max_size or 0))

    def may_scale(self, *, out: bool) -> bool:
        return all(process["ProcessName"] != "AlarmNotification" for process in self.group.suspended_processes)

    def policies(self) -> Iterator[ScalingPolicy]:
        default = float(self.group.default_cooldown or DEFAULT_COOLDOWN)
        for policy in self.backends.backend("autoscaling").policies.values():
            if policy.auto_scaling_group_name == self.group.name:
                tracking = policy.target_tracking_configuration
                config = {
                    "AdjustmentType": policy.adjustment_type,
                    "ScalingAdjustment": policy.scaling_adjustment,
                    "MinAdjustmentMagnitude": policy.min_adjustment_magnitude,
                    "StepAdjustments": policy.step_adjustments or (),
                    **(vars(tracking) if tracking else {}),
                }
                is_simple = policy.policy_type == "SimpleScaling"
                configured = policy.cooldown if is_simple else policy.estimated_instance_warmup
                cooldown = default if configured is None else float(configured)
                low_alarms = tuple(name for name in sidecar(policy).get("alarms", ()) if "-AlarmLow-" in name)
                name, arn, kind = policy.name, policy.arn, policy.policy_type
                yield ScalingPolicy(name, arn, kind, config, (cooldown, cooldown), low_alarms)

    def notes(self) -> dict[str, Any]:
        return sidecar(self.group)

    def set_capacity(self, count: int, cause: str) -> None:
        change = f"changing the desired capacity from {self.capacity().current} to {count}"
        set_capacity_cause(self.group, f"a {cause} {change}")
        self.group.desired_capacity = count
        SCHEDULER.mark_changed(self.backends, "autoscaling")
