"""A NAT gateway is pending for two minutes and deleting for one; until it is deleted, its address is in use.

https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html
"""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.clock.state_machine import Deletion, Lifecycle, LifecycleStep
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import reconciler
from local_aws_server.services.ec2.interfaces import interfaces

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A NAT gateway is pending for two minutes and deleting for one; until it is deleted, its "
        "address is in use.",
        documentation=(
            "https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html",
        ),
    ),
)


def _called(gateway: Any) -> str:
    return str(next((tag["value"] for tag in gateway.get_tags() if tag["key"] == "Name"), gateway.id))


def _delete(world: Backends, gateway: Any) -> None:
    """It stays to be seen as deleted, without its address and its interface."""
    ec2 = world.backend("ec2")
    for address in [address for address in ec2.addresses if address.eni is gateway._eni]:
        ec2.disassociate_address(address=address.public_ip)
    if gateway._eni in interfaces(world):
        ec2.delete_network_interface(gateway._eni.id)
    ec2.delete_nat_gateway(gateway.id)


GATEWAYS = Lifecycle(
    service="ec2",
    label="NAT gateway",
    resources=lambda world: world.backend("ec2").nat_gateways.values(),
    id=("NatGatewayId", "id"),
    state=("State", "state"),
    create_operations=("CreateNatGateway",),
    creation=LifecycleStep("pending", "available", 120, "somebody created it"),
    deletion=Deletion("DeleteNatGateway", LifecycleStep("deleting", "deleted", 60, "somebody deleted it"), _delete),
    describe_operations=("DescribeNatGateways",),
    result_members={"CreateNatGateway": "NatGateway", "DescribeNatGateways": "NatGateways"},
    display_name=_called,
)
GATEWAYS.register()


@reconciler("ec2", order=1)
def gateways_arrive(world: Backends) -> float | None:
    return GATEWAYS.finish_due(world)
