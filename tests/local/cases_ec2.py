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
