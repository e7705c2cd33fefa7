"""Run tasks without a service again, and register their targets: ECS does neither when they stop.

Before such a task is stopped, its task definition is written into a tag of its cluster, and the port of its targets
into a tag of the target group. A later run starts it again from these tags, also after an interruption.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from esaws.aws import ignore_codes, tag_dict
from esaws.cloud import Cloud
from esaws.resource import Live
from esaws.resources._ecs import NO_CLUSTER
from esaws.resources._elbv2 import NO_GROUP
from esaws.resources.auto_scaling_group import instances_in_service
from esaws.resources.task import Task, start_task, wait_until_running

RUN_AGAIN_TAG = "esaws:run-again:"
"""The start of the tag's key; the reference name of the task follows. Its value is the task definition."""

REGISTER_AGAIN_TAG = "esaws:register-again:"
"""The start of the key of a target group's tag; the reference name of an Auto Scaling group follows. Its value is the
ports of its instances."""


@dataclass(frozen=True)
class StoppedTask:
    """A task that has to run again, by the tag of its cluster."""

    name: str
    cluster: str
    definition: str


def standalone_tasks(cloud: Cloud) -> list[Live]:
    """Return the tasks of the deployment that belong to no service."""
    return [live for live in Task.list(cloud) if not live.foreign]


def stopped_tasks(clusters: Iterable[Live]) -> list[StoppedTask]:
    """Return the tasks that have to run again, from live clusters. Pure."""
    return [
        StoppedTask(key.removeprefix(RUN_AGAIN_TAG), cluster.id, definition)
        for cluster in clusters
        for key, definition in sorted(tag_dict(cluster.raw.get("tags"), "key", "value").items())
        if key.startswith(RUN_AGAIN_TAG)
    ]


def remember(cloud: Cloud, task: Live) -> StoppedTask:
    """Write into the cluster that a task has to run again, and return what was written."""
    cluster, definition = task.fields["cluster"], task.fields["task_definition"]
    tag = {"key": RUN_AGAIN_TAG + task.name, "value": definition}
    cloud.client("ecs").tag_resource(resourceArn=cluster, tags=[tag])
    return StoppedTask(task.name, cluster, definition)


def run_again(cloud: Cloud, stopped: StoppedTask) -> str:
    """Run a task again unless it runs already, wait until it does, and return its ARN.

    A task that is still stopping is waited for: it may hold the host port.
    """
    arn = ""
    for live in standalone_tasks(cloud):
        if (live.name, live.fields["cluster"]) == (stopped.name, stopped.cluster):
            if live.state in Task.deleting:
                Task.delete(cloud, live)
            else:
                arn = live.id
    arn = arn or start_task(cloud, stopped.cluster, stopped.definition, stopped.name)
    wait_until_running(cloud, stopped.cluster, arn, stopped.name)
    forget(cloud, stopped)
    return arn


def forget(cloud: Cloud, stopped: StoppedTask) -> None:
    """Remove the tag of a task that runs again."""
    with ignore_codes(NO_CLUSTER):
        cloud.client("ecs").untag_resource(resourceArn=stopped.cluster, tagKeys=[RUN_AGAIN_TAG + stopped.name])


def restart(cloud: Cloud, task: Live) -> None:
    """Stop a task and run its task definition again in the same cluster."""
    stopped = remember(cloud, task)
    Task.delete(cloud, task)
    run_again(cloud, stopped)


@dataclass(frozen=True)
class LostTargets:
    """Instances of an Auto Scaling group that have to be registered again, by the tag of a target group."""

    target_group: Live
    group: str
    ports: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name of their TargetRegistration."""
        return f"{self.target_group.name} {self.group}"


def lost_targets(target_groups: Iterable[Live]) -> list[LostTargets]:
    """Return the targets that have to be registered again, from live target groups. Pure."""
    return [
        LostTargets(live, key.removeprefix(REGISTER_AGAIN_TAG), tuple(map(int, ports.split())))
        for live in target_groups
        for key, ports in sorted(tag_dict(live.raw.get("Tags")).items())
        if key.startswith(REGISTER_AGAIN_TAG)
    ]


def remember_targets(cloud: Cloud, registration: Live, group: str) -> None:
    """Write into its target group that the instances of an Auto Scaling group have to be registered again."""
    ports = " ".join(sorted({str(target["Port"]) for target in registration.raw["Targets"]}))
    tag = {"Key": REGISTER_AGAIN_TAG + group, "Value": ports}
    cloud.client("elbv2").add_tags(ResourceArns=[registration.fields["target_group"]], Tags=[tag])


def register_again(cloud: Cloud, lost: LostTargets) -> None:
    """Register the instances in service of an Auto Scaling group in their target group, and remove the tag."""
    elbv2, arn = cloud.client("elbv2"), lost.target_group.id
    instances = instances_in_service(cloud, cloud.aws_name(lost.group))
    targets = [{"Id": instance, "Port": port} for instance in instances for port in lost.ports]
    with ignore_codes(NO_GROUP):
        if targets:
            elbv2.register_targets(TargetGroupArn=arn, Targets=targets)
        elbv2.remove_tags(ResourceArns=[arn], TagKeys=[REGISTER_AGAIN_TAG + lost.group])
