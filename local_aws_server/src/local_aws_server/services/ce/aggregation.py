"""Sum charges by period and group, metric by metric.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from local_aws_server.billing.bill import AccountBill, BlendedRateKey, blended_rate_key, blended_rates
from local_aws_server.billing.calendar import Period, month_start
from local_aws_server.billing.charge import (
    TEN_DECIMALS,
    Charge,
    ChargeFilter,
    ChargeMeasure,
    charge_cost,
    charge_quantity,
)
from local_aws_server.billing.instance_sizes import normalization_factor
from local_aws_server.errors import AwsError
from local_aws_server.services.ce.dimensions import GROUPABLE_DIMENSIONS, cached_by_kind, dimension_value, tag_value
from local_aws_server.services.ce.filters import validation_error
from local_aws_server.services.ce.periods import Granularity, format_boundary

GroupKey = tuple[str, ...]

_ZERO = Decimal(0)
_NO_UNIT = "N/A"
_MAX_GROUP_DEFINITIONS = 2

COST_METRICS = ("AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost")
METRICS = (*COST_METRICS, "NormalizedUsageAmount", "UsageQuantity")
_METRIC_NAMES = {
    **{name: name for name in METRICS},
    "AMORTIZED_COST": "AmortizedCost",
    "BLENDED_COST": "BlendedCost",
    "NET_AMORTIZED_COST": "NetAmortizedCost",
    "NET_UNBLENDED_COST": "NetUnblendedCost",
    "UNBLENDED_COST": "UnblendedCost",
    "NORMALIZED_USAGE_AMOUNT": "NormalizedUsageAmount",
    "USAGE_QUANTITY": "UsageQuantity",
}
"""Spelling in a request → the metric's name in a response."""


@dataclass
class MetricSums:
    """The sums of some charges, one for each metric requested."""

    amounts: list[Decimal]
    units: set[str] = field(default_factory=set)
    """The units of the usage."""

    @property
    def unit(self) -> str:
        """The unit of the quantities; `N/A` if there are several, which AWS adds up nevertheless."""
        return next(iter(self.units)) if len(self.units) == 1 else _NO_UNIT


@dataclass(frozen=True)
class PeriodResult:
    """The sums of a period, by group key in order; ungrouped sums have the key `()`."""

    period: Period
    groups: Mapping[GroupKey, MetricSums]


def parse_metric(name: str) -> str:
    """The name of a metric in responses. Raises ValidationException for an unknown metric."""
    if name not in _METRIC_NAMES:
        raise validation_error(f"Metric {name} is not valid. Valid values are {', '.join(METRICS)}")
    return _METRIC_NAMES[name]


def metric_measure(name: str, bill: AccountBill) -> ChargeMeasure:
    """The function that gives a charge's amount in a metric.

    Accounts have no reservations, savings plans or discounts here, so amortized and net costs equal unblended costs.
    """
    if name == "UsageQuantity":
        return charge_quantity
    if name == "NormalizedUsageAmount":
        return lambda charge: charge.quantity * (normalization_factor(charge.meter) or _ZERO)
    return _blended_cost(bill) if name == "BlendedCost" else charge_cost


def group_key_function(
    definitions: Sequence[Mapping[str, str]], account: str, dimensions: Sequence[str] = GROUPABLE_DIMENSIONS
) -> Callable[[Charge], GroupKey]:
    """The function that gives the key of a charge's group.

    Raises ValidationException for an invalid definition or more than two, NotSimulated for cost categories.
    """
    if len(definitions) > _MAX_GROUP_DEFINITIONS:
        raise validation_error(f"GroupBy must have at most {_MAX_GROUP_DEFINITIONS} group definitions.")
    parts = [_key_part(definition, account, dimensions) for definition in definitions]
    return cached_by_kind(lambda charge: tuple(part(charge) for part in parts))


