"""NAT gateways: lifecycle, interface and address."""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.state_machine import Deletion, Lifecycle, LifecycleStep
from local_aws_server.hooks import after, reconciler
from local_aws_server.services.ec2.interfaces import interfaces

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A NAT gateway is pending for two minutes and deleting for one; its address is in use until it is "
        "deleted.",
        documentation=(
            "https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html",
        ),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="A NAT gateway has an interface and an address; its deletion releases both, and the address stays "
        "allocated.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNatGateway.html",),
    ),
)


@after("ec2", "CreateNatGateway")
def attach_interface(call: Call) -> None:
    gateway = call.backends.backend("ec2").nat_gateways[call.result["NatGateway"]["NatGatewayId"]]
    gateway._eni.status, gateway._eni.requester_managed = "in-use", True
    gateway._eni.description = f"Interface for NAT Gateway {gateway.id}"


def _display_name(gateway: Any) -> str:
    return str(next((tag["value"] for tag in gateway.get_tags() if tag["key"] == "Name"), gateway.id))


def _delete(backends: Backends, gateway: Any) -> None:
    """Release the address and the interface; the gateway stays visible as deleted."""
    ec2 = backends.backend("ec2")
    for address in [address for address in ec2.addresses if address.eni is gateway._eni]:
        ec2.disassociate_address(address=address.public_ip)
    if gateway._eni in interfaces(backends):
        ec2.delete_network_interface(gateway._eni.id)
    ec2.delete_nat_gateway(gateway.id)


NAT_GATEWAYS = Lifecycle(
    service="ec2",
    label="NAT gateway",
    resources=lambda backends: backends.backend("ec2").nat_gateways.values(),
    id=("NatGatewayId", "id"),
    state=("State", "state"),
    create_operations=("CreateNatGateway",),
    creation=LifecycleStep("pending", "available", 120, "a user created it"),
    deletion=Deletion("DeleteNatGateway", LifecycleStep("deleting", "deleted", 60, "a user deleted it"), _delete),
    describe_operations=("DescribeNatGateways",),
    result_members={"CreateNatGateway": "NatGateway", "DescribeNatGateways": "NatGateways"},
    display_name=_display_name,
)
NAT_GATEWAYS.register()


@reconciler("ec2", order=1)
def finish_nat_gateway_steps(backends: Backends) -> float | None:
    return NAT_GATEWAYS.finish_due(backends)
