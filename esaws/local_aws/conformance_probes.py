"""Calls that AWS refuses, which cost nothing, and the errors that AWS documents for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

Client = Callable[[str], Any]
"""Returns the boto3 client of a service."""

EC2_ERRORS = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"
API = {
    "ecs": "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_{}.html",
    "elbv2": "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_{}.html",
    "autoscaling": "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_{}.html",
    "application-autoscaling": "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_{}.html",
    "rds": "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_{}.html",
    "elasticache": "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_{}.html",
    "iam": "https://docs.aws.amazon.com/IAM/latest/APIReference/API_{}.html",
    "logs": "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_{}.html",
    "ecr": "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_{}.html",
    "ssm": "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_{}.html",
    "s3": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_{}.html",
    "cloudwatch": "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_{}.html",
    "events": "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_{}.html",
    "service-quotas": "https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_{}.html",
    "mq": "https://docs.aws.amazon.com/amazon-mq/latest/api-reference/brokers-broker-id.html",
    "servicediscovery": "https://docs.aws.amazon.com/cloud-map/latest/api/API_{}.html",
}
_ABSENT = "esaws-conformance-absent"


@dataclass(frozen=True)
class Probe:
    """One question to AWS, and the answer that AWS documents."""

    name: str
    expected: str
    """The code of an error, or what a few calls lead to."""
    source: str
    """AWS's page."""
    ask: Callable[[Client], str] = field(repr=False)


REFUSALS: list[Probe] = []
"""Probes of one call each, which AWS refuses."""


