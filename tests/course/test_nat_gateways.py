"""NAT gateways that a learner made by hand are deleted with their addresses, and no others."""

import pytest

from esaws import course, plan_deploy, seccom
from esaws.deploy.inventory import inventory
from esaws.resources import Subnet

pytestmark = [pytest.mark.server]


def test_the_gateways_of_the_deployment_s_vpc_are_deleted_and_their_addresses_released(cloud):
    plan_deploy(seccom("ha").just(Subnet), cloud).apply()
    ec2 = cloud.client("ec2")
    other_vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    foreign = ec2.create_subnet(VpcId=other_vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    ours = [inventory(cloud)["Subnet", name].id for name in ("public-3a", "public-3b")]
    for subnet in (*ours, foreign):
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)
    assert str(course.delete_nat_gateways(cloud)) == "2 NAT gateways deleted, 2 addresses released."
    left = [raw["SubnetId"] for raw in ec2.describe_nat_gateways()["NatGateways"] if raw["State"] != "deleted"]
    assert left == [foreign]
    assert len(ec2.describe_addresses()["Addresses"]) == 1
    assert str(course.delete_nat_gateways(cloud)) == "0 NAT gateways deleted, 0 addresses released."


def test_an_address_that_was_only_allocated_is_released_if_it_has_the_tag(cloud):
    ec2 = cloud.client("ec2")
    ours, other = [ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(2)]
    ec2.create_tags(Resources=[ours], Tags=[{"Key": "esaws:deployment", "Value": cloud.deployment}])
    assert str(course.delete_nat_gateways(cloud)) == "0 NAT gateways deleted, 1 address released."
    assert [raw["AllocationId"] for raw in ec2.describe_addresses()["Addresses"]] == [other]
