"""What scaling policies scale: the tasks of an ECS service, and the instances of an Auto Scaling group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import happened
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.services.application_autoscaling.policy_math import DEFAULT_COOLDOWN, Capacity, Last, suspended
from local_aws_server.services.autoscaling import activities

_KEPT = timedelta(weeks=6)
"""https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingActivities.html"""

TASKS = "ecs:service:DesiredCount"


@dataclass(frozen=True)
class Policy:
    """A scaling policy."""

    name: str
    arn: str
    kind: str
    """TargetTrackingScaling, StepScaling or SimpleScaling."""
    config: Mapping[str, Any]
    """In boto3's shape."""
    cooldowns: tuple[float, float]
    """Seconds after a scale-out, after a scale-in."""
    lows: tuple[str, ...] = ()
    """The alarms of target tracking that say when it may scale in."""


class Scalable(Protocol):
    """A thing that policies scale."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def unit(self) -> str:
        """What it has more or fewer of."""

    def capacity(self) -> Capacity:
        """How much there is, and may be."""

    def may(self, *, out: bool) -> bool:
        """Whether nobody has suspended that."""

    def policies(self) -> Iterator[Policy]:
        """The policies that scale it."""

    def kept(self) -> dict[str, Any]:
        """What is remembered about its scaling."""

    def set(self, count: int, cause: str) -> None:
        """Change its capacity, for a cause in AWS's words."""


def scalables(world: Backends) -> list[Scalable]:
    """All that exists and can be scaled."""
    targets = world.backend("applicationautoscaling").targets.get(TASKS, {})
    services = [ServiceTasks(world, target, service) for target in targets.values() if (service := _of(world, target))]
    return [*services, *(GroupInstances(world, group) for group in world.groups)]


def last(scalable: Scalable) -> Last | None:
    """The last time that a policy scaled it."""
    found: Last | None = scalable.kept().get("last")
    return found


def scale(world: Backends, scalable: Scalable, to: int, cause: str, because: str, cooldown: float | None) -> None:
    """Change a capacity; what a policy does has a cooldown."""
    before = scalable.capacity().now
    if cooldown is not None:
        scalable.kept()["last"] = Last(CLOCK.now(), before, to, cooldown)
    direction = "out" if to > before else "in"
    happened(world, scalable.name, f"scaled {direction} from {before} to {to} {scalable.unit}", because)
    scalable.set(to, cause)


def _of(world: Backends, target: Any) -> Any | None:
    """The ECS service of a scalable target."""
    _, cluster, name = target.resource_id.split("/")
    service = world.service(cluster, name)
    return service if service is not None and service.status == "ACTIVE" else None


@dataclass(frozen=True)
class ServiceTasks:
    """A scalable target of Application Auto Scaling: the tasks of an ECS service."""

    world: Backends
    target: Any
    service: Any
    unit = "tasks"

    @property
    def name(self) -> str:
        return str(self.service.name)

    def capacity(self) -> Capacity:
        low, high = int(self.target.min_capacity or 0), int(self.target.max_capacity or 0)
        return Capacity(int(self.service.desired_count or 0), low, high)

    def may(self, *, out: bool) -> bool:
        return not suspended(self.target.suspended_state, [f"DynamicScaling{'Out' if out else 'In'}Suspended"])

    def policies(self) -> Iterator[Policy]:
        for policy in self.world.backend("applicationautoscaling").policies.values():
            if policy.resource_id == self.target.resource_id and policy.scalable_dimension == TASKS:
                config = policy.target_tracking_scaling_policy_configuration or policy.step_scaling_policy_configuration
                both = config.get("Cooldown", DEFAULT_COOLDOWN)
                cooldowns = (config.get("ScaleOutCooldown", both), config.get("ScaleInCooldown", both))
                lows = tuple(alarm.name for alarm in policy.alarms if "-AlarmLow-" in alarm.name)
                yield Policy(policy.policy_name, policy.policy_arn, policy.policy_type, config, cooldowns, lows)

    def kept(self) -> dict[str, Any]:
        return remembered(self.target)

    def set(self, count: int, cause: str) -> None:
        _note(self.world, self.target, count, cause)
        self.service.desired_count = count
        TIMELINE.touch(self.world, "ecs")


