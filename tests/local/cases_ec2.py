"""EC2: the default VPC, instances, their addresses and parameters."""

from typing import Any

from tests.local.cases import case, outcome


def default_network(account: Any) -> tuple[str, list[str]]:
    """(the default VPC, its subnets by zone)."""
    ec2 = account.client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    return vpc, [subnet["SubnetId"] for subnet in sorted(subnets, key=lambda each: each["AvailabilityZone"])]


@case("the default VPC has an internet gateway, and a route to it", aws=["0.0.0.0/0", "172.31.0.0/16"], stock=None)
def case_default_route(account: Any) -> Any:
    ec2, (vpc, _) = account.client("ec2"), default_network(account)
    gateways = ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])
    if not gateways["InternetGateways"]:
        return None
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    assert len(tables) == len(gateways["InternetGateways"]) == 1
    return sorted(route["DestinationCidrBlock"] for route in tables[0]["Routes"] if route["State"] == "active")


@case("a subnet of a VPC that is not the default one is no default subnet", aws=[False, False], stock=[True, True])
def case_not_a_default_subnet(account: Any) -> Any:
    ec2, (_, subnets) = account.client("ec2"), default_network(account)
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zone = account.zones()[0]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=zone)["Subnet"]
    described = ec2.describe_subnets(SubnetIds=[subnet["SubnetId"]])["Subnets"][0]
    return [subnet["DefaultForAz"], described["MapPublicIpOnLaunch"]]


IMAGE = "ami-760aaa0f"
"""Amazon Linux, in every region."""


def run(account: Any, **more: Any) -> dict[str, Any]:
    """The description of an instance, launched in the default VPC."""
    launch = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **more}
    instance: dict[str, Any] = account.client("ec2").run_instances(**launch)["Instances"][0]
    return instance


def said(call: Any, **parameters: Any) -> str:
    return str(outcome(lambda: call(**parameters) and "accepted"))


@case(
    "what does not exist or does not fit can't be launched",
    aws=[
        "InvalidParameterValue",
        "InvalidAMIID.NotFound",
        "InvalidAMIID.Malformed",
        "InvalidKeyPair.NotFound",
        "InvalidParameterValue",
        "InvalidParameterValue",
        "InvalidGroup.NotFound",
        "UnknownVolumeType",
        "InvalidBlockDeviceMapping",
        "InvalidParameterCombination",
        "InvalidParameterCombination",
        "InvalidParameterValue",
        "MissingParameter",
        "InvalidParameterCombination",
        "InvalidParameterValue",
    ],
    stock=["accepted"] * 4
    + ["NoSuchEntity", "accepted"]
    + ["accepted"] * 3
    + ["InvalidParameterDependency"]
    + ["accepted"] * 3
    + ["InvalidParameterCombination", "accepted"],
)
def case_launches_refused(account: Any) -> Any:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]

    def disk(**ebs: Any) -> dict[str, Any]:
        return {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": ebs}]}

    changes: list[dict[str, Any]] = [
        {"InstanceType": "t9.micro"},
        {"ImageId": "ami-0123456789abcdef0"},
        {"ImageId": "ami-1"},
        {"KeyName": "absent"},
        {"IamInstanceProfile": {"Name": "absent"}},
        {"InstanceType": "t4g.micro"},
        {"SecurityGroupIds": [group]},
        disk(VolumeSize=8, VolumeType="gp9"),
        disk(VolumeSize=20_000, VolumeType="gp2"),
        disk(VolumeSize=8, VolumeType="io1"),
        disk(VolumeSize=8, VolumeType="gp2", Iops=3000),
        {"MinCount": 2, "MaxCount": 1},
        {"ImageId": ""},
        {"SubnetId": subnet, "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": subnet}]},
        {"SubnetId": subnet, "PrivateIpAddress": "10.0.0.1"},
    ]
    launch = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    return [said(ec2.run_instances, **{**launch, **each}) for each in changes]


@case(
    "a dry run changes nothing", aws=["DryRunOperation"] * 3 + ["running"], stock=["DryRunOperation"] * 3 + ["running"]
)
def case_dry_run(account: Any) -> Any:
    ec2, instance = account.client("ec2"), run(account)["InstanceId"]
    calls = (ec2.stop_instances, ec2.terminate_instances, ec2.start_instances)
    answers = [said(call, InstanceIds=[instance], DryRun=True) for call in calls]
    described = ec2.describe_instance_status(InstanceIds=[instance], IncludeAllInstances=True)["InstanceStatuses"]
    return [*answers, described[0]["InstanceState"]["Name"]]


