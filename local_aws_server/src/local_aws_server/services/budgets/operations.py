"""Budgets tell what is spent of them, by the bill of all regions, with their filters; what it will be; and what it was.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_CalculatedSpend.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before, replace
from local_aws_server.services.budgets import amounts
from local_aws_server.services.budgets.store import invalid, get_budget, page

BEHAVIOURS = (
    Behaviour(
        service="AWS Budgets",
        statement="Budgets tell what is spent of them, by the bill of all regions, with their filters; what it "
        "will be; and what it was.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_CalculatedSpend.html",
        ),
    ),
)

_PAGE = 100
_NAME = re.compile(r"(?!.*/action/)[^:\\]{1,100}")
_BY_AWS = ("CalculatedSpend", "LastUpdatedTime", "HealthStatus")


@before("budgets", "CreateBudget")
def budget_can_be(call: Call) -> None:
    _check(call, _kept(call.params["Budget"]))


@replace("budgets", "CreateBudget")
def create_budget(call: Call) -> dict[str, Any]:
    call.backends.backend("budgets").create_budget(
        account_id=call.account,
        budget=_kept(call.params["Budget"]),
        notifications=call.params.get("NotificationsWithSubscribers", []),
    )
    return {}


@replace("budgets", "UpdateBudget")
def update_budget(call: Call) -> dict[str, Any]:
    new = call.params["NewBudget"]
    budget = get_budget(call, new["BudgetName"])
    changed = _kept(new)
    changed["TimePeriod"] = budget.budget["TimePeriod"] | _moments(new.get("TimePeriod", {}))
    _check(call, changed)
    budget.budget = {**changed, "LastUpdatedTime": CLOCK.now()}
    return {}


@replace("budgets", "DescribeBudget")
def describe_budget(call: Call) -> dict[str, Any]:
    budget = get_budget(call, call.params["BudgetName"])
    return {"Budget": _described(call, budget)}


@replace("budgets", "DescribeBudgets")
def describe_budgets(call: Call) -> dict[str, Any]:
    known = list(call.backends.backend("budgets").budgets[call.account].values())
    found = page(call, "Budgets", known, _PAGE)
    return found | {"Budgets": [_described(call, each) for each in found["Budgets"]]}


@replace("budgets", "DescribeBudgetPerformanceHistory")
def describe_budget_performance_history(call: Call) -> dict[str, Any]:
    budget = get_budget(call, call.params["BudgetName"]).budget
    if budget["TimeUnit"] not in ("DAILY", "MONTHLY", "QUARTERLY"):
        raise invalid(f"The history of budgets that are {budget['TimeUnit']} is not available.")
    asked = _moments(call.params.get("TimePeriod", {}))
    told = amounts.spend_history(call.account, budget, asked.get("Start", 0), asked.get("End", CLOCK.now()))
    found = page(call, "BudgetedAndActualAmountsList", list(told), _PAGE)
    about = ("BudgetName", "BudgetType", "CostFilters", "TimeUnit", "FilterExpression", "Metrics")
    listed = {"BudgetedAndActualAmountsList": found.pop("BudgetedAndActualAmountsList")}
    types = {"CostTypes": amounts.cost_types(budget)} if budget["BudgetType"] == "COST" else {}
    return {
        "BudgetPerformanceHistory": {name: budget[name] for name in about if name in budget} | types | listed,
        **found,
    }


def _described(call: Call, budget: Any) -> dict[str, Any]:
    show = call.params.get("ShowFilterExpression", False)
    return amounts.budget_to_dict(call.account, budget.budget, show_expression=show)


def _kept(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A budget as it is kept: its moments are numbers, and it has a period."""
    kept = {name: value for name, value in asked.items() if name not in _BY_AWS}
    unit = asked["TimeUnit"]
    start = CLOCK.now() if unit == "CUSTOM" else amounts.period_containing(unit, CLOCK.now()).start
    kept["TimePeriod"] = {"Start": start, "End": amounts.NEVER} | _moments(asked.get("TimePeriod", {}))
    return kept


def _moments(period: Mapping[str, datetime]) -> dict[str, float]:
    from moto.core.utils import unix_time

    return {edge: unix_time(moment) for edge, moment in period.items()}


def _check(call: Call, budget: Mapping[str, Any]) -> None:
    """Refuse a budget that AWS refuses, and those that nothing here would fill."""
    if budget["BudgetType"] not in ("COST", "USAGE"):
        raise _not_simulated(f"budgets of the type {budget['BudgetType']}: nothing is reserved here")
    if "AutoAdjustData" in budget:
        raise _not_simulated("budgets that adjust themselves")
    if not _NAME.fullmatch(budget["BudgetName"]):
        raise invalid(f"Unable to create/update budget - the name {budget['BudgetName']} is not valid.")
    limits = [budget["BudgetLimit"]] if "BudgetLimit" in budget else []
    planned = list(budget.get("PlannedBudgetLimits", {}).values())
    if bool(limits) == bool(planned):
        raise invalid("Unable to create/update budget - provide either Budget Limit or Planned Budget Limit.")
    for each in (*limits, *planned):
        _check_limit(budget, each)
    if budget["TimePeriod"]["Start"] >= budget["TimePeriod"]["End"]:
        raise invalid("Unable to create/update budget - the start date must come before the end date.")
    if budget.get("CostFilters") and "FilterExpression" in budget:
        raise invalid("Unable to create/update budget - provide either Cost Filters or a Filter Expression.")
    try:
        amounts.budget_filter(call.account, budget)
    except AwsError as refused:
        raise invalid(refused.message) if refused.code == "ValidationException" else refused from None


def _check_limit(budget: Mapping[str, Any], limit: Mapping[str, str]) -> None:
    try:
        amount = Decimal(limit["Amount"])
    except InvalidOperation:
        raise invalid(f"Unable to create/update budget - {limit['Amount']} is not an amount.") from None
    if amount <= 0:
        raise invalid("Unable to create/update budget - the limit must be greater than 0.")
    if budget["BudgetType"] == "COST" and limit["Unit"] != "USD":
        raise invalid("Unable to create/update budget - the unit of a cost budget must be USD.")


def _not_simulated(what: str) -> AwsError:
    return AwsError("NotSimulated", f"the local AWS does not simulate {what}", 501)
