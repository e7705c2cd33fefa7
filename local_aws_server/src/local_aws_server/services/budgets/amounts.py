"""The spend of a budget: actual and forecasted in its current period, and actual in earlier periods.

A budget is a dict in boto3's shape, except that times are seconds since 1970.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Budget.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import floor
from typing import Any, NamedTuple

from local_aws_server.billing.account import get_customer
from local_aws_server.billing.bill import blended_rate_key, blended_rates, get_bill
from local_aws_server.billing.calendar import (
    DAY,
    Period,
    add_months,
    day_start,
    month_start,
    next_month_start,
    to_datetime,
)
from local_aws_server.billing.charge import Charge, ChargeFilter, ChargeMeasure, charge_cost, charge_quantity
from local_aws_server.billing.forecast import expected_amounts
from local_aws_server.clock.clock import CLOCK
from local_aws_server.services.ce.filters import compile_expression

NO_END = 3706473600
"""AWS's end date of a budget without an end: 2087-06-15."""

_MONTHS = {"QUARTERLY": 3, "ANNUALLY": 12}
_MAX_HISTORY_PERIODS = {"DAILY": 60, "MONTHLY": 12, "QUARTERLY": 4}
"""https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-view.html"""

_COST_TYPES = {
    "IncludeTax": True,
    "IncludeSubscription": True,
    "UseBlended": False,
    "IncludeRefund": True,
    "IncludeCredit": True,
    "IncludeUpfront": True,
    "IncludeRecurring": True,
    "IncludeOtherSubscription": True,
    "IncludeSupport": True,
    "IncludeDiscount": True,
    "UseAmortized": False,
}
"""AWS's defaults. https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_CostTypes.html"""

Budget = Mapping[str, Any]


class Spend(NamedTuple):
    """An amount of money or of usage."""

    amount: Decimal
    unit: str

    def to_dict(self) -> dict[str, str]:
        """In boto3's shape, with at most three decimals."""
        text = f"{self.amount:.3f}".rstrip("0")
        return {"Amount": f"{text}0" if text.endswith(".") else text, "Unit": self.unit}


def period_containing(time_unit: str, timestamp: float) -> Period:
    """The day, month, quarter or year (UTC) of a timestamp."""
    if time_unit == "DAILY":
        return Period(day_start(timestamp), day_start(timestamp) + DAY)
    month = month_start(timestamp)
    if time_unit == "MONTHLY":
        return Period(month, next_month_start(month))
    months = _MONTHS[time_unit]
    start = add_months(month, -((to_datetime(month).month - 1) % months))
    return Period(start, add_months(start, months))


def current_period(budget: Budget) -> Period:
    """The current period, within the time of the budget; of a custom budget, all of its time."""
    lifetime = Period(floor(budget["TimePeriod"]["Start"]), floor(budget["TimePeriod"]["End"]))
    if budget["TimeUnit"] == "CUSTOM":
        return lifetime
    period = period_containing(budget["TimeUnit"], CLOCK.now())
    return Period(max(period.start, lifetime.start), min(period.end, lifetime.end))


def budget_limit(budget: Budget, timestamp: float) -> Spend:
    """The limit at a time: of planned limits, the one that began last."""
    limit, planned = budget.get("BudgetLimit"), budget.get("PlannedBudgetLimits")
    if planned:
        begun = [start for start in planned if float(start) <= timestamp] or [min(planned, key=float)]
        limit = planned[max(begun, key=float)]
    return Spend(Decimal(limit["Amount"]), limit["Unit"]) if limit else Spend(Decimal(0), "USD")


def actual_spend(account: str, budget: Budget) -> Spend:
    """The spend, or the usage, of the current period so far."""
    return _spend_in(account, budget, current_period(budget))


def forecasted_spend(account: str, budget: Budget) -> Spend:
    """The expected spend, or usage, of the whole current period."""
    period = current_period(budget)
    matches, measure = _filter_and_measure(account, budget, period)
    (amount,) = expected_amounts(account, [period], matches, measure)
    return Spend(amount, budget_limit(budget, period.start).unit)


