"""Instances that run ECS tasks: drain them without losing requests, and let their Auto Scaling group terminate them.

ECS replaces the tasks of services on a draining instance, and keeps their minimum healthy percent. Tasks without a
service are started elsewhere first, and registered with the same target groups.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-instance-draining.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.errors import EsawsError, NotDeployed
from esaws.operations.watching import wait_for
from esaws.resource import Live
from esaws.resources._ecs import describe, ecs_name, service_of
from esaws.resources.auto_scaling_group import AutoScalingGroup, describe_group
from esaws.resources.cluster import Cluster
from esaws.resources.service import Service
from esaws.resources.target_group import TargetGroup
from esaws.resources.task import Task, start_task, wait_until_running

DRAIN_MINUTES = 60.0
"""Connections may drain for an hour: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html"""

_START_MINUTES = 15.0


@dataclass(frozen=True)
class Host:
    """A container instance: its EC2 instance, its cluster, and whether it accepts tasks."""

    instance: str
    cluster: str
    arn: str
    status: str
    connected: bool


def hosts_of(cloud: Cloud, instances: Collection[str]) -> list[Host]:
    """Return the container instances of the deployment's clusters on these EC2 instances."""
    found = []
    for cluster in Cluster.list(cloud) if instances else ():
        arns = list(pages(cloud, "ecs", "list_container_instances", "containerInstanceArns", cluster=cluster.id))
        for raw in describe(cloud, "containerInstances", arns, cluster=cluster.id):
            if raw["ec2InstanceId"] in instances:
                arn, connected = raw["containerInstanceArn"], raw["agentConnected"]
                found.append(Host(raw["ec2InstanceId"], cluster.id, arn, raw["status"], connected))
    return found


def tasks_on(cloud: Cloud, host: Host) -> list[dict[str, Any]]:
    """Return ECS's descriptions of the tasks on a container instance that have not stopped, with tags."""
    where = {"cluster": host.cluster, "containerInstance": host.arn}
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in pages(cloud, "ecs", "list_tasks", "taskArns", **where, desiredStatus=status)
    ]
    described = describe(cloud, "tasks", arns, cluster=host.cluster)
    return [task for task in described if task["lastStatus"] != "STOPPED"]


def members(group: Live) -> dict[str, str]:
    """Instance id → zone, of the instances in service or starting in a live AutoScalingGroup."""
    return {
        instance["InstanceId"]: instance["AvailabilityZone"]
        for instance in group.raw["Instances"]
        if instance["LifecycleState"].startswith(("InService", "Pending"))
    }


def wait_for_hosts(cloud: Cloud, group: str, count: int, leaving: Collection[str]) -> list[Host]:
    """Wait until `count` instances of a group, besides those that leave, run an ECS agent, and return them.

    `group` is the group's name on AWS.

    Raises:
        EsawsError: a launch failed, or it took more than 15 minutes.
    """
    ready: list[Host] = []

    def have_agents() -> bool:
        raw = describe_group(cloud, group) or {"Instances": []}
        ids = {each["InstanceId"] for each in raw["Instances"] if each["LifecycleState"] == "InService"}
        hosts = hosts_of(cloud, ids - set(leaving))
        ready[:] = [host for host in hosts if host.connected and host.status == "ACTIVE"]
        if len(ready) < count:
            _raise_failed_launch(cloud, group)
        return len(ready) >= count

    wait_for(cloud, f"{count} other instances of {group} run an ECS agent", have_agents, minutes=_START_MINUTES)
    return ready


def drain(cloud: Cloud, hosts: Iterable[Host]) -> None:
    """Let container instances take no new tasks, move their tasks, and return when connections have drained.

    An instance without a connected agent is not waited for: it can't stop its tasks any more.

    Raises:
        EsawsError: tasks are left after an hour, or a task without a service did not start elsewhere.
    """
    hosts = list(hosts)
    for host in hosts:
        if host.status == "ACTIVE":
            state = {"cluster": host.cluster, "containerInstances": [host.arn], "status": "DRAINING"}
            failures = cloud.client("ecs").update_container_instances_state(**state)["failures"]
            if failures:
                raise EsawsError(f"{host.instance} can't be drained ({failures[0].get('reason', 'no reason')})")
    for host in hosts:
        for task in tasks_on(cloud, host):
            if not service_of(task) and task["desiredStatus"] == "RUNNING":
                _move(cloud, host, task)
    connected = [host for host in hosts if host.connected]
    names = ", ".join(sorted(host.instance for host in connected))
    wait_for(
        cloud,
        f"no task runs on {names}",
        lambda: not any(tasks_on(cloud, host) for host in connected),
        minutes=DRAIN_MINUTES,
    )


def surplus_instances(cloud: Cloud, group: Live, keep: int) -> list[str]:
    """Return the instances of a group that are too many: those without tasks first, and of the fullest zone first."""
    zones = members(group)
    busy = {host.instance for host in hosts_of(cloud, set(zones)) if tasks_on(cloud, host)}
    chosen: list[str] = []
    while len(zones) > keep:
        counts = Counter(zones.values())
        chosen.append(max(zones, key=lambda id: (id not in busy, counts[zones[id]])))
        del zones[chosen[-1]]
    return chosen