def code_of(call: Callable[[], Any]) -> str:
    """The error code of a call, or "accepted"."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "accepted"


def _refused(service: str, method: str, expected: str, source: str = "", /, **parameters: Any) -> None:
    """A probe whose call AWS refuses with an error code."""
    operation = "".join(word.capitalize() for word in method.split("_"))
    REFUSALS.append(
        Probe(
            f"{service} {operation} {json.dumps(parameters)}",
            expected,
            source or (EC2_ERRORS if service == "ec2" else API[service].format(operation)),
            lambda client: code_of(lambda: getattr(client(service), method)(**parameters)),
        )
    )


_refused("ec2", "describe_instances", "InvalidInstanceID.NotFound", InstanceIds=["i-0123456789abcdef0"])
_refused("ec2", "describe_instances", "InvalidInstanceID.Malformed", InstanceIds=["instance"])
_refused("ec2", "describe_vpcs", "InvalidVpcID.NotFound", VpcIds=["vpc-0123456789abcdef0"])
_refused("ec2", "describe_subnets", "InvalidSubnetID.NotFound", SubnetIds=["subnet-0123456789abcdef0"])
_refused("ec2", "describe_security_groups", "InvalidGroup.NotFound", GroupIds=["sg-0123456789abcdef0"])
_refused("ec2", "describe_volumes", "InvalidVolume.NotFound", VolumeIds=["vol-0123456789abcdef0"])
_refused("ec2", "describe_route_tables", "InvalidRouteTableID.NotFound", RouteTableIds=["rtb-0123456789abcdef0"])
_refused("ec2", "describe_key_pairs", "InvalidKeyPair.NotFound", KeyNames=[_ABSENT])
_refused("ec2", "describe_images", "InvalidAMIID.NotFound", ImageIds=["ami-0123456789abcdef0"])
_refused("ec2", "delete_vpc", "InvalidVpcID.NotFound", VpcId="vpc-0123456789abcdef0")
_refused("ec2", "describe_instance_types", "InvalidInstanceType", InstanceTypes=["t9.micro"])
_refused("ec2", "describe_nat_gateways", "NatGatewayNotFound", NatGatewayIds=["nat-0123456789abcdef0"])
_refused("ec2", "stop_instances", "InvalidInstanceID.NotFound", InstanceIds=["i-0123456789abcdef0"])
_refused("ec2", "release_address", "InvalidAllocationID.NotFound", AllocationId="eipalloc-0123456789abcdef0")
_refused(
    "ec2", "delete_internet_gateway", "InvalidInternetGatewayID.NotFound", InternetGatewayId="igw-0123456789abcdef0"
)
_refused("ec2", "delete_route_table", "InvalidRouteTableID.NotFound", RouteTableId="rtb-0123456789abcdef0")
_refused("ec2", "create_vpc", "InvalidVpc.Range", CidrBlock="10.0.0.0/8")
_refused("ec2", "create_vpc", "DryRunOperation", CidrBlock="10.0.0.0/16", DryRun=True)
_refused("ecs", "describe_services", "ClusterNotFoundException", cluster=_ABSENT, services=["web"])
_refused("ecs", "list_tasks", "ClusterNotFoundException", cluster=_ABSENT)
_refused("ecs", "delete_cluster", "ClusterNotFoundException", cluster=_ABSENT)
_refused("ecs", "describe_tasks", "ClusterNotFoundException", cluster=_ABSENT, tasks=["0" * 32])
_refused("ecs", "update_service", "ClusterNotFoundException", cluster=_ABSENT, service="web", desiredCount=0)
_refused(
    "ecs",
    "register_task_definition",
    "ClientException",
    family=_ABSENT,
    containerDefinitions=[{"name": "web", "image": "nginx"}],
)
_refused("ecs", "describe_task_definition", "ClientException", taskDefinition=_ABSENT)
_refused("elbv2", "describe_load_balancers", "LoadBalancerNotFound", Names=[_ABSENT])
_refused("elbv2", "describe_target_groups", "TargetGroupNotFound", Names=[_ABSENT])
_refused("autoscaling", "set_desired_capacity", "ValidationError", AutoScalingGroupName=_ABSENT, DesiredCapacity=0)
_refused(
    "application-autoscaling",
    "deregister_scalable_target",
    "ObjectNotFoundException",
    ServiceNamespace="ecs",
    ResourceId=f"service/{_ABSENT}/{_ABSENT}",
    ScalableDimension="ecs:service:DesiredCount",
)
_refused("rds", "describe_db_instances", "DBInstanceNotFound", DBInstanceIdentifier=_ABSENT)
_refused("rds", "describe_db_subnet_groups", "DBSubnetGroupNotFoundFault", DBSubnetGroupName=_ABSENT)
_refused("elasticache", "describe_cache_clusters", "CacheClusterNotFound", CacheClusterId=_ABSENT)
_refused("iam", "get_role", "NoSuchEntity", RoleName=_ABSENT)
_refused("iam", "create_role", "MalformedPolicyDocument", RoleName=_ABSENT, AssumeRolePolicyDocument="policy")
_refused("iam", "get_user", "NoSuchEntity", UserName=_ABSENT)
_refused("logs", "put_retention_policy", "ResourceNotFoundException", logGroupName=_ABSENT, retentionInDays=7)
_refused("logs", "describe_log_streams", "ResourceNotFoundException", logGroupName=_ABSENT)
_refused("ecr", "describe_repositories", "RepositoryNotFoundException", repositoryNames=[_ABSENT])
_refused("ssm", "get_parameter", "ParameterNotFound", Name=f"/{_ABSENT}")
_refused("s3", "get_bucket_location", "NoSuchBucket", Bucket=f"{_ABSENT}-7f3a91c25e")
_refused(
    "cloudwatch",
    "set_alarm_state",
    "ResourceNotFound",
    AlarmName=_ABSENT,
    StateValue="OK",
    StateReason="conformance",
)
_refused(
    "cloudwatch",
    "put_metric_alarm",
    "ValidationError",
    AlarmName=_ABSENT,
    Namespace="AWS/EC2",
    MetricName="CPUUtilization",
    Statistic="Average",
    Period=7,
    EvaluationPeriods=1,
    Threshold=1.0,
    ComparisonOperator="GreaterThanThreshold",
)
_refused("events", "describe_rule", "ResourceNotFoundException", Name=_ABSENT)
_refused("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroupNotFoundFault", CacheSubnetGroupName=_ABSENT)
_refused("rds", "delete_db_instance", "DBInstanceNotFound", DBInstanceIdentifier=_ABSENT, SkipFinalSnapshot=True)
_refused("mq", "describe_broker", "NotFoundException", BrokerId=f"b-{_ABSENT}")
_refused("service-quotas", "get_service_quota", "NoSuchResourceException", ServiceCode="ec2", QuotaCode="L-00000000")
_refused("servicediscovery", "get_namespace", "NamespaceNotFound", Id="ns-aaaaaaaaaaaaaaaa")
