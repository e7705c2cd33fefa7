"""Meter load balancers: each hour or part of an hour, capacity units (LCU), and bytes out.

https://aws.amazon.com/elasticloadbalancing/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.charge import BYTES_PER_GB, TEN_DECIMALS, Meter, sorted_tags
from local_aws_server.billing.meter import MeteredUsage, Reading, UsageSpan, derived_usage, meter_reader
from local_aws_server.services.cloudwatch.load_balancer_units import bytes_processed, lcu_hours

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Load balancers are charged for each hour or part of an hour, for capacity units and for bytes out.",
        documentation=("https://aws.amazon.com/elasticloadbalancing/pricing/",),
    ),
)

_OPERATIONS = {"application": "LoadBalancing:Application", "network": "LoadBalancing:Network"}


@meter_reader("elbv2")
def load_balancers(backends: Backends) -> Iterator[Reading]:
    """One reading for each load balancer."""
    elbv2 = backends.backend("elbv2")
    for balancer in elbv2.load_balancers.values():
        operation = _OPERATIONS.get(balancer.type, "LoadBalancing:Gateway")
        meter = Meter(backends.region, "AWSELB", "LoadBalancerUsage", operation, "Hrs", balancer.arn)
        yield Reading(meter, Decimal(1), sorted_tags(elbv2.tagging_service.get_tag_dict_for_resource(balancer.arn)))


@derived_usage("LoadBalancerUsage")
def traffic_usage(account: str, span: UsageSpan, start: int, end: int) -> Iterator[MeteredUsage]:
    """LCU-hours and gigabytes out; nearly all bytes that a load balancer processes are responses."""
    meter, backends = span.meter, Backends(account, span.meter.region)
    units = Decimal(lcu_hours(backends, meter.resource, start, end)).quantize(TEN_DECIMALS)
    lcu_meter = Meter(meter.region, "AWSELB", "LCUUsage", meter.operation, "LCU-Hrs", meter.resource)
    yield MeteredUsage(lcu_meter, units, span.tags)
    out_meter = Meter(
        meter.region,
        "AWSELB",
        "DataTransfer-Out-Bytes",
        meter.operation,
        "GB",
        meter.resource,
        price_list_service="AWSDataTransfer",
    )
    gigabytes = Decimal(bytes_processed(backends, meter.resource, start, end)) / BYTES_PER_GB
    yield MeteredUsage(out_meter, gigabytes.quantize(TEN_DECIMALS), span.tags)
