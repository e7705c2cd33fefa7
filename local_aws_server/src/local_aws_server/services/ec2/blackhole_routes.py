"""A route whose NAT gateway, internet gateway, instance or interface is gone stays, as a black hole.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html
"""

from typing import Any

from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import patch

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A route whose NAT gateway, internet gateway, instance or interface is gone stays, as a black hole.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html",
            "https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html",
        ),
    ),
)


@patch("moto.ec2.models.route_tables", "Route.state", attribute=True)
def state_of_its_target(self: Any) -> str:
    gone = (
        (self.gateway is not None and not _leads_out(self))
        or (self.nat_gateway is not None and self.nat_gateway.state == "deleted")
        or (self.instance is not None and self.instance.state == "terminated")
        or (self.interface is not None and self.interface.id not in self.route_table.ec2_backend.enis)
    )
    return "blackhole" if gone else "active"


def _leads_out(route: Any) -> bool:
    """Whether the gateway is attached to the route's VPC; of other gateways than the internet's, nothing is known."""
    if not route.gateway.id.startswith("igw-"):
        return True
    gateway = route.route_table.ec2_backend.internet_gateways.get(route.gateway.id)
    return gateway is not None and gateway.vpc is not None and gateway.vpc.id == route.route_table.vpc_id
