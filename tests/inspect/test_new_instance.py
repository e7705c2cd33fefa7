"""An instance that is only added to a snapshot reaches what one in its subnet would reach."""

from dataclasses import replace
from typing import Any

import pytest

from esaws.errors import UsageError
from esaws.inspect import Account, MissingData, reach, with_new_instance
from esaws.inspect.network.endpoint_catalog import KEYS

LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
TO_GATEWAY = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}
TO_NAT = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}
ENTRY = {"RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
ACL = {
    "NetworkAclId": "acl-1",
    "VpcId": "vpc-1",
    "IsDefault": True,
    "Entries": [ENTRY | {"Egress": egress} for egress in (True, False)],
    "Associations": [{"SubnetId": subnet} for subnet in ("subnet-public", "subnet-private")],
}
NAT = {
    "NatGatewayId": "nat-1",
    "VpcId": "vpc-1",
    "SubnetId": "subnet-public",
    "State": "available",
    "ConnectivityType": "public",
    "NatGatewayAddresses": [{"PublicIp": "198.51.100.7"}],
}


def subnet(name: str, number: int, *, public_addresses: bool) -> dict[str, Any]:
    return {
        "SubnetId": f"subnet-{name}",
        "VpcId": "vpc-1",
        "CidrBlock": f"10.0.{number}.0/24",
        "AvailabilityZone": "eu-west-3a",
        "MapPublicIpOnLaunch": public_addresses,
        "Tags": [{"Key": "Name", "Value": f"seccom-{name}"}, {"Key": "esaws:name", "Value": name}],
    }


def account_with(*private_routes: dict[str, str], public_addresses: bool = True, acl: dict[str, Any] = ACL) -> Account:
    tables = [
        {"Routes": [LOCAL, TO_GATEWAY], "Associations": [{"SubnetId": "subnet-public", "Main": False}]},
        {"Routes": [LOCAL, *private_routes], "Associations": [{"SubnetId": "subnet-private", "Main": False}]},
    ]
    described = {
        "Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}],
        "Subnets": [
            subnet("public", 0, public_addresses=public_addresses),
            subnet("private", 1, public_addresses=False),
        ],
        "RouteTables": [
            {"RouteTableId": f"rtb-{number}", "VpcId": "vpc-1", **table} for number, table in enumerate(tables)
        ],
        "NetworkAcls": [acl],
        "NatGateways": [NAT],
    }
    return Account("123456789012", "eu-west-3", {key: [] for key in KEYS} | described)


def decisions(account: Account, name: str) -> tuple[str, str]:
    """From a new instance to the internet, and from there to it."""
    with_it, instance = with_new_instance(account, name)
    return reach(with_it, instance, "internet", 443).decision, reach(with_it, "internet", instance, 22).decision


def test_in_a_public_subnet_it_reaches_the_internet_and_is_reached():
    assert decisions(account_with(), "public") == ("allow", "allow")


def test_without_a_public_address_the_gateway_forwards_nothing():
    assert decisions(account_with(public_addresses=False), "public") == ("deny", "deny")


@pytest.mark.parametrize(
    ("routes", "outwards"),
    [((), "deny"), ((TO_NAT,), "allow"), ((TO_GATEWAY,), "deny")],
    ids=["none", "NAT", "gateway"],
)
def test_in_a_private_subnet_the_route_decides_and_the_internet_stays_out(routes, outwards):
    assert decisions(account_with(*routes), "private") == (outwards, "deny")


def test_a_network_acl_filters_it():
    closed = ACL | {"Entries": [entry | {"RuleAction": "deny"} for entry in ACL["Entries"]]}
    assert decisions(account_with(acl=closed), "public") == ("deny", "deny")


def test_the_snapshot_itself_stays_as_it_was():
    account = account_with()
    with_new_instance(account, "public")
    assert account["NetworkInterfaces"] == [] and account["SecurityGroups"] == []


@pytest.mark.parametrize("name", ["public", "seccom-public", "subnet-public"])
def test_a_subnet_is_named_by_its_id_its_name_tag_or_its_name_in_the_deployment(name):
    _, instance = with_new_instance(account_with(), name)
    assert instance == "eni-new"


def test_a_name_that_no_subnet_has_is_refused_with_those_that_exist():
    with pytest.raises(UsageError, match="nowhere: not a subnet of this account; it has seccom-private, seccom-public"):
        with_new_instance(account_with(), "nowhere")


def test_a_name_that_two_subnets_have_is_refused_with_their_ids():
    account = account_with()
    twice = [*account["Subnets"], account["Subnets"][0] | {"SubnetId": "subnet-other"}]
    account = replace(account, descriptions={**account.descriptions, "Subnets": twice})
    with pytest.raises(UsageError, match="public: 2 subnets have this name, subnet-other, subnet-public"):
        with_new_instance(account, "public")


def test_an_unknown_network_is_an_error_not_an_answer():
    account = account_with()
    less = {key: value for key, value in account.descriptions.items() if key != "RouteTables"}
    with pytest.raises(MissingData, match="RouteTables"):
        with_new_instance(replace(account, descriptions=less), "public")
