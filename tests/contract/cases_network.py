"""Contract cases for network, instances and load balancer: changes by hand, and other declared values."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from esaws.cloud import Cloud
from esaws.resource import Live
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.listener import Listener
from esaws.resources.load_balancer import LoadBalancer
from esaws.resources.route_table import RouteTable
from esaws.resources.security_group import SecurityGroup
from esaws.resources.subnet import Subnet
from esaws.resources.target_group import TargetGroup
from esaws.resources.vpc import VPC

Change = Callable[[Cloud, Live], None]

OTHER_VPC = replace(VPC.example(), name="other-vpc")
OTHER_SUBNET = replace(Subnet.example(), name="other-subnet")
OTHER_GROUP = replace(SecurityGroup.example(), name="other-sg")


# -- the network -------------------------------------------------------------------------------------------------


def _no_dns_hostnames(cloud: Cloud, live: Live) -> None:
    cloud.client("ec2").modify_vpc_attribute(VpcId=live.id, EnableDnsHostnames={"Value": False})


def _public_addresses(cloud: Cloud, live: Live) -> None:
    cloud.client("ec2").modify_subnet_attribute(SubnetId=live.id, MapPublicIpOnLaunch={"Value": False})


def _nothing_out(cloud: Cloud, live: Live) -> None:
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    cloud.client("ec2").revoke_security_group_egress(GroupId=live.id, IpPermissions=[everything])


def _rule(**changed: Any) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        raw = live.raw
        rule = {key: raw[key] for key in ("IpProtocol", "FromPort", "ToPort", "CidrIpv4")}
        cloud.client("ec2").modify_security_group_rules(
            GroupId=raw["GroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": live.id, "SecurityGroupRule": rule | changed}],
        )

    return change


def _detach(cloud: Cloud, live: Live) -> None:
    cloud.client("ec2").detach_internet_gateway(InternetGatewayId=live.id, VpcId=live.fields["vpc"])


def _subnet_by_hand(cloud: Cloud, vpc: str, zone: str) -> str:
    ec2 = cloud.client("ec2")
    created = ec2.create_subnet(VpcId=vpc, CidrBlock="172.31.240.0/20", AvailabilityZone=cloud.region + zone)
    return str(created["Subnet"]["SubnetId"])


def _vpc_of_subnet(cloud: Cloud, subnet: str) -> str:
    return str(cloud.client("ec2").describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"])


def _route_to_an_interface(cloud: Cloud, live: Live) -> None:
    ec2, table = cloud.client("ec2"), live.fields["table"]
    vpc = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["VpcId"]
    interface = ec2.create_network_interface(SubnetId=_subnet_by_hand(cloud, vpc, "a"))["NetworkInterface"]
    ec2.replace_route(
        RouteTableId=table,
        DestinationCidrBlock=live.fields["destination"],
        NetworkInterfaceId=interface["NetworkInterfaceId"],
    )


def _another_table(cloud: Cloud, live: Live) -> None:
    ec2 = cloud.client("ec2")
    table = ec2.create_route_table(VpcId=_vpc_of_subnet(cloud, live.fields["subnet"]))["RouteTable"]
    ec2.replace_route_table_association(AssociationId=live.id, RouteTableId=table["RouteTableId"])


# -- identities and instances ------------------------------------------------------------------------------------


def _trust_ecs_tasks(cloud: Cloud, live: Live) -> None:
    principal = {"Service": "ecs-tasks.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("iam").update_assume_role_policy(RoleName=live.id, PolicyDocument=document)


def _read_buckets(cloud: Cloud, live: Live) -> None:
    policy = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    cloud.client("iam").attach_role_policy(RoleName=live.id, PolicyArn=policy)


def _without_a_role(cloud: Cloud, live: Live) -> None:
    cloud.client("iam").remove_role_from_instance_profile(InstanceProfileName=live.id, RoleName=live.fields["role"])


def _version(change_data: Callable[[dict[str, Any]], None]) -> Change:
    """Return a change that adds a version to a launch template and makes it the default."""

    def change(cloud: Cloud, live: Live) -> None:
        ec2, template = cloud.client("ec2"), {"LaunchTemplateId": live.id}
        default = ec2.describe_launch_template_versions(Versions=["$Default"], **template)["LaunchTemplateVersions"][0]
        data = default["LaunchTemplateData"]
        change_data(data)
        created = ec2.create_launch_template_version(LaunchTemplateData=data, **template)["LaunchTemplateVersion"]
        ec2.modify_launch_template(DefaultVersion=str(created["VersionNumber"]), **template)

    return change


def _pin_the_version(cloud: Cloud, live: Live) -> None:
    cloud.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=live.raw["AutoScalingGroupName"],
        LaunchTemplate={"LaunchTemplateId": live.fields["template"], "Version": "1"},
    )


def _one_more_subnet(cloud: Cloud, live: Live) -> None:
    subnets = sorted(live.fields["subnets"])
    added = _subnet_by_hand(cloud, _vpc_of_subnet(cloud, subnets[0]), "c")
    cloud.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=live.raw["AutoScalingGroupName"], VPCZoneIdentifier=",".join([*subnets, added])
    )


def _sizes(**sizes: int) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        name = live.raw["AutoScalingGroupName"]
        cloud.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=name, **sizes)

    return change


# -- the load balancer -------------------------------------------------------------------------------------------


def _one_more_zone(cloud: Cloud, live: Live) -> None:
    added = _subnet_by_hand(cloud, live.raw["VpcId"], "c")
    subnets = [*live.fields["subnets"], added]
    cloud.client("elbv2").set_subnets(LoadBalancerArn=live.id, Subnets=subnets)


def _the_default_group(cloud: Cloud, live: Live) -> None:
    filters = [{"Name": "vpc-id", "Values": [live.raw["VpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
    default = cloud.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"][0]
    cloud.client("elbv2").set_security_groups(LoadBalancerArn=live.id, SecurityGroups=[default["GroupId"]])


def _target_group(**settings: Any) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        cloud.client("elbv2").modify_target_group(TargetGroupArn=live.id, **settings)

    return change


def _drain_shortly(cloud: Cloud, live: Live) -> None:
    attributes = [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
    cloud.client("elbv2").modify_target_group_attributes(TargetGroupArn=live.id, Attributes=attributes)


def _not_found() -> list[dict[str, Any]]:
    return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]


def _listener(**settings: Any) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        same = {"DefaultActions": live.raw["DefaultActions"]}
        cloud.client("elbv2").modify_listener(ListenerArn=live.id, **same | settings)

    return change


def _with_a_certificate(cloud: Cloud, live: Live) -> None:
    certificate = cloud.client("acm").request_certificate(DomainName="www.example.com")["CertificateArn"]
    _listener(Protocol="HTTPS", Certificates=[{"CertificateArn": certificate}])(cloud, live)


def _rule_of_the_listener(**settings: Any) -> Change:
    def change(cloud: Cloud, live: Live) -> None:
        cloud.client("elbv2").modify_rule(RuleArn=live.id, **settings)

    return change


def _lower_priority(cloud: Cloud, live: Live) -> None:
    priorities = [{"RuleArn": live.id, "Priority": live.fields["priority"] + 10}]
    cloud.client("elbv2").set_rule_priorities(RulePriorities=priorities)


def _another_port(cloud: Cloud, live: Live) -> None:
    elbv2, group = cloud.client("elbv2"), {"TargetGroupArn": live.fields["target_group"]}
    old = live.raw["Targets"]
    elbv2.register_targets(Targets=[target | {"Port": 9090} for target in old], **group)
    elbv2.deregister_targets(Targets=old, **group)


BY_HAND: dict[tuple[str, str], Change] = {
    ("VPC", "dns_hostnames"): _no_dns_hostnames,
    ("Subnet", "public_addresses"): _public_addresses,
    ("SecurityGroup", "all_outbound"): _nothing_out,
    ("SecurityGroupRule", "protocol"): _rule(IpProtocol="udp"),
    ("SecurityGroupRule", "from_port"): _rule(FromPort=79),
    ("SecurityGroupRule", "to_port"): _rule(ToPort=81),
    ("SecurityGroupRule", "peer"): _rule(CidrIpv4="10.0.0.0/8"),
    ("SecurityGroupRule", "description"): _rule(Description="by hand"),
    ("InternetGateway", "vpc"): _detach,
    ("Route", "gateway"): _route_to_an_interface,
    ("RouteTableAssociation", "table"): _another_table,
    ("Role", "service"): _trust_ecs_tasks,
    ("Role", "managed_policies"): _read_buckets,
    ("InstanceProfile", "role"): _without_a_role,
    ("LaunchTemplate", "cluster"): _version(lambda data: data.update(UserData="")),
    ("LaunchTemplate", "instance_type"): _version(lambda data: data.update(InstanceType="t3.micro")),
    ("LaunchTemplate", "image_parameter"): _version(lambda data: data.update(ImageId="ami-760aaa0f")),
    ("LaunchTemplate", "root_gb"): _version(lambda data: data["BlockDeviceMappings"][0]["Ebs"].update(VolumeSize=40)),
    ("LaunchTemplate", "root_type"): _version(
        lambda data: data["BlockDeviceMappings"][0]["Ebs"].update(VolumeType="gp3")
    ),
    ("LaunchTemplate", "security_groups"): _version(lambda data: data["NetworkInterfaces"][0].update(Groups=[])),
    ("LaunchTemplate", "instance_profile"): _version(lambda data: data.update(IamInstanceProfile={"Name": "other"})),
    ("LaunchTemplate", "public_address"): _version(
        lambda data: data["NetworkInterfaces"][0].update(AssociatePublicIpAddress=False)
    ),
    ("AutoScalingGroup", "template"): _pin_the_version,
    ("AutoScalingGroup", "subnets"): _one_more_subnet,
    ("AutoScalingGroup", "minimum"): _sizes(MinSize=0),
    ("AutoScalingGroup", "maximum"): _sizes(MaxSize=3),
    ("LoadBalancer", "subnets"): _one_more_zone,
    ("LoadBalancer", "security_groups"): _the_default_group,
    ("TargetGroup", "health_path"): _target_group(HealthCheckPath="/health"),
    ("TargetGroup", "health_interval"): _target_group(HealthCheckIntervalSeconds=60),
    ("TargetGroup", "health_timeout"): _target_group(HealthCheckTimeoutSeconds=10),
    ("TargetGroup", "healthy_threshold"): _target_group(HealthyThresholdCount=3),
    ("TargetGroup", "unhealthy_threshold"): _target_group(UnhealthyThresholdCount=3),
    ("TargetGroup", "matcher"): _target_group(Matcher={"HttpCode": "200-399"}),
    ("TargetGroup", "deregistration_delay"): _drain_shortly,
    ("Listener", "default"): _listener(DefaultActions=_not_found()),
    ("Listener", "port"): _listener(Port=8080),
    ("Listener", "protocol"): _with_a_certificate,
    ("ListenerRule", "priority"): _lower_priority,
    ("ListenerRule", "paths"): _rule_of_the_listener(
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/other*"]}}]
    ),
    ("ListenerRule", "target_group"): _rule_of_the_listener(Actions=_not_found()),
    ("TargetRegistration", "port"): _another_port,
}

REDECLARED: dict[tuple[str, str], Any] = {
    ("VPC", "cidr"): "10.0.0.0/16",
    ("Subnet", "vpc"): OTHER_VPC,
    ("Subnet", "cidr"): "172.31.32.0/20",
    ("Subnet", "zone"): "b",
    ("SecurityGroup", "vpc"): OTHER_VPC,
    ("SecurityGroup", "description"): "Another purpose",
    ("SecurityGroupRule", "group"): OTHER_GROUP,
    ("SecurityGroupRule", "direction"): "egress",
    ("RouteTable", "vpc"): OTHER_VPC,
    ("Route", "table"): replace(RouteTable.example(), name="other-table"),
    ("Route", "destination"): "10.0.0.0/8",
    ("RouteTableAssociation", "subnet"): OTHER_SUBNET,
    ("LoadBalancer", "internet_facing"): False,
    ("TargetGroup", "vpc"): OTHER_VPC,
    ("TargetGroup", "target_type"): "ip",
    ("TargetGroup", "port"): 8080,
    ("TargetGroup", "protocol"): "HTTPS",
    ("Listener", "load_balancer"): replace(LoadBalancer.example(), name="other-alb"),
    ("ListenerRule", "listener"): replace(Listener.example(), name="other 80"),
    ("TargetRegistration", "target_group"): replace(TargetGroup.example(), name="other-tg"),
    ("TargetRegistration", "group"): replace(AutoScalingGroup.example(), name="other-asg"),
}
