"""Load balancers are charged for each hour or part of one, for the capacity units and for the bytes that go out.

https://aws.amazon.com/elasticloadbalancing/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from local_aws_server.backends import Backends
from local_aws_server.billing.charge import Meter, sorted_tags
from local_aws_server.billing.meter import MeteredUsage, Reading, UsageSpan, derived_usage, meter_reader
from local_aws_server.fidelity import Behaviour
from local_aws_server.services.cloudwatch.metrics import bytes_processed, lcu_hours

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Load balancers are charged for each hour or part of one, for the capacity units and for the "
        "bytes that go out.",
        documentation=("https://aws.amazon.com/elasticloadbalancing/pricing/",),
    ),
)

_OPERATIONS = {"application": "LoadBalancing:Application", "network": "LoadBalancing:Network"}
_GB = Decimal(2**30)
_TEN_DECIMALS = Decimal("1.0000000000")


@meter_reader("elbv2")
def load_balancers(world: Backends) -> Iterator[Reading]:
    """Each that exists."""
    elbv2 = world.backend("elbv2")
    for balancer in elbv2.load_balancers.values():
        operation = _OPERATIONS.get(balancer.type, "LoadBalancing:Gateway")
        meter = Meter(world.region, "AWSELB", "LoadBalancerUsage", operation, "Hrs", balancer.arn)
        yield Reading(meter, Decimal(1), sorted_tags(elbv2.tagging_service.get_tag_dict_for_resource(balancer.arn)))


@derived_usage("LoadBalancerUsage")
def what_it_did(account: str, span: UsageSpan, start: int, end: int) -> Iterator[MeteredUsage]:
    """Capacity units times hours, and gigabytes out: nearly all that a load balancer processes are answers."""
    meter, world = span.meter, Backends(account, span.meter.region)
    units = Decimal(lcu_hours(world, meter.resource, start, end)).quantize(_TEN_DECIMALS)
    yield MeteredUsage(
        Meter(meter.region, "AWSELB", "LCUUsage", meter.operation, "LCU-Hrs", meter.resource), units, span.tags
    )
    out = Meter(
        meter.region,
        "AWSELB",
        "DataTransfer-Out-Bytes",
        meter.operation,
        "GB",
        meter.resource,
        price_list_service="AWSDataTransfer",
    )
    gigabytes = Decimal(bytes_processed(world, meter.resource, start, end)) / _GB
    yield MeteredUsage(out, gigabytes.quantize(_TEN_DECIMALS), span.tags)
