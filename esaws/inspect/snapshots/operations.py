"""The calls whose answers a snapshot holds, and how the parent of an answer is recognised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Operation:
    """A describe, list or get call.

    `result` is the member of its response that holds the answer: a list, or a structure for a `single` resource; empty
    if the whole response is the answer. `id` is the member of an item that AWS always writes; empty for a list of ARNs.

    A call that is made for each parent has `parent`, the parameter with the parent's id, and `parents`, the key of the
    operation that lists the parents. `parent_of` reads the parent's id from an item; many answers don't contain it.
    """

    service: str
    name: str
    result: str
    id: str = ""
    parent: str = ""
    parents: str = ""
    parent_of: Callable[[Any], str | None] = lambda item: None
    single: bool = False
    one_call_for_all: bool = False
    """Whether AWS answers for all parents if the call names none."""
    lists: str = ""
    """Of a call that only lists ARNs: the call that describes them."""

    @property
    def key(self) -> str:
        """The name as in `ec2 describe_instances`."""
        return f"{self.service} {self.name}"

    @property
    def cli_service(self) -> str:
        """The name of the service in the AWS CLI."""
        return "s3api" if self.service == "s3" else self.service

    @property
    def cli_name(self) -> str:
        """The name of the operation in the AWS CLI."""
        return self.name.replace("_", "-")


def _member(name: str) -> Callable[[Any], str | None]:
    return lambda item: item.get(name)


def _listener_of(rule: Any) -> str | None:
    """The listener in the ARN of a rule: `…:listener-rule/app/NAME/LB/LISTENER/RULE`."""
    if known := rule.get("ListenerArn"):
        return str(known)
    arn, separator, _ = str(rule.get("RuleArn", "")).rpartition("/")
    return arn.replace(":listener-rule/", ":listener/", 1) if separator else None


def _cluster_of(arn: str) -> str | None:
    """The cluster in the ARN of a service, task or container instance; ARNs before 2018 have none."""
    start, _, resource = arn.rpartition(":")
    parts = resource.split("/")
    return f"{start}:cluster/{parts[1]}" if len(parts) == 3 else None


def _cluster_of_item(arn: str) -> Callable[[Any], str | None]:
    return lambda item: item.get("clusterArn") or _cluster_of(item[arn])


def _of_listener(name: str, result: str, id: str, parent_of: Callable[[Any], str | None]) -> Operation:
    return Operation("elbv2", name, result, id, "ListenerArn", "elbv2 describe_listeners", parent_of)


def _of_load_balancer(name: str, result: str, id: str) -> Operation:
    parent = "LoadBalancerArn"
    return Operation("elbv2", name, result, id, parent, "elbv2 describe_load_balancers", _member(parent))


def _of_target_group(name: str, result: str, id: str) -> Operation:
    parent = "TargetGroupArn"
    return Operation("elbv2", name, result, id, parent, "elbv2 describe_target_groups", _member(parent))


def _of_cluster(kind: str, result: str, id: str) -> tuple[Operation, Operation]:
    clusters = "ecs describe_clusters"
    describe = Operation("ecs", f"describe_{kind}", result, id, "cluster", clusters, _cluster_of_item(id))
    listed = f"{id}s"
    return describe, Operation(
        "ecs", f"list_{kind}", listed, "", "cluster", clusters, _cluster_of, lists=f"ecs describe_{kind}"
    )


def _of_bucket(name: str, result: str) -> Operation:
    return Operation("s3", name, result, "", "Bucket", "s3 list_buckets", single=True)


_ALL = (
    Operation("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    Operation("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    Operation("ec2", "describe_network_acls", "NetworkAcls", "NetworkAclId"),
    Operation("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    Operation("ec2", "describe_subnets", "Subnets", "SubnetId"),
    Operation("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    Operation("ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId"),
    Operation("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    Operation("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    Operation("ec2", "describe_vpc_peering_connections", "VpcPeeringConnections", "VpcPeeringConnectionId"),
    Operation("ec2", "describe_volumes", "Volumes", "VolumeId"),
    Operation("ec2", "describe_addresses", "Addresses", "PublicIp"),
    Operation("ec2", "describe_instances", "Reservations", "Instances"),
    Operation("ec2", "describe_managed_prefix_lists", "PrefixLists", "PrefixListId"),
    Operation(
        "ec2",
        "get_managed_prefix_list_entries",
        "Entries",
        "Cidr",
        "PrefixListId",
        "ec2 describe_managed_prefix_lists",
    ),
    Operation(
        "ec2",
        "describe_launch_template_versions",
        "LaunchTemplateVersions",
        "LaunchTemplateId",
        "LaunchTemplateId",
        parent_of=_member("LaunchTemplateId"),
        one_call_for_all=True,
    ),
    Operation("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
    Operation("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
    _of_load_balancer("describe_listeners", "Listeners", "ListenerArn"),
    _of_load_balancer("describe_load_balancer_attributes", "Attributes", "Key"),
    _of_listener("describe_rules", "Rules", "RuleArn", _listener_of),
    _of_target_group("describe_target_group_attributes", "Attributes", "Key"),
    _of_target_group("describe_target_health", "TargetHealthDescriptions", "Target"),
    Operation("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"),
    Operation("autoscaling", "describe_launch_configurations", "LaunchConfigurations", "LaunchConfigurationName"),
    Operation(
        "autoscaling",
        "describe_scaling_activities",
        "Activities",
        "ActivityId",
        "AutoScalingGroupName",
        "autoscaling describe_auto_scaling_groups",
        _member("AutoScalingGroupName"),
        one_call_for_all=True,
    ),
    Operation("lambda", "list_functions", "Functions", "FunctionName"),
    Operation("ecs", "describe_clusters", "clusters", "clusterArn"),
    Operation("ecs", "list_clusters", "clusterArns", lists="ecs describe_clusters"),
    *_of_cluster("services", "services", "serviceArn"),
    *_of_cluster("tasks", "tasks", "taskArn"),
    *_of_cluster("container_instances", "containerInstances", "containerInstanceArn"),
    Operation(
        "ecs",
        "describe_task_definition",
        "taskDefinition",
        "taskDefinitionArn",
        "taskDefinition",
        parent_of=_member("taskDefinitionArn"),
        single=True,
    ),
    Operation("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
    Operation("rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"),
    Operation("elasticache", "describe_cache_clusters", "CacheClusters", "CacheClusterId"),
    Operation("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups", "CacheSubnetGroupName"),
    Operation("ecr", "describe_repositories", "repositories", "repositoryName"),
    Operation(
        "ecr",
        "describe_images",
        "imageDetails",
        "imageDigest",
        "repositoryName",
        "ecr describe_repositories",
        _member("repositoryName"),
    ),
    Operation("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    Operation("mq", "list_brokers", "BrokerSummaries", "BrokerId"),
    Operation("mq", "describe_broker", "", "BrokerId", "BrokerId", "mq list_brokers", _member("BrokerId"), single=True),
    Operation("cognito-idp", "list_user_pools", "UserPools", "Id"),
    Operation(
        "cognito-idp",
        "describe_user_pool",
        "UserPool",
        "Id",
        "UserPoolId",
        "cognito-idp list_user_pools",
        _member("Id"),
        single=True,
    ),
    Operation("s3", "list_buckets", "Buckets", "Name"),
    _of_bucket("get_bucket_encryption", "ServerSideEncryptionConfiguration"),
    _of_bucket("get_public_access_block", "PublicAccessBlockConfiguration"),
    _of_bucket("get_bucket_policy_status", "PolicyStatus"),
    _of_bucket("get_bucket_versioning", ""),
    Operation("sts", "get_caller_identity", "", "Account", single=True),
)

OPERATIONS: Mapping[str, Operation] = {operation.key: operation for operation in _ALL}
"""Every operation by its key."""
