"""Listings of ECS, Auto Scaling, ECR and CloudWatch Logs."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from esaws.aws import pages, tag_dict
from esaws.cloud import Cloud
from esaws.deploy.leftovers.found import Found, Tags, is_owned, kind_of, lazy_tags, listing, managed_by_aws


@listing("ecs:cluster")
def clusters(cloud: Cloud, tagged: frozenset[str] = frozenset()) -> Iterator[Found]:
    """Yield every ECS cluster that is not deleted."""
    arns = [*pages(cloud, "ecs", "list_clusters", "clusterArns")]
    for start in range(0, len(arns), 100):
        page = cloud.client("ecs").describe_clusters(clusters=arns[start : start + 100], include=["TAGS"])
        for raw in page["clusters"]:
            if raw["status"] != "INACTIVE":
                yield Found(raw["clusterArn"], raw["clusterName"], _ecs_tags(raw), raw["status"])


_IN_CLUSTERS = {
    "list_container_instances": "containerInstanceArns",
    "list_services": "serviceArns",
    "list_tasks": "taskArns",
}


@listing("ecs:service", "ecs:task", "ecs:container-instance")
def _in_clusters(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    clusters_of_tagged = {arn.split("/")[1] for arn in tagged if kind_of(arn) in ("ecs:service", "ecs:task")}
    for cluster in clusters(cloud):
        is_ours = is_owned(cloud, cluster)
        if not (is_ours or cluster.name in clusters_of_tagged):
            continue
        reason = "it is in our cluster" if is_ours else ""
        for operation, result in _IN_CLUSTERS.items():
            for arn in pages(cloud, "ecs", operation, result, cluster=cluster.name):
                yield Found(arn, cluster.name, {}, reason=reason)


@listing("ecs:task-definition")
def _task_definitions(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    for arn in pages(cloud, "ecs", "list_task_definitions", "taskDefinitionArns", status="ACTIVE"):
        family = arn.split("/")[1].split(":")[0]
        yield Found(arn, family, partial(_tags_of_revision, cloud, arn), "ACTIVE")


def _tags_of_revision(cloud: Cloud, arn: str) -> Tags:
    return _ecs_tags(cloud.client("ecs").describe_task_definition(taskDefinition=arn, include=["TAGS"]))


@listing("ecs:capacity-provider")
def _capacity_providers(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    # botocore has no paginator for it. AWS's own providers for Fargate are listed too, without tags.
    token: dict[str, str] = {}
    while True:
        page = cloud.client("ecs").describe_capacity_providers(include=["TAGS"], **token)
        for raw in page["capacityProviders"]:
            if raw["status"] == "ACTIVE":
                yield Found(raw["capacityProviderArn"], raw["name"], _ecs_tags(raw), raw["status"])
        if not page.get("nextToken"):
            return
        token = {"nextToken": page["nextToken"]}


def _ecs_tags(raw: dict[str, Any]) -> dict[str, str]:
    return tag_dict(raw.get("tags"), "key", "value")


@listing("autoscaling:autoScalingGroup")
def auto_scaling_groups(cloud: Cloud, tagged: frozenset[str] = frozenset()) -> Iterator[Found]:
    """Yield every Auto Scaling group."""
    for raw in pages(cloud, "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"):
        tags = tag_dict(raw.get("Tags"))
        yield Found(raw["AutoScalingGroupARN"], raw["AutoScalingGroupName"], tags, raw.get("Status", ""))


@listing("application-autoscaling:scalable-target")
def _scalable_targets(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    scaling = cloud.client("application-autoscaling")
    kind = {"ServiceNamespace": "ecs"}
    for raw in pages(cloud, "application-autoscaling", "describe_scalable_targets", "ScalableTargets", **kind):
        arn, name = raw.get("ScalableTargetARN"), raw["ResourceId"].removeprefix("service/")
        if arn:  # targets made before 2023 have none and can't be tagged
            yield Found(arn, name, lazy_tags(scaling.list_tags_for_resource, "Tags", ResourceARN=arn))


@listing("ecr:repository")
def _repositories(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    list_tags = cloud.client("ecr").list_tags_for_resource
    for raw in pages(cloud, "ecr", "describe_repositories", "repositories"):
        arn = raw["repositoryArn"]
        yield Found(arn, raw["repositoryName"], lazy_tags(list_tags, "tags", resourceArn=arn))


@listing("logs:log-group")
def _log_groups(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Found]:
    list_tags = cloud.client("logs").list_tags_for_resource
    insights = "/aws/ecs/containerinsights/"
    existing: dict[str, Found] | None = None
    for raw in pages(cloud, "logs", "describe_log_groups", "logGroups"):
        arn, name = raw["arn"].removesuffix(":*"), raw["logGroupName"]
        cluster = name.removeprefix(insights).split("/")[0]
        if name.startswith(insights) and cluster.startswith(cloud.aws_name("")):
            # Container Insights creates these without tags, and they outlive the cluster.
            existing = existing or {found.name: found for found in clusters(cloud)}
            yield from managed_by_aws(cloud, Found(arn, name, {}), "Cluster", cluster, existing)
        else:
            yield Found(arn, name, lazy_tags(list_tags, "tags", resourceArn=arn))
