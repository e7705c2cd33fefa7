"""Probes that create free resources and remove them: what AWS answers to a few calls, as it documents."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from botocore.exceptions import ClientError

from esaws.local_aws.conformance_probes import API, EC2_ERRORS, Client, Probe, code_of

RESOURCE_PROBES: list[Probe] = []
"""None creates anything that costs."""


def _with_resources(expected: str, source: str) -> Callable[[Callable[[Client], str]], Callable[[Client], str]]:
    """Register a probe of a few calls; its docstring is its name."""

    def register(ask: Callable[[Client], str]) -> Callable[[Client], str]:
        RESOURCE_PROBES.append(Probe((ask.__doc__ or "").rstrip("."), expected, source, ask))
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


@_with_resources("InvalidSubnet.Conflict", EC2_ERRORS)
def overlapping_subnets(client: Client) -> str:
    """A subnet overlaps another one."""
    with _vpc(client) as vpc:
        client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")
        return code_of(lambda: client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/25"))


@_with_resources("InvalidSubnet.Range", EC2_ERRORS)
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


@_with_resources("InvalidPermission.Duplicate", EC2_ERRORS)
def duplicate_rule(client: Client) -> str:
    """A rule is added to a security group twice."""
    ec2 = client("ec2")
    with _vpc(client) as vpc:
        group = ec2.create_security_group(GroupName="web", Description="conformance", VpcId=vpc)["GroupId"]
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        return code_of(lambda: ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule]))


@_with_resources("Resource.AlreadyAssociated", EC2_ERRORS)
def second_gateway(client: Client) -> str:
    """An internet gateway is attached to a VPC twice."""
    ec2 = client("ec2")
    with _vpc(client) as vpc:
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        try:
            ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
            return code_of(lambda: ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc))
        finally:
            ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
            ec2.delete_internet_gateway(InternetGatewayId=gateway)


@_with_resources(
    "DependencyViolation", "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRouteTable.html"
)
def main_route_table(client: Client) -> str:
    """The main route table of a VPC is deleted."""
    ec2 = client("ec2")
    with _vpc(client) as vpc:
        (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
        return code_of(lambda: ec2.delete_route_table(RouteTableId=table["RouteTableId"]))


@_with_resources("InvalidGroup.Duplicate", EC2_ERRORS)
def security_group_twice(client: Client) -> str:
    """A security group is created twice in a VPC."""
    ec2, settings = client("ec2"), {"GroupName": "web", "Description": "conformance"}
    with _vpc(client) as vpc:
        ec2.create_security_group(VpcId=vpc, **settings)
        return code_of(lambda: ec2.create_security_group(VpcId=vpc, **settings))


@_with_resources("ValidationError", API["elbv2"].format("CreateLoadBalancer"))
def load_balancer_in_one_zone(client: Client) -> str:
    """An Application Load Balancer is created in one subnet."""
    with _vpc(client) as vpc:
        subnet = client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        settings = {"Name": _name()[-20:], "Subnets": [subnet], "Scheme": "internal"}
        return code_of(lambda: client("elbv2").create_load_balancer(**settings))


@_with_resources("InvalidParameterException", API["logs"].format("PutRetentionPolicy"))
def retention_of_two_days(client: Client) -> str:
    """A log group gets a retention of two days, which CloudWatch Logs does not offer."""
    logs, name = client("logs"), _name()
    logs.create_log_group(logGroupName=name)
    try:
        return code_of(lambda: logs.put_retention_policy(logGroupName=name, retentionInDays=2))
    finally:
        logs.delete_log_group(logGroupName=name)


@_with_resources("EntityAlreadyExists", API["iam"].format("CreateUser"))
def user_twice(client: Client) -> str:
    """An IAM user is created twice."""
    iam, name = client("iam"), _name()
    iam.create_user(UserName=name)
    try:
        return code_of(lambda: iam.create_user(UserName=name))
    finally:
        iam.delete_user(UserName=name)


@_with_resources("DeleteConflict", API["iam"].format("DeleteRole"))
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


@_with_resources("ResourceAlreadyExistsException", API["logs"].format("CreateLogGroup"))
def log_group_twice(client: Client) -> str:
    """A log group is created twice."""
    logs, name = client("logs"), _name()
    logs.create_log_group(logGroupName=name)
    try:
        return code_of(lambda: logs.create_log_group(logGroupName=name))
    finally:
        logs.delete_log_group(logGroupName=name)


@_with_resources("the same cluster", API["ecs"].format("CreateCluster"))
def cluster_twice(client: Client) -> str:
    """An ECS cluster is created twice."""
    ecs, name = client("ecs"), _name()
    first = ecs.create_cluster(clusterName=name)["cluster"]["clusterArn"]
    try:
        second = ecs.create_cluster(clusterName=name)["cluster"]["clusterArn"]
        return "the same cluster" if first == second else "another cluster"
    finally:
        ecs.delete_cluster(cluster=name)


@_with_resources("InvalidLaunchTemplateName.AlreadyExistsException", EC2_ERRORS)
def launch_template_twice(client: Client) -> str:
    """A launch template is created twice."""
    ec2, name = client("ec2"), _name()
    data = {"InstanceType": "t3.micro"}
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    try:
        return code_of(lambda: ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data))
    finally:
        ec2.delete_launch_template(LaunchTemplateName=name)


@_with_resources("the same target group", API["elbv2"].format("CreateTargetGroup"))
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
