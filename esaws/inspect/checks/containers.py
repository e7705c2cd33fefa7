"""Checks of containers: unregistered instances, missing images, idle services, groups that replace instances."""

from __future__ import annotations

import re
from collections.abc import Iterator

from esaws.inspect.account import name_tag
from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import Finding
from esaws.inspect.checks.registry import check
from esaws.inspect.fixes import Fix

_ECR_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<name>[^:@]+)(?::(?P<tag>[^@]+))?$"
)


@check("Instances", "clusters", "containerInstances", UNKNOWN_INSTANCE="an instance runs that is in no cluster")
def instances_without_cluster(context: CheckContext) -> Iterator[Finding]:
    """Only instances of Auto Scaling groups, in an account with clusters: others may have another purpose."""
    registered = {raw.get("ec2InstanceId") for raw in context.account["containerInstances"]}
    if not context.account["clusters"]:
        return
    for raw in context.account["Instances"]:
        tags = {raw["Key"] for raw in raw.get("Tags", ())}
        in_group = "aws:autoscaling:groupName" in tags
        if raw["State"]["Name"] == "running" and raw["InstanceId"] not in registered and in_group:
            detail = "it runs and costs money, and no cluster can place a task on it"
            fix = Fix("check its ECS agent and user data, or terminate it")
            yield Finding("UNKNOWN_INSTANCE", "medium", name_tag(raw, raw["InstanceId"]), detail, fix)


@check("taskDefinitions", "repositories", "images", IMAGE_ABSENT="a task definition uses an image that is not in ECR")
def missing_images(context: CheckContext) -> Iterator[Finding]:
    """Only images of this account's own repositories in this region."""
    pushed = {
        (image["repositoryName"], tag) for image in context.account["images"] for tag in image.get("imageTags", ())
    }
    for definition in context.account["taskDefinitions"]:
        for container in definition.get("containerDefinitions", ()):
            match = _ECR_IMAGE.match(container.get("image", ""))
            if not match or (match["account"], match["region"]) != (context.account.id, context.account.region):
                continue
            name, tag = match["name"], match["tag"] or "latest"
            if (name, tag) not in pushed:
                resource = f"{definition['family']}:{definition['revision']}"
                fix = Fix(f"push {name}:{tag}, or use an image that exists")
                yield Finding("IMAGE_ABSENT", "high", resource, f"there is no image {name}:{tag} in ECR", fix)


@check(
    "services",
    DESIRED_ZERO="the desired count of a service is 0",
    SERVICE_SHORT="a service runs fewer tasks than desired",
)
def services_below_desired_count(context: CheckContext) -> Iterator[Finding]:
    """With the last event that names an obstacle, else the last one."""
    for raw in context.account["services"]:
        if raw.get("status") != "ACTIVE":
            continue
        name, desired, running = raw["serviceName"], raw.get("desiredCount", 0), raw.get("runningCount", 0)
        if desired == 0:
            params = {"cluster": raw["clusterArn"], "service": name, "desiredCount": 1}
            fix = Fix("set its desired count to 1", (("ecs", "UpdateService", params),))
            yield Finding("DESIRED_ZERO", "low", name, "its desired count is 0", fix)
        elif running < desired:
            messages = [event["message"] for event in raw.get("events", ())]
            event = next((message for message in messages if "unable to" in message), *messages[:1] or [""])
            detail = f"{running} of {desired} tasks run; {event}"
            yield Finding("SERVICE_SHORT", "high", name, detail, Fix("read its events"))


@check(
    "AutoScalingGroups",
    STOPPING_DOES_NOT_STOP="a stopped instance of an Auto Scaling group is replaced, so costs continue",
)
def groups_that_replace_instances(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html"""
    for raw in context.account["AutoScalingGroups"]:
        name, minimum, desired = raw["AutoScalingGroupName"], raw["MinSize"], raw["DesiredCapacity"]
        if desired or minimum:
            params = {"AutoScalingGroupName": name, "MinSize": 0, "DesiredCapacity": 0}
            fix = Fix(
                "set desired and minimum to 0 to stop the costs",
                (("autoscaling", "UpdateAutoScalingGroup", params),),
            )
            detail = f"it keeps {desired} instances (minimum {minimum}): a stopped one is replaced, so costs continue"
            yield Finding("STOPPING_DOES_NOT_STOP", "info", name, detail, fix)


@check("MetricAlarms", ALARM_WITHOUT_DATA="an alarm has no data, so it never fires")
def alarms_without_data(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"""
    for raw in context.account["MetricAlarms"]:
        if raw.get("StateValue") == "INSUFFICIENT_DATA" and not raw["AlarmName"].startswith("TargetTracking-"):
            detail = f"{raw.get('Namespace', '')} {raw.get('MetricName', '')} has no data"
            yield Finding(
                "ALARM_WITHOUT_DATA", "low", raw["AlarmName"], detail, Fix("check its dimensions, or delete it")
            )