def list_groups(cloud: Cloud) -> tuple[Live, ...]:
    """Return the Auto Scaling groups of the deployment, by name.

    Raises:
        NotDeployed: it has none.
    """
    if groups := AutoScalingGroup.list(cloud):
        return tuple(sorted(groups, key=lambda group: group.name))  # AWS has no fixed order
    missing = f"{cloud.deployment} has no Auto Scaling group in {cloud.region}"
    if any(live.fields["launch_type"] == "FARGATE" for live in Service.list(cloud)):
        raise NotDeployed(f"{missing}: its tasks run on Fargate, whose instances AWS drains and replaces itself")
    raise NotDeployed(f"{missing}; deploy it with `esaws deploy`")


def read_group(cloud: Cloud, group: Live) -> Live:
    """Return a live AutoScalingGroup as it is now.

    Raises:
        NotDeployed: it is gone.
    """
    raw = describe_group(cloud, group.raw["AutoScalingGroupName"])
    if raw is None:
        raise NotDeployed(f"AutoScalingGroup {group.name} is gone from {cloud.region}; deploy it first")
    return AutoScalingGroup._live(group.name, raw)


def terminate(cloud: Cloud, instances: Iterable[str]) -> None:
    """Terminate instances of Auto Scaling groups; those that are gone are skipped.

    A group does not replace them, unless it would have fewer than its minimum.
    """
    end = cloud.client("autoscaling").terminate_instance_in_auto_scaling_group
    for instance in instances:
        try:
            end(InstanceId=instance, ShouldDecrementDesiredCapacity=True)
        except ClientError as error:
            if "min size" in str(error):
                end(InstanceId=instance, ShouldDecrementDesiredCapacity=False)
            elif "not found" not in str(error):
                raise


def _move(cloud: Cloud, host: Host, task: dict[str, Any]) -> None:
    """Start a task without a service elsewhere, hand its targets over, and stop it."""
    name = ecs_name(cloud, task)
    if name is None:
        raise EsawsError(
            f"a task of {task.get('group', 'an unknown family')} on {host.instance} is not of {cloud.deployment}; "
            "stop it, or move it by hand, and run this again"
        )
    others = [
        live.id
        for live in Task.list(cloud)
        if live.name == name and live.id != task["taskArn"] and live.state not in Task.deleting and not live.foreign
    ]
    arn = others[0] if others else start_task(cloud, host.cluster, task["taskDefinitionArn"], name)
    wait_until_running(cloud, host.cluster, arn, name)
    (started,) = describe(cloud, "tasks", [arn], cluster=host.cluster)
    new_host = next(describe(cloud, "containerInstances", [started["containerInstanceArn"]], cluster=host.cluster))[
        "ec2InstanceId"
    ]
    ports = {binding["hostPort"] for each in task["containers"] for binding in each.get("networkBindings", ())}
    for group in TargetGroup.list(cloud):
        _hand_over(cloud, group, host.instance, new_host, ports)
    if host.connected:  # a lost agent stops nothing
        Task.delete(cloud, next(live for live in Task.list(cloud) if live.id == task["taskArn"]))


def _hand_over(cloud: Cloud, group: Live, old: str, new: str, ports: Collection[int]) -> None:
    """Register an instance with the ports of another one in a target group, wait, and deregister the other."""
    elbv2, where = cloud.client("elbv2"), {"TargetGroupArn": group.id}
    targets = [each["Target"] for each in elbv2.describe_target_health(**where)["TargetHealthDescriptions"]]
    leaving = [target for target in targets if target["Id"] == old and target.get("Port") in ports]
    if not leaving:
        return
    arriving = [{"Id": new, "Port": target["Port"]} for target in leaving]
    elbv2.register_targets(**where, Targets=arriving)
    if group.raw.get("LoadBalancerArns"):
        wait_for(
            cloud,
            f"the new target of {group.name} is healthy",
            lambda: all(
                each["TargetHealth"]["State"] in ("healthy", "unavailable")
                for each in elbv2.describe_target_health(**where, Targets=arriving)["TargetHealthDescriptions"]
            ),
            minutes=_START_MINUTES,
        )
    elbv2.deregister_targets(**where, Targets=leaving)
    wait_for(
        cloud,
        f"the old target of {group.name} has drained",
        lambda: all(
            each["TargetHealth"]["State"] != "draining"
            for each in elbv2.describe_target_health(**where, Targets=leaving)["TargetHealthDescriptions"]
        ),
        minutes=DRAIN_MINUTES,
    )


def _raise_failed_launch(cloud: Cloud, group: str) -> None:
    """Raise the error of the group's last launch, if it failed."""
    described = cloud.client("autoscaling").describe_scaling_activities(AutoScalingGroupName=group, MaxRecords=1)
    for activity in described["Activities"]:
        if activity["StatusCode"] == "Failed" and activity["Description"].startswith("Launching"):
            reason = activity.get("StatusMessage", "AWS gives no reason")
            raise EsawsError(f"{group} can't launch an instance: {reason}; it tries again, run this again later")
