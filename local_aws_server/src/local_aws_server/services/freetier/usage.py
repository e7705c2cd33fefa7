"""GetFreeTierUsage: how much of each offer is used this month, and how much will be used by its end.

`actualUsageAmount` counts free usage only and ends at the limit. `forecastedUsageAmount` counts all usage that the
offer would cover, so it shows by how much the limit will be exceeded.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/tracking-free-tier-usage.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from esaws.pricelist import Allowance
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.bill import get_bill
from local_aws_server.billing.calendar import HOUR, month_start, next_month_start
from local_aws_server.billing.rating import covering_allowance
from local_aws_server.billing.service_names import product_name
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import replace
from local_aws_server.services.freetier.filters import compile_filter
from local_aws_server.services.freetier.pagination import page

BEHAVIOURS = (
    Behaviour(
        service="Free Tier",
        statement="The free tier usage of the month is up to date to the second, with a forecast for the end of the "
        "month at the current rate.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_GetFreeTierUsage.html",
        ),
    ),
)

_ZERO = Decimal(0)

_USAGE_TYPES = {
    "AmazonEC2 Hrs": "BoxUsage:freetier.micro",
    "AmazonEBS GB-Mo": "EBS:VolumeUsage",
    "AmazonRDS Hrs": "InstanceUsage:db.t1.micro",
}
"""Allowance id → the usage type of AWS's offer, where the offer covers several.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/tracking-free-tier-usage.html#free-tier-services
"""


@dataclass
class _OfferUsage:
    """The usage of an allowance in a month."""

    free: Decimal = _ZERO
    covered: Decimal = _ZERO
    """All usage of the kind that the allowance covers, free or not."""
    operations: set[str] = field(default_factory=set)


@replace("freetier", "GetFreeTierUsage")
def get_free_tier_usage(call: Call) -> dict[str, Any]:
    usages = free_tier_usage(call.account)
    if "filter" in call.params:
        usages = list(filter(compile_filter(call.params["filter"]), usages))
    return page(call, "freeTierUsages", usages)


def free_tier_usage(account: str) -> list[dict[str, Any]]:
    """The month's usage of each offer, in boto3's shape, by service and usage type."""
    now, bill = CLOCK.now(), get_bill(account)
    usage: dict[Allowance, _OfferUsage] = {}
    for charge in bill.month_charges(now):
        allowance = covering_allowance(charge.meter, bill.customer.regime_at(charge.hour))
        if charge.kind == "Usage" and allowance is not None:
            offer = usage.setdefault(allowance, _OfferUsage())
            offer.covered += charge.quantity
            offer.free += charge.quantity if charge.allowance else _ZERO
            offer.operations.add(charge.meter.operation)
    since = max(month_start(now), bill.customer.opened_at)
    time_left = Decimal(next_month_start(now) - now) / Decimal(max(now - since, HOUR))
    usages = [
        _to_dict(allowance, offer, forecast=offer.covered * (1 + time_left)) for allowance, offer in usage.items()
    ]
    return sorted(usages, key=lambda row: (row["service"], row["usageType"]))


def _to_dict(allowance: Allowance, offer: _OfferUsage, forecast: Decimal) -> dict[str, Any]:
    usage_type = _USAGE_TYPES.get(allowance.id, allowance.usage_types[0])
    duration = "for free for 12 months" if allowance.legacy else "are always free per month"
    return {
        "service": product_name(allowance.service),
        "operation": next(iter(offer.operations)) if len(offer.operations) == 1 else "",
        "usageType": usage_type,
        "region": "global",
        "actualUsageAmount": float(offer.free),
        "forecastedUsageAmount": float(forecast),
        "limit": float(allowance.amount),
        "unit": allowance.unit,
        "description": f"{float(allowance.amount)} {allowance.unit} {duration} as part of AWS Free Usage Tier "
        f"(Global-{usage_type})",
        "freeTierType": "12 Months Free" if allowance.legacy else "Always Free",
    }