@case(
    "stop and termination protection hold from the launch, and end in both spellings",
    aws=["OperationNotPermitted", "OperationNotPermitted", "accepted", "accepted"],
    stock=["OperationNotPermitted", "accepted", "accepted", "accepted"],
)
def case_protection(account: Any) -> Any:
    ec2 = account.client("ec2")
    instance = run(account, DisableApiTermination=True, DisableApiStop=True)["InstanceId"]
    answers = [said(call, InstanceIds=[instance]) for call in (ec2.stop_instances, ec2.terminate_instances)]
    ec2.modify_instance_attribute(InstanceId=instance, Attribute="disableApiStop", Value="false")
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})
    return answers + [said(call, InstanceIds=[instance]) for call in (ec2.stop_instances, ec2.terminate_instances)]


@case(
    "a subnet of sixteen addresses has eleven, all of its own range",
    aws=(11, "InsufficientFreeAddressesInSubnet", 0),
    stock=(11, "accepted", -1),
)
def case_full_subnet(account: Any) -> Any:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/28")["Subnet"]["SubnetId"]
    created = [ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"] for _ in range(9)]
    created += ec2.create_network_interface(SubnetId=subnet, SecondaryPrivateIpAddressCount=1)["NetworkInterface"][
        "PrivateIpAddresses"
    ]
    addresses = {each["PrivateIpAddress"] for each in created}
    if account.wrapped:
        assert addresses == {f"10.0.0.{number}" for number in range(4, 15)}
    more = said(ec2.create_network_interface, SubnetId=subnet)
    return 11, more, ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]


@case(
    "CIDR blocks are stored in their canonical form",
    aws=["10.5.0.0/16", "10.5.1.0/24", "10.9.0.0/16", "10.6.0.0/16", "10.7.1.0/24", "10.8.0.0/16"],
    stock=["10.5.3.4/16", "10.5.1.7/24", None, "10.6.2.1/16", "10.7.1.1/24", "10.8.0.1/16"],
)
def case_canonical(account: Any) -> Any:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.5.3.4/16")["Vpc"]
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.5.1.7/24")["Subnet"]
    of_vpc = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    table = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"][0]["RouteTableId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["VpcId"])
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.9.3.3/16", GatewayId=gateway)
    routes = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"][0]["Routes"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc["VpcId"])["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="10.6.2.1/16")
    ranges = [{"CidrIp": "10.7.1.1/24"}]
    permission = {"IpProtocol": "tcp", "FromPort": 81, "ToPort": 81, "IpRanges": ranges}
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[permission])
    described = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    acl = ec2.create_network_acl(VpcId=vpc["VpcId"])["NetworkAcl"]["NetworkAclId"]
    entry = {"Protocol": "-1", "RuleAction": "allow", "Egress": False, "CidrBlock": "10.8.0.1/16"}
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=5, **entry)
    entries = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]["Entries"]
    return [
        vpc["CidrBlock"],
        subnet["CidrBlock"],
        next((each["DestinationCidrBlock"] for each in routes if each["DestinationCidrBlock"] == "10.9.0.0/16"), None),
        described["IpPermissions"][0]["IpRanges"][0]["CidrIp"],
        described["IpPermissionsEgress"][-1]["IpRanges"][0]["CidrIp"],
        next(each["CidrBlock"] for each in entries if each["RuleNumber"] == 5),
    ]


@case(
    "rules of groups and network ACLs have existing protocols, and ports in order",
    aws=["InvalidParameterValue"] * 5 + ["InvalidParameterValue", "MissingParameter", "InvalidParameterValue"],
    stock=["accepted"] * 3 + ["InvalidParameterValue"] * 2 + ["accepted"] * 3,
)
def case_rules(account: Any) -> Any:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.5.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    rule = {"GroupId": group, "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.0.0.0/8"}
    changes: list[dict[str, Any]] = [
        {"IpProtocol": "tpc"},
        {"ToPort": 70_000},
        {"FromPort": 90},
        {"CidrIp": "10.0.0.0/33"},
        {"CidrIp": "10.0.0.1"},
    ]
    entry = {"NetworkAclId": acl, "RuleNumber": 5, "Protocol": "6", "RuleAction": "allow", "Egress": False}
    entry |= {"CidrBlock": "10.0.0.0/8", "PortRange": {"From": 80, "To": 80}}
    without_ports = {name: value for name, value in entry.items() if name != "PortRange"}
    return [
        *(said(ec2.authorize_security_group_ingress, **{**rule, **each}) for each in changes),
        said(ec2.create_network_acl_entry, **{**entry, "RuleNumber": 0}),
        said(ec2.create_network_acl_entry, **{**without_ports, "RuleNumber": 6}),
        said(ec2.create_network_acl_entry, **{**entry, "CidrBlock": "everywhere", "RuleNumber": 7}),
    ]


