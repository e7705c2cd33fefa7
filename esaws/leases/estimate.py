"""Estimate what a deployment has cost since a time, from describe calls, which are free.

Cost Explorer would be exact. But it is a day late, has accounts and no deployments, and charges 0.01 USD a request: a
lease of eight hours would be over before its costs show up. So each existing resource counts at list price, for the
hours since its creation or since counting began. Instances that Auto Scaling launched and terminated in between are
added from its activities, which AWS keeps for six weeks. A task on Fargate counts from the creation of its service: ECS
forgets the tasks before it an hour after they stop.

Where something can't be known, the estimate is too high: no free tier is subtracted, and a database that was stopped
without esaws counts as if it had run. Traffic, requests, logs and alarms are not counted, nor resources that were
deleted without esaws, which counts before it deletes.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-verify-scaling-activity.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import pages, tag_dict
from esaws.cloud import Cloud
from esaws.errors import describe_error
from esaws.inspect.account import Account, snapshot
from esaws.inspect.recurring_costs import KEYS, CostItem, cost_items, database_usage, volume_usage
from esaws.leases.parked import PARKED_TAG
from esaws.leases.terms import Spend
from esaws.pricelist import HOURS_PER_MONTH, Usage, hours_in_month
from esaws.resources._ecs import service_of

METHOD = "an estimate: existing resources at list price, by the hours since creation; without free tier and traffic"

_LISTED_KINDS = ("LoadBalancer", "DBInstance", "CacheCluster", "Broker", "Cluster")
"""Kinds whose ownership is not in the descriptions of a snapshot."""
_CREATION_TIMES = (
    *("LaunchTime", "CreateTime", "CreatedTime", "InstanceCreateTime", "CacheClusterCreateTime", "Created"),
    "createdAt",
)
_IDS = (
    "InstanceId",
    "VolumeId",
    "LoadBalancerArn",
    "NatGatewayId",
    "DBInstanceIdentifier",
    "CacheClusterId",
    "BrokerId",
    "AllocationId",
)
_GROUP_TAG = "aws:autoscaling:groupName"
_ACTIVITY = re.compile(r"(Launching a new|Terminating) EC2 instance: (i-[0-9a-f]+)")
_HOUR = timedelta(hours=1)


def estimate_spend(cloud: Cloud, since: datetime, now: datetime) -> Spend:
    """Estimate what the deployment cost from `since` to `now`, and what an hour costs from now on, in USD.

    It takes some 25 describe calls, all free. The amounts are None where a call is denied or a price is not known.
    """
    from esaws.resources import load_all

    account = snapshot(cloud, *KEYS, "AutoScalingGroups", "services")
    if account.missing:
        key, reason = sorted(account.missing.items())[0]
        return Spend(None, None, f"{key} could not be fetched: {reason}")
    try:
        owned = {live.id for kind in _LISTED_KINDS for live in load_all()[kind].list(cloud)}
        terminated = list(_terminated_instances(cloud, account, since, now))
    except ClientError as error:
        return Spend(None, None, describe_error(error))
    owned |= {task["taskArn"] for task in account["tasks"] if task["clusterArn"] in owned}
    descriptions = {raw[id]: raw for key in KEYS for raw in account.get(key) or () for id in _IDS if id in raw}
    descriptions |= _services_of_tasks(account)
    empty_groups = {raw["AutoScalingGroupName"] for raw in account["AutoScalingGroups"] if not raw["DesiredCapacity"]}
    total: Decimal | None = Decimal(0)
    rate: Decimal | None = Decimal(0)
    for item in cost_items(account):
        raw = descriptions.get(item.id, {})
        if item.id in owned or cloud.owned_name(_tags(raw)):
            hours = (now - max(since, _created_at(raw) or since)) / _HOUR
            total = _add(total, hourly_usd(_as_if_running(item, raw).usages, cloud, now), hours)
            if _tags(raw).get(_GROUP_TAG) not in empty_groups:
                rate = _add(rate, hourly_usd(item.usages, cloud, now), 1)
    for usd, hours in terminated:
        total = _add(total, usd, hours)
    if total is None or rate is None:
        return Spend(None, None, f"the price list lacks a price of a resource in {cloud.region}")
    return Spend(float(total), float(rate), METHOD)


def hourly_usd(usages: Iterable[Usage], cloud: Cloud, now: datetime) -> Decimal | None:
    """The list price of an hour of a month's usage, at the cloud's prices; None where a price is not known.

    Storage is charged by its share of the calendar month, which has 672 to 744 hours.
    """
    usd: Decimal | None = Decimal(0)
    for usage in usages:
        hours = HOURS_PER_MONTH if usage.is_hourly else hours_in_month(now.date())
        month = cloud.prices.monthly_cost((usage,), cloud.region).usd
        usd = None if usd is None or month is None else usd + month / hours
    return usd


def _add(total: Decimal | None, usd_per_hour: Decimal | None, hours: float) -> Decimal | None:
    if total is None or usd_per_hour is None:
        return None
    return total + usd_per_hour * Decimal(str(max(hours, 0.0)))


def _tags(raw: Mapping[str, Any]) -> dict[str, str]:
    tags = raw.get("Tags") or raw.get("TagList") or ()
    return dict(tags) if isinstance(tags, Mapping) else tag_dict(tags)


def _created_at(raw: Mapping[str, Any]) -> datetime | None:
    times = (raw[name].astimezone(UTC) for name in _CREATION_TIMES if isinstance(raw.get(name), datetime))
    return next(times, None)


def _as_if_running(item: CostItem, raw: Mapping[str, Any]) -> CostItem:
    """Count a stopped database as running, unless esaws parked it: then it was counted when it stopped."""
    is_stopped_database = item.kind == "database" and raw.get("DBInstanceStatus") in ("stopped", "stopping")
    if not is_stopped_database or PARKED_TAG in _tags(raw):
        return item
    return CostItem(item.kind, item.id, tuple(database_usage({**raw, "DBInstanceStatus": "available"})))


def _services_of_tasks(account: Account) -> dict[str, Any]:
    """Task → the description of its service, or of the task if it has none."""
    services = {(raw["clusterArn"], raw["serviceName"]): raw for raw in account["services"]}
    return {task["taskArn"]: services.get(service_of(task) or ("", ""), task) for task in account["tasks"]}


# -- terminated instances --------------------------------------------------------------------------------------------


def _terminated_instances(
    cloud: Cloud, account: Account, since: datetime, now: datetime
) -> Iterator[tuple[Decimal | None, float]]:
    """(USD an hour, hours) of each instance that ran since a time and no longer exists."""
    groups = {raw["AutoScalingGroupName"]: raw for raw in account["AutoScalingGroups"] if cloud.owned_name(_tags(raw))}
    existing = {raw["InstanceId"] for raw in account["Instances"] if raw["State"]["Name"] != "terminated"}
    if not groups:
        return
    lifetimes: list[tuple[str, datetime, datetime]] = []
    for name in sorted(groups):
        activities = pages(cloud, "autoscaling", "describe_scaling_activities", "Activities", AutoScalingGroupName=name)
        lifetimes += [
            (name, max(start or since, since), end or now)
            for id, start, end in instance_lifetimes(activities)
            if id not in existing and (end or now) > since
        ]
    if not lifetimes:
        return
    templates = snapshot(cloud, "LaunchTemplateVersions")["LaunchTemplateVersions"]
    costs = {name: _template_usd(groups[name], templates, cloud, now) for name in {name for name, _, _ in lifetimes}}
    for name, start, end in lifetimes:
        yield costs[name], (end - start) / _HOUR


def instance_lifetimes(activities: Iterable[Mapping[str, Any]]) -> list[tuple[str, datetime | None, datetime | None]]:
    """(instance id, start, end) from the activities of a group; None where an activity is missing."""
    starts: dict[str, datetime] = {}
    ends: dict[str, datetime] = {}
    for activity in activities:
        if match := _ACTIVITY.search(activity.get("Description", "")):
            if match[1].startswith("Launching"):
                starts[match[2]] = activity["StartTime"].astimezone(UTC)
            else:
                ends[match[2]] = activity.get("EndTime", activity["StartTime"]).astimezone(UTC)
    return [(id, starts.get(id), ends.get(id)) for id in sorted(starts.keys() | ends.keys())]


def _template_usd(
    group: Mapping[str, Any], templates: Iterable[Mapping[str, Any]], cloud: Cloud, now: datetime
) -> Decimal | None:
    """The USD of an hour of an instance from a group's launch template, with its disks and a public address."""
    id = group.get("LaunchTemplate", {}).get("LaunchTemplateId")
    data = next((raw["LaunchTemplateData"] for raw in templates if raw["LaunchTemplateId"] == id), None)
    if data is None or "InstanceType" not in data:
        return None
    usages = [
        Usage.hours("AmazonEC2", f"BoxUsage:{data['InstanceType']}", "RunInstances"),
        Usage.hours("AmazonVPC", "PublicIPv4:InUseAddress", "RunInstances"),
    ]
    disks = [mapping.get("Ebs", {}) for mapping in data.get("BlockDeviceMappings", ())]
    usages += [
        volume_usage({"Size": disk["VolumeSize"], "VolumeType": disk.get("VolumeType", "gp2")})
        for disk in disks
        if "VolumeSize" in disk
    ]
    return hourly_usd(usages, cloud, now)
