"""Park a deployment: stop what can be stopped and keep everything; resume it as it was.

What was before is kept in a tag of each group, service, database, cluster and target group, written before anything
changes. AWS is the only state: a deleted resource takes its tag with it, and an interrupted parking can be completed or
undone.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.steps import Step, StepPlan
from esaws.errors import NotDeployed
from esaws.inspect.account import Account, snapshot
from esaws.inspect.recurring_costs import KEYS, CostItem, cost_items
from esaws.leases.lease import recount
from esaws.leases.park_tasks import start_tasks, stop_tasks
from esaws.leases.parked import PARKED_TAG
from esaws.resource import Index, Live, of_kind
from esaws.resources._ecs import service_of
from esaws.resources.db_instance import DBInstance
from esaws.resources.scalable_target import TASKS

if TYPE_CHECKING:
    import pandas

STOPPED_FOR_SEVEN_DAYS = "AWS starts a stopped database again after seven days: park again then"
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html"""

_KINDS = (
    *("AutoScalingGroup", "Cluster", "DBInstance", "ScalableTarget"),
    *("Service", "TargetGroup", "TargetRegistration", "Task"),
)
_DAYS_PER_MONTH = Decimal(730) / 24


def plan_park(cloud: Cloud) -> StepPlan:
    """Plan to stop everything that runs: services, tasks, then groups, to 0, and databases stopped.

    Scaling keeps its policies; its minimum is set to 0, so that it starts nothing again.

    Raises:
        NotDeployed: the deployment does not exist.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    cloud.check()
    resources = _deployed_resources(cloud)
    steps = [
        *_stop_services(cloud, resources),
        *stop_tasks(cloud, resources),
        *_stop_groups(cloud, resources),
        *_stop_databases(cloud, resources),
    ]
    remarks = (STOPPED_FOR_SEVEN_DAYS,) if of_kind(resources, "DBInstance") else ()
    return StepPlan(cloud, "park", tuple(steps), remarks, around=recount)


def plan_resume(cloud: Cloud) -> StepPlan:
    """Plan to start a parked deployment again: databases, groups, then services, tasks and their targets.

    Raises:
        NotDeployed: the deployment does not exist.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    cloud.check()
    resources = _deployed_resources(cloud)
    steps = [
        *_start_databases(cloud, resources),
        *_start_groups(cloud, resources),
        *_start_services(cloud, resources),
        *start_tasks(cloud, resources),
    ]
    return StepPlan(cloud, "resume", tuple(steps), around=recount)


def remaining_costs(cloud: Cloud, index: Index | None = None) -> pandas.DataFrame:
    """The resources of a deployment that cost money in their present state, the most expensive first.

    Columns: kind, name, usd_per_day (at the cloud's list prices, without free tier; NaN where a price is not known).
    A kind that AWS does not describe is a row of its own, with the reason as its name. `index` is the inventory, if the
    caller has one.
    """
    import pandas

    index = inventory(cloud) if index is None else index
    index.require()
    account = snapshot(cloud, *KEYS)
    names = _names_by_id(index) | _names_of_tasks(index, account)
    rows: list[tuple[str, str, float | None]] = []
    for item in cost_items(account):
        cost = item.monthly(cloud.prices, cloud.region)
        name = names.get(item.id) or _owner_name(item, account, cloud)
        if name and (cost.usd is None or cost.usd):
            rows.append((item.kind, name, None if cost.usd is None else float(cost.usd / _DAYS_PER_MONTH)))
    rows += [(key, f"unknown: {reason}", None) for key, reason in sorted(account.missing.items())]
    frame = pandas.DataFrame(rows, columns=["kind", "name", "usd_per_day"]).astype({"usd_per_day": float})
    return frame.sort_values(["usd_per_day", "name"], ascending=[False, True], ignore_index=True)


def _owner_name(item: CostItem, account: Account, cloud: Cloud) -> str | None:
    """The name in the tags of an instance or a volume, which AWS created for a resource of the deployment."""
    for key, id in (("Instances", "InstanceId"), ("Volumes", "VolumeId")):
        for raw in account.get(key) or ():
            if raw[id] == item.id:
                return cloud.owned_name(tag_dict(raw.get("Tags")))
    return None


def _names_by_id(index: Index) -> dict[str, str]:
    return {live.id: live.name for live in index if not live.foreign}


def _names_of_tasks(index: Index, account: Account) -> dict[str, str]:
    """The service of each of its tasks."""
    services = {
        (live.fields["cluster"], live.raw["serviceName"]): live.name
        for live in of_kind(index, "Service")
        if not live.foreign
    }
    tasks = {task["taskArn"]: service_of(task) for task in account.get("tasks") or ()}
    return {arn: services[service] for arn, service in tasks.items() if service in services}


def _deployed_resources(cloud: Cloud) -> list[Live]:
    index = inventory(cloud)
    index.require(*_KINDS)
    resources = [live for live in index if not live.foreign]
    if not resources:
        raise NotDeployed(f"nothing of {cloud.deployment} is in {cloud.region}; deploy it with `esaws deploy`")
    return resources


# -- Auto Scaling groups ---------------------------------------------------------------------------------------------


