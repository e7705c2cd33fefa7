"""Containers and their machines: lost instances, absent images, services of nothing, groups that come back."""

from __future__ import annotations

import re
from collections.abc import Iterator

from esaws.inspect.checks.context import CheckContext, name_of
from esaws.inspect.checks.finding import Finding, Fix
from esaws.inspect.checks.registry import check

_OURS = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<name>[^:@]+)(?::(?P<tag>[^@]+))?$"
)


@check("Instances", "clusters", "containerInstances", UNKNOWN_INSTANCE="an instance runs that no cluster knows")
def instances_that_no_cluster_knows(seen: CheckContext) -> Iterator[Finding]:
    """Of instances of Auto Scaling groups, in an account with clusters: others may be there for something else."""
    known = {each.get("ec2InstanceId") for each in seen.account["containerInstances"]}
    if not seen.account["clusters"]:
        return
    for raw in seen.account["Instances"]:
        tags = {each["Key"] for each in raw.get("Tags", ())}
        grouped = "aws:autoscaling:groupName" in tags
        if raw["State"]["Name"] == "running" and raw["InstanceId"] not in known and grouped:
            detail = "it runs and costs, and no cluster can place a task on it"
            fix = Fix("look at its ECS agent and user data, or terminate it")
            yield Finding("UNKNOWN_INSTANCE", "medium", name_of(raw, raw["InstanceId"]), detail, fix)


@check("taskDefinitions", "repositories", "images", IMAGE_ABSENT="a task definition names an image that is not in ECR")
def images_that_are_not_there(seen: CheckContext) -> Iterator[Finding]:
    """Of this account's own repositories in this region."""
    there = {(each["repositoryName"], tag) for each in seen.account["images"] for tag in each.get("imageTags", ())}
    for definition in seen.account["taskDefinitions"]:
        for container in definition.get("containerDefinitions", ()):
            found = _OURS.match(container.get("image", ""))
            if not found or (found["account"], found["region"]) != (seen.account.id, seen.account.region):
                continue
            name, tag = found["name"], found["tag"] or "latest"
            if (name, tag) not in there:
                resource = f"{definition['family']}:{definition['revision']}"
                fix = Fix(f"push {name}:{tag}, or name an image that exists")
                yield Finding("IMAGE_ABSENT", "high", resource, f"there is no image {name}:{tag} in ECR", fix)


@check(
    "services",
    DESIRED_ZERO="a service is told to run nothing",
    SERVICE_SHORT="a service runs fewer tasks than it is told to",
)
def services_that_run_too_little(seen: CheckContext) -> Iterator[Finding]:
    """With the last thing that the service itself says of it."""
    for raw in seen.account["services"]:
        if raw.get("status") != "ACTIVE":
            continue
        name, desired, running = raw["serviceName"], raw.get("desiredCount", 0), raw.get("runningCount", 0)
        if desired == 0:
            asked = {"cluster": raw["clusterArn"], "service": name, "desiredCount": 1}
            fix = Fix("set its desired count to 1", (("ecs", "UpdateService", asked),), destructive=True)
            yield Finding("DESIRED_ZERO", "low", name, "its desired count is 0", fix)
        elif running < desired:
            said = next((each["message"] for each in raw.get("events", ())), "")
            yield Finding(
                "SERVICE_SHORT", "high", name, f"{running} of {desired} tasks run; {said}", Fix("read its events")
            )


@check(
    "AutoScalingGroups", STOPPING_DOES_NOT_STOP="stopping an instance of a group doesn't stop paying: it is replaced"
)
def groups_that_come_back(seen: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html"""
    for raw in seen.account["AutoScalingGroups"]:
        name, minimum, desired = raw["AutoScalingGroupName"], raw["MinSize"], raw["DesiredCapacity"]
        if desired or minimum:
            asked = {"AutoScalingGroupName": name, "MinSize": 0, "DesiredCapacity": 0}
            fix = Fix(
                "to stop paying set desired and minimum to 0",
                (("autoscaling", "UpdateAutoScalingGroup", asked),),
                destructive=True,
            )
            detail = f"it keeps {desired} instances (minimum {minimum}): one that is stopped is replaced, and paid on"
            yield Finding("STOPPING_DOES_NOT_STOP", "info", name, detail, fix)


@check("MetricAlarms", ALARM_WITHOUT_DATA="an alarm has no data, so it tells nothing")
def alarms_without_data(seen: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"""
    for raw in seen.account["MetricAlarms"]:
        if raw.get("StateValue") == "INSUFFICIENT_DATA" and not raw["AlarmName"].startswith("TargetTracking-"):
            detail = f"no data of {raw.get('Namespace', '')} {raw.get('MetricName', '')} comes in"
            yield Finding(
                "ALARM_WITHOUT_DATA", "low", raw["AlarmName"], detail, Fix("look at its dimensions, or delete it")
            )
