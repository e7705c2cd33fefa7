"""How much of the free tier an account has used this month, and how much it will have used when the month ends.

AWS counts what is free: the usage of an offer ends at its limit. The forecast does not, and so tells by how much more
will be used than is free.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/tracking-free-tier-usage.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from esaws.pricelist import Allowance, Regime, allowances
from local_aws_server.billing.account import month_after, month_of
from local_aws_server.billing.bill import bill
from local_aws_server.billing.charge import HOUR, Charge
from local_aws_server.billing.products import product_name
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import AwsError

_NOTHING = Decimal(0)
_PAGE = 1000

_USAGE_TYPES = {
    "AmazonEC2 Hrs": "BoxUsage:freetier.micro",
    "AmazonEBS GB-Mo": "EBS:VolumeUsage",
    "AmazonRDS Hrs": "InstanceUsage:db.t1.micro",
}
"""Allowance, by its id → the usage type of AWS's offer, where it stands for several.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/tracking-free-tier-usage.html#free-tier-services
"""


@dataclass
class _Used:
    """What of an allowance is used, and what more there was that it would have covered."""

    free: Decimal = _NOTHING
    all: Decimal = _NOTHING
    operations: set[str] = field(default_factory=set)


def free_tier_usage(account: str) -> list[dict[str, Any]]:
    """The month's usage of each offer that has any, as GetFreeTierUsage gives it, by service and usage type."""
    now, its_bill = CLOCK.now(), bill(account)
    used: dict[Allowance, _Used] = {}
    for charge in its_bill.of_month(now):
        allowance = _offer(charge, its_bill.customer.regime_at(charge.hour))
        if charge.kind == "Usage" and allowance is not None:
            found = used.setdefault(allowance, _Used())
            found.all += charge.quantity
            found.free += charge.quantity if charge.allowance else _NOTHING
            found.operations.add(charge.meter.operation)
    since = max(month_of(now), its_bill.customer.opened)
    still = Decimal(month_after(now) - now) / Decimal(max(now - since, HOUR))
    told = [_as_told(allowance, each, each.all * (1 + still)) for allowance, each in used.items()]
    return sorted(told, key=lambda each: (each["service"], each["usageType"]))


def _offer(charge: Charge, regime: Regime) -> Allowance | None:
    meter = charge.meter
    return _covering(meter.price_service, meter.usage_type, meter.operation, meter.region, regime)


@cache
def _covering(service: str, usage_type: str, operation: str, region: str, regime: Regime) -> Allowance | None:
    return next((each for each in allowances(regime) if each.covers(service, usage_type, operation, region)), None)


def _as_told(allowance: Allowance, used: _Used, forecast: Decimal) -> dict[str, Any]:
    usage_type = _USAGE_TYPES.get(allowance.id, allowance.usage_types[0])
    how_long = "for free for 12 months" if allowance.legacy else "are always free per month"
    return {
        "service": product_name(allowance.service),
        "operation": next(iter(used.operations)) if len(used.operations) == 1 else "",
        "usageType": usage_type,
        "region": "global",
        "actualUsageAmount": float(used.free),
        "forecastedUsageAmount": float(forecast),
        "limit": float(allowance.amount),
        "unit": allowance.unit,
        "description": f"{float(allowance.amount)} {allowance.unit} {how_long} as part of AWS Free Usage Tier "
        f"(Global-{usage_type})",
        "freeTierType": "12 Months Free" if allowance.legacy else "Always Free",
    }


def page(asked: Mapping[str, Any], name: str, entries: Sequence[Any]) -> dict[str, Any]:
    """The page of a list that is asked for, and the token of the next one. Raises ValidationException."""
    token, size = asked.get("nextToken", "0"), asked.get("maxResults", _PAGE)
    if not token.isdigit():
        raise _invalid(f"The token '{token}' is not valid.")
    end = int(token) + size
    more = {"nextToken": str(end)} if end < len(entries) else {}
    return {name: list(entries[int(token) : end]), **more}


# --- which of them are asked for

Asked = Callable[[Mapping[str, Any]], bool]
Match = Callable[[Any, Any], bool]

_DIMENSIONS = {
    "SERVICE": "service",
    "OPERATION": "operation",
    "USAGE_TYPE": "usageType",
    "REGION": "region",
    "FREE_TIER_TYPE": "freeTierType",
    "DESCRIPTION": "description",
}
_PERCENTAGE = "USAGE_PERCENTAGE"
_MATCHES: dict[str, Match] = {
    "EQUALS": str.__eq__,
    "STARTS_WITH": str.startswith,
    "ENDS_WITH": str.endswith,
    "CONTAINS": str.__contains__,
}
_NUMBER_MATCHES: dict[str, Match] = {
    "EQUALS": Decimal.__eq__,
    "GREATER_THAN_OR_EQUAL": Decimal.__ge__,
}
_ROOTS = ("And", "Or", "Not", "Dimensions")


def asked_for(expression: Mapping[str, Any]) -> Asked:
    """What a filter asks for, as a test of one usage; raises ValidationException for a filter that is none.

    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_Expression.html
    """
    roots = [root for root in _ROOTS if root in expression]
    if len(roots) != 1:
        raise _invalid("An Expression must have exactly one root operator: And, Or, Not or Dimensions.")
    inner = expression[roots[0]]
    if roots[0] == "Dimensions":
        return _of_percentage(inner) if inner["Key"] == _PERCENTAGE else _of_text(inner)
    parts = [asked_for(each) for each in (inner if isinstance(inner, list) else [inner])]
    if roots[0] == "Not":
        return lambda usage: not parts[0](usage)
    every = all if roots[0] == "And" else any
    return lambda usage: every(part(usage) for part in parts)


def _of_text(dimension: Mapping[str, Any]) -> Asked:
    key, values, match = dimension["Key"], dimension["Values"], _match(dimension, _MATCHES)
    if key not in _DIMENSIONS:
        raise _invalid(f"There is no dimension {key}.")
    return lambda usage: any(match(usage[_DIMENSIONS[key]], value) for value in values)


def _of_percentage(dimension: Mapping[str, Any]) -> Asked:
    values, match = [_number(text) for text in dimension["Values"]], _match(dimension, _NUMBER_MATCHES)
    return lambda usage: any(match(_percentage(usage), value) for value in values)


def _percentage(usage: Mapping[str, Any]) -> Decimal:
    return Decimal(str(usage["actualUsageAmount"])) / Decimal(str(usage["limit"])) * 100


def _match(dimension: Mapping[str, Any], known: Mapping[str, Match]) -> Match:
    options = dimension.get("MatchOptions", [])
    if len(options) != 1 or options[0] not in known:
        raise _invalid(f"The dimension {dimension['Key']} takes exactly one of the MatchOptions {', '.join(known)}.")
    return known[options[0]]


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _invalid(f"{text} is no percentage.") from None


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message, 400)
