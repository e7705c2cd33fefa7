"""EC2: the default VPC, instances, their addresses and parameters."""

from typing import Any

from tests.local.cases import case


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
