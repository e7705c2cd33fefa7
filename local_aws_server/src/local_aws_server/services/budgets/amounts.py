"""What has been spent of a budget in its present period, what will have been when it ends, and in the periods before.

A budget is a dict as boto3 has it, but for its moments, which are seconds since 1970.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Budget.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from math import floor
from typing import Any, NamedTuple

from local_aws_server.billing.account import customer, month_after, month_of, months_after
from local_aws_server.billing.bill import get_bill, blended_rate_key, blended_rates
from local_aws_server.billing.charge import HOUR, Charge
from local_aws_server.billing.forecast import Measure, charge_cost, forecast_periods, charge_quantity
from local_aws_server.clock.clock import CLOCK
from local_aws_server.services.ce.filters import Keep, compile_expression

NEVER = 3706473600
"""The end of a budget that has none: 2087-06-15."""

_DAY = 24 * HOUR
_QUARTER, _YEAR = 3, 12
_SHOWN = {"DAILY": 60, "MONTHLY": 12, "QUARTERLY": 4}
"""How many periods of history there are at most.

https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-view.html
"""

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
"""https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_CostTypes.html"""

Budget = Mapping[str, Any]


class Period(NamedTuple):
    """A time in which a budget is spent, in seconds since 1970; its end is the beginning of the next."""

    start: int
    end: int


class Spend(NamedTuple):
    """An amount of money or of usage."""

    amount: Decimal
    unit: str

    def to_dict(self) -> dict[str, str]:
        """In boto3's shape, to a thousandth."""
        text = f"{self.amount:.3f}".rstrip("0")
        return {"Amount": f"{text}0" if text.endswith(".") else text, "Unit": self.unit}


def period_containing(unit: str, moment: float) -> Period:
    """The day, month, quarter or year (UTC) that a moment lies in."""
    if unit == "DAILY":
        day = floor(moment) // _DAY * _DAY
        return Period(day, day + _DAY)
    start = month_of(moment)
    if unit == "MONTHLY":
        return Period(start, month_after(start))
    months = _QUARTER if unit == "QUARTERLY" else _YEAR
    into = (datetime.fromtimestamp(start, UTC).month - 1) % months
    start = months_after(start, -into)
    return Period(start, months_after(start, months))


def current_period(budget: Budget) -> Period:
    """The period that is passing, as far as the budget covers it; of a custom one, all of its time."""
    covered = Period(floor(budget["TimePeriod"]["Start"]), floor(budget["TimePeriod"]["End"]))
    if budget["TimeUnit"] == "CUSTOM":
        return covered
    whole = period_containing(budget["TimeUnit"], CLOCK.now())
    return Period(max(whole.start, covered.start), min(whole.end, covered.end))


def budget_limit(budget: Budget, moment: float) -> Spend:
    """The limit at a moment: of planned ones, the one whose period has begun last."""
    told, planned = budget.get("BudgetLimit"), budget.get("PlannedBudgetLimits")
    if planned:
        begun = [start for start in planned if float(start) <= moment] or [min(planned, key=float)]
        told = planned[max(begun, key=float)]
    return Spend(Decimal(told["Amount"]), told["Unit"]) if told else Spend(Decimal(0), "USD")


def actual_spend(account: str, budget: Budget) -> Spend:
    """What has been spent, or used, in the present period."""
    return _spent(account, budget, current_period(budget))


def forecasted_spend(account: str, budget: Budget) -> Spend:
    """What will have been spent, or used, when the present period ends."""
    period = current_period(budget)
    keep, measure = _counted(account, budget, period)
    (found,) = forecast_periods(account, [period], keep=keep, measure=measure)
    return Spend(found.mean, budget_limit(budget, period.start).unit)


def spend_history(account: str, budget: Budget, start: float, end: float) -> Iterator[dict[str, Any]]:
    """The periods of a budget that begin between two moments, the oldest first, as BudgetedAndActualAmounts."""
    begun = max(start, budget["TimePeriod"]["Start"], customer(account).opened)
    periods, latest = list[Period](), min(end, CLOCK.now(), budget["TimePeriod"]["End"])
    period = period_containing(budget["TimeUnit"], begun)
    while period.start < latest:
        periods.append(period)
        period = period_containing(budget["TimeUnit"], period.end)
    for period in periods[-_SHOWN[budget["TimeUnit"]] :]:
        yield {
            "BudgetedAmount": budget_limit(budget, period.start).to_dict(),
            "ActualAmount": _spent(account, budget, period).to_dict(),
            "TimePeriod": {"Start": _date(period.start), "End": _date(period.end)},
        }


def budget_to_dict(account: str, budget: Budget, *, show_expression: bool = False) -> dict[str, Any]:
    """A budget with what is spent of it, in boto3's shape; with its filter as an expression if that is to be shown."""
    told = {name: value for name, value in budget.items() if name != "FilterExpression"}
    told["TimePeriod"] = {edge: _date(moment) for edge, moment in budget["TimePeriod"].items()}
    told["LastUpdatedTime"] = _date(budget["LastUpdatedTime"])
    told["BudgetLimit"] = budget.get("BudgetLimit") or budget_limit(budget, CLOCK.now()).to_dict()
    told.setdefault("CostFilters", {})
    if budget["BudgetType"] == "COST":
        told["CostTypes"] = cost_types(budget)
    if show_expression and (expression := _expression(budget)):
        told["FilterExpression"] = expression
    told["CalculatedSpend"] = {
        "ActualSpend": actual_spend(account, budget).to_dict(),
        "ForecastedSpend": forecasted_spend(account, budget).to_dict(),
    }
    return told


def cost_types(budget: Budget) -> dict[str, bool]:
    """Which costs are counted, those included that nothing is said about."""
    return _COST_TYPES | (budget.get("CostTypes") or {})


def budget_filter(account: str, budget: Budget) -> Keep:
    """Whether a charge passes the filter of a budget. Raises what Cost Explorer does for a filter that is none."""
    return compile_expression(_expression(budget), account)


def cost_filters_to_expression(cost_filters: Mapping[str, list[str]]) -> dict[str, Any] | None:
    """`CostFilters` as the expression that they mean: one of the values of each; None where there are none."""
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


def _expression(budget: Budget) -> dict[str, Any] | None:
    return budget.get("FilterExpression") or cost_filters_to_expression(budget.get("CostFilters") or {})


def _spent(account: str, budget: Budget, period: Period) -> Spend:
    keep, measure = _counted(account, budget, period)
    amounts = (measure(charge) for charge in get_bill(account).charges(*period) if keep(charge))
    return Spend(sum(amounts, Decimal(0)), budget_limit(budget, period.start).unit)


def _counted(account: str, budget: Budget, period: Period) -> tuple[Keep, Measure]:
    """Which charges count, and what of each."""
    passes, types = budget_filter(account, budget), cost_types(budget)
    if budget["BudgetType"] == "USAGE":
        unit = budget_limit(budget, period.start).unit
        return lambda charge: charge.kind == "Usage" and charge.meter.unit == unit and passes(charge), charge_quantity
    keep = passes if types["IncludeCredit"] else lambda charge: charge.kind != "Credit" and passes(charge)
    if not types["UseBlended"] and "BlendedCost" not in budget.get("Metrics", ()):
        return keep, charge_cost
    rates = blended_rates(get_bill(account).charges(*period))

    def blended(charge: Charge) -> Decimal:
        known = charge.kind == "Usage" and blended_rate_key(charge) in rates
        return charge.quantity * rates[blended_rate_key(charge)] if known else charge.cost

    return keep, blended


def _date(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
