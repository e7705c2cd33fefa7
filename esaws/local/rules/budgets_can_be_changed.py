"""Budgets can be changed, and tell who is notified.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_UpdateBudget.html
"""

from typing import Any

from esaws.local.call import Call
from esaws.local.seam import AwsError, instead


def _budget(call: Call, name: str) -> Any:
    budget = call.world.budget(name)
    if budget is None:
        raise AwsError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
    return budget


@instead("budgets", "UpdateBudget")
def update(call: Call) -> dict[str, Any]:
    from moto.core.utils import unix_time

    new = call.params["NewBudget"]
    budget = _budget(call, new["BudgetName"])
    period = {edge: unix_time(moment) for edge, moment in new.get("TimePeriod", {}).items()}
    kept = budget.budget.get("TimePeriod", {})
    budget.budget = {**new, "TimePeriod": {**kept, **period}, "LastUpdatedTime": unix_time()}
    return {}


@instead("budgets", "DescribeSubscribersForNotification")
def subscribers(call: Call) -> dict[str, Any]:
    for notification in _budget(call, call.params["BudgetName"]).notifications:
        if _same(notification.details, call.params["Notification"]):
            return {"Subscribers": notification.subscribers}
    raise AwsError("NotFoundException", "Unable to get the subscribers - the notification doesn't exist.")


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one.get(name) == other.get(name) for name in ("NotificationType", "ComparisonOperator", "Threshold"))
