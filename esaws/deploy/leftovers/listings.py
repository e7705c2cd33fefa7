"""What exists, and with which tags: one listing for each kind of thing that a deployment may own, or AWS below it."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from esaws.aws import pages, tag_dict
from esaws.cloud import DEPLOYMENT_TAG, NAME_TAG, Cloud

Tags = Mapping[str, str]


@dataclass(frozen=True)
class Thing:
    """Something that exists. `tags` may have to be asked for; `why` makes it ours whatever its tags."""

    id: str
    """Its ARN."""
    name: str
    tags: Tags | Callable[[], Tags]
    state: str = ""
    why: str = ""
    doubtful: bool = False
    """Whether it belonged to something that is gone, so that nothing tells whose it was."""


@dataclass(frozen=True)
class Listing:
    """Shows what exists of some kinds: all of it, or at least all that is tagged or has our name."""

    kinds: tuple[str, ...]
    things: Callable[[Cloud, frozenset[str]], Iterable[Thing]]


LISTINGS: list[Listing] = []


def _listing(*kinds: str) -> Callable[[Callable[..., Iterator[Thing]]], Callable[..., Iterator[Thing]]]:
    def register(things: Callable[..., Iterator[Thing]]) -> Callable[..., Iterator[Thing]]:
        LISTINGS.append(Listing(kinds, things))
        return things

    return register


def is_ours(cloud: Cloud, thing: Thing) -> bool:
    """Whether its tags, as far as they are known, say so."""
    return not callable(thing.tags) and thing.tags.get(DEPLOYMENT_TAG) == cloud.deployment


def kind_of(arn: str) -> str:
    """AWS's word for the kind of thing that an ARN points at: `ec2:instance`, `rds:db`, `s3:bucket`."""
    service, resource = arn.split(":", 5)[2], arn.split(":", 5)[5]
    return "s3:bucket" if service == "s3" else f"{service}:{resource.replace(':', '/').split('/')[0]}"


def later(ask: Callable[..., Any], result: str, **parameters: Any) -> Callable[[], Tags]:
    """Asks for the tags of one thing when they are needed; services give them as pairs or as a mapping."""

    def tags() -> Tags:
        found = ask(**parameters)[result]
        return found if isinstance(found, Mapping) else tag_dict(found)

    return tags


def _arn(cloud: Cloud, service: str, resource: str, *, everywhere: bool = False) -> str:
    partition = cloud.client("sts").meta.partition
    return f"arn:{partition}:{service}:{'' if everywhere else cloud.region}:{cloud.account}:{resource}"


# EC2's word in ARNs → operation, result, key of the id, where the state stands, states of the dead.
EC2: dict[str, tuple[str, str, str, str, tuple[str, ...]]] = {
    "elastic-ip": ("describe_addresses", "Addresses", "AllocationId", "", ()),
    "internet-gateway": ("describe_internet_gateways", "InternetGateways", "InternetGatewayId", "", ()),
    "launch-template": ("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", "", ()),
    "natgateway": ("describe_nat_gateways", "NatGateways", "NatGatewayId", "State", ("deleted",)),
    "network-interface": ("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", "Status", ()),
    "route-table": ("describe_route_tables", "RouteTables", "RouteTableId", "", ()),
    "security-group": ("describe_security_groups", "SecurityGroups", "GroupId", "", ()),
    "security-group-rule": ("describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleId", "", ()),
    "snapshot": ("describe_snapshots", "Snapshots", "SnapshotId", "State", ()),
    "subnet": ("describe_subnets", "Subnets", "SubnetId", "", ()),
    "volume": ("describe_volumes", "Volumes", "VolumeId", "State", ("deleted",)),
    "vpc": ("describe_vpcs", "Vpcs", "VpcId", "", ()),
    "vpc-endpoint": ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "State", ("deleted",)),
}