@case("the network ACL of a subnet can be replaced", aws="accepted", stock="accepted")
def case_replace_acl(account: Any) -> Any:
    ec2, (vpc, _) = account.client("ec2"), default_network(account)
    association = ec2.describe_network_acls()["NetworkAcls"][0]["Associations"][0]["NetworkAclAssociationId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    return said(ec2.replace_network_acl_association, AssociationId=association, NetworkAclId=acl)


@case(
    "a launch template is named by its id or by its name, and warns about what doesn't exist",
    aws=["InvalidParameterCombination", "MissingParameter", "InvalidParameterValue", "ValidationError"],
    stock=["InvalidParameterCombination", "MissingParameter", None, "accepted"],
)
def case_launch_templates(account: Any) -> Any:
    ec2, autoscaling = account.client("ec2"), account.client("autoscaling")
    _, subnets = default_network(account)
    created = ec2.create_launch_template(
        LaunchTemplateName="wrong", LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "t9.micro"}
    )
    warning = created.get("Warning", {"Errors": [{"Code": None}]})["Errors"][0]["Code"]
    group = {"AutoScalingGroupName": "g", "MinSize": 0, "MaxSize": 1, "VPCZoneIdentifier": subnets[0]}
    return [
        said(ec2.modify_launch_template, LaunchTemplateId="lt-0", LaunchTemplateName="wrong", DefaultVersion="2"),
        said(ec2.modify_launch_template, DefaultVersion="2"),
        warning,
        said(autoscaling.create_auto_scaling_group, LaunchTemplate={"LaunchTemplateName": "wrong"}, **group),
    ]


def missing(description: dict[str, Any], *members: str) -> list[str]:
    return [member for member in members if member not in description]


@case(
    "an instance and its resources have the members that AWS always shows",
    aws=[[], [], [], [], [], "Linux/UNIX", "RunInstances", 1, 125],
    stock=None,
)
def case_members(account: Any) -> Any:
    if not account.wrapped:
        return None
    ec2, id = account.client("ec2"), run(account)["InstanceId"]
    instance = ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]
    of_instance = [{"Name": "attachment.instance-id", "Values": [id]}]
    volume = ec2.describe_volumes(Filters=of_instance)["Volumes"][0]
    interface = ec2.describe_network_interfaces(Filters=of_instance)["NetworkInterfaces"][0]
    image = ec2.describe_images(ImageIds=[IMAGE])["Images"][0]
    subnet = ec2.describe_subnets(SubnetIds=[instance["SubnetId"]])["Subnets"][0]
    assert interface["PrivateDnsName"] == instance["PrivateDnsName"]
    assert interface["Association"]["PublicDnsName"] == instance["PublicDnsName"]
    return [
        missing(
            instance,
            *("BootMode", "CapacityReservationSpecification", "CpuOptions", "CurrentInstanceBootMode", "EnaSupport"),
            *("EnclaveOptions", "HibernationOptions", "MaintenanceOptions", "MetadataOptions", "PlatformDetails"),
            *("PrivateDnsNameOptions", "SecurityGroups", "UsageOperation", "UsageOperationUpdateTime"),
        ),
        missing(volume, "Iops", "MultiAttachEnabled", "SnapshotId", "Throughput"),
        missing(interface, "AvailabilityZoneId", "Groups", "Ipv6Addresses", "PrivateDnsName", "TagSet"),
        missing(image, "EnaSupport", "ImageLocation", "PlatformDetails", "UsageOperation"),
        missing(subnet, "EnableDns64", "MapCustomerOwnedIpOnLaunch", "PrivateDnsNameOptionsOnLaunch", "SubnetArn"),
        instance["PlatformDetails"],
        instance["UsageOperation"],
        instance["CpuOptions"]["CoreCount"],
        volume["Throughput"],
    ]


@case(
    "reads with a known answer are answered",
    aws=([], [], [], "unblocked", []),
    stock=("ResponseParserError",) * 5,
)
def case_known_answers(account: Any) -> Any:
    ec2, (vpc, _) = account.client("ec2"), default_network(account)
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    return (
        outcome(lambda: ec2.describe_security_group_references(GroupId=[group])["SecurityGroupReferenceSet"]),
        outcome(lambda: ec2.describe_stale_security_groups(VpcId=vpc)["StaleSecurityGroupSet"]),
        outcome(lambda: ec2.describe_placement_groups()["PlacementGroups"]),
        outcome(lambda: ec2.get_snapshot_block_public_access_state()["State"]),
        outcome(lambda: ec2.describe_volume_status()["VolumeStatuses"]),
    )


