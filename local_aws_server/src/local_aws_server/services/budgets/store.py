"""Look up moto's budgets and notifications by the names of the API, and cut lists into pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local_aws_server.billing.pagination import offset_page
from local_aws_server.call import Call
from local_aws_server.errors import AwsError

_KEY_MEMBERS = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
_ACTIONS = {"CreateNotification": "create notification", "DeleteNotification": "delete notification"}


def get_budget(call: Call, name: str) -> Any:
    """moto's budget of a name. Raises NotFoundException."""
    budget = call.backends.budget(name)
    if budget is None:
        action = _ACTIONS.get(call.operation, f"get budget: {name}")
        raise AwsError("NotFoundException", f"Unable to {action} - the budget doesn't exist.", 400)
    return budget


def get_notification(budget: Any, details: Mapping[str, Any]) -> Any:
    """moto's notification with the same type, comparison and threshold. Raises NotFoundException."""
    notification = find_notification(budget, details)
    if notification is None:
        name = budget.budget["BudgetName"]
        raise AwsError("NotFoundException", f"Unable to get notification of budget {name}: it doesn't exist.", 400)
    return notification


def find_notification(budget: Any, details: Mapping[str, Any]) -> Any | None:
    """moto's notification with the same type, comparison and threshold, or None."""
    key = notification_key(details)
    return next((stored for stored in budget.notifications if notification_key(stored.details) == key), None)


def notification_key(details: Mapping[str, Any]) -> tuple[Any, ...]:
    """The members that identify a notification of a budget."""
    return tuple(({"ThresholdType": "PERCENTAGE"} | dict(details)).get(member) for member in _KEY_MEMBERS)


def page(call: Call, name: str, items: Sequence[Any], size: int) -> dict[str, Any]:
    """The requested page as member `name`, and `NextToken` if there are more. Raises InvalidNextTokenException."""
    try:
        items, token = offset_page(items, call.params.get("NextToken", "0"), call.params.get("MaxResults", size))
    except ValueError as error:
        raise AwsError("InvalidNextTokenException", str(error), 400) from None
    return {name: items, **({"NextToken": token} if token else {})}


def invalid_parameter(message: str) -> AwsError:
    """AWS Budgets' response to an invalid request."""
    return AwsError("InvalidParameterException", message, 400)
