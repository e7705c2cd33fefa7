"""Replace instances of Auto Scaling groups: the replacement starts first, then the old instance is drained and ends.

An instance is detached, so that its group launches another one while it still serves. Its tag has the name of the
group; an interrupted replacement is found by it and finished.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-detach-attach-instances.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from esaws.aws import ignore_codes, ignore_repetition, pages, tag_dict
from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.deploy.serving import wait_until_serving
from esaws.deploy.steps import Step, StepPlan
from esaws.errors import UsageError
from esaws.operations.checks import Check
from esaws.operations.fleet import Host, drain, hosts_of, list_groups, members, wait_for_hosts
from esaws.resource import Live
from esaws.resources.auto_scaling_group import REPLACED_TAG, AutoScalingGroup, describe_group
from esaws.simulation import cloud_time

if TYPE_CHECKING:
    import pandas

STAYS_UNTIL_FINISHED = "if this is interrupted, run it again: a detached instance is part of no group until it ends"

_ALIVE = ("pending", "running", "stopping", "stopped")
_AGENT_STARTS_WITHIN = timedelta(minutes=10)
_SERVING_MINUTES = 10.0


@dataclass(frozen=True)
class Member:
    """An instance of an Auto Scaling group of the deployment, or one that was detached from it to be replaced.

    `problems` are failed status checks and a lost agent, in words.
    """

    id: str
    zone: str
    group: Live
    host: Host | None
    is_detached: bool
    is_marked: bool
    problems: tuple[str, ...]

    @property
    def group_name(self) -> str:
        """The name of its group on AWS."""
        return str(self.group.raw["AutoScalingGroupName"])

    @property
    def name(self) -> str:
        """Id, group and zone."""
        return f"{self.id} of {self.group.name} in {self.zone}"


def instances(cloud: Cloud) -> pandas.DataFrame:
    """The instances of the deployment, by group: group, zone, instance, state, problems.

    `state` is in group, or detached while it is being replaced. `problems` is empty for a healthy one.
    """
    import pandas

    columns = ["group", "zone", "instance", "state", "problems"]
    rows = [
        (each.group.name, each.zone, each.id, "detached" if each.is_detached else "in group", "; ".join(each.problems))
        for each in list_members(cloud)
    ]
    return pandas.DataFrame(rows, columns=columns).sort_values(["group", "zone", "instance"], ignore_index=True)


def list_members(cloud: Cloud) -> list[Member]:
    """Return the instances of the groups of the deployment, and those that were detached to be replaced.

    Raises:
        NotDeployed: the deployment has no Auto Scaling group.
    """
    groups = list_groups(cloud)
    by_name = {group.raw["AutoScalingGroupName"]: group for group in groups}
    of_group = {id: group for group in groups for id in members(group)}
    described = {raw["InstanceId"]: raw for raw in _describe(cloud, [*of_group])}
    marked = {id: by_name[name] for id, raw in described.items() if (name := _replaced_in(raw)) in by_name}
    hosts = {host.instance: host for host in hosts_of(cloud, described.keys())}
    failed, now = _failed_checks(cloud, [*described]), cloud_time(cloud)
    found = []
    for id, group in {**marked, **of_group}.items():
        raw, host = described.get(id), hosts.get(id)
        if raw is not None:
            zone, is_detached = raw["Placement"]["AvailabilityZone"], id not in of_group
            problems = tuple(_problems(raw, host, failed.get(id, []), now))
            found.append(Member(id, zone, group, host, is_detached, id in marked, problems))
    return sorted(found, key=lambda each: (each.group.name, each.zone, each.id))


def plan_replace_instance(cloud: Cloud, instance: str | None = None) -> StepPlan:
    """Plan to replace an instance by its id, or without one every unhealthy instance; also to finish what was begun.

    Unhealthy is an instance whose status checks fail, or whose ECS agent is lost. An instance that was replaced earlier
    needs no step.

    Raises:
        UsageError: the instance does not belong to the deployment; the message lists those that do.
        NotDeployed: the deployment has no Auto Scaling group.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    cloud.check()
    found = list_members(cloud)
    if instance is not None and not any(each.id == instance for each in found):
        _require_known(cloud, found, instance)
    chosen = [each for each in found if each.is_marked or each.id == instance or (instance is None and each.problems)]
    steps = [step for each in chosen for step in _steps(cloud, each)]
    remarks = [f"{each.id}: {'; '.join(each.problems)}" for each in chosen if each.problems]
    return StepPlan(cloud, "replace instance", tuple(steps), (*remarks, *([STAYS_UNTIL_FINISHED] if steps else [])))


def verify_replaced_instance(cloud: Cloud, instance: str | None = None) -> list[Check]:
    """Check that the instance is gone, that every group has its instances with an ECS agent, and that all serves."""
    found, again = list_members(cloud), "run the same again; it finishes the replacement"
    checks = []
    if instance is not None:
        present = [each.name for each in found if each.id == instance]
        checks.append(Check(f"{instance} is gone", not present, "".join(present) or "no such instance runs", again))
    detached = [each.name for each in found if each.is_detached]
    checks.append(Check("no instance waits to be replaced", not detached, ", ".join(detached) or "none", again))
    checks.append(_have_instances(AutoScalingGroup.list(cloud), found, again))
    unstable = wait_until_serving(cloud, minutes=_SERVING_MINUTES)
    serving = "; ".join(map(str, unstable)) or "every service is stable, every target healthy"
    return [*checks, Check("everything serves", not unstable, serving, "look at `esaws health`")]