@dataclass(frozen=True)
class GroupInstances:
    """The instances of an Auto Scaling group."""

    world: Backends
    group: Any
    unit = "instances"

    @property
    def name(self) -> str:
        return str(self.group.name)

    def capacity(self) -> Capacity:
        group = self.group
        return Capacity(int(group.desired_capacity or 0), int(group.min_size or 0), int(group.max_size or 0))

    def may(self, *, out: bool) -> bool:
        return all(process["ProcessName"] != "AlarmNotification" for process in self.group.suspended_processes)

    def policies(self) -> Iterator[Policy]:
        usual = float(self.group.default_cooldown or DEFAULT_COOLDOWN)
        for policy in self.world.backend("autoscaling").policies.values():
            if policy.auto_scaling_group_name == self.group.name:
                tracking = policy.target_tracking_configuration
                config = {
                    "AdjustmentType": policy.adjustment_type,
                    "ScalingAdjustment": policy.scaling_adjustment,
                    "MinAdjustmentMagnitude": policy.min_adjustment_magnitude,
                    "StepAdjustments": policy.step_adjustments or (),
                    **(vars(tracking) if tracking else {}),
                }
                simple = policy.policy_type == "SimpleScaling"
                given = policy.cooldown if simple else policy.estimated_instance_warmup
                seconds = usual if given is None else float(given)
                lows = tuple(name for name in remembered(policy).get("alarms", ()) if "-AlarmLow-" in name)
                yield Policy(policy.name, policy.arn, policy.policy_type, config, (seconds, seconds), lows)

    def kept(self) -> dict[str, Any]:
        return remembered(self.group)

    def set(self, count: int, cause: str) -> None:
        change = f"changing the desired capacity from {self.capacity().now} to {count}"
        activities.asked(self.group, f"a {cause} {change}")
        self.group.desired_capacity = count
        TIMELINE.touch(self.world, "autoscaling")


# --- the activities of Application Auto Scaling


def noted(world: Backends) -> list[dict[str, Any]]:
    """The scaling activities of the last six weeks, in boto3's shape, the oldest first."""
    backend = world.backend("applicationautoscaling")
    found: list[dict[str, Any]] = remembered(backend).setdefault("activities", [])
    return found


def _note(world: Backends, target: Any, count: int, cause: str) -> None:
    known, now = noted(world), datetime.fromtimestamp(CLOCK.now(), UTC)
    for activity in known:
        if activity["StatusCode"] == "InProgress" and activity["ResourceId"] == target.resource_id:
            activity.update(StatusCode="Overridden", EndTime=now)
    known.append(
        {
            "ActivityId": str(uuid4()),
            "ServiceNamespace": target.service_namespace,
            "ResourceId": target.resource_id,
            "ScalableDimension": target.scalable_dimension,
            "Description": f"Setting desired count to {count}.",
            "Cause": cause,
            "StartTime": now,
            "StatusCode": "InProgress",
            "StatusMessage": f"Successfully set desired count to {count}. Waiting for change to be fulfilled by ecs.",
        }
    )
    while known[0]["StartTime"] < now - _KEPT:
        known.pop(0)


def fulfil(world: Backends) -> None:
    """Activities whose service runs as many tasks as they set are done."""
    for activity in noted(world):
        if activity["StatusCode"] != "InProgress":
            continue
        _, cluster, name = activity["ResourceId"].split("/")
        service = world.service(cluster, name)
        if service is not None and service.running_count == service.desired_count:
            count = service.desired_count
            message = f"Successfully set desired count to {count}. Change successfully fulfilled by ecs."
            now = datetime.fromtimestamp(CLOCK.now(), UTC)
            activity.update(StatusCode="Successful", StatusMessage=message, EndTime=now)
