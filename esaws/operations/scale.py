"""Scale a service: its tasks, the range of its scaling, and the instances that the tasks need.

The minimum of the scaling becomes the number of tasks, since AWS would otherwise take them away again. Instances start
before tasks, and end after them: those without tasks, drained first. The group's own scaling pauses meanwhile, because
it chooses instances without regard to their tasks; a tag says so until it goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.deploy.steps import Step, StepPlan
from esaws.errors import UsageError
from esaws.operations.capacity import Capacity, capacity_of
from esaws.operations.checks import Check
from esaws.operations.fleet import drain, hosts_of, members, read_group, surplus_instances, terminate, wait_for_hosts
from esaws.operations.lone_tasks import register, start_lone_task, stop_lone_tasks, task_health, unregistered
from esaws.operations.services import ServiceState, service_state
from esaws.operations.watching import wait_for
from esaws.resource import Live
from esaws.resources.scalable_target import BUSY, TASKS, ScalableTarget, resource_id

PAUSED_TAG = "esaws:scaling-paused"
"""The tag of a group whose scaling was paused by a scaling down that has not ended."""

_SCALING = "AlarmNotification"
"""https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html"""

DEFAULT_MINUTES = 30.0
"""The time that the tasks of a service may take to start, or to drain and stop."""


def plan_scaling(cloud: Cloud, service: str, tasks: int, *, minutes: float = DEFAULT_MINUTES) -> StepPlan:
    """Plan to run so many tasks of a service, with the instances that they need.

    The plan is empty if they run. Scaling keeps its policies: its minimum becomes `tasks`, and its maximum at least
    that. A remark says why the instances stay as they are, where they do.

    Raises:
        NotDeployed: the deployment has no such service.
        UsageError: `tasks` is negative, or the service is a daemon, which runs one task on each instance.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    cloud.check()
    if tasks < 0:
        raise UsageError(f"{tasks} tasks: use 0 or more")
    state = service_state(cloud, service)
    if state.raw.get("schedulingStrategy") == "DAEMON":
        raise UsageError(f"{service} is a daemon: it runs one task on each instance of its cluster")
    if not state.is_service and not tasks:
        raise UsageError(f"{service} has tasks without an ECS service, so nothing would start them again: park instead")
    capacity = capacity_of(cloud, state)
    scaling = (_Scaling if state.is_service else _TaskScaling)(cloud, state, tasks, capacity, minutes)
    steps = [*scaling.more_instances(), *scaling.range_and_tasks(), *scaling.fewer_instances()]
    remarks = (f"the instances stay as they are: {capacity.reason}",) if capacity.reason else ()
    return StepPlan(cloud, "scale", tuple(steps), remarks)


def verify_scaling(cloud: Cloud, service: str, tasks: int) -> list[Check]:
    """Check that so many tasks run and are healthy, and that the scaling of the service does not take them away.

    Raises:
        NotDeployed: the deployment has no such service.
    """
    state = service_state(cloud, service)
    again = "scale it again; `esaws health` says why targets are unhealthy"
    found = f"{state.running} run, {state.healthy} healthy, {state.desired} wanted"
    is_done = state.desired == tasks and state.running == tasks and state.healthy >= tasks
    checks = [Check(f"{tasks} tasks of {service} run and are healthy", is_done, found, again)]
    if (target := _target_of(cloud, state)) is not None:
        low, high = target.fields["minimum"], target.fields["maximum"]
        checks.append(Check(f"its scaling keeps {tasks} tasks", low == tasks <= high, f"from {low} to {high}", again))
    return checks


def scaling_leaves(cloud: Cloud, service: str) -> list[str]:
    """What a scaling leaves: the sizes that a deploy would set back, and the instances that cost money.

    Raises:
        NotDeployed: the deployment has no such service.
    """
    state = service_state(cloud, service)
    capacity = capacity_of(cloud, state)
    lines = [f"{service} runs {state.running} tasks"]
    if (target := _target_of(cloud, state)) is not None:
        lines.append(f"its scaling goes from {target.fields['minimum']} to {target.fields['maximum']} tasks")
    if capacity.group is not None:
        raw = capacity.group.raw
        sizes = f"{raw['DesiredCapacity']} instances, from {raw['MinSize']} to {raw['MaxSize']}"
        lines.append(f"AutoScalingGroup {capacity.group.name} has {sizes}")
    if not state.is_service:
        return [*lines, "a deploy refuses tasks that are not declared, unless it prunes them"]
    return [*lines, "a deploy sets the declared minimum and maximum again: change the declaration too"]


