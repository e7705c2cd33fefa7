"""Public IPv4 addresses are charged for each second since February 2024, in use or idle, a load balancer's too.

https://aws.amazon.com/vpc/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from esaws.pricelist import is_charged, utc_day
from local_aws_server.backends import Backends
from local_aws_server.billing.charge import Meter, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader
from local_aws_server.clock.clock import CLOCK
from local_aws_server.fidelity import Behaviour
from local_aws_server.services.ec2.interfaces import interfaces, leaving, requester

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Public IPv4 addresses are charged for each second since February 2024, in use or idle, a load "
        "balancer's too.",
        documentation=("https://aws.amazon.com/vpc/pricing/",),
    ),
)

_ONCE = "ElasticIP:IdleAddress"
"""What idle addresses were charged as, until all were."""
_RUNS = ("pending", "running")
_OPERATIONS = {
    "amazon-elb": "CreateLoadBalancer",
    "amazon-rds": "CreateDBInstance",
    "amazon-mq": "CreateBroker",
}


@meter_reader("ec2", "autoscaling", "elbv2", "rds", "mq")
def addresses(world: Backends) -> Iterator[Reading]:
    """Each that an interface has, and each Elastic IP address that nothing uses."""
    ec2 = world.backend("ec2")
    gateways = {gateway._eni.id for gateway in ec2.nat_gateways.values()}
    for eni in interfaces(world):
        if eni.public_ip and not leaving(eni) and (eni.instance is None or eni.instance.state in _RUNS):
            operation = "NatGateway" if eni.id in gateways else _operation(eni)
            yield _address(world, "PublicIPv4:InUseAddress", operation, f"network-interface/{eni.id}")
    for address in ec2.addresses:
        stopped = address.instance is not None and address.instance.state not in _RUNS
        if address.association_id is None or stopped:
            resource = f"elastic-ip/{address.allocation_id}"
            yield _address(world, "PublicIPv4:IdleAddress", "AllocateAddressVPC", resource)
            if is_charged("AmazonEC2", _ONCE, "eu-west-3", utc_day(CLOCK.now())):
                yield _address(world, _ONCE, "AllocateAddressVPC", resource)


def _address(world: Backends, usage_type: str, operation: str, resource: str) -> Reading:
    service = "AmazonVPC" if usage_type.startswith("PublicIPv4") else "AmazonEC2"
    tags = world.backend("ec2").tags.get(resource.split("/")[1], {})
    arn = f"arn:aws:ec2:{world.region}:{world.account}:{resource}"
    return Reading(Meter(world.region, service, usage_type, operation, "Hrs", arn), Decimal(1), sorted_tags(tags))


def _operation(eni: Any) -> str:
    """What made it need an address: an instance's is free for some hours, those of services never are."""
    return _OPERATIONS.get(requester(eni) or "", "RunInstances" if eni.instance else "AssociateAddressVPC")
