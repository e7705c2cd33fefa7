"""Routes and route table associations of targets and subnets that no longer exist."""

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after, patch

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A route to a deleted NAT gateway, internet gateway, instance or interface stays, as a black hole.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html",
            "https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html",
        ),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="The deletion of a subnet removes its association with a route table, which can then be deleted.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html",),
    ),
)


@patch("moto.ec2.models.route_tables", "Route.state", attribute=True)
def route_state(self: Any) -> str:
    is_target_gone = (
        (self.gateway is not None and not _is_gateway_attached(self))
        or (self.nat_gateway is not None and self.nat_gateway.state == "deleted")
        or (self.instance is not None and self.instance.state == "terminated")
        or (self.interface is not None and self.interface.id not in self.route_table.ec2_backend.enis)
    )
    return "blackhole" if is_target_gone else "active"


def _is_gateway_attached(route: Any) -> bool:
    """Whether the internet gateway is attached to the route's VPC; gateways of other kinds are not simulated."""
    if not route.gateway.id.startswith("igw-"):
        return True
    gateway = route.route_table.ec2_backend.internet_gateways.get(route.gateway.id)
    return gateway is not None and gateway.vpc is not None and gateway.vpc.id == route.route_table.vpc_id


@after("ec2", "DeleteSubnet")
def remove_associations(call: Call) -> None:
    for table in call.backends.backend("ec2").route_tables.values():
        for association, subnet in list(table._associations.items()):
            if subnet == call.params["SubnetId"]:
                del table._associations[association]
