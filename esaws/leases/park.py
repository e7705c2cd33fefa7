"""Park a deployment: nothing runs that can be stopped, and everything is kept; resume it as it was.

What a group, a service or a database was before is kept in a tag of its own, written before anything is changed: AWS is
the only state, what is deleted takes its tag with it, and a parking that was interrupted can be completed or undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.errors import NotDeployed
from esaws.inspect.account import snapshot
from esaws.inspect.recurring_costs import KEYS, CostItem, cost_items
from esaws.progress import progress
from esaws.resource import Index, Live
from esaws.resources.scalable_target import TASKS

if TYPE_CHECKING:
    import pandas

PARKED_TAG = "esaws:parked"
STOPPED_FOR_SEVEN_DAYS = "AWS starts a stopped database again after seven days: park again then"
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html"""
STANDALONE_TASKS = "its tasks were no service's: `esaws deploy` starts them again, and registers their targets"

_DAYS_A_MONTH = Decimal(730) / 24


@dataclass(frozen=True)
class Step:
    """One thing to park or to bring back: what it is and will be, and the function that does it."""

    kind: str
    name: str
    before: str
    after: str
    act: Callable[[], Any]

    def to_dict(self) -> dict[str, str]:
        """kind, name, now, then."""
        return {"kind": self.kind, "name": self.name, "now": self.before, "then": self.after}


@dataclass(frozen=True)
class StepPlan:
    """What a parking, or its end, changes; nothing does before `apply`."""

    cloud: Cloud
    purpose: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"{self.purpose}: {len(self.steps)} to change" if self.steps else f"{self.purpose}: nothing to do"

    @property
    def changing(self) -> tuple[Step, ...]:
        return self.steps

    def to_frame(self) -> pandas.DataFrame:
        """One row a step, in order: kind, name, now, then."""
        import pandas

        return pandas.DataFrame([step.to_dict() for step in self.steps], columns=["kind", "name", "now", "then"])

    def apply(self) -> int:
        """Do it, in order, and return how many were changed; it can be run again after an interruption.

        Raises:
            WrongAccount: the credentials belong to another account.
            botocore.exceptions.ClientError: AWS refused a step; those before it are done.
        """
        from esaws.leases.lease import recount  # which parks, too

        self.cloud.check()
        counted = bool(self.steps) and self.purpose in ("park", "resume")  # they change what an hour costs
        if counted:
            recount(self.cloud)
        with progress(self.purpose, len(self.steps)) as shown:
            for step in self.steps:
                step.act()
                shown.step(f"{step.kind} {step.name}")
        if counted:
            recount(self.cloud)
        return len(self.steps)


def plan_park(cloud: Cloud) -> StepPlan:
    """What it takes to stop all that runs of a deployment: services, then groups, to 0, and databases stopped.

    Scaling keeps its policies; its minimum goes to 0, so that it brings nothing back.

    Raises:
        NotDeployed: nothing of the deployment is there.
        LocalNotRunning, WrongAccount: there is no such place, or it is somebody else's.
    """
    cloud.check()
    found = _there(cloud)
    steps = [*_services_down(cloud, found), *_groups_down(cloud, found), *_databases_down(cloud, found)]
    databases = any(live.kind == "DBInstance" for live in found)
    return StepPlan(cloud, "park", tuple(steps), (STOPPED_FOR_SEVEN_DAYS,) if databases else ())


def plan_resume(cloud: Cloud) -> StepPlan:
    """What it takes to bring a parked deployment back as it was: databases, groups, then services.

    Raises:
        NotDeployed: nothing of the deployment is there.
        LocalNotRunning, WrongAccount: there is no such place, or it is somebody else's.
    """
    cloud.check()
    found = _there(cloud)
    steps = [*_databases_up(cloud, found), *_groups_up(cloud, found), *_services_up(cloud, found)]
    by_hand = any(live.kind == "TargetRegistration" for live in found) or not _of(found, "Service")
    return StepPlan(cloud, "resume", tuple(steps), (STANDALONE_TASKS,) if steps and by_hand else ())


