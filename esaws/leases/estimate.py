"""What a deployment has cost since a moment: an estimate, out of what stands there, that costs nothing to ask.

Cost Explorer would be exact, and is a day late, knows accounts and no deployments, and asks 0.01 USD a request: a lease
of eight hours would be over before it was in it. So what stands there is multiplied: its list price by the hours since
it was made or since counting began; instances that Auto Scaling launched and ended in between are added from its
activities, which AWS keeps for six weeks. It errs upwards where it can't know: no free tier is taken off, and a
database that somebody stopped counts as if it had run. Not in it are traffic, requests, logs and alarms, and what was
deleted by others than esaws, which counts before it deletes.
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
from esaws.leases.park import PARKED_TAG
from esaws.leases.terms import Spend
from esaws.pricelist import HOURS_PER_MONTH, Usage, hours_in_month

METHOD = "an estimate: what stands there at list price, by the hours since it was made; free tier and traffic not counted"

_LISTED = ("LoadBalancer", "DBInstance", "CacheCluster", "Broker")
_MADE = ("LaunchTime", "CreateTime", "CreatedTime", "InstanceCreateTime", "CacheClusterCreateTime", "Created")
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
_GROUP = "aws:autoscaling:groupName"
_ENDS = re.compile(r"(Launching a new|Terminating) EC2 instance: (i-[0-9a-f]+)")


def estimate_spend(cloud: Cloud, since: datetime, now: datetime) -> Spend:
    """What the deployment cost from a moment to now, and what an hour costs from now on, in USD, estimated.

    Some 25 calls that describe, all free. Unknown where AWS did not let us look, or a price is not known.
    """
    from esaws.resources import load_all

    account = snapshot(cloud, *KEYS, "AutoScalingGroups")
    if account.missing:
        key, why = sorted(account.missing.items())[0]
        return Spend(None, None, f"{key} could not be looked at: {why}")
    try:
        ours = {live.id for kind in _LISTED for live in load_all()[kind].list(cloud)}
        gone = list(_gone(cloud, account, since, now))
    except ClientError as error:
        return Spend(None, None, describe_error(error))
    made = {raw[id]: raw for key in KEYS for raw in account.get(key) or () for id in _IDS if id in raw}
    emptied = {raw["AutoScalingGroupName"] for raw in account["AutoScalingGroups"] if not raw["DesiredCapacity"]}
    total: Decimal | None = Decimal(0)
    rate: Decimal | None = Decimal(0)
    for each in cost_items(account):
        raw = made.get(each.id, {})
        if each.id in ours or cloud.owned_name(_tags(raw)):
            hours = (now - max(since, _made(raw) or since)) / timedelta(hours=1)
            total = _sum(total, hourly_usd(_as_if_run(each, raw).usages, cloud, now), hours)
            if _tags(raw).get(_GROUP) not in emptied:
                rate = _sum(rate, hourly_usd(each.usages, cloud, now), 1)
    for usd, hours in gone:
        total = _sum(total, usd, hours)
    if total is None or rate is None:
        return Spend(None, None, f"the price list lacks a price of what stands there in {cloud.region}")
    return Spend(float(total), float(rate), METHOD)


def hourly_usd(usages: Iterable[Usage], cloud: Cloud, when: datetime) -> Decimal | None:
    """What an hour of things costs, out of what a month of them uses; None where a price is not known.

    Storage is charged by the share of its own month, which has 672 to 744 hours.
    """
    usd: Decimal | None = Decimal(0)
    for usage in usages:
        hours = HOURS_PER_MONTH if usage.unit == "Hrs" else hours_in_month(when.date())
        month = cloud.prices.monthly_cost((usage,), cloud.region).usd
        usd = None if usd is None or month is None else usd + month / hours
    return usd


def _sum(total: Decimal | None, usd_per_hour: Decimal | None, hours: float) -> Decimal | None:
    known = total is not None and usd_per_hour is not None
    return total + usd_per_hour * Decimal(str(max(hours, 0.0))) if known else None  # type: ignore[operator]


def _tags(raw: Mapping[str, Any]) -> dict[str, str]:
    found = raw.get("Tags") or raw.get("TagList") or ()
    return dict(found) if isinstance(found, Mapping) else tag_dict(found)


def _made(raw: Mapping[str, Any]) -> datetime | None:
    return next((raw[name].astimezone(UTC) for name in _MADE if isinstance(raw.get(name), datetime)), None)


def _as_if_run(each: CostItem, raw: Mapping[str, Any]) -> CostItem:
    """A database that somebody else stopped, nobody knows when: as if it had run. Ours was counted when it stopped."""
    if (
        each.kind != "database"
        or raw.get("DBInstanceStatus") not in ("stopped", "stopping")
        or PARKED_TAG in _tags(raw)
    ):
        return each
    return CostItem(each.kind, each.id, tuple(database_usage({**raw, "DBInstanceStatus": "available"})))


# -- instances that are gone -----------------------------------------------------------------------------------------


def _gone(cloud: Cloud, account: Account, since: datetime, now: datetime) -> Iterator[tuple[Decimal | None, float]]:
    """What instances that ran since, and no longer do, cost in an hour, and the hours of each."""
    groups = {raw["AutoScalingGroupName"]: raw for raw in account["AutoScalingGroups"] if cloud.owned_name(_tags(raw))}
    there = {raw["InstanceId"] for raw in account["Instances"] if raw["State"]["Name"] != "terminated"}
    if not groups:
        return
    ran: list[tuple[str, datetime, datetime]] = []
    for name in sorted(groups):
        activities = pages(cloud, "autoscaling", "describe_scaling_activities", "Activities", AutoScalingGroupName=name)
        ran += [
            (name, max(began or since, since), ended or now)
            for id, began, ended in instance_lifetimes(activities)
            if id not in there and (ended or now) > since
        ]
    if not ran:
        return
    templates = snapshot(cloud, "LaunchTemplateVersions")["LaunchTemplateVersions"]
    costs = {name: _of_template(groups[name], templates, cloud, now) for name in {name for name, _, _ in ran}}
    for name, began, ended in ran:
        yield costs[name], (ended - began) / timedelta(hours=1)


def instance_lifetimes(activities: Iterable[Mapping[str, Any]]) -> list[tuple[str, datetime | None, datetime | None]]:
    """From when to when each instance was there, as the activities of a group tell it; None where they don't. Pure."""
    began: dict[str, datetime] = {}
    ended: dict[str, datetime] = {}
    for activity in activities:
        if found := _ENDS.search(activity.get("Description", "")):
            if found[1].startswith("Launching"):
                began[found[2]] = activity["StartTime"].astimezone(UTC)
            else:
                ended[found[2]] = activity.get("EndTime", activity["StartTime"]).astimezone(UTC)
    return [(id, began.get(id), ended.get(id)) for id in sorted(began.keys() | ended.keys())]


def _of_template(
    group: Mapping[str, Any], templates: Iterable[Mapping[str, Any]], cloud: Cloud, now: datetime
) -> Decimal | None:
    """An hour of an instance out of a group's launch template, with its disks and a public address."""
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