def aggregate(
    charges: Iterable[Charge],
    periods: Sequence[Period],
    measures: Sequence[ChargeMeasure],
    matches: ChargeFilter,
    group_key: Callable[[Charge], GroupKey] | None = None,
) -> list[PeriodResult]:
    """The sums of each period. Periods are consecutive and contain the hours of all charges.

    With `group_key`, a period has the groups that occur in it; without, it always has one sum.
    """
    starts = [period.start for period in periods]
    groups_of: list[dict[GroupKey, MetricSums]] = [
        {} if group_key else {(): MetricSums([_ZERO] * len(measures))} for _ in periods
    ]
    for charge in charges:
        if not matches(charge):
            continue
        groups, key = groups_of[bisect_right(starts, charge.hour) - 1], group_key(charge) if group_key else ()
        if key not in groups:
            groups[key] = MetricSums([_ZERO] * len(measures))
        sums = groups[key]
        sums.amounts = [amount + measure(charge) for amount, measure in zip(sums.amounts, measures, strict=True)]
        if charge.kind == "Usage":
            sums.units.add(charge.meter.unit)
    return [
        PeriodResult(period, dict(sorted(groups.items()))) for period, groups in zip(periods, groups_of, strict=True)
    ]


def split_groups(results: Iterable[PeriodResult]) -> list[PeriodResult]:
    """The same results with at most one group each, so that a page can end between two groups."""
    return [
        PeriodResult(result.period, {key: result.groups[key]} if key is not None else {})
        for result in results
        for key in (result.groups or [None])
    ]


def merge_groups(results: Iterable[PeriodResult]) -> list[PeriodResult]:
    """The inverse of `split_groups`: one result for each period, with all its groups."""
    groups_of: dict[Period, dict[GroupKey, MetricSums]] = {}
    for result in results:
        groups_of.setdefault(result.period, {}).update(result.groups)
    return [PeriodResult(period, groups) for period, groups in groups_of.items()]


def result_to_dict(
    result: PeriodResult, metrics: Sequence[str], granularity: Granularity, estimated_from: float
) -> dict[str, Any]:
    """A result in boto3's shape; it is an estimate if its period ends after `estimated_from`."""
    period, groups = result.period, dict(result.groups)
    total = groups.pop((), None)
    return {
        "TimePeriod": {
            "Start": format_boundary(period.start, granularity),
            "End": format_boundary(period.end, granularity),
        },
        "Total": metrics_to_dict(total, metrics) if total else {},
        "Groups": [{"Keys": list(key), "Metrics": metrics_to_dict(sums, metrics)} for key, sums in groups.items()],
        "Estimated": period.end > estimated_from,
    }


def metrics_to_dict(sums: MetricSums, metrics: Sequence[str]) -> dict[str, dict[str, str]]:
    """Metric → amount and unit, in boto3's shape."""
    units = {"UsageQuantity": sums.unit, "NormalizedUsageAmount": _NO_UNIT}
    return {
        name: {"Amount": format_amount(amount), "Unit": units.get(name, "USD")}
        for name, amount in zip(metrics, sums.amounts, strict=True)
    }


def format_amount(amount: Decimal) -> str:
    """A number with at most ten decimals and no exponent: `0.0264`, `0`."""
    text = f"{amount.quantize(TEN_DECIMALS):f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _key_part(definition: Mapping[str, str], account: str, dimensions: Sequence[str]) -> Callable[[Charge], str]:
    kind, key = definition.get("Type"), definition.get("Key")
    if not kind or not key:
        raise validation_error("Group Definition is invalid. Both type an key need to be set to a non-empty value.")
    if kind == "TAG":
        return lambda charge: f"{key}${tag_value(key, charge)}"
    if kind in ("COST_CATEGORY", "PRODUCT_ATTRIBUTE"):
        raise AwsError("NotSimulated", "the local AWS has no cost categories and no product attributes", 501)
    if kind != "DIMENSION":
        raise validation_error("Group Definition type is invalid.")
    if key not in dimensions:
        raise validation_error(f"Group Definition dimension is invalid. Valid values are {', '.join(dimensions)}")
    return lambda charge: dimension_value(key, charge, account)


def _blended_cost(bill: AccountBill) -> ChargeMeasure:
    """Usage at its average rate in the calendar month."""
    rates: dict[int, Mapping[BlendedRateKey, Decimal]] = {}
    months: dict[int, int] = {}

    def blended_cost(charge: Charge) -> Decimal:
        if charge.kind != "Usage":
            return charge.cost
        if charge.hour not in months:
            month = months[charge.hour] = month_start(charge.hour)
            if month not in rates:
                rates[month] = blended_rates(bill.month_charges(month))
        return charge.quantity * rates[months[charge.hour]][blended_rate_key(charge)]

    return blended_cost
