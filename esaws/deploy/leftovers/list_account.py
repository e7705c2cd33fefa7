"""Listings of CloudWatch, Budgets and IAM."""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.deploy.leftovers.found import Found, Tags, lazy_tags, listing, make_arn, managed_by_aws
from esaws.deploy.leftovers.list_containers import auto_scaling_groups, clusters


@listing("cloudwatch:alarm")
def _alarms(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    list_tags = cloud.client("cloudwatch").list_tags_for_resource
    owners: dict[str, dict[str, Found]] | None = None
    for raw in pages(cloud, "cloudwatch", "describe_alarms", "MetricAlarms", AlarmTypes=["MetricAlarm"]):
        arn, name = raw["AlarmArn"], raw["AlarmName"]
        if owner := target_tracking_owner(cloud, raw):
            owners = owners or {
                "Cluster": {found.name: found for found in clusters(cloud)},
                "AutoScalingGroup": {found.name: found for found in auto_scaling_groups(cloud)},
            }
            yield from managed_by_aws(cloud, Found(arn, name, {}), *owner, owners[owner[0]])
        else:
            yield Found(arn, name, lazy_tags(list_tags, "Tags", ResourceARN=arn), raw["StateValue"])


def target_tracking_owner(cloud: Cloud, alarm: dict[str, Any]) -> tuple[str, str] | None:
    """Return (kind, name) of the resource that a target tracking alarm watches, if it has a name of ours.

    `kind` is Cluster or AutoScalingGroup. Returns None for other alarms and other resources.
    """
    if alarm["AlarmName"].startswith("TargetTracking-"):
        dimensions = {item["Name"]: item["Value"] for item in alarm.get("Dimensions", ())}
        for dimension, kind in (("ClusterName", "Cluster"), ("AutoScalingGroupName", "AutoScalingGroup")):
            if dimensions.get(dimension, "").startswith(cloud.aws_name("")):
                return kind, dimensions[dimension]
    return None


# IAM, dashboards and budgets are global, and their names end with our region. Those of other regions are not ours.


@listing("cloudwatch:dashboard")
def _dashboards(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    cloudwatch = cloud.client("cloudwatch")
    for entry in pages(cloud, "cloudwatch", "list_dashboards", "DashboardEntries"):
        name = entry["DashboardName"]
        arn = make_arn(cloud, "cloudwatch", f"dashboard/{name}", is_global=True)
        if _has_our_name(cloud, name) or arn in tagged:
            yield Found(arn, name, partial(_tags_in_text, cloudwatch, name))


def _tags_in_text(cloudwatch: Any, dashboard: str) -> Tags:
    """Return the deployment and name in the text of a dashboard, as tags: dashboards can't be tagged."""
    body = json.loads(cloudwatch.get_dashboard(DashboardName=dashboard)["DashboardBody"])
    texts = [widget.get("properties", {}).get("markdown", "") for widget in body.get("widgets", ())]
    return dict(re.findall(r"([\w:]+) `([^`]*)`", " ".join(texts)))


@listing("budgets:budget")
def _budgets(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    list_tags = cloud.client("budgets").list_tags_for_resource
    for raw in pages(cloud, "budgets", "describe_budgets", "Budgets", AccountId=cloud.account):
        name = raw["BudgetName"]
        arn = make_arn(cloud, "budgets", f"budget/{name}", is_global=True)
        if _has_our_name(cloud, name):
            yield Found(arn, name, lazy_tags(list_tags, "ResourceTags", ResourceARN=arn))


@listing("iam:role")
def _roles(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    for raw in pages(cloud, "iam", "list_roles", "Roles"):
        name = raw["RoleName"]
        if _has_our_name(cloud, name) and not raw["Path"].startswith("/aws-service-role/"):
            yield Found(raw["Arn"], name, lazy_tags(cloud.client("iam").list_role_tags, "Tags", RoleName=name))


@listing("iam:instance-profile")
def _instance_profiles(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    for raw in pages(cloud, "iam", "list_instance_profiles", "InstanceProfiles"):
        name = raw["InstanceProfileName"]
        if _has_our_name(cloud, name):
            list_tags = cloud.client("iam").list_instance_profile_tags
            yield Found(raw["Arn"], name, lazy_tags(list_tags, "Tags", InstanceProfileName=name))


def _has_our_name(cloud: Cloud, name: str) -> bool:
    return name.startswith(cloud.aws_name("")) and name.endswith(f"-{cloud.region}")
