"""What Cost Explorer makes of a bill: its charges summed up by periods of time and by groups, metric by metric.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from local_aws_server.billing.account import month_of
from local_aws_server.billing.bill import AccountBill, blended_rate_key, blended_rates
from local_aws_server.billing.charge import Charge
from local_aws_server.hooks import AwsError
from local_aws_server.services.ce.dimensions import (
    GROUPABLE_DIMENSIONS,
    dimension_value,
    instance_type,
    cached_by_kind,
    tag_value,
)
from local_aws_server.services.ce.filters import Keep, validation_error
from local_aws_server.services.ce.periods import Granularity, Period, format_timestamp

Keys = tuple[str, ...]
Measure = Callable[[Charge], Decimal]

_NOTHING = Decimal(0)
_TEN_DECIMALS = Decimal("1.0000000000")
_NO_UNIT = "N/A"
_MOST_GROUPS = 2

COSTS = ("AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost")
METRICS = (*COSTS, "NormalizedUsageAmount", "UsageQuantity")
_SPELLINGS = {
    **{name: name for name in METRICS},
    "AMORTIZED_COST": "AmortizedCost",
    "BLENDED_COST": "BlendedCost",
    "NET_AMORTIZED_COST": "NetAmortizedCost",
    "NET_UNBLENDED_COST": "NetUnblendedCost",
    "UNBLENDED_COST": "UnblendedCost",
    "NORMALIZED_USAGE_AMOUNT": "NormalizedUsageAmount",
    "USAGE_QUANTITY": "UsageQuantity",
}

_SIZES = {"nano": "0.25", "micro": "0.5", "small": "1", "medium": "2", "large": "4", "xlarge": "8"}
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/apply_ri.html"""
_COME_IN_SIZES = ("BoxUsage:", "InstanceUsage:", "Multi-AZUsage:")


@dataclass
class MetricSums:
    """What charges amount to, in each of the metrics asked for."""

    amounts: list[Decimal]
    units: set[str] = field(default_factory=set)
    """Of what was used."""

    @property
    def unit(self) -> str:
        """The unit of the quantities; `N/A` where they have different ones, and are added up nevertheless."""
        return next(iter(self.units)) if len(self.units) == 1 else _NO_UNIT


@dataclass(frozen=True)
class PeriodResult:
    """What the charges of a period amount to, group by group in the order of their keys; not grouped, under `()`."""

    period: Period
    groups: Mapping[Keys, MetricSums]


def parse_metric(name: str) -> str:
    """The name of a metric as answers have it; raises AwsError, with the code ValidationException, for another."""
    if name not in _SPELLINGS:
        raise validation_error(f"Metric {name} is not valid. Valid values are {', '.join(METRICS)}")
    return _SPELLINGS[name]


def metric_measure(name: str, bill: AccountBill) -> Measure:
    """What a charge amounts to in a metric.

    No account here has reservations, savings plans or discounts, so amortized and net costs are the unblended ones.
    """
    if name == "UsageQuantity":
        return lambda charge: charge.quantity
    if name == "NormalizedUsageAmount":
        return lambda charge: charge.quantity * _size(charge)
    return _blended_cost(bill) if name == "BlendedCost" else lambda charge: charge.cost


def group_key_function(
    asked: Sequence[Mapping[str, str]], account: str, dimensions: Sequence[str] = GROUPABLE_DIMENSIONS
) -> Callable[[Charge], Keys]:
    """The keys of a charge's group.

    Raises AwsError, with the code ValidationException, for more than two definitions and for one that makes no sense;
    NotSimulated for cost categories.
    """
    if len(asked) > _MOST_GROUPS:
        raise validation_error(f"GroupBy must have at most {_MOST_GROUPS} group definitions.")
    parts = [_part(definition, account, dimensions) for definition in asked]
    return cached_by_kind(lambda charge: tuple(part(charge) for part in parts))


