"""NAT gateways that a learner created by hand: esaws has no kind for them, so that a teardown does not find them."""

from __future__ import annotations

from esaws.cloud import Cloud
from esaws.course.shown import Shown
from esaws.deploy.inventory import inventory

_ENDED = {"deleted", "failed"}


def delete_nat_gateways(cloud: Cloud) -> Shown:
    """Delete the NAT gateways in the deployment's VPC, release their addresses, and return when they are gone.

    Routes to them stay, as black holes. Returns a sentence with the numbers.
    """
    ec2, vpc = cloud.client("ec2"), inventory(cloud).get("VPC", "vpc")
    if vpc is None:
        return Shown("There is no VPC, and so no NAT gateway.")
    described = ec2.describe_nat_gateways(Filters=[{"Name": "vpc-id", "Values": [vpc.id]}])["NatGateways"]
    gateways = [raw for raw in described if raw["State"] not in _ENDED]
    ids = [raw["NatGatewayId"] for raw in gateways]
    addresses = [item["AllocationId"] for raw in gateways for item in raw["NatGatewayAddresses"]]
    for id in ids:
        ec2.delete_nat_gateway(NatGatewayId=id)
    if ids:
        cloud.wait("ec2", "nat_gateway_deleted", NatGatewayIds=ids)
    for address in addresses:
        ec2.release_address(AllocationId=address)
    gateways_text = "1 NAT gateway" if len(ids) == 1 else f"{len(ids)} NAT gateways"
    addresses_text = "1 address" if len(addresses) == 1 else f"{len(addresses)} addresses"
    return Shown(f"{gateways_text} deleted, {addresses_text} released.")