def is_parked(cloud: Cloud) -> bool:
    """Whether anything of the deployment is parked: one describe call."""
    groups = cloud.client("autoscaling").get_paginator("describe_auto_scaling_groups")
    filters = [
        {"Name": "tag:esaws:deployment", "Values": [cloud.deployment]},
        {"Name": "tag-key", "Values": [PARKED_TAG]},
    ]
    return any(page["AutoScalingGroups"] for page in groups.paginate(Filters=filters))


def remaining_costs(cloud: Cloud) -> pandas.DataFrame:
    """What of a deployment costs as it stands now, at list price, the dearest first: kind, name, usd_per_day.

    usd_per_day is NaN where the price list lacks a price; the free tier is not counted.
    """
    import pandas

    names = _names(inventory(cloud))
    account = snapshot(cloud, *KEYS)
    rows = []
    for each in cost_items(account):
        cost = each.monthly(cloud.region)
        if (name := names.get(each.id) or _owner(each, account, cloud)) and (cost.usd is None or cost.usd):
            rows.append((each.kind, name, None if cost.usd is None else float(cost.usd / _DAYS_A_MONTH)))
    frame = pandas.DataFrame(rows, columns=["kind", "name", "usd_per_day"]).astype({"usd_per_day": float})
    return frame.sort_values(["usd_per_day", "name"], ascending=[False, True], ignore_index=True)


def _owner(each: CostItem, account: Any, cloud: Cloud) -> str | None:
    """Of instances and volumes, which AWS made below ours: the name in their tags."""
    for key, id in (("Instances", "InstanceId"), ("Volumes", "VolumeId")):
        for raw in account.get(key) or ():
            if raw[id] == each.id:
                return cloud.owned_name(tag_dict(raw.get("Tags")))
    return None


def _names(index: Index) -> dict[str, str]:
    return {live.id: live.name for live in index if not live.foreign}


def _there(cloud: Cloud) -> list[Live]:
    found = [live for live in inventory(cloud) if not live.foreign]
    if not found:
        raise NotDeployed(f"nothing of {cloud.deployment} is in {cloud.region}: there is nothing to park or to resume")
    return found


def _of(found: list[Live], kind: str) -> list[Live]:
    return [live for live in found if live.kind == kind]


# -- Auto Scaling groups ---------------------------------------------------------------------------------------------


def _groups_down(cloud: Cloud, found: list[Live]) -> Iterator[Step]:
    autoscaling = cloud.client("autoscaling")
    for live in _of(found, "AutoScalingGroup"):
        name, low, wanted = live.raw["AutoScalingGroupName"], live.raw["MinSize"], live.raw["DesiredCapacity"]
        kept = tag_dict(live.raw["Tags"]).get(PARKED_TAG)

        def act(name: str = name, kept: str | None = kept, was: str = f"{low}/{wanted}") -> None:
            if kept is None:
                tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": PARKED_TAG, "Value": was}
                autoscaling.create_or_update_tags(Tags=[tag | {"PropagateAtLaunch": False}])
            autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=0, DesiredCapacity=0)

        if low or wanted:
            yield Step("AutoScalingGroup", live.name, f"{wanted} instances, at least {low}", "0", act)


def _groups_up(cloud: Cloud, found: list[Live]) -> Iterator[Step]:
    autoscaling = cloud.client("autoscaling")
    for live in _of(found, "AutoScalingGroup"):
        name, kept = live.raw["AutoScalingGroupName"], tag_dict(live.raw["Tags"]).get(PARKED_TAG)
        if kept is None:
            continue
        low, wanted = map(int, kept.split("/"))

        def act(name: str = name, low: int = low, wanted: int = wanted, kept: str = kept) -> None:
            autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=low, DesiredCapacity=wanted)
            cloud.wait_until(
                f"{wanted} instances of {name} are in service", lambda: _in_service(cloud, name) >= wanted, minutes=15
            )
            tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": PARKED_TAG, "Value": kept}
            autoscaling.delete_tags(Tags=[tag])

        yield Step("AutoScalingGroup", live.name, "parked", f"{wanted} instances, at least {low}", act)


def _in_service(cloud: Cloud, name: str) -> int:
    found = cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return sum(each["LifecycleState"] == "InService" for group in found for each in group["Instances"])


