"""NAT gateways that a learner created by hand: esaws has no kind for them, so that a teardown does not find them."""

from __future__ import annotations

from esaws.cloud import DEPLOYMENT_TAG, Cloud
from esaws.course.shown import Shown
from esaws.deploy.inventory import inventory

_ENDED = {"deleted", "failed"}


def delete_nat_gateways(cloud: Cloud) -> Shown:
    """Delete the NAT gateways in the deployment's VPC, and return when they are gone. Release their addresses.

    Addresses that have the deployment's tag and are attached to nothing are released as well. Routes to a gateway stay,
    as black holes. Returns a sentence with the numbers.
    """
    ec2, vpc = cloud.client("ec2"), inventory(cloud).get("VPC", "vpc")
    filters = [{"Name": "vpc-id", "Values": [vpc.id if vpc else "none"]}]
    described = ec2.describe_nat_gateways(Filters=filters)["NatGateways"]
    gateways = [raw for raw in described if raw["State"] not in _ENDED]
    ids = [raw["NatGatewayId"] for raw in gateways]
    addresses = [item["AllocationId"] for raw in gateways for item in raw["NatGatewayAddresses"]]
    for id in ids:
        ec2.delete_nat_gateway(NatGatewayId=id)
    if ids:
        cloud.wait("ec2", "nat_gateway_deleted", NatGatewayIds=ids)
    tagged = [{"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [cloud.deployment]}]
    for raw in ec2.describe_addresses(Filters=tagged)["Addresses"]:
        if "AssociationId" not in raw and raw["AllocationId"] not in addresses:
            addresses.append(raw["AllocationId"])
    for address in addresses:
        ec2.release_address(AllocationId=address)
    gateways_text = "1 NAT gateway" if len(ids) == 1 else f"{len(ids)} NAT gateways"
    addresses_text = "1 address" if len(addresses) == 1 else f"{len(addresses)} addresses"
    return Shown(f"{gateways_text} deleted, {addresses_text} released.")
