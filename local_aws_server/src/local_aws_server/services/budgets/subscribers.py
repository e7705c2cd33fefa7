"""A budget has up to ten notifications, a notification a topic and ten addresses at most, and at least one of them.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Notification.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from local_aws_server.backends import remembered
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before, replace
from local_aws_server.services.budgets.store import find_notification, notification_key, invalid, get_budget, get_notification, page

BEHAVIOURS = (
    Behaviour(
        service="AWS Budgets",
        statement="A budget has up to ten notifications, a notification a topic and ten addresses at most, and at "
        "least one of them.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Notification.html",
        ),
    ),
)

_PAGE = 100
_NOTIFICATIONS = 10
_AT_MOST = {"SNS": 1, "EMAIL": 10}
_ADDRESSES = {
    "SNS": re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w.-]+"),
    "EMAIL": re.compile(r"[^@\s]+@[^@\s]+"),
}


@before("budgets", "CreateBudget")
def notifications_can_be(call: Call) -> None:
    asked = call.params.get("NotificationsWithSubscribers", [])
    if len(asked) > _NOTIFICATIONS:
        raise _too_many("notifications", _NOTIFICATIONS)
    counted = Counter(notification_key(each["Notification"]) for each in asked)
    for each in asked:
        if counted[notification_key(each["Notification"])] > 1:
            raise _notification_twice(each["Notification"])
        _check_subscribers(each["Subscribers"])


@replace("budgets", "CreateNotification")
def create_notification(call: Call) -> dict[str, Any]:
    budget, asked = get_budget(call, call.params["BudgetName"]), call.params["Notification"]
    _check_new(budget, asked)
    if len(budget.notifications) >= _NOTIFICATIONS:
        raise _too_many("notifications", _NOTIFICATIONS)
    _check_subscribers(call.params["Subscribers"])
    budget.add_notification(asked, call.params["Subscribers"])
    return {}


@replace("budgets", "UpdateNotification")
def update_notification(call: Call) -> dict[str, Any]:
    """One that has been changed is told anew."""
    budget = get_budget(call, call.params["BudgetName"])
    found = get_notification(budget, call.params["OldNotification"])
    _check_new(budget, call.params["NewNotification"])
    found.details = call.params["NewNotification"]
    remembered(found).clear()
    return {}


@replace("budgets", "DeleteNotification")
def delete_notification(call: Call) -> dict[str, Any]:
    budget = get_budget(call, call.params["BudgetName"])
    budget.notifications.remove(get_notification(budget, call.params["Notification"]))
    return {}


@replace("budgets", "DescribeNotificationsForBudget")
def describe_notifications_for_budget(call: Call) -> dict[str, Any]:
    return page(call, "Notifications", _told(get_budget(call, call.params["BudgetName"])), _PAGE)


@replace("budgets", "DescribeBudgetNotificationsForAccount")
def describe_budget_notifications_for_account(call: Call) -> dict[str, Any]:
    known = call.backends.backend("budgets").budgets[call.account]
    told = [{"BudgetName": name, "Notifications": _told(each)} for name, each in known.items() if each.notifications]
    return page(call, "BudgetNotificationsForAccount", told, _PAGE)


@replace("budgets", "CreateSubscriber")
def create_subscriber(call: Call) -> dict[str, Any]:
    found, new = _of_call(call), call.params["Subscriber"]
    if new in found.subscribers:
        raise _duplicate("subscriber", new["Address"])
    _check_subscribers([*found.subscribers, new])
    found.subscribers = [*found.subscribers, new]
    return {}


@replace("budgets", "UpdateSubscriber")
def update_subscriber(call: Call) -> dict[str, Any]:
    found, old, new = _of_call(call), call.params["OldSubscriber"], call.params["NewSubscriber"]
    others = _without(found, old)
    if new in others:
        raise _duplicate("subscriber", new["Address"])
    _check_subscribers([*others, new])
    found.subscribers = [*others, new]
    return {}


@replace("budgets", "DeleteSubscriber")
def delete_subscriber(call: Call) -> dict[str, Any]:
    """The last one takes the notification along."""
    found = _of_call(call)
    found.subscribers = _without(found, call.params["Subscriber"])
    if not found.subscribers:
        get_budget(call, call.params["BudgetName"]).notifications.remove(found)
    return {}


@replace("budgets", "DescribeSubscribersForNotification")
def describe_subscribers_for_notification(call: Call) -> dict[str, Any]:
    return page(call, "Subscribers", _of_call(call).subscribers, _PAGE)


def _of_call(call: Call) -> Any:
    return get_notification(get_budget(call, call.params["BudgetName"]), call.params["Notification"])


def _told(budget: Any) -> list[dict[str, Any]]:
    return [
        {"ThresholdType": "PERCENTAGE", **each.details, "NotificationState": remembered(each).get("state", "OK")}
        for each in budget.notifications
    ]


def _without(found: Any, subscriber: Mapping[str, str]) -> list[dict[str, str]]:
    if subscriber not in found.subscribers:
        message = f"Unable to get subscriber: {subscriber['Address']} - the subscriber doesn't exist."
        raise AwsError("NotFoundException", message, 400)
    return [each for each in found.subscribers if each != subscriber]


def _check_new(budget: Any, asked: Mapping[str, Any]) -> None:
    if find_notification(budget, asked) is not None:
        raise _notification_twice(asked)


def _check_subscribers(subscribers: Collection[Mapping[str, str]]) -> None:
    if not subscribers:
        raise invalid("A notification must have at least one subscriber.")
    for each in subscribers:
        if not _ADDRESSES[each["SubscriptionType"]].fullmatch(each["Address"]):
            raise invalid(f"{each['Address']} is no address of the type {each['SubscriptionType']}.")
    counted = Counter(each["SubscriptionType"] for each in subscribers)
    for kind, at_most in _AT_MOST.items():
        if counted[kind] > at_most:
            raise _too_many(f"{kind} subscribers", at_most)


def _notification_twice(details: Mapping[str, Any]) -> AwsError:
    return _duplicate("notification", f"{details['NotificationType']} {details['Threshold']:g}")


def _duplicate(kind: str, name: str) -> AwsError:
    return AwsError("DuplicateRecordException", f"Error creating {kind}: {name} - the {kind} already exists.", 400)


def _too_many(kind: str, at_most: int) -> AwsError:
    return AwsError("CreationLimitExceededException", f"There can be at most {at_most} {kind}.", 400)
