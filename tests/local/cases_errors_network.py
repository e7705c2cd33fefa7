"""Calls that AWS refuses in networks and for load balancers."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from tests.local.cases import case, outcome
from tests.local.cases_errors_containers import refusal

IN_USE = "DependencyViolation"
REFUSED = "ValidationError"
TOO_MANY_RULES = "RulesPerSecurityGroupLimitExceeded"
DUPLICATE = "InvalidPermission.Duplicate"
NOT_THERE = "InvalidPermission.NotFound"


class Net:
    """A VPC with a gateway, two public subnets in two zones, a security group, and what a case adds to them."""

    def __init__(self, account: Any):
        self.account = account
        self.ec2, self.elbv2 = account.client("ec2"), account.client("elbv2")
        self.vpc, self.subnets, self.group = account.network()

    def gateway(self) -> str:
        """The internet gateway of the VPC; a new one where it has none."""
        filters = [{"Name": "attachment.vpc-id", "Values": [self.vpc]}]
        for attached in self.ec2.describe_internet_gateways(Filters=filters)["InternetGateways"]:
            return str(attached["InternetGatewayId"])
        gateway: str = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        return gateway

    def detach(self, gateway: str) -> Any:
        return self.done(lambda: self.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc))

    def instance(self) -> str:
        parameters = {"ImageId": "ami-760aaa0f", "SubnetId": self.subnets[0], "SecurityGroupIds": [self.group]}
        return str(self.ec2.run_instances(MinCount=1, MaxCount=1, **parameters)["Instances"][0]["InstanceId"])

    def terminate(self, instance: str) -> None:
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance])

    def interface(self) -> str:
        made = self.ec2.create_network_interface(SubnetId=self.subnets[0], Groups=[self.group])
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    def another_group(self) -> str:
        return str(self.ec2.create_security_group(GroupName="other", Description="o", VpcId=self.vpc)["GroupId"])

    def let_in(self, group: str, source: str) -> None:
        pair = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": source}]}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[pair])

    def nat(self) -> tuple[str, str]:
        """(NAT gateway, its address)."""
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.create_nat_gateway(SubnetId=self.subnets[0], AllocationId=address)
        return made["NatGateway"]["NatGatewayId"], address

    def balancer(self, **parameters: Any) -> str:
        parameters = {"Name": "b", "Subnets": self.subnets, "SecurityGroups": [self.group], **parameters}
        return str(self.elbv2.create_load_balancer(**parameters)["LoadBalancers"][0]["LoadBalancerArn"])

    def target_group(self, name: str = "t") -> str:
        made = self.elbv2.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=self.vpc)
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def listener(self, balancer: str, port: int = 80) -> str:
        actions = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
        parameters = {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port, "DefaultActions": actions}
        return str(self.elbv2.create_listener(**parameters)["Listeners"][0]["ListenerArn"])

    def rule(self, listener: str, priority: int = 1, paths: tuple[str, ...] = ("/",)) -> Any:
        condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": [*paths]}}
        actions = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
        parameters = {"ListenerArn": listener, "Priority": priority, "Conditions": [condition], "Actions": actions}
        return self.elbv2.create_rule(**parameters)

    def interfaces(self) -> list[dict[str, Any]]:
        filters = [{"Name": "description", "Values": ["ELB app/b/*"]}]
        described: list[dict[str, Any]] = self.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        return described

    @staticmethod
    def done(call: Callable[[], Any]) -> Any:
        """None where AWS does it, else the code of its error."""

        def ask() -> None:
            call()

        return outcome(ask)

    def each(self, call: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
        """What `done` says for each value."""
        return [self.done(partial(call, value)) for value in values]

    def delete_group(self) -> Any:
        return self.done(lambda: self.ec2.delete_security_group(GroupId=self.group))

    def delete_subnet(self) -> Any:
        return self.done(lambda: self.ec2.delete_subnet(SubnetId=self.subnets[0]))

    def delete_vpc(self) -> Any:
        return self.done(lambda: self.ec2.delete_vpc(VpcId=self.vpc))


# --- security groups


def on(port: int, **peers: Any) -> dict[str, Any]:
    """A permission for TCP on a port."""
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peers}


@case(
    "a security group cannot be deleted while an interface uses it",
    aws=(IN_USE, None),
    stock=(None, "InvalidGroup.NotFound"),
)
def case_carried_group(account: Any) -> Any:
    net = Net(account)
    interface = net.interface()
    refused = net.delete_group()
    net.ec2.delete_network_interface(NetworkInterfaceId=interface)
    return refused, net.delete_group()


@case("a security group cannot be deleted while a rule references it", aws=IN_USE, stock=None)
def case_referenced_group(account: Any) -> Any:
    net = Net(account)
    net.let_in(net.another_group(), net.group)
    return net.delete_group()


@case("a security group that references only itself can be deleted", aws=None, stock=None)
def case_own_reference(account: Any) -> Any:
    net = Net(account)
    net.let_in(net.group, net.group)
    return net.delete_group()


@case("the default security group cannot be deleted", aws="CannotDelete", stock=None)
def case_default_group(account: Any) -> Any:
    net = Net(account)
    filters = [{"Name": "vpc-id", "Values": [net.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    net.group = net.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
    return net.delete_group()


@case(
    "a security group has at most 60 rules per direction and IP version, added all or none",
    aws=([TOO_MANY_RULES, TOO_MANY_RULES], 1, [None, TOO_MANY_RULES, None, TOO_MANY_RULES, TOO_MANY_RULES]),
    stock=([TOO_MANY_RULES, TOO_MANY_RULES], 41, [TOO_MANY_RULES, None, TOO_MANY_RULES, None, None]),
)
def case_sixty_rules(account: Any) -> Any:
    net = Net(account)
    blocks = [{"CidrIp": f"10.0.{number}.0/24"} for number in range(60)]
    blocks6 = [{"CidrIpv6": f"2001:db8:{number}::/48"} for number in range(60)]

    def into(*permissions: dict[str, Any]) -> Any:
        authorize = net.ec2.authorize_security_group_ingress
        return net.done(lambda: authorize(GroupId=net.group, IpPermissions=[*permissions]))

    def out() -> Any:
        rule = on(80, IpRanges=blocks)  # besides the one that lets everything out
        return net.done(lambda: net.ec2.authorize_security_group_egress(GroupId=net.group, IpPermissions=[rule]))

    refused = [into(on(80, IpRanges=blocks[:40]), on(81, IpRanges=blocks[:40])), out()]
    filters = [{"Name": "group-id", "Values": [net.group]}]
    kept = len(net.ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"])
    one_more = [
        into(on(80, IpRanges=blocks)),
        into(on(81, IpRanges=blocks[:1])),
        into(on(80, Ipv6Ranges=blocks6)),
        into(on(81, Ipv6Ranges=blocks6[:1])),
        into(on(80, UserIdGroupPairs=[{"GroupId": net.group}])),
    ]
    return refused, kept, one_more


@case(
    "a duplicate rule is refused whatever its description, with the whole call",
    aws=[None, DUPLICATE, DUPLICATE, DUPLICATE, None, DUPLICATE, None, DUPLICATE, "InvalidParameterValue"],
    stock=[None, DUPLICATE, DUPLICATE, DUPLICATE, DUPLICATE, DUPLICATE, None, DUPLICATE, DUPLICATE],
)
def case_rules_twice(account: Any) -> Any:
    net = Net(account)
    authorize = net.ec2.authorize_security_group_ingress
    block, all_of_6 = {"CidrIp": "10.0.0.0/8"}, {"CidrIpv6": "::/0"}
    variants = [
        [on(80, IpRanges=[block])],
        [on(80, IpRanges=[block])],
        [on(80, IpRanges=[{**block, "Description": "another"}])],
        [on(81, IpRanges=[block]), on(80, IpRanges=[block])],
        [on(81, IpRanges=[block])],
        [on(81, IpRanges=[block])],
        [on(80, Ipv6Ranges=[all_of_6], UserIdGroupPairs=[{"GroupId": net.group}])],
        [on(80, UserIdGroupPairs=[{"GroupId": net.group}])],
        [on(82, IpRanges=[block, block])],
    ]
    return net.each(lambda permissions: authorize(GroupId=net.group, IpPermissions=permissions), variants)


@case(
    "deleting a missing entry of a network ACL is refused",
    aws=(None, "InvalidNetworkAclEntry.NotFound"),
    stock=(None, "500"),
)
def missing_acl_entry(account: Any) -> Any:
    ec2, (vpc, _, _) = account.client("ec2"), account.network()
    acls = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    entry = {"NetworkAclId": acls[0]["NetworkAclId"], "RuleNumber": 90, "Egress": True}
    ec2.create_network_acl_entry(**entry, Protocol="-1", RuleAction="deny", CidrBlock="0.0.0.0/0")
    return tuple(outcome(lambda: ec2.delete_network_acl_entry(**entry) and None) for _ in range(2))


@case("revoking a missing rule is refused", aws=[NOT_THERE] * 2, stock=[NOT_THERE] * 2)
def case_revoke_nothing(account: Any) -> Any:
    net = Net(account)
    parameters = {"GroupId": net.group, "IpPermissions": [on(80, IpRanges=[{"CidrIp": "10.0.0.0/8"}])]}
    revoke = (net.ec2.revoke_security_group_ingress, net.ec2.revoke_security_group_egress)
    return net.each(lambda call: call(**parameters), revoke)


@case(
    "security group names are unique in a VPC and must be valid",
    aws=["InvalidGroup.Duplicate", *["InvalidParameterValue"] * 4],
    stock=["InvalidGroup.Duplicate", None, None, None, "InvalidGroup.Duplicate"],
)
def case_group_names(account: Any) -> Any:
    net = Net(account)
    names = ("hosts-sg", "sg-hosts", "g" * 256, "hosts?", "default")
    create = net.ec2.create_security_group
    return net.each(lambda name: create(GroupName=name, Description="d", VpcId=net.vpc), names)


TOO_MANY_GROUPS = "SecurityGroupsPerInterfaceLimitExceeded"


@case(
    "an interface has at most five security groups, which must exist",
    aws=[None, *[TOO_MANY_GROUPS] * 5, "InvalidGroup.NotFound"],
    stock=[None] * 7,
)
def case_six_groups(account: Any) -> Any:
    net = Net(account)
    ec2, subnet = net.ec2, net.subnets[0]
    create = partial(ec2.create_security_group, Description="d", VpcId=net.vpc)
    six = [create(GroupName=f"group {number}")["GroupId"] for number in range(6)]
    interface, instance = net.interface(), net.instance()
    run = partial(ec2.run_instances, ImageId="ami-760aaa0f", MinCount=1, MaxCount=1)
    calls = (
        lambda: ec2.create_network_interface(SubnetId=subnet, Groups=six[:5]),
        lambda: ec2.create_network_interface(SubnetId=subnet, Groups=six),
        lambda: ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=six),
        lambda: ec2.modify_instance_attribute(InstanceId=instance, Groups=six),
        lambda: run(SubnetId=subnet, SecurityGroupIds=six),
        lambda: run(NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnet, "Groups": six}]),
        lambda: ec2.create_network_interface(SubnetId=subnet, Groups=["sg-00000000000000000"]),
    )
    return net.each(lambda call: call(), calls)


# --- subnets, gateways, route tables, VPCs


@case(
    "a subnet cannot be deleted until its instances are terminated",
    aws=(IN_USE, None),
    stock=(None, "InvalidSubnetID.NotFound"),
)
def case_subnet_with_instance(account: Any) -> Any:
    net = Net(account)
    instance = net.instance()
    refused = net.delete_subnet()
    net.terminate(instance)
    return refused, net.delete_subnet()


@case(
    "an internet gateway cannot be detached while the VPC has public addresses",
    aws=(IN_USE, None),
    stock=(None, "Gateway.NotAttached"),
)
def case_gateway(account: Any) -> Any:
    net = Net(account)
    gateway, instance = net.gateway(), net.instance()
    refused = net.detach(gateway)
    net.terminate(instance)
    return refused, net.detach(gateway)


@case("an attached internet gateway cannot be deleted", aws=IN_USE, stock=IN_USE)
def case_attached_gateway(account: Any) -> Any:
    net = Net(account)
    gateway = net.gateway()
    return net.done(lambda: net.ec2.delete_internet_gateway(InternetGatewayId=gateway))


@case("the main route table of a VPC cannot be deleted", aws=IN_USE, stock=None)
def case_main_table(account: Any) -> Any:
    net = Net(account)
    filters = [{"Name": "vpc-id", "Values": [net.vpc]}]
    table = net.ec2.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"]
    return net.done(lambda: net.ec2.delete_route_table(RouteTableId=table))


@case("an associated route table cannot be deleted", aws=IN_USE, stock=IN_USE)
def case_associated_table(account: Any) -> Any:
    net = Net(account)
    table = net.ec2.create_route_table(VpcId=net.vpc)["RouteTable"]["RouteTableId"]
    net.ec2.associate_route_table(RouteTableId=table, SubnetId=net.subnets[0])
    return net.done(lambda: net.ec2.delete_route_table(RouteTableId=table))


def empty(net: Net) -> None:
    for subnet in net.subnets:
        net.ec2.delete_subnet(SubnetId=subnet)
    net.delete_group()
    net.detach(net.gateway())


@case("a VPC can be deleted when only its defaults are left", aws=(IN_USE, None), stock=(IN_USE, None))
def case_empty_vpc(account: Any) -> Any:
    net = Net(account)
    refused = net.delete_vpc()
    empty(net)
    return refused, net.delete_vpc()


@case("a VPC with another security group cannot be deleted", aws=IN_USE, stock=None)
def case_vpc_with_group(account: Any) -> Any:
    net = Net(account)
    empty(net)
    net.another_group()
    return net.delete_vpc()


@case("a VPC with an internet gateway cannot be deleted", aws=IN_USE, stock=None)
def case_vpc_with_gateway(account: Any) -> Any:
    net = Net(account)
    empty(net)
    net.gateway()
    return net.delete_vpc()


@case(
    "a subnet is within its VPC, overlaps no other, and has at least 16 addresses",
    aws=["InvalidSubnet.Range", "InvalidSubnet.Conflict", "InvalidSubnet.Conflict", "InvalidSubnet.Range", None],
    stock=["InvalidSubnet.Range", "InvalidSubnet.Conflict", "InvalidSubnet.Conflict", None, None],
)
def case_subnet_blocks(account: Any) -> Any:
    net = Net(account)
    blocks = ("10.9.0.0/24", "172.31.8.0/24", "172.31.0.0/17", "172.31.200.0/29", "172.31.208.0/28")
    return net.each(lambda block: net.ec2.create_subnet(VpcId=net.vpc, CidrBlock=block), blocks)


@case(
    "a subnet without a block is refused by the block that it lacks",
    aws=(
        "The request must contain the parameter cidrBlock",
        "Either 'ipv6CidrBlock' or 'ipv6IpamPoolId' should be provided.",
    ),
    stock=(
        "HTTP 500",
        "Either 'ipv6CidrBlock' or 'ipv6IpamPoolId' should be provided.",
    ),
)
def case_subnet_without_block(account: Any) -> Any:
    net, words = Net(account), []
    for parameters in ({}, {"Ipv6Native": True}):
        with pytest.raises((ClientError, ResponseParserError)) as raised:
            net.ec2.create_subnet(VpcId=net.vpc, **parameters)
        error = raised.value
        words.append(error.response["Error"]["Message"] if isinstance(error, ClientError) else "HTTP 500")
    return tuple(words)


@case(
    "the block of a VPC is between /16 and /28",
    aws=["InvalidVpc.Range", None, None, "InvalidVpc.Range"],
    stock=["InvalidVpc.Range", None, None, "InvalidVpc.Range"],
)
def case_vpc_block(account: Any) -> Any:
    net = Net(account)
    return net.each(lambda length: net.ec2.create_vpc(CidrBlock=f"10.0.0.0/{length}"), (15, 16, 28, 29))


# --- interfaces, addresses, volumes, instances


@case("an interface in use cannot be deleted", aws="InvalidParameterValue", stock=None)
def case_interface(account: Any) -> Any:
    net = Net(account)
    described = net.ec2.describe_instances(InstanceIds=[net.instance()])["Reservations"][0]["Instances"][0]
    interface = described["NetworkInterfaces"][0]["NetworkInterfaceId"]
    return net.done(lambda: net.ec2.delete_network_interface(NetworkInterfaceId=interface))


@case(
    "an associated address cannot be released",
    aws=("InvalidIPAddress.InUse", None),
    stock=(None, "InvalidAllocationID.NotFound"),
)
def case_address(account: Any) -> Any:
    net = Net(account)
    address = net.ec2.allocate_address(Domain="vpc")["AllocationId"]
    association = net.ec2.associate_address(AllocationId=address, InstanceId=net.instance())["AssociationId"]
    refused = net.done(lambda: net.ec2.release_address(AllocationId=address))
    outcome(lambda: net.ec2.disassociate_address(AssociationId=association))
    return refused, net.done(lambda: net.ec2.release_address(AllocationId=address))


@case(
    "a NAT gateway blocks its address and subnet until it is deleted",
    aws=["InvalidIPAddress.InUse", IN_USE, None, None],
    stock=[None, None, "InvalidAllocationID.NotFound", "InvalidSubnetID.NotFound"],
)
def case_nat_gateway(account: Any) -> Any:
    net = Net(account)
    nat, address = net.nat()

    def attempts() -> Iterator[Any]:
        yield net.done(lambda: net.ec2.release_address(AllocationId=address))
        yield net.delete_subnet()

    refused = [*attempts()]
    net.ec2.delete_nat_gateway(NatGatewayId=nat)
    net.ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat])
    return [*refused, *attempts()]


@case("an attached volume cannot be deleted", aws="VolumeInUse", stock="VolumeInUse")
def case_volume(account: Any) -> Any:
    net = Net(account)
    filters = [{"Name": "attachment.instance-id", "Values": [net.instance()]}]
    volume = net.ec2.describe_volumes(Filters=filters)["Volumes"][0]["VolumeId"]
    return net.done(lambda: net.ec2.delete_volume(VolumeId=volume))


@case("a protected instance cannot be terminated", aws="OperationNotPermitted", stock="OperationNotPermitted")
def case_protected_instance(account: Any) -> Any:
    net = Net(account)
    instance = net.instance()
    net.ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})
    return net.done(lambda: net.ec2.terminate_instances(InstanceIds=[instance]))


# --- interfaces of services


@case(
    "a load balancer has an interface with a public address in each subnet",
    aws=(2, {"amazon-elb"}, {True}, {True}),
    stock=(0, set(), set(), set()),
)
def case_balancer_interfaces(account: Any) -> Any:
    net = Net(account)
    net.balancer()
    described = net.interfaces()
    owners = {interface["Attachment"]["InstanceOwnerId"] for interface in described}
    groups = {[group["GroupId"] for group in interface["Groups"]] == [net.group] for interface in described}
    return len(described), owners, groups, {"PublicIp" in interface["Association"] for interface in described}


@case("the interfaces of a load balancer outlive it for a while", aws=(True, IN_USE, False), stock=(False, None, False))
def case_lingering_interfaces(account: Any) -> Any:
    net = Net(account)
    net.elbv2.delete_load_balancer(LoadBalancerArn=net.balancer())
    described, refused = bool(net.interfaces()), net.delete_group()
    for _ in range(3):
        last = bool(net.interfaces())
    return described, refused, last


@case(
    "a load balancer blocks its subnets, its security group and the gateway",
    aws=(IN_USE, IN_USE, IN_USE),
    stock=(None, None, None),
)
def case_held_by_balancer(account: Any) -> Any:
    net = Net(account)
    gateway = net.gateway()
    net.balancer()
    return net.detach(gateway), net.delete_group(), net.delete_subnet()


@case("the interfaces of a load balancer get its new security groups", aws=(None, IN_USE), stock=(None, None))
def case_new_groups(account: Any) -> Any:
    net = Net(account)
    balancer, other = net.balancer(), net.another_group()
    net.elbv2.set_security_groups(LoadBalancerArn=balancer, SecurityGroups=[other])
    return net.delete_group(), net.done(lambda: net.ec2.delete_security_group(GroupId=other))


@case(
    "a database blocks its security group until it is deleted",
    aws=(IN_USE, None),
    stock=(None, "InvalidGroup.NotFound"),
)
def case_database(account: Any) -> Any:
    net = Net(account)
    rds = account.client("rds")
    rds.create_db_subnet_group(DBSubnetGroupName="s", DBSubnetGroupDescription="s", SubnetIds=net.subnets)
    rds.create_db_instance(
        DBInstanceIdentifier="d",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="esaws",
        MasterUserPassword="local-only",
        DBSubnetGroupName="s",
        VpcSecurityGroupIds=[net.group],
    )
    refused = net.delete_group()
    rds.delete_db_instance(DBInstanceIdentifier="d", SkipFinalSnapshot=True)
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="d")
    return refused, net.delete_group()


# --- load balancers


@case("a protected load balancer cannot be deleted", aws="OperationNotPermitted", stock=None)
def case_protected_balancer(account: Any) -> Any:
    net = Net(account)
    balancer = net.balancer()
    protection = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    net.elbv2.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=protection)
    return net.done(lambda: net.elbv2.delete_load_balancer(LoadBalancerArn=balancer))


@case("a load balancer needs two zones", aws=REFUSED, stock=None)
def case_one_zone(account: Any) -> Any:
    net = Net(account)
    return net.done(lambda: net.balancer(Subnets=net.subnets[:1]))


@case("a load balancer has one subnet per zone", aws="InvalidConfigurationRequest", stock=None)
def case_same_zone(account: Any) -> Any:
    net = Net(account)
    parameters = {"VpcId": net.vpc, "CidrBlock": "172.31.64.0/20", "AvailabilityZone": f"{net.ec2.meta.region_name}a"}
    second = net.ec2.create_subnet(**parameters)["Subnet"]["SubnetId"]
    return net.done(lambda: net.balancer(Subnets=[net.subnets[0], second]))


NAMES = ("internal-b", "b_b", "-b", "b" * 33)


@case("invalid load balancer names are refused", aws=[REFUSED] * 4, stock=[None] * 4)
def case_balancer_names(account: Any) -> Any:
    net = Net(account)
    return net.each(lambda name: net.balancer(Name=name), NAMES)


@case("invalid target group names are refused", aws=[REFUSED] * 3, stock=[REFUSED] * 3)
def case_target_group_names(account: Any) -> Any:
    net = Net(account)
    return net.each(net.target_group, NAMES[1:])


@case("a load balancer has one listener per port", aws=("DuplicateListener",) * 2, stock=(None, None))
def case_listener_twice(account: Any) -> Any:
    net = Net(account)
    balancer = net.balancer()
    net.listener(balancer)
    other = net.listener(balancer, 81)
    moved = net.done(lambda: net.elbv2.modify_listener(ListenerArn=other, Port=80))
    return net.done(lambda: net.listener(balancer)), moved


@case("a target group that a listener uses cannot be deleted", aws="ResourceInUse", stock="ResourceInUse")
def case_used_target_group(account: Any) -> Any:
    net = Net(account)
    group, listener = net.target_group(), net.listener(net.balancer())
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    net.elbv2.modify_listener(ListenerArn=listener, DefaultActions=forward)
    return net.done(lambda: net.elbv2.delete_target_group(TargetGroupArn=group))


@case(
    "a target group that a rule uses cannot be deleted",
    aws=("ResourceInUse", None),
    stock=("ResourceInUse", None),
)
def case_target_group_of_rule(account: Any) -> Any:
    net = Net(account)
    group, listener = net.target_group(), net.listener(net.balancer())
    rule = net.rule(listener)["Rules"][0]["RuleArn"]
    net.elbv2.modify_rule(RuleArn=rule, Actions=[{"Type": "forward", "TargetGroupArn": group}])
    refused = net.done(lambda: net.elbv2.delete_target_group(TargetGroupArn=group))
    net.elbv2.delete_rule(RuleArn=rule)
    return refused, net.done(lambda: net.elbv2.delete_target_group(TargetGroupArn=group))


@case("the default rule cannot be deleted", aws="OperationNotPermitted", stock="ResponseParserError")
def case_default_rule(account: Any) -> Any:
    net = Net(account)
    rule = net.elbv2.describe_rules(ListenerArn=net.listener(net.balancer()))["Rules"][-1]["RuleArn"]
    return net.done(lambda: net.elbv2.delete_rule(RuleArn=rule))


@case("the priority of a rule is unique", aws="PriorityInUse", stock="PriorityInUse")
def case_priority(account: Any) -> Any:
    net = Net(account)
    listener = net.listener(net.balancer())
    net.rule(listener)
    return net.done(lambda: net.rule(listener))


@case(
    "an internet-facing load balancer needs an internet gateway",
    aws=["InvalidSubnet", "InvalidSubnet", None],
    stock=[None, None, None],
)
def case_no_gateway(account: Any) -> Any:
    net = Net(account)
    net.detach(net.gateway())
    variants = ({}, {"Type": "network", "SecurityGroups": []}, {"Name": "inside", "Scheme": "internal"})
    return net.each(lambda parameters: net.balancer(**parameters), variants)


@case("a default VPC has an internet gateway", aws=None, stock=None)
def case_gateway_of_default_vpc(account: Any) -> Any:
    net = Net(account)
    filters = [{"Name": "default-for-az", "Values": ["true"]}]
    subnets = net.ec2.describe_subnets(Filters=filters)["Subnets"]
    return net.done(lambda: net.balancer(Subnets=[each["SubnetId"] for each in subnets], SecurityGroups=[]))


@case(
    "a load balancer needs existing subnets and security groups",
    aws=["InvalidSecurityGroup", "SubnetNotFound", "InvalidSecurityGroup", "SubnetNotFound", REFUSED],
    stock=[None, "InvalidSubnetID.NotFound", "InvalidSecurityGroup", "SubnetNotFound", "InvalidConfigurationRequest"],
)
def case_what_is_not_there(account: Any) -> Any:
    net = Net(account)
    arn, no_group = net.balancer(), ["sg-00000000000000000"]
    subnets = [net.subnets[0], "subnet-00000000000000000"]
    calls = (
        lambda: net.balancer(Name="c", SecurityGroups=no_group),
        lambda: net.balancer(Name="d", Subnets=subnets),
        lambda: net.elbv2.set_security_groups(LoadBalancerArn=arn, SecurityGroups=no_group),
        lambda: net.elbv2.set_subnets(LoadBalancerArn=arn, Subnets=subnets),
        lambda: net.elbv2.set_subnets(LoadBalancerArn=arn, Subnets=subnets[:1]),
    )
    return net.each(lambda call: call(), calls)


@case("a missing listener is ListenerNotFound", aws=["ListenerNotFound"] * 5, stock=["ListenerNotFound"] * 5)
def case_no_listener(account: Any) -> Any:
    net = Net(account)
    arn = net.listener(net.balancer())[:-16] + "0" * 16
    calls = (
        lambda: net.rule(arn),
        lambda: net.elbv2.describe_rules(ListenerArn=arn),
        lambda: net.elbv2.describe_listeners(ListenerArns=[arn]),
        lambda: net.elbv2.modify_listener(ListenerArn=arn, Port=81),
        lambda: net.elbv2.delete_listener(ListenerArn=arn),
    )
    return net.each(lambda call: call(), calls)


@case("a rule's priority is at most 50,000", aws=[None, REFUSED], stock=[None, None])
def case_last_priority(account: Any) -> Any:
    net = Net(account)
    listener = net.listener(net.balancer())
    return net.each(lambda priority: net.rule(listener, priority), (50_000, 50_001))


@case("a rule has at most six wildcards", aws=[None, REFUSED], stock=[None, None])
def case_wildcards(account: Any) -> Any:
    net = Net(account)
    listener = net.listener(net.balancer())
    paths = enumerate(("/*/*/*/?", "/*/*/*/*/*"), start=1)
    return net.each(lambda each: net.rule(listener, each[0], (each[1], "/?/*", "/plain")), paths)


@case("a rule has at most five values", aws=(None, REFUSED), stock=(None, None))
def case_values(account: Any) -> Any:
    net = Net(account)
    listener = net.listener(net.balancer())
    paths = tuple(f"/{number}" for number in range(6))
    return net.done(lambda: net.rule(listener, 1, paths[:5])), net.done(lambda: net.rule(listener, 2, paths))


@case("a load balancer has at most a hundred rules", aws=(None, "TooManyRules"), stock=(None, None))
def case_hundred_rules(account: Any) -> Any:
    net = Net(account)
    listener = net.listener(net.balancer())
    for priority in range(1, 100):
        net.rule(listener, priority)
    return net.done(lambda: net.rule(listener, 100)), net.done(lambda: net.rule(listener, 101))


@case(
    "only an existing instance in the VPC of the target group can be registered",
    aws=[REFUSED, "InvalidTarget", "InvalidTarget", None],
    stock=[None, None, None, None],
)
def case_targets(account: Any) -> Any:
    net = Net(account)
    group = net.target_group()
    elsewhere = net.ec2.run_instances(ImageId="ami-760aaa0f", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    register = net.elbv2.register_targets
    ids = ("10.0.0.1", "i-00000000000000000", elsewhere, net.instance())
    return net.each(lambda id: register(TargetGroupArn=group, Targets=[{"Id": id}]), ids)


@case(
    "a route table can be deleted after its associated subnet",
    aws=None,
    stock="DependencyViolation",
)
def case_table_of_gone_subnet(account: Any) -> Any:
    ec2, (vpc, subnets, _) = account.client("ec2"), account.network()
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[0])
    ec2.delete_subnet(SubnetId=subnets[0])
    return outcome(lambda: ec2.delete_route_table(RouteTableId=table).get("nothing"))


@case(
    "a VPC has at most one internet gateway",
    aws=(None, "InvalidParameterValue: Network {} already has an internet gateway attached"),
    stock=(None, None),
)
def case_second_gateway(account: Any) -> Any:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def attach() -> str | None:
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        error = refusal(lambda: ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc))
        return error and error.replace(vpc, "{}")

    return attach(), attach()