def ec2(cloud: Cloud, word: str, filters: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Everything of one of EC2's kinds that passes the filters."""
    operation, result, *_ = EC2[word]
    # The first NAT gateways came with a word of their own.
    parameters: dict[str, Any] = {"Filter" if word == "natgateway" else "Filters": filters}
    if word == "snapshot":
        parameters["OwnerIds"] = ["self"]
    client = cloud.client("ec2")
    if client.can_paginate(operation):
        yield from pages(cloud, "ec2", operation, result, **parameters)
    else:
        yield from getattr(client, operation)(**parameters)[result]


def _ec2_things(word: str, cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    _, _, key, state, dead = EC2[word]
    for raw in ec2(cloud, word, by_tag(cloud)):
        if raw.get(state) not in dead:
            tags = tag_dict(raw.get("Tags") or raw.get("TagSet"))
            yield Thing(_arn(cloud, "ec2", f"{word}/{raw[key]}"), tags.get("Name", ""), tags, raw.get(state, ""))


LISTINGS += [Listing((f"ec2:{word}",), partial(_ec2_things, word)) for word in EC2]


def by_tag(cloud: Cloud) -> list[dict[str, Any]]:
    """A filter for what is tagged as the deployment's."""
    return [{"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]


def _in_our_vpcs(cloud: Cloud) -> list[dict[str, Any]]:
    """A filter for what stands in our VPCs, or nothing where we have none."""
    vpcs = [raw["VpcId"] for raw in ec2(cloud, "vpc", by_tag(cloud))]
    return [{"Name": "vpc-id", "Values": vpcs}] if vpcs else []


@_listing("ec2:instance")
def _instances(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    for raw in instances(cloud):
        tags = tag_dict(raw.get("Tags"))
        arn = _arn(cloud, "ec2", f"instance/{raw['InstanceId']}")
        yield Thing(arn, tags.get("Name", ""), tags, raw["State"]["Name"])


def instances(cloud: Cloud) -> list[dict[str, Any]]:
    """The deployment's instances: launched by an Auto Scaling group, they have the tags of its template."""
    reservations = pages(cloud, "ec2", "describe_instances", "Reservations", Filters=by_tag(cloud))
    found = [instance for reservation in reservations for instance in reservation["Instances"]]
    return [instance for instance in found if instance["State"]["Name"] != "terminated"]


@_listing("ec2:network-interface")
def _what_keeps_our_vpc(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    # Nobody tags the interfaces of load balancers and databases; without our VPC there are none.
    if within := _in_our_vpcs(cloud):
        for raw in ec2(cloud, "network-interface", within):
            arn = _arn(cloud, "ec2", f"network-interface/{raw['NetworkInterfaceId']}")
            yield Thing(arn, raw.get("Description", ""), {}, raw.get("Status", ""), why="it stands in our VPC")
        for raw in ec2(cloud, "security-group", within):
            if raw["GroupName"] != "default":
                arn = _arn(cloud, "ec2", f"security-group/{raw['GroupId']}")
                yield Thing(arn, raw["GroupName"], {}, why="it stands in our VPC")


@_listing("elasticloadbalancing:loadbalancer", "elasticloadbalancing:listener", "elasticloadbalancing:listener-rule")
def _load_balancers(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    found = [*pages(cloud, "elbv2", "describe_load_balancers", "LoadBalancers")]
    for raw, tags in _with_elb_tags(cloud, found, "LoadBalancerArn"):
        arn, state = raw["LoadBalancerArn"], raw.get("State", {}).get("Code", "")
        yield Thing(arn, raw["LoadBalancerName"], tags, state)
        below = arn.split("loadbalancer/")[1]  # `app/<name>/<id>`, which the ARNs of its listeners repeat
        if not any(below in each for each in tagged):
            continue
        for listener in pages(cloud, "elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn):
            yield Thing(listener["ListenerArn"], raw["LoadBalancerName"], {})
            for rule in pages(cloud, "elbv2", "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]):
                yield Thing(rule["RuleArn"], raw["LoadBalancerName"], {})


@_listing("elasticloadbalancing:targetgroup")
def _target_groups(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    found = [*pages(cloud, "elbv2", "describe_target_groups", "TargetGroups")]
    for raw, tags in _with_elb_tags(cloud, found, "TargetGroupArn"):
        yield Thing(raw["TargetGroupArn"], raw["TargetGroupName"], tags)


def _with_elb_tags(
    cloud: Cloud, found: list[dict[str, Any]], key: str
) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    for start in range(0, len(found), 20):  # as many as one call takes
        some = {raw[key]: raw for raw in found[start : start + 20]}
        for described in cloud.client("elbv2").describe_tags(ResourceArns=[*some])["TagDescriptions"]:
            yield some[described["ResourceArn"]], tag_dict(described["Tags"])


@_listing("ecs:cluster")
def clusters(cloud: Cloud, tagged: frozenset[str] = frozenset()) -> Iterator[Thing]:
    """Every ECS cluster that is not deleted."""
    arns = [*pages(cloud, "ecs", "list_clusters", "clusterArns")]
    for start in range(0, len(arns), 100):
        asked = cloud.client("ecs").describe_clusters(clusters=arns[start : start + 100], include=["TAGS"])
        for raw in asked["clusters"]:
            if raw["status"] != "INACTIVE":
                yield Thing(raw["clusterArn"], raw["clusterName"], _ecs_tags(raw), raw["status"])


_IN_CLUSTERS = {
    "list_container_instances": "containerInstanceArns",
    "list_services": "serviceArns",
    "list_tasks": "taskArns",
}


@_listing("ecs:service", "ecs:task", "ecs:container-instance")
def _in_clusters(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    of_tagged = {arn.split("/")[1] for arn in tagged if kind_of(arn) in ("ecs:service", "ecs:task")}
    for cluster in clusters(cloud):
        ours = is_ours(cloud, cluster)
        if not (ours or cluster.name in of_tagged):
            continue
        why = "it stands in our cluster" if ours else ""
        for operation, result in _IN_CLUSTERS.items():
            for arn in pages(cloud, "ecs", operation, result, cluster=cluster.name):
                yield Thing(arn, cluster.name, {}, why=why)


@_listing("ecs:task-definition")
def _task_definitions(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    for arn in pages(cloud, "ecs", "list_task_definitions", "taskDefinitionArns", status="ACTIVE"):
        family = arn.split("/")[1].split(":")[0]
        yield Thing(arn, family, partial(_tags_of_revision, cloud, arn), "ACTIVE")


def _tags_of_revision(cloud: Cloud, arn: str) -> Tags:
    return _ecs_tags(cloud.client("ecs").describe_task_definition(taskDefinition=arn, include=["TAGS"]))


@_listing("ecs:capacity-provider")
def _capacity_providers(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    # A list without a paginator; AWS's own providers for Fargate are in it, without tags.
    token: dict[str, str] = {}
    while True:
        asked = cloud.client("ecs").describe_capacity_providers(include=["TAGS"], **token)
        for raw in asked["capacityProviders"]:
            if raw["status"] == "ACTIVE":
                yield Thing(raw["capacityProviderArn"], raw["name"], _ecs_tags(raw), raw["status"])
        if not asked.get("nextToken"):
            return
        token = {"nextToken": asked["nextToken"]}


def _ecs_tags(raw: dict[str, Any]) -> dict[str, str]:
    return tag_dict(raw.get("tags"), "key", "value")


@_listing("autoscaling:autoScalingGroup")
def groups(cloud: Cloud, tagged: frozenset[str] = frozenset()) -> Iterator[Thing]:
    """Every Auto Scaling group."""
    for raw in pages(cloud, "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"):
        tags = tag_dict(raw.get("Tags"))
        yield Thing(raw["AutoScalingGroupARN"], raw["AutoScalingGroupName"], tags, raw.get("Status", ""))


@_listing("application-autoscaling:scalable-target")
def _scalable_targets(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    scaling = cloud.client("application-autoscaling")
    kind = {"ServiceNamespace": "ecs"}
    for raw in pages(cloud, "application-autoscaling", "describe_scalable_targets", "ScalableTargets", **kind):
        arn, name = raw.get("ScalableTargetARN"), raw["ResourceId"].removeprefix("service/")
        if arn:  # none for targets of before 2023, which can't be tagged
            yield Thing(arn, name, later(scaling.list_tags_for_resource, "Tags", ResourceARN=arn))


@_listing("ecr:repository")
def _repositories(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    ask = cloud.client("ecr").list_tags_for_resource
    for raw in pages(cloud, "ecr", "describe_repositories", "repositories"):
        arn = raw["repositoryArn"]
        yield Thing(arn, raw["repositoryName"], later(ask, "tags", resourceArn=arn))


@_listing("logs:log-group")
def _log_groups(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    ask = cloud.client("logs").list_tags_for_resource
    insights = "/aws/ecs/containerinsights/"
    existing: dict[str, Thing] | None = None
    for raw in pages(cloud, "logs", "describe_log_groups", "logGroups"):
        arn, name = raw["arn"].removesuffix(":*"), raw["logGroupName"]
        cluster = name.removeprefix(insights).split("/")[0]
        if name.startswith(insights) and cluster.startswith(cloud.aws_name("")):
            # Container Insights makes these without tags, and they stay when the cluster goes.
            existing = existing or {thing.name: thing for thing in clusters(cloud)}
            yield from _below(cloud, Thing(arn, name, {}), "Cluster", cluster, existing)
        else:
            yield Thing(arn, name, later(ask, "tags", resourceArn=arn))


def _below(cloud: Cloud, thing: Thing, kind: str, owner: str, owners: Mapping[str, Thing]) -> Iterator[Thing]:
    """What AWS made for `owner`, which has a name of ours: ours, somebody else's, or of something that is gone."""
    if owner not in owners:
        why = f"AWS made it for {kind} {owner}, which is gone: nothing tells whose that was"
        yield Thing(thing.id, thing.name, {}, why=why, doubtful=True)
    elif is_ours(cloud, owners[owner]):
        yield Thing(thing.id, thing.name, {}, why=f"AWS made it for our {kind} {owner}")


@_listing("rds:db")
def _databases(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    for raw in pages(cloud, "rds", "describe_db_instances", "DBInstances"):
        tags = tag_dict(raw.get("TagList"))
        yield Thing(raw["DBInstanceArn"], raw["DBInstanceIdentifier"], tags, raw["DBInstanceStatus"])


@_listing("rds:snapshot")
def _database_snapshots(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    for raw in pages(cloud, "rds", "describe_db_snapshots", "DBSnapshots"):
        tags = tag_dict(raw.get("TagList"))
        yield Thing(raw["DBSnapshotArn"], raw["DBSnapshotIdentifier"], tags, raw.get("Status", ""))


@_listing("rds:auto-backup")
def _kept_backups(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    operation = "describe_db_instance_automated_backups"
    for raw in pages(cloud, "rds", operation, "DBInstanceAutomatedBackups"):
        # An active one goes with its instance; a retained one was kept on purpose, and is paid for.
        if raw.get("Status") == "retained":
            tags = tag_dict(raw.get("TagList"))
            yield Thing(raw["DBInstanceAutomatedBackupsArn"], raw["DBInstanceIdentifier"], tags, "retained")


def _by_arn(
    service: str, operation: str, result: str, key: str, name: str, state: str, cloud: Cloud, tagged: frozenset[str]
) -> Iterator[Thing]:
    """RDS and ElastiCache: tags by ARN, in a call of their own."""
    ask = cloud.client(service).list_tags_for_resource
    for raw in pages(cloud, service, operation, result):
        if raw.get(state) != "deleted":
            arn = raw[key]
            yield Thing(arn, raw[name], later(ask, "TagList", ResourceName=arn), raw.get(state, ""))


_SUBNET_GROUPS = ("describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupArn", "DBSubnetGroupName", "")
_CACHES = ("describe_cache_clusters", "CacheClusters", "ARN", "CacheClusterId", "CacheClusterStatus")
_CACHE_GROUPS = ("describe_cache_subnet_groups", "CacheSubnetGroups", "ARN", "CacheSubnetGroupName", "")
_CACHE_SNAPSHOTS = ("describe_snapshots", "Snapshots", "ARN", "SnapshotName", "SnapshotStatus")
LISTINGS += [
    Listing(("rds:subgrp",), partial(_by_arn, "rds", *_SUBNET_GROUPS)),
    Listing(("elasticache:cluster",), partial(_by_arn, "elasticache", *_CACHES)),
    Listing(("elasticache:subnetgroup",), partial(_by_arn, "elasticache", *_CACHE_GROUPS)),
    Listing(("elasticache:snapshot",), partial(_by_arn, "elasticache", *_CACHE_SNAPSHOTS)),
]


@_listing("mq:broker")
def _brokers(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    ask = cloud.client("mq").list_tags
    for raw in pages(cloud, "mq", "list_brokers", "BrokerSummaries"):
        arn = raw["BrokerArn"]
        yield Thing(arn, raw["BrokerName"], later(ask, "Tags", ResourceArn=arn), raw["BrokerState"])


@_listing("s3:bucket")
def _buckets(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    ask = cloud.client("s3").get_bucket_tagging
    partition = cloud.client("s3").meta.partition
    for raw in pages(cloud, "s3", "list_buckets", "Buckets"):
        name = raw["Name"]
        arn = f"arn:{partition}:s3:::{name}"
        if name.endswith(f"-{cloud.region}") or arn in tagged:
            yield Thing(arn, name, later(ask, "TagSet", Bucket=name))


@_listing("cognito-idp:userpool")
def _user_pools(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    ask = cloud.client("cognito-idp").list_tags_for_resource
    for raw in pages(cloud, "cognito-idp", "list_user_pools", "UserPools", MaxResults=60):
        arn = _arn(cloud, "cognito-idp", f"userpool/{raw['Id']}")
        yield Thing(arn, raw["Name"], later(ask, "Tags", ResourceArn=arn))


@_listing("ssm:parameter")
def _parameters(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    ours = [{"Key": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    for raw in pages(cloud, "ssm", "describe_parameters", "Parameters", ParameterFilters=ours):
        arn = _arn(cloud, "ssm", f"parameter/{raw['Name'].lstrip('/')}")
        name = raw["Name"].removeprefix(f"/{cloud.deployment}/")
        yield Thing(arn, raw["Name"], {DEPLOYMENT_TAG: cloud.deployment, NAME_TAG: name})


@_listing("cloudwatch:alarm")
def _alarms(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    ask = cloud.client("cloudwatch").list_tags_for_resource
    owners: dict[str, dict[str, Thing]] | None = None
    for raw in pages(cloud, "cloudwatch", "describe_alarms", "MetricAlarms", AlarmTypes=["MetricAlarm"]):
        arn, name = raw["AlarmArn"], raw["AlarmName"]
        if owner := tracked(cloud, raw):
            owners = owners or {
                "Cluster": {thing.name: thing for thing in clusters(cloud)},
                "AutoScalingGroup": {thing.name: thing for thing in groups(cloud)},
            }
            yield from _below(cloud, Thing(arn, name, {}), *owner, owners[owner[0]])
        else:
            yield Thing(arn, name, later(ask, "Tags", ResourceARN=arn), raw["StateValue"])


def tracked(cloud: Cloud, alarm: dict[str, Any]) -> tuple[str, str] | None:
    """What an alarm of target tracking looks at, if that has a name of ours: a cluster or an Auto Scaling group."""
    if alarm["AlarmName"].startswith("TargetTracking-"):
        dimensions = {item["Name"]: item["Value"] for item in alarm.get("Dimensions", ())}
        for name, word in (("ClusterName", "Cluster"), ("AutoScalingGroupName", "AutoScalingGroup")):
            if dimensions.get(name, "").startswith(cloud.aws_name("")):
                return word, dimensions[name]
    return None


# IAM, dashboards and budgets know no regions: what another region's deployment of this name owns is not ours.


@_listing("cloudwatch:dashboard")
def _dashboards(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    cloudwatch = cloud.client("cloudwatch")
    for entry in pages(cloud, "cloudwatch", "list_dashboards", "DashboardEntries"):
        name = entry["DashboardName"]
        arn = _arn(cloud, "cloudwatch", f"dashboard/{name}", everywhere=True)
        if _is_of_this_region(cloud, name) or arn in tagged:
            yield Thing(arn, name, partial(_signature, cloudwatch, name))


def _signature(cloudwatch: Any, dashboard: str) -> Tags:
    """What the text in a dashboard says of its deployment, as if it were tags."""
    body = json.loads(cloudwatch.get_dashboard(DashboardName=dashboard)["DashboardBody"])
    texts = [widget.get("properties", {}).get("markdown", "") for widget in body.get("widgets", ())]
    return dict(re.findall(r"([\w:]+) `([^`]*)`", " ".join(texts)))


@_listing("budgets:budget")
def _budgets(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    ask = cloud.client("budgets").list_tags_for_resource
    for raw in pages(cloud, "budgets", "describe_budgets", "Budgets", AccountId=cloud.account):
        name = raw["BudgetName"]
        arn = _arn(cloud, "budgets", f"budget/{name}", everywhere=True)
        if _is_of_this_region(cloud, name):
            yield Thing(arn, name, later(ask, "ResourceTags", ResourceARN=arn))


@_listing("iam:role")
def _roles(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    for raw in pages(cloud, "iam", "list_roles", "Roles"):
        name = raw["RoleName"]
        if _is_of_this_region(cloud, name) and not raw["Path"].startswith("/aws-service-role/"):
            yield Thing(raw["Arn"], name, later(cloud.client("iam").list_role_tags, "Tags", RoleName=name))


@_listing("iam:instance-profile")
def _instance_profiles(cloud: Cloud, tagged: frozenset[str]) -> Iterator[Thing]:
    for raw in pages(cloud, "iam", "list_instance_profiles", "InstanceProfiles"):
        name = raw["InstanceProfileName"]
        if _is_of_this_region(cloud, name):
            ask = cloud.client("iam").list_instance_profile_tags
            yield Thing(raw["Arn"], name, later(ask, "Tags", InstanceProfileName=name))


def _is_of_this_region(cloud: Cloud, name: str) -> bool:
    return name.startswith(cloud.aws_name("")) and name.endswith(f"-{cloud.region}")