# -- services --------------------------------------------------------------------------------------------------------


def _services_down(cloud: Cloud, found: list[Live]) -> Iterator[Step]:
    """A service to 0 tasks, and its scaling to a minimum of 0: else it would be brought back at once."""
    ecs, ranges = cloud.client("ecs"), _ranges(found)
    for live in _of(found, "Service"):
        wanted, cluster = live.raw["desiredCount"], live.fields["cluster"]
        kept = tag_dict(live.raw.get("tags"), "key", "value").get(PARKED_TAG)
        low, high = ranges.get(live.id, (None, None))

        def act(
            live: Live = live, cluster: str = cluster, kept: str | None = kept, wanted: int = wanted, low: Any = low
        ) -> None:
            if kept is None:
                was = f"{wanted}/{'-' if low is None else low}"
                ecs.tag_resource(resourceArn=live.id, tags=[{"key": PARKED_TAG, "value": was}])
            if low:
                _scale(cloud, live.id, 0)
            ecs.update_service(cluster=cluster, service=live.id, desiredCount=0)

        if wanted or low:
            bounds = f", scaled from {low} to {high}" if low is not None else ""
            yield Step("Service", live.name, f"{wanted} tasks{bounds}", "0", act)


def _services_up(cloud: Cloud, found: list[Live]) -> Iterator[Step]:
    ecs = cloud.client("ecs")
    for live in _of(found, "Service"):
        kept = tag_dict(live.raw.get("tags"), "key", "value").get(PARKED_TAG)
        if kept is None:
            continue
        wanted, low = kept.split("/")

        def act(live: Live = live, wanted: str = wanted, low: str = low) -> None:
            ecs.update_service(cluster=live.fields["cluster"], service=live.id, desiredCount=int(wanted))
            if low != "-":
                _scale(cloud, live.id, int(low))
            ecs.untag_resource(resourceArn=live.id, tagKeys=[PARKED_TAG])

        yield Step("Service", live.name, "parked", f"{wanted} tasks", act)


def _ranges(found: list[Live]) -> dict[str, tuple[int, int]]:
    return {
        live.fields["service"]: (live.fields["minimum"], live.fields["maximum"])
        for live in _of(found, "ScalableTarget")
    }


def _scale(cloud: Cloud, service: str, minimum: int) -> None:
    """Another minimum of tasks; the maximum stays."""
    id = service.split(":", 5)[5]
    cloud.client("application-autoscaling").register_scalable_target(**TASKS, ResourceId=id, MinCapacity=minimum)


# -- databases -------------------------------------------------------------------------------------------------------


def _databases_down(cloud: Cloud, found: list[Live]) -> Iterator[Step]:
    rds = cloud.client("rds")
    for live in _of(found, "DBInstance"):
        if live.state == "available":

            def act(live: Live = live) -> None:
                tags = [{"Key": PARKED_TAG, "Value": "available"}]
                rds.add_tags_to_resource(ResourceName=live.raw["DBInstanceArn"], Tags=tags)
                rds.stop_db_instance(DBInstanceIdentifier=live.id)

            yield Step("DBInstance", live.name, "available", "stopped", act)


def _databases_up(cloud: Cloud, found: list[Live]) -> Iterator[Step]:
    rds = cloud.client("rds")
    for live in _of(found, "DBInstance"):
        if PARKED_TAG not in tag_dict(live.raw.get("TagList")):
            continue

        def act(live: Live = live) -> None:
            cloud.wait_until(f"database {live.name} has stopped", lambda: _state(cloud, live.id) != "stopping", minutes=30)
            if _state(cloud, live.id) == "stopped":
                rds.start_db_instance(DBInstanceIdentifier=live.id)
            rds.remove_tags_from_resource(ResourceName=live.raw["DBInstanceArn"], TagKeys=[PARKED_TAG])
            cloud.wait("rds", "db_instance_available", DBInstanceIdentifier=live.id)

        yield Step("DBInstance", live.name, live.state, "available", act)


def _state(cloud: Cloud, id: str) -> str:
    (raw,) = cloud.client("rds").describe_db_instances(DBInstanceIdentifier=id)["DBInstances"]
    return str(raw["DBInstanceStatus"])