@dataclass(frozen=True)
class _Scaling:
    """The steps of one scaling."""

    cloud: Cloud
    state: ServiceState
    tasks: int
    capacity: Capacity
    minutes: float

    @property
    def needed(self) -> int:
        return self.capacity.needed(self.tasks)

    # -- instances -----------------------------------------------------------------------------------------------

    def more_instances(self) -> Iterator[Step]:
        group = self.capacity.group
        if group is None:
            return
        low, high, desired = (group.raw[key] for key in ("MinSize", "MaxSize", "DesiredCapacity"))
        wanted = (max(low, self.needed), max(high, self.needed), max(desired, self.needed))
        if (low, high, desired) != wanted or len(members(group)) < self.needed:

            def act() -> None:
                self._resize(group, *wanted)
                wait_for_hosts(self.cloud, group.raw["AutoScalingGroupName"], self.needed, ())

            yield Step("AutoScalingGroup", group.name, _sizes(low, high, desired), _sizes(*wanted), act)

    def fewer_instances(self) -> Iterator[Step]:
        group = self.capacity.group
        if group is None:
            return
        low, high, desired = (group.raw[key] for key in ("MinSize", "MaxSize", "DesiredCapacity"))
        if low > self.needed or desired > self.needed or PAUSED_TAG in tag_dict(group.raw["Tags"]):

            def act() -> None:
                self._pause(group)
                self._resize(group, min(low, self.needed), high, read_group(self.cloud, group).raw["DesiredCapacity"])
                leaving = surplus_instances(self.cloud, read_group(self.cloud, group), self.needed)
                drain(self.cloud, hosts_of(self.cloud, leaving))
                terminate(self.cloud, leaving)
                self._resize(group, self.needed, high, self.needed)
                self._go_on(group)

            yield Step(
                "AutoScalingGroup", group.name, _sizes(low, high, desired), _sizes(self.needed, high, self.needed), act
            )

    def _resize(self, group: Live, minimum: int, maximum: int, desired: int) -> None:
        self.cloud.client("autoscaling").update_auto_scaling_group(
            AutoScalingGroupName=group.raw["AutoScalingGroupName"],
            MinSize=minimum,
            MaxSize=maximum,
            DesiredCapacity=desired,
        )

    def _pause(self, group: Live) -> None:
        """Pause the scaling of a group, unless its user has suspended it."""
        autoscaling, name = self.cloud.client("autoscaling"), group.raw["AutoScalingGroupName"]
        if _SCALING not in {each["ProcessName"] for each in group.raw.get("SuspendedProcesses", ())}:
            tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": PAUSED_TAG, "Value": _SCALING}
            autoscaling.create_or_update_tags(Tags=[tag | {"PropagateAtLaunch": False}])
            autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=[_SCALING])

    def _go_on(self, group: Live) -> None:
        """Let the scaling of a group go on if a tag says that it was paused."""
        autoscaling, name = self.cloud.client("autoscaling"), group.raw["AutoScalingGroupName"]
        if PAUSED_TAG in tag_dict(read_group(self.cloud, group).raw["Tags"]):
            autoscaling.resume_processes(AutoScalingGroupName=name, ScalingProcesses=[_SCALING])
            autoscaling.delete_tags(
                Tags=[{"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": PAUSED_TAG}]
            )

    # -- tasks ---------------------------------------------------------------------------------------------------

    def range_and_tasks(self) -> Iterator[Step]:
        ecs, state, target = self.cloud.client("ecs"), self.state, _target_of(self.cloud, self.state)
        if target is not None:
            low, high = target.fields["minimum"], target.fields["maximum"]
            if low != self.tasks or high < self.tasks:
                then = f"from {self.tasks} to {max(high, self.tasks)} tasks"
                yield Step("ScalableTarget", target.name, f"from {low} to {high} tasks", then, self._set_range)
        if state.desired != self.tasks or not state.is_settled:

            def act() -> None:
                ecs.update_service(cluster=state.cluster, service=state.arn, desiredCount=self.tasks)
                wait_for(
                    self.cloud,
                    f"{self.tasks} tasks of {state.name} run and are healthy",
                    self._runs,
                    minutes=self.minutes,
                )

            yield Step(
                "Service", state.name, f"{state.running} of {state.desired} tasks run", f"{self.tasks} tasks", act
            )

    def _runs(self) -> bool:
        state = service_state(self.cloud, self.state.name)
        return state.desired == self.tasks and state.is_settled

    def _set_range(self) -> None:
        register = self.cloud.client("application-autoscaling").register_scalable_target
        target = _target_of(self.cloud, self.state)
        assert target is not None
        limits: dict[str, Any] = {"MinCapacity": self.tasks, "MaxCapacity": max(target.fields["maximum"], self.tasks)}
        self.cloud.retry(lambda: register(**TASKS, ResourceId=target.id, **limits), *BUSY, minutes=2)


class _TaskScaling(_Scaling):
    """The steps for tasks without an ECS service."""

    def range_and_tasks(self) -> Iterator[Step]:
        state = self.state
        if state.desired != self.tasks or not state.is_settled or unregistered(state):
            now = f"{state.running} of {state.desired} tasks run"
            yield Step("Task", state.name, now, f"{self.tasks} tasks", self._start_and_stop)

    def _start_and_stop(self) -> None:
        state = service_state(self.cloud, self.state.name)
        for task in unregistered(state):
            register(self.cloud, state, task)
        for _ in range(self.tasks - len(state.tasks)):
            start_lone_task(self.cloud, state, state.task_definition)
        wait_for(
            self.cloud,
            f"{self.tasks} tasks of {state.name} run and are healthy",
            lambda: service_state(self.cloud, state.name).healthy >= self.tasks,
            minutes=self.minutes,
        )
        healthy_last = sorted(state.tasks, key=lambda task: task_health(state, task)[0])
        stop_lone_tasks(self.cloud, state, healthy_last[: max(len(state.tasks) - self.tasks, 0)])


def _target_of(cloud: Cloud, state: ServiceState) -> Live | None:
    """The scaling of a service; None if it has none."""
    targets = ScalableTarget.list(cloud) if state.is_service else []
    return next((live for live in targets if live.id == resource_id(state.arn) and not live.foreign), None)


def _sizes(minimum: int, maximum: int, desired: int) -> str:
    return f"{desired} instance{'s' * (desired != 1)}, from {minimum} to {maximum}"
