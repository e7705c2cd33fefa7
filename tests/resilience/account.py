"""Everything in an account, described with boto3 alone: what a teardown leaves, and what is changed of others.

It shares no code with `esaws.deploy.leftovers` or the resource kinds, so that none of them can hide its own mistake.
"""

from collections.abc import Iterator
from typing import Any

from esaws.cloud import Cloud

Raw = dict[str, Any]
Description = dict[str, Any]
"""`service id` of each resource → what AWS describes."""

_IN_CLUSTERS = {"list_services": "serviceArns", "list_tasks": "taskArns"}
_VOLATILE = {"AvailableIpAddressCount", "storedBytes", "StatusUpdated", "LastUsedTime", "RoleLastUsed"}
"""Members that change although the resource does not."""
_GONE = {"terminated", "INACTIVE", "deleted"}


def _state(raw: Raw) -> str:
    state = raw.get("State") or raw.get("status") or raw.get("Status") or ""
    return str(state.get("Name", "") if isinstance(state, dict) else state)


_LISTS: tuple[tuple[str, str, str, str], ...] = (
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId"),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    ("ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    ("ec2", "describe_volumes", "Volumes", "VolumeId"),
    ("ec2", "describe_addresses", "Addresses", "AllocationId"),
    ("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
    ("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
    ("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"),
    ("ecr", "describe_repositories", "repositories", "repositoryArn"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    ("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
    ("rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"),
    ("rds", "describe_db_snapshots", "DBSnapshots", "DBSnapshotIdentifier"),
    ("elasticache", "describe_cache_clusters", "CacheClusters", "CacheClusterId"),
    ("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups", "CacheSubnetGroupName"),
    ("mq", "list_brokers", "BrokerSummaries", "BrokerId"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("ssm", "describe_parameters", "Parameters", "Name"),
)
"""boto3's service and operation, the member with the resources, and the member with their ids."""


def describe_account(cloud: Cloud) -> Description:
    """Return everything that exists in the account and region of `cloud`, whoever owns it."""
    described: Description = {}
    for service, operation, result, key in _LISTS:
        for raw in _pages(cloud, service, operation, result):
            is_aws_owned = str(raw.get("Path", "")).startswith("/aws-service-role/")
            if _state(raw) not in _GONE and not is_aws_owned:
                described[f"{service} {raw[key]}"] = _stable(raw)
    for describe in (_instances, _in_clusters, _ecs_rest, _user_pools, _budgets, _scaling):
        described |= {name: _stable(raw) for name, raw in describe(cloud)}
    return described


def _pages(cloud: Cloud, service: str, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
    client = cloud.client(service)
    if not client.can_paginate(operation):
        yield from getattr(client, operation)(**parameters)[result]
        return
    for page in client.get_paginator(operation).paginate(**parameters):
        yield from page.get(result, ())


def _instances(cloud: Cloud) -> Iterator[tuple[str, Raw]]:
    for reservation in _pages(cloud, "ec2", "describe_instances", "Reservations"):
        for raw in reservation["Instances"]:
            if _state(raw) not in _GONE:
                yield f"ec2 {raw['InstanceId']}", raw


def _in_clusters(cloud: Cloud) -> Iterator[tuple[str, Raw]]:
    for arn in _pages(cloud, "ecs", "list_clusters", "clusterArns"):
        for raw in cloud.client("ecs").describe_clusters(clusters=[arn], include=["TAGS"])["clusters"]:
            if raw["status"] not in _GONE:
                yield f"ecs {arn}", {name: raw[name] for name in ("clusterName", "status", "tags")}
        for operation, result in _IN_CLUSTERS.items():
            for own in _pages(cloud, "ecs", operation, result, cluster=arn):
                yield f"ecs {own}", {}


def _ecs_rest(cloud: Cloud) -> Iterator[tuple[str, Raw]]:
    for arn in _pages(cloud, "ecs", "list_task_definitions", "taskDefinitionArns", status="ACTIVE"):
        yield f"ecs {arn}", {}
    for raw in cloud.client("ecs").describe_capacity_providers()["capacityProviders"]:
        if raw["status"] == "ACTIVE":
            yield f"ecs {raw['capacityProviderArn']}", {}


def _user_pools(cloud: Cloud) -> Iterator[tuple[str, Raw]]:
    for raw in _pages(cloud, "cognito-idp", "list_user_pools", "UserPools", MaxResults=60):
        yield f"cognito-idp {raw['Id']}", raw


def _budgets(cloud: Cloud) -> Iterator[tuple[str, Raw]]:
    for raw in _pages(cloud, "budgets", "describe_budgets", "Budgets", AccountId=cloud.account):
        yield f"budgets {raw['BudgetName']}", {}


def _scaling(cloud: Cloud) -> Iterator[tuple[str, Raw]]:
    operation, kind = "describe_scalable_targets", {"ServiceNamespace": "ecs"}
    for raw in _pages(cloud, "application-autoscaling", operation, "ScalableTargets", **kind):
        yield f"application-autoscaling {raw['ResourceId']}", {}


def _stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stable(item) for key, item in value.items() if key not in _VOLATILE}
    return [_stable(item) for item in value] if isinstance(value, list) else value


def left(before: Description, after: Description) -> list[str]:
    """Return what exists now and did not exist before."""
    return sorted(after.keys() - before.keys())


def touched(before: Description, after: Description) -> list[str]:
    """Return what existed before and is gone or differs now."""
    return sorted(
        f"{name} ({_difference(raw, after[name])})" if name in after else name
        for name, raw in before.items()
        if after.get(name) != raw
    )


def _difference(before: Raw, after: Raw) -> str:
    names = sorted({*before, *after})
    return "; ".join(
        f"{name}: {after.get(name)!r} instead of {before.get(name)!r}"
        for name in names
        if before.get(name) != after.get(name)
    )
