"""Operations on budgets: create, update and describe them with their spend from the bill of all regions.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_CalculatedSpend.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, replace
from local_aws_server.services.budgets import amounts
from local_aws_server.services.budgets.amounts import Budget
from local_aws_server.services.budgets.store import get_budget, invalid_parameter, page

BEHAVIOURS = (
    Behaviour(
        service="AWS Budgets",
        statement="A budget has actual and forecasted spend and a history, from the bill of all regions and its "
        "filters.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_CalculatedSpend.html",
        ),
    ),
)

_PAGE_SIZE = 100
_NAME = re.compile(r"(?!.*/action/)[^:\\]{1,100}")
_SET_BY_AWS = ("CalculatedSpend", "LastUpdatedTime", "HealthStatus")
_HISTORY_MEMBERS = ("BudgetName", "BudgetType", "CostFilters", "TimeUnit", "FilterExpression", "Metrics")


@before("budgets", "CreateBudget")
def check_new_budget(call: Call) -> None:
    _check(call, _to_stored(call.params["Budget"]))


@replace("budgets", "CreateBudget")
def create_budget(call: Call) -> dict[str, Any]:
    call.backends.backend("budgets").create_budget(
        account_id=call.account,
        budget=_to_stored(call.params["Budget"]),
        notifications=call.params.get("NotificationsWithSubscribers", []),
    )
    return {}


@replace("budgets", "UpdateBudget")
def update_budget(call: Call) -> dict[str, Any]:
    new = call.params["NewBudget"]
    stored = get_budget(call, new["BudgetName"])
    changed = _to_stored(new)
    changed["TimePeriod"] = stored.budget["TimePeriod"] | _to_timestamps(new.get("TimePeriod", {}))
    _check(call, changed)
    stored.budget = {**changed, "LastUpdatedTime": CLOCK.now()}
    return {}


@replace("budgets", "DescribeBudget")
def describe_budget(call: Call) -> dict[str, Any]:
    return {"Budget": _describe(call, get_budget(call, call.params["BudgetName"]))}


@replace("budgets", "DescribeBudgets")
def describe_budgets(call: Call) -> dict[str, Any]:
    budgets = list(call.backends.backend("budgets").budgets[call.account].values())
    response = page(call, "Budgets", budgets, _PAGE_SIZE)
    return response | {"Budgets": [_describe(call, stored) for stored in response["Budgets"]]}


@replace("budgets", "DescribeBudgetPerformanceHistory")
def describe_budget_performance_history(call: Call) -> dict[str, Any]:
    budget = get_budget(call, call.params["BudgetName"]).budget
    if budget["TimeUnit"] not in ("DAILY", "MONTHLY", "QUARTERLY"):
        raise invalid_parameter(f"The history of budgets that are {budget['TimeUnit']} is not available.")
    period = _to_timestamps(call.params.get("TimePeriod", {}))
    history = amounts.spend_history(call.account, budget, period.get("Start", 0), period.get("End", CLOCK.now()))
    response = page(call, "BudgetedAndActualAmountsList", list(history), _PAGE_SIZE)
    amounts_list = {"BudgetedAndActualAmountsList": response.pop("BudgetedAndActualAmountsList")}
    types = {"CostTypes": amounts.cost_types(budget)} if budget["BudgetType"] == "COST" else {}
    members = {name: budget[name] for name in _HISTORY_MEMBERS if name in budget}
    return {"BudgetPerformanceHistory": members | types | amounts_list, **response}


def _describe(call: Call, stored: Any) -> dict[str, Any]:
    show_expression = call.params.get("ShowFilterExpression", False)
    return amounts.budget_to_dict(call.account, stored.budget, show_expression=show_expression)


def _to_stored(params: Mapping[str, Any]) -> dict[str, Any]:
    """A budget in the form that is stored: times as timestamps, with a time period, without members set by AWS."""
    budget = {name: value for name, value in params.items() if name not in _SET_BY_AWS}
    time_unit, now = params["TimeUnit"], CLOCK.now()
    start = now if time_unit == "CUSTOM" else amounts.period_containing(time_unit, now).start
    budget["TimePeriod"] = {"Start": start, "End": amounts.NO_END} | _to_timestamps(params.get("TimePeriod", {}))
    return budget


def _to_timestamps(period: Mapping[str, datetime]) -> dict[str, float]:
    from moto.core.utils import unix_time

    return {edge: unix_time(time) for edge, time in period.items()}


def _check(call: Call, budget: Budget) -> None:
    """Refuse budgets that AWS refuses, and budgets of types that are not simulated."""
    if budget["BudgetType"] not in ("COST", "USAGE"):
        raise _not_simulated(f"budgets of the type {budget['BudgetType']}: accounts have no reservations here")
    if "AutoAdjustData" in budget:
        raise _not_simulated("auto-adjusting budgets")
    if not _NAME.fullmatch(budget["BudgetName"]):
        raise invalid_parameter(f"Unable to create/update budget - the name {budget['BudgetName']} is not valid.")
    limits = [budget["BudgetLimit"]] if "BudgetLimit" in budget else []
    planned = list(budget.get("PlannedBudgetLimits", {}).values())
    if not limits and not planned:
        choice = "Budget Limit/ Planned Budget Limit/ Auto Adjust Data"
        raise invalid_parameter(f"Unable to create/update budget - please provide one of the followings: {choice}")
    if limits and planned:
        raise invalid_parameter("Unable to create/update budget - provide either Budget Limit or Planned Budget Limit.")
    for limit in (*limits, *planned):
        _check_limit(budget, limit)
    if budget["TimePeriod"]["Start"] >= budget["TimePeriod"]["End"]:
        raise invalid_parameter("Unable to create/update budget - the start date must come before the end date.")
    if budget.get("CostFilters") and "FilterExpression" in budget:
        raise invalid_parameter("Unable to create/update budget - provide either Cost Filters or a Filter Expression.")
    try:
        amounts.budget_filter(call.account, budget)
    except AwsError as error:
        raise invalid_parameter(error.message) if error.code == "ValidationException" else error from None


def _check_limit(budget: Budget, limit: Mapping[str, str]) -> None:
    try:
        amount = Decimal(limit["Amount"])
    except InvalidOperation:
        message = f"Unable to create/update budget - {limit['Amount']} is not an amount."
        raise invalid_parameter(message) from None
    if amount <= 0:
        raise invalid_parameter("Unable to create/update budget - the limit must be greater than 0.")
    if budget["BudgetType"] == "COST" and limit["Unit"] != "USD":
        raise invalid_parameter("Unable to create/update budget - the unit of a cost budget must be USD.")


def _not_simulated(feature: str) -> AwsError:
    return AwsError("NotSimulated", f"the local AWS does not simulate {feature}", 501)
