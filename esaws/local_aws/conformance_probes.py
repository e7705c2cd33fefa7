"""Calls that cost nothing and whose answers AWS documents: refusals, and free resources that each probe removes."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

Client = Callable[[str], Any]
"""Returns the boto3 client of a service."""

_EC2 = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"
_API = {
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


PROBES: list[Probe] = []
"""All probes. None creates anything that costs."""


def code_of(call: Callable[[], Any]) -> str:
    """The error code of a call, or "accepted"."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "accepted"


def _refused(service: str, method: str, expected: str, source: str = "", **parameters: Any) -> None:
    """A probe whose call AWS refuses with an error code."""
    operation = "".join(word.capitalize() for word in method.split("_"))
    PROBES.append(
        Probe(
            f"{service} {operation} {json.dumps(parameters)}",
            expected,
            source or (_EC2 if service == "ec2" else _API[service].format(operation)),
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
_refused("ec2", "create_vpc", "InvalidVpc.Range", CidrBlock="10.0.0.0/8")
_refused("ec2", "create_vpc", "DryRunOperation", CidrBlock="10.0.0.0/16", DryRun=True)
_refused("ecs", "describe_services", "ClusterNotFoundException", cluster=_ABSENT, services=["web"])
_refused("ecs", "list_tasks", "ClusterNotFoundException", cluster=_ABSENT)
_refused("ecs", "delete_cluster", "ClusterNotFoundException", cluster=_ABSENT)
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
_refused("servicediscovery", "get_namespace", "NamespaceNotFound", Id="ns-aaaaaaaaaaaaaaaa")


# --- free resources, which the probe removes


def _with_resources(expected: str, source: str) -> Callable[[Callable[[Client], str]], Callable[[Client], str]]:
    """Register a probe of a few calls; its docstring is its name."""

    def register(ask: Callable[[Client], str]) -> Callable[[Client], str]:
        PROBES.append(Probe((ask.__doc__ or "").rstrip("."), expected, source, ask))
        return ask

    return register


def _name() -> str:
    return f"esaws-conformance-{secrets.token_hex(4)}"


@contextmanager
def _vpc(client: Client) -> Iterator[str]:
    """An empty VPC, which is deleted at the end."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    try:
        yield vpc
    finally:
        of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
        for subnet in ec2.describe_subnets(Filters=of_vpc)["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        groups = [
            g for g in ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"] if g["GroupName"] != "default"
        ]
        for group in groups:
            if group["IpPermissions"]:
                ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
        for group in groups:
            ec2.delete_security_group(GroupId=group["GroupId"])
        ec2.delete_vpc(VpcId=vpc)


@_with_resources("DependencyViolation", "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html")
def vpc_with_a_subnet(client: Client) -> str:
    """A VPC with a subnet is deleted."""
    with _vpc(client) as vpc:
        client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")
        return code_of(lambda: client("ec2").delete_vpc(VpcId=vpc))


@_with_resources("InvalidSubnet.Conflict", _EC2)
def overlapping_subnets(client: Client) -> str:
    """A subnet overlaps another one."""
    with _vpc(client) as vpc:
        client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")
        return code_of(lambda: client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/25"))


@_with_resources("InvalidSubnet.Range", _EC2)
def subnet_outside_the_vpc(client: Client) -> str:
    """A subnet lies outside of its VPC."""
    with _vpc(client) as vpc:
        return code_of(lambda: client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24"))


@_with_resources(
    "DependencyViolation", "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html"
)
def referenced_security_group(client: Client) -> str:
    """A security group that a rule of another one names is deleted."""
    ec2 = client("ec2")
    with _vpc(client) as vpc:
        named, naming = (
            ec2.create_security_group(GroupName=name, Description="conformance", VpcId=vpc)["GroupId"]
            for name in ("named", "naming")
        )
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": named}]}
        ec2.authorize_security_group_ingress(GroupId=naming, IpPermissions=[rule])
        return code_of(lambda: ec2.delete_security_group(GroupId=named))


@_with_resources("InvalidPermission.Duplicate", _EC2)
def duplicate_rule(client: Client) -> str:
    """A rule is added to a security group twice."""
    ec2 = client("ec2")
    with _vpc(client) as vpc:
        group = ec2.create_security_group(GroupName="web", Description="conformance", VpcId=vpc)["GroupId"]
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        return code_of(lambda: ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule]))


@_with_resources("DeleteConflict", _API["iam"].format("DeleteRole"))
def role_with_a_policy(client: Client) -> str:
    """A role with an attached policy is deleted."""
    iam, name, policy = client("iam"), _name(), "arn:aws:iam::aws:policy/ReadOnlyAccess"
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    try:
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
        return code_of(lambda: iam.delete_role(RoleName=name))
    finally:
        with suppress(ClientError):
            iam.detach_role_policy(RoleName=name, PolicyArn=policy)
        with suppress(ClientError):
            iam.delete_role(RoleName=name)


@_with_resources("ResourceAlreadyExistsException", _API["logs"].format("CreateLogGroup"))
def log_group_twice(client: Client) -> str:
    """A log group is created twice."""
    logs, name = client("logs"), _name()
    logs.create_log_group(logGroupName=name)
    try:
        return code_of(lambda: logs.create_log_group(logGroupName=name))
    finally:
        logs.delete_log_group(logGroupName=name)


@_with_resources("the same cluster", _API["ecs"].format("CreateCluster"))
def cluster_twice(client: Client) -> str:
    """An ECS cluster is created twice."""
    ecs, name = client("ecs"), _name()
    first = ecs.create_cluster(clusterName=name)["cluster"]["clusterArn"]
    try:
        second = ecs.create_cluster(clusterName=name)["cluster"]["clusterArn"]
        return "the same cluster" if first == second else "another cluster"
    finally:
        ecs.delete_cluster(cluster=name)


@_with_resources("InvalidLaunchTemplateName.AlreadyExistsException", _EC2)
def launch_template_twice(client: Client) -> str:
    """A launch template is created twice."""
    ec2, name = client("ec2"), _name()
    data = {"InstanceType": "t3.micro"}
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    try:
        return code_of(lambda: ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data))
    finally:
        ec2.delete_launch_template(LaunchTemplateName=name)


@_with_resources("the same target group", _API["elbv2"].format("CreateTargetGroup"))
def target_group_twice(client: Client) -> str:
    """A target group is created twice with the same settings."""
    elbv2, name = client("elbv2"), _name()[-20:]
    with _vpc(client) as vpc:
        settings = {"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": vpc}
        first = elbv2.create_target_group(**settings)["TargetGroups"][0]["TargetGroupArn"]
        try:
            second = elbv2.create_target_group(**settings)["TargetGroups"][0]["TargetGroupArn"]
            return "the same target group" if first == second else "another target group"
        finally:
            elbv2.delete_target_group(TargetGroupArn=first)