def _have_instances(groups: list[Live], found: list[Member], next_step: str) -> Check:
    statement, missing = "every group has its instances, with passed status checks and an ECS agent", []
    for group in groups:
        healthy = [each for each in found if each.group.id == group.id and not each.is_detached and not each.problems]
        if len(healthy) < group.raw["DesiredCapacity"]:
            missing.append(f"{group.name} has {len(healthy)} of {group.raw['DesiredCapacity']}")
    return Check(statement, not missing, "; ".join(missing) or f"{len(groups)} groups", next_step)


# -- steps -----------------------------------------------------------------------------------------------------------


def _steps(cloud: Cloud, member: Member) -> Iterator[Step]:
    if not member.is_detached:
        after = "detached; another one is in service"
        yield Step("Instance", member.name, f"in {member.group.name}", after, partial(_detach, cloud, member))
    if member.host is not None:
        before = "drains" if member.host.status == "DRAINING" else "runs tasks"
        yield Step("ContainerInstance", member.name, before, "drained", partial(_drain, cloud, member))
    yield Step("Instance", member.name, "running", "terminated", partial(_terminate, cloud, member))


def _detach(cloud: Cloud, member: Member) -> None:
    """Mark an instance, detach it, and return when its replacement is in service with an ECS agent."""
    tag = {"Key": REPLACED_TAG, "Value": member.group_name}
    cloud.client("ec2").create_tags(Resources=[member.id], Tags=[tag])

    def is_detached() -> bool:
        instances = (describe_group(cloud, member.group_name) or {}).get("Instances", ())
        return all(raw["InstanceId"] != member.id or raw["LifecycleState"] == "Detaching" for raw in instances)

    with ignore_repetition("ValidationError", is_detached):
        cloud.client("autoscaling").detach_instances(
            InstanceIds=[member.id], AutoScalingGroupName=member.group_name, ShouldDecrementDesiredCapacity=False
        )
    _wait_for_replacement(cloud, member)


def _wait_for_replacement(cloud: Cloud, member: Member) -> None:
    wait_for_hosts(cloud, member.group_name, member.group.raw["DesiredCapacity"], [member.id])


def _drain(cloud: Cloud, member: Member) -> None:
    _wait_for_replacement(cloud, member)  # an earlier run may have been stopped before it was there
    drain(cloud, hosts_of(cloud, [member.id]))


def _terminate(cloud: Cloud, member: Member) -> None:
    cloud.client("ec2").terminate_instances(InstanceIds=[member.id])
    cloud.wait("ec2", "instance_terminated", InstanceIds=[member.id])
    for host in hosts_of(cloud, [member.id]):
        # ECS notices a terminated instance only minutes later.
        with ignore_codes("InvalidParameterException", "ClientException"):
            cloud.client("ecs").deregister_container_instance(
                cluster=host.cluster, containerInstance=host.arn, force=True
            )


# -- what exists -----------------------------------------------------------------------------------------------------


def _describe(cloud: Cloud, ids: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the instances of the deployment that exist, those of its groups and those that were detached."""
    filters = [
        {"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]},
        {"Name": "instance-state-name", "Values": [*_ALIVE]},
    ]
    for reservation in pages(cloud, "ec2", "describe_instances", "Reservations", Filters=filters):
        for raw in reservation["Instances"]:
            if raw["InstanceId"] in ids or _replaced_in(raw):
                yield raw


def _replaced_in(raw: dict[str, Any]) -> str | None:
    return tag_dict(raw.get("Tags")).get(REPLACED_TAG)


def _failed_checks(cloud: Cloud, ids: list[str]) -> dict[str, list[str]]:
    """Return instance id → which of EC2's status checks fail."""
    if not ids:
        return {}
    failed = {}
    for raw in pages(cloud, "ec2", "describe_instance_status", "InstanceStatuses", InstanceIds=ids):
        words = {"system": raw["SystemStatus"]["Status"], "instance": raw["InstanceStatus"]["Status"]}
        failed[raw["InstanceId"]] = [
            f"its {name} status check is impaired" for name, status in words.items() if status == "impaired"
        ]
    return failed


def _problems(raw: dict[str, Any], host: Host | None, failed_checks: list[str], now: datetime) -> Iterator[str]:
    yield from failed_checks
    state, since = raw["State"]["Name"], raw["LaunchTime"].astimezone(UTC)
    if state in ("stopping", "stopped"):
        yield f"it is {state}"
    elif (host is None or not host.connected) and now - since > _AGENT_STARTS_WITHIN:
        yield "its ECS agent is not connected"


def _require_known(cloud: Cloud, found: list[Member], instance: str) -> None:
    """Raise UsageError unless the activities of a group, which AWS keeps for six weeks, show that it was a member."""
    for group in {each.group.id: each.group for each in found}.values():
        name = group.raw["AutoScalingGroupName"]
        activities = pages(cloud, "autoscaling", "describe_scaling_activities", "Activities", AutoScalingGroupName=name)
        if any(instance in activity.get("Description", "") for activity in activities):
            return
    listed = ", ".join(each.name for each in found) or "none"
    raise UsageError(f"{instance} is not an instance of {cloud.deployment} in {cloud.region}; its instances: {listed}")
