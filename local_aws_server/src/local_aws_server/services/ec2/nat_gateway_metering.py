"""NAT gateways are charged for each hour or part of one; what flows through them is not simulated.

https://aws.amazon.com/vpc/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from local_aws_server.backends import Backends
from local_aws_server.billing.charge import Meter, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader
from local_aws_server.fidelity import Behaviour

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="NAT gateways are charged for each hour or part of one; what flows through them is not simulated.",
        documentation=("https://aws.amazon.com/vpc/pricing/",),
    ),
)


@meter_reader("ec2")
def nat_gateways(world: Backends) -> Iterator[Reading]:
    """Each that is there, or about to be."""
    for gateway in world.backend("ec2").nat_gateways.values():
        if gateway.state in ("pending", "available"):
            arn = f"arn:aws:ec2:{world.region}:{world.account}:natgateway/{gateway.id}"
            meter = Meter(world.region, "AmazonEC2", "NatGateway-Hours", "NatGateway", "Hrs", arn)
            yield Reading(meter, Decimal(1), sorted_tags(world.backend("ec2").tags.get(gateway.id, {})))