@case(
    "one attribute of an instance is changed at a time, the type of a stopped one alone",
    aws=["IncorrectInstanceState", "InvalidParameterCombination", "InvalidInstanceAttributeValue", "accepted"],
    stock=["accepted"] * 4,
)
def case_attributes(account: Any) -> Any:
    ec2, instance = account.client("ec2"), run(account)["InstanceId"]

    def modify(**changes: Any) -> str:
        return said(ec2.modify_instance_attribute, InstanceId=instance, **changes)

    of_running = modify(InstanceType={"Value": "t3.small"})
    two = modify(SourceDestCheck={"Value": False}, DisableApiStop={"Value": False})
    ec2.stop_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance])
    return [of_running, two, modify(InstanceType={"Value": "t9.micro"}), modify(InstanceType={"Value": "t3.small"})]


@case(
    "a default subnet that was deleted can be created again",
    aws=["172.31.0.0/20", True],
    stock=["InvalidSubnet.Conflict", True],
)
def case_default_subnet(account: Any) -> Any:
    ec2, (_, subnets) = account.client("ec2"), default_network(account)
    first = ec2.describe_subnets(SubnetIds=subnets)["Subnets"]
    zone = next(each["AvailabilityZone"] for each in first if each["CidrBlock"] == "172.31.0.0/20")
    ec2.delete_subnet(SubnetId=next(each["SubnetId"] for each in first if each["CidrBlock"] == "172.31.0.0/20"))
    created = outcome(lambda: ec2.create_default_subnet(AvailabilityZone=zone)["Subnet"])
    return [created["CidrBlock"] if isinstance(created, dict) else created, len(subnets) > 1]


@case(
    "secondary addresses are free ones of the subnet, as many as the instance type allows",
    aws=[["10.0.0.5"], "InvalidParameterValue", "PrivateIpAddressLimitExceeded", "AttachmentLimitExceeded"],
    stock=None,
)
def case_secondary_addresses(account: Any) -> Any:
    if not account.wrapped:
        return None
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    instance = run(account, SubnetId=subnet)
    interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]

    def assign(**addresses: Any) -> Any:
        return ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, **addresses)

    assigned = assign(SecondaryPrivateIpAddressCount=1)["AssignedPrivateIpAddresses"]
    other, more = (ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"] for _ in range(2))
    attach = {"InstanceId": instance["InstanceId"], "DeviceIndex": 1}
    ec2.attach_network_interface(NetworkInterfaceId=other["NetworkInterfaceId"], **attach)
    return [
        [each["PrivateIpAddress"] for each in assigned],
        said(assign, PrivateIpAddresses=["10.1.0.9"]),
        said(assign, SecondaryPrivateIpAddressCount=1),
        said(
            ec2.attach_network_interface,
            NetworkInterfaceId=more["NetworkInterfaceId"],
            **{**attach, "DeviceIndex": 2},
        ),
    ]


@case(
    "deleted flow logs and egress-only internet gateways are left out of descriptions that name them",
    aws=[[], []],
    stock=[[], []],
)
def case_left_out(account: Any) -> Any:
    ec2, (vpc, _) = account.client("ec2"), default_network(account)
    gateway = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    named = [gateway["EgressOnlyInternetGatewayId"]]
    ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=named[0])
    return [
        ec2.describe_egress_only_internet_gateways(EgressOnlyInternetGatewayIds=named)["EgressOnlyInternetGateways"],
        ec2.describe_flow_logs(FlowLogIds=["fl-0123456789abcdef0"])["FlowLogs"],
    ]


@case(
    "an IPv6 block of a subnet has a length from 44 to 64; the tenancy of a VPC changes to default only",
    aws=["InvalidSubnet.Range", "InvalidSubnet.Range", "accepted", "UnsupportedTenancy"],
    stock=["accepted", "accepted", "accepted", "UnsupportedTenancy"],
)
def case_ipv6_blocks(account: Any) -> Any:
    ec2, (vpc, subnets) = account.client("ec2"), default_network(account)
    lengths = [
        said(ec2.associate_subnet_cidr_block, SubnetId=subnets[0], Ipv6CidrBlock=f"2600:1f14:c5f:3f00::/{length}")
        for length in (112, 57, 64)
    ]
    return [*lengths, said(ec2.modify_vpc_tenancy, VpcId=vpc, InstanceTenancy="dedicated")]