def spend_history(account: str, budget: Budget, start: float, end: float) -> Iterator[dict[str, Any]]:
    """BudgetedAndActualAmounts of each period that begins in [start, end), in order of time."""
    time_unit = budget["TimeUnit"]
    first = max(start, budget["TimePeriod"]["Start"], get_customer(account).opened_at)
    last = min(end, CLOCK.now(), budget["TimePeriod"]["End"])
    periods, period = list[Period](), period_containing(time_unit, first)
    while period.start < last:
        periods.append(period)
        period = period_containing(time_unit, period.end)
    for period in periods[-_MAX_HISTORY_PERIODS[time_unit] :]:
        yield {
            "BudgetedAmount": budget_limit(budget, period.start).to_dict(),
            "ActualAmount": _spend_in(account, budget, period).to_dict(),
            "TimePeriod": {"Start": to_datetime(period.start), "End": to_datetime(period.end)},
        }


def budget_to_dict(account: str, budget: Budget, *, show_expression: bool = False) -> dict[str, Any]:
    """A budget with its spend, in boto3's shape; `show_expression` adds its filter as an expression."""
    described = {name: value for name, value in budget.items() if name != "FilterExpression"}
    described["TimePeriod"] = {edge: to_datetime(timestamp) for edge, timestamp in budget["TimePeriod"].items()}
    described["LastUpdatedTime"] = to_datetime(budget["LastUpdatedTime"])
    described["BudgetLimit"] = budget.get("BudgetLimit") or budget_limit(budget, CLOCK.now()).to_dict()
    described.setdefault("CostFilters", {})
    if budget["BudgetType"] == "COST":
        described["CostTypes"] = cost_types(budget)
    if show_expression and (expression := _filter_expression(budget)):
        described["FilterExpression"] = expression
    described["CalculatedSpend"] = {
        "ActualSpend": actual_spend(account, budget).to_dict(),
        "ForecastedSpend": forecasted_spend(account, budget).to_dict(),
    }
    return described


def cost_types(budget: Budget) -> dict[str, bool]:
    """The cost types of a budget, with AWS's defaults for those it does not mention."""
    return _COST_TYPES | (budget.get("CostTypes") or {})


def budget_filter(account: str, budget: Budget) -> ChargeFilter:
    """The filter of a budget. Raises Cost Explorer's errors for an invalid filter."""
    return compile_expression(_filter_expression(budget), account)


def cost_filters_to_expression(cost_filters: Mapping[str, list[str]]) -> dict[str, Any] | None:
    """`CostFilters` as an expression: each filter matches one of its values. None if there are no filters."""
    parts: list[dict[str, Any]] = []
    tags: dict[str, list[str]] = {}
    for name, values in cost_filters.items():
        if name == "TagKeyValue":
            for pair in values:
                key, _, value = pair.removeprefix("user:").partition("$")
                tags.setdefault(key, []).append(value)
        else:
            dimension = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()
            parts.append({"Dimensions": {"Key": dimension, "Values": values}})
    parts += [{"Tags": {"Key": key, "Values": values}} for key, values in tags.items()]
    if len(parts) < 2:
        return parts[0] if parts else None
    return {"And": parts}


def _filter_expression(budget: Budget) -> dict[str, Any] | None:
    return budget.get("FilterExpression") or cost_filters_to_expression(budget.get("CostFilters") or {})


def _spend_in(account: str, budget: Budget, period: Period) -> Spend:
    matches, measure = _filter_and_measure(account, budget, period)
    amounts = (measure(charge) for charge in get_bill(account).charges(*period) if matches(charge))
    return Spend(sum(amounts, Decimal(0)), budget_limit(budget, period.start).unit)


def _filter_and_measure(account: str, budget: Budget, period: Period) -> tuple[ChargeFilter, ChargeMeasure]:
    """(which charges count, the amount of each)."""
    passes, types = budget_filter(account, budget), cost_types(budget)
    if budget["BudgetType"] == "USAGE":
        unit = budget_limit(budget, period.start).unit
        return lambda charge: charge.kind == "Usage" and charge.meter.unit == unit and passes(charge), charge_quantity
    matches = passes if types["IncludeCredit"] else lambda charge: charge.kind != "Credit" and passes(charge)
    if not types["UseBlended"] and "BlendedCost" not in budget.get("Metrics", ()):
        return matches, charge_cost
    rates = blended_rates(get_bill(account).charges(*period))

    def blended_cost(charge: Charge) -> Decimal:
        has_rate = charge.kind == "Usage" and blended_rate_key(charge) in rates
        return charge.quantity * rates[blended_rate_key(charge)] if has_rate else charge.cost

    return matches, blended_cost
