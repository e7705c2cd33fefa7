"""The budgets of an account as their API names them: by name, with their notifications and subscribers, in pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local_aws_server.call import Call
from local_aws_server.hooks import AwsError

_SAME = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")


def get_budget(call: Call, name: str) -> Any:
    """moto's budget of a name; raises NotFoundException."""
    budget = call.backends.budget(name)
    if budget is None:
        raise AwsError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.", 400)
    return budget


def get_notification(budget: Any, wanted: Mapping[str, Any]) -> Any:
    """moto's notification of a budget that has the same type, comparison and threshold; raises NotFoundException."""
    found = find_notification(budget, wanted)
    if found is None:
        name = budget.budget["BudgetName"]
        raise AwsError("NotFoundException", f"Unable to get notification of budget {name}: it doesn't exist.", 400)
    return found


def find_notification(budget: Any, wanted: Mapping[str, Any]) -> Any | None:
    """The same, or None."""
    return next((each for each in budget.notifications if notification_key(each.details) == notification_key(wanted)), None)


def notification_key(details: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells one notification of a budget from another."""
    return tuple(({"ThresholdType": "PERCENTAGE"} | dict(details)).get(member) for member in _SAME)


def page(call: Call, name: str, entries: Sequence[Any], size: int) -> dict[str, Any]:
    """A page of a list as asked for: the member `name`, and the token of the next page if there is one.

    Raises InvalidNextTokenException.
    """
    token, size = call.params.get("NextToken", "0"), call.params.get("MaxResults", size)
    if not token.isdigit():
        raise AwsError("InvalidNextTokenException", f"The token '{token}' is not valid.", 400)
    end = int(token) + size
    more = {"NextToken": str(end)} if end < len(entries) else {}
    return {name: list(entries[int(token) : end]), **more}


def invalid(message: str) -> AwsError:
    """What AWS Budgets answers to a request that makes no sense."""
    return AwsError("InvalidParameterException", message, 400)
