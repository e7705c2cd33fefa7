"""Operations on the notifications of budgets and their subscribers, with AWS's limits.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Notification.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, replace
from local_aws_server.services.budgets.store import (
    find_notification,
    get_budget,
    get_notification,
    invalid_parameter,
    notification_key,
    page,
)

BEHAVIOURS = (
    Behaviour(
        service="AWS Budgets",
        statement="A budget has at most ten notifications; each has at least one subscriber, and at most one SNS topic "
        "and ten email addresses.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Notification.html",
        ),
    ),
)

_PAGE_SIZE = 100
_MAX_NOTIFICATIONS = 10
_MAX_SUBSCRIBERS = {"SNS": 1, "EMAIL": 10}
_ADDRESSES = {
    "SNS": re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w.-]+"),
    "EMAIL": re.compile(r"[^@\s]+@[^@\s]+"),
}


@before("budgets", "CreateBudget")
def check_notifications(call: Call) -> None:
    notifications = call.params.get("NotificationsWithSubscribers", [])
    if len(notifications) > _MAX_NOTIFICATIONS:
        raise _limit_exceeded("notifications", _MAX_NOTIFICATIONS)
    counts = Counter(notification_key(entry["Notification"]) for entry in notifications)
    for entry in notifications:
        if counts[notification_key(entry["Notification"])] > 1:
            raise _duplicate_notification(entry["Notification"])
        _check_subscribers(entry["Subscribers"])


@replace("budgets", "CreateNotification")
def create_notification(call: Call) -> dict[str, Any]:
    budget, details = get_budget(call, call.params["BudgetName"]), call.params["Notification"]
    _check_is_new(budget, details)
    if len(budget.notifications) >= _MAX_NOTIFICATIONS:
        raise _limit_exceeded("notifications", _MAX_NOTIFICATIONS)
    _check_subscribers(call.params["Subscribers"])
    budget.add_notification(details, call.params["Subscribers"])
    return {}


@replace("budgets", "UpdateNotification")
def update_notification(call: Call) -> dict[str, Any]:
    """Change a notification; its subscribers can be notified again in this period."""
    budget = get_budget(call, call.params["BudgetName"])
    notification = get_notification(budget, call.params["OldNotification"])
    _check_is_new(budget, call.params["NewNotification"])
    notification.details = call.params["NewNotification"]
    sidecar(notification).clear()
    return {}


@replace("budgets", "DeleteNotification")
def delete_notification(call: Call) -> dict[str, Any]:
    budget = get_budget(call, call.params["BudgetName"])
    budget.notifications.remove(get_notification(budget, call.params["Notification"]))
    return {}


@replace("budgets", "DescribeNotificationsForBudget")
def describe_notifications_for_budget(call: Call) -> dict[str, Any]:
    budget = get_budget(call, call.params["BudgetName"])
    return page(call, "Notifications", _notifications_with_state(budget), _PAGE_SIZE)


@replace("budgets", "DescribeBudgetNotificationsForAccount")
def describe_budget_notifications_for_account(call: Call) -> dict[str, Any]:
    budgets = call.backends.backend("budgets").budgets[call.account]
    rows = [
        {"BudgetName": name, "Notifications": _notifications_with_state(budget)}
        for name, budget in budgets.items()
        if budget.notifications
    ]
    return page(call, "BudgetNotificationsForAccount", rows, _PAGE_SIZE)


@replace("budgets", "CreateSubscriber")
def create_subscriber(call: Call) -> dict[str, Any]:
    notification, subscriber = _notification_of(call), call.params["Subscriber"]
    if subscriber in notification.subscribers:
        raise _duplicate("subscriber", subscriber["Address"])
    subscribers = [*notification.subscribers, subscriber]
    _check_subscribers(subscribers)
    notification.subscribers = subscribers
    return {}


@replace("budgets", "UpdateSubscriber")
def update_subscriber(call: Call) -> dict[str, Any]:
    notification, new = _notification_of(call), call.params["NewSubscriber"]
    others = _without_subscriber(notification, call.params["OldSubscriber"])
    if new in others:
        raise _duplicate("subscriber", new["Address"])
    _check_subscribers([*others, new])
    notification.subscribers = [*others, new]
    return {}


@replace("budgets", "DeleteSubscriber")
def delete_subscriber(call: Call) -> dict[str, Any]:
    """Delete a subscriber; a notification is deleted with its last subscriber."""
    notification = _notification_of(call)
    notification.subscribers = _without_subscriber(notification, call.params["Subscriber"])
    if not notification.subscribers:
        get_budget(call, call.params["BudgetName"]).notifications.remove(notification)
    return {}


@replace("budgets", "DescribeSubscribersForNotification")
def describe_subscribers_for_notification(call: Call) -> dict[str, Any]:
    return page(call, "Subscribers", _notification_of(call).subscribers, _PAGE_SIZE)


def _notification_of(call: Call) -> Any:
    return get_notification(get_budget(call, call.params["BudgetName"]), call.params["Notification"])


def _notifications_with_state(budget: Any) -> list[dict[str, Any]]:
    return [
        {
            "ThresholdType": "PERCENTAGE",
            **notification.details,
            "NotificationState": sidecar(notification).get("state", "OK"),
        }
        for notification in budget.notifications
    ]


def _without_subscriber(notification: Any, subscriber: Mapping[str, str]) -> list[dict[str, str]]:
    if subscriber not in notification.subscribers:
        message = f"Unable to get subscriber: {subscriber['Address']} - the subscriber doesn't exist."
        raise AwsError("NotFoundException", message, 400)
    return [other for other in notification.subscribers if other != subscriber]


def _check_is_new(budget: Any, details: Mapping[str, Any]) -> None:
    if find_notification(budget, details) is not None:
        raise _duplicate_notification(details)


def _check_subscribers(subscribers: Collection[Mapping[str, str]]) -> None:
    if not subscribers:
        raise invalid_parameter("A notification must have at least one subscriber.")
    for subscriber in subscribers:
        kind, address = subscriber["SubscriptionType"], subscriber["Address"]
        if not _ADDRESSES[kind].fullmatch(address):
            raise invalid_parameter(f"{address} is not an address of the type {kind}.")
    counts = Counter(subscriber["SubscriptionType"] for subscriber in subscribers)
    for kind, limit in _MAX_SUBSCRIBERS.items():
        if counts[kind] > limit:
            raise _limit_exceeded(f"{kind} subscribers", limit)


def _duplicate_notification(details: Mapping[str, Any]) -> AwsError:
    return _duplicate("notification", f"{details['NotificationType']} {details['Threshold']:g}")


def _duplicate(kind: str, name: str) -> AwsError:
    return AwsError("DuplicateRecordException", f"Error creating {kind}: {name} - the {kind} already exists.", 400)


def _limit_exceeded(kind: str, limit: int) -> AwsError:
    return AwsError("CreationLimitExceededException", f"There can be at most {limit} {kind}.", 400)