def _stop_groups(cloud: Cloud, resources: list[Live]) -> Iterator[Step]:
    autoscaling = cloud.client("autoscaling")
    for live in of_kind(resources, "AutoScalingGroup"):
        name, minimum, desired = live.raw["AutoScalingGroupName"], live.raw["MinSize"], live.raw["DesiredCapacity"]
        saved = tag_dict(live.raw["Tags"]).get(PARKED_TAG)

        def act(name: str = name, saved: str | None = saved, state: str = f"{minimum}/{desired}") -> None:
            if saved is None:
                tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": PARKED_TAG, "Value": state}
                autoscaling.create_or_update_tags(Tags=[tag | {"PropagateAtLaunch": False}])
            autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=0, DesiredCapacity=0)

        if minimum or desired:
            yield Step("AutoScalingGroup", live.name, f"{desired} instances, at least {minimum}", "0", act)


def _start_groups(cloud: Cloud, resources: list[Live]) -> Iterator[Step]:
    autoscaling = cloud.client("autoscaling")
    for live in of_kind(resources, "AutoScalingGroup"):
        name, saved = live.raw["AutoScalingGroupName"], tag_dict(live.raw["Tags"]).get(PARKED_TAG)
        if saved is None:
            continue
        minimum, desired = map(int, saved.split("/"))

        def act(name: str = name, minimum: int = minimum, desired: int = desired, saved: str = saved) -> None:
            autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=minimum, DesiredCapacity=desired)
            cloud.wait_until(
                f"{desired} instances of {name} are in service",
                lambda: _instances_in_service(cloud, name) >= desired,
                minutes=15,
            )
            tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": PARKED_TAG, "Value": saved}
            autoscaling.delete_tags(Tags=[tag])

        yield Step("AutoScalingGroup", live.name, "parked", f"{desired} instances, at least {minimum}", act)


def _instances_in_service(cloud: Cloud, name: str) -> int:
    autoscaling = cloud.client("autoscaling")
    groups = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return sum(instance["LifecycleState"] == "InService" for group in groups for instance in group["Instances"])


# -- services --------------------------------------------------------------------------------------------------------


def _stop_services(cloud: Cloud, resources: list[Live]) -> Iterator[Step]:
    """Scale services to 0 tasks, and their scaling to a minimum of 0, which would start them again."""
    ecs, ranges = cloud.client("ecs"), _scaling_ranges(resources)
    for live in of_kind(resources, "Service"):
        desired, cluster = live.raw["desiredCount"], live.fields["cluster"]
        saved = tag_dict(live.raw.get("tags"), "key", "value").get(PARKED_TAG)
        minimum, maximum = ranges.get(live.id, (None, None))

        def act(
            live: Live = live,
            cluster: str = cluster,
            saved: str | None = saved,
            desired: int = desired,
            minimum: int | None = minimum,
        ) -> None:
            if saved is None:
                state = f"{desired}/{'-' if minimum is None else minimum}"
                ecs.tag_resource(resourceArn=live.id, tags=[{"key": PARKED_TAG, "value": state}])
            if minimum:
                _set_minimum_tasks(cloud, live.id, 0)
            ecs.update_service(cluster=cluster, service=live.id, desiredCount=0)

        if desired or minimum:
            scaling = f", scaled from {minimum} to {maximum}" if minimum is not None else ""
            yield Step("Service", live.name, f"{desired} tasks{scaling}", "0", act)


def _start_services(cloud: Cloud, resources: list[Live]) -> Iterator[Step]:
    ecs = cloud.client("ecs")
    for live in of_kind(resources, "Service"):
        saved = tag_dict(live.raw.get("tags"), "key", "value").get(PARKED_TAG)
        if saved is None:
            continue
        desired, minimum = saved.split("/")

        def act(live: Live = live, desired: str = desired, minimum: str = minimum) -> None:
            ecs.update_service(cluster=live.fields["cluster"], service=live.id, desiredCount=int(desired))
            if minimum != "-":
                _set_minimum_tasks(cloud, live.id, int(minimum))
            ecs.untag_resource(resourceArn=live.id, tagKeys=[PARKED_TAG])

        yield Step("Service", live.name, "parked", f"{desired} tasks", act)


def _scaling_ranges(resources: list[Live]) -> dict[str, tuple[int, int]]:
    return {
        live.fields["service"]: (live.fields["minimum"], live.fields["maximum"])
        for live in of_kind(resources, "ScalableTarget")
    }


def _set_minimum_tasks(cloud: Cloud, service_arn: str, minimum: int) -> None:
    """Set the minimum of a service's scaling; the maximum stays."""
    id = service_arn.split(":", 5)[5]
    cloud.client("application-autoscaling").register_scalable_target(**TASKS, ResourceId=id, MinCapacity=minimum)


# -- databases -------------------------------------------------------------------------------------------------------


def _stop_databases(cloud: Cloud, resources: list[Live]) -> Iterator[Step]:
    rds = cloud.client("rds")
    for live in of_kind(resources, "DBInstance"):
        if live.state == "available":

            def act(live: Live = live) -> None:
                tags = [{"Key": PARKED_TAG, "Value": "available"}]
                rds.add_tags_to_resource(ResourceName=live.raw["DBInstanceArn"], Tags=tags)
                DBInstance.stop(cloud, live.id)

            yield Step("DBInstance", live.name, "available", "stopped", act)


def _start_databases(cloud: Cloud, resources: list[Live]) -> Iterator[Step]:
    rds = cloud.client("rds")
    for live in of_kind(resources, "DBInstance"):
        if PARKED_TAG not in tag_dict(live.raw.get("TagList")):
            continue

        def act(live: Live = live) -> None:
            DBInstance.start(cloud, live.id)
            rds.remove_tags_from_resource(ResourceName=live.raw["DBInstanceArn"], TagKeys=[PARKED_TAG])
            cloud.wait("rds", "db_instance_available", DBInstanceIdentifier=live.id)

        yield Step("DBInstance", live.name, live.state, "available", act)