def aggregate(
    charges: Iterable[Charge],
    periods: Sequence[Period],
    measures: Sequence[Measure],
    keep: Keep,
    keys: Callable[[Charge], Keys] | None = None,
) -> list[PeriodResult]:
    """What each period amounts to; the periods follow one another and hold the hours of all the charges.

    Grouped by `keys`, a period has the groups that there are charges of; without, it has one sum in any case.
    """
    starts = [period.start for period in periods]
    found: list[dict[Keys, MetricSums]] = [{} if keys else {(): MetricSums([_NOTHING] * len(measures))} for _ in periods]
    for charge in charges:
        if not keep(charge):
            continue
        groups, key = found[bisect_right(starts, charge.hour) - 1], keys(charge) if keys else ()
        if key not in groups:
            groups[key] = MetricSums([_NOTHING] * len(measures))
        group = groups[key]
        group.amounts = [amount + each(charge) for amount, each in zip(group.amounts, measures, strict=True)]
        if charge.kind == "Usage":
            group.units.add(charge.meter.unit)
    return [PeriodResult(period, dict(sorted(groups.items()))) for period, groups in zip(periods, found, strict=True)]


def split_groups(results: Iterable[PeriodResult]) -> list[PeriodResult]:
    """The same results with at most one group each, so that they can be put onto pages."""
    return [
        PeriodResult(result.period, {key: result.groups[key]} if key is not None else {})
        for result in results
        for key in (result.groups or [None])
    ]


def merge_groups(results: Iterable[PeriodResult]) -> list[PeriodResult]:
    """Results of one period after another, with all the groups of each period in one."""
    found: dict[Period, dict[Keys, MetricSums]] = {}
    for result in results:
        found.setdefault(result.period, {}).update(result.groups)
    return [PeriodResult(period, groups) for period, groups in found.items()]


def result_to_dict(result: PeriodResult, metrics: Sequence[str], granularity: Granularity, estimated_from: float) -> dict[str, Any]:
    """A result in boto3's shape; what is not yet over at `estimated_from` is an estimate."""
    period, groups = result.period, dict(result.groups)
    total = groups.pop((), None)
    return {
        "TimePeriod": {"Start": format_timestamp(period.start, granularity), "End": format_timestamp(period.end, granularity)},
        "Total": metrics_to_dict(total, metrics) if total else {},
        "Groups": [{"Keys": list(keys), "Metrics": metrics_to_dict(found, metrics)} for keys, found in groups.items()],
        "Estimated": period.end > estimated_from,
    }


def metrics_to_dict(found: MetricSums, metrics: Sequence[str]) -> dict[str, dict[str, str]]:
    """The amounts of each metric in boto3's shape."""
    units = {"UsageQuantity": found.unit, "NormalizedUsageAmount": _NO_UNIT}
    return {
        name: {"Amount": format_amount(amount), "Unit": units.get(name, "USD")}
        for name, amount in zip(metrics, found.amounts, strict=True)
    }


def format_amount(amount: Decimal) -> str:
    """A number with at most ten decimals, without an exponent: `0.0264`, `0`."""
    text = f"{amount.quantize(_TEN_DECIMALS):f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _part(definition: Mapping[str, str], account: str, dimensions: Sequence[str]) -> Callable[[Charge], str]:
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


def _blended_cost(bill: AccountBill) -> Measure:
    """Usage at the average rate that its kind had in the calendar month."""
    rates: dict[int, Mapping[tuple[str, str, str, str], Decimal]] = {}
    months: dict[int, int] = {}

    def blended(charge: Charge) -> Decimal:
        if charge.kind != "Usage":
            return charge.cost
        if charge.hour not in months:
            month = months[charge.hour] = month_of(charge.hour)
            if month not in rates:
                rates[month] = blended_rates(bill.month_charges(month))
        return charge.quantity * rates[months[charge.hour]][blended_rate_key(charge)]

    return blended


def _size(charge: Charge) -> Decimal:
    """How many small instances an instance counts for."""
    if not charge.meter.usage_type.startswith(_COME_IN_SIZES):
        return _NOTHING
    size = instance_type(charge.meter).split(".")[-1]
    times = size.removesuffix("xlarge")
    return Decimal(_SIZES["xlarge"]) * int(times) if times.isdigit() else Decimal(_SIZES.get(size, 0))
