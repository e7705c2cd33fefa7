"""Compare budgets with the bill three times a day, and notify their subscribers.

Messages can be read at `GET /_esaws/notifications`; email is not sent. AWS updates budgets up to three times a day.
https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.account import GLOBAL_REGION
from local_aws_server.billing.calendar import HOUR
from local_aws_server.call import DEFAULT_ACCOUNT
from local_aws_server.clock.clock import CLOCK, format_timestamp
from local_aws_server.clock.event_log import record_account_event
from local_aws_server.control import control_route
from local_aws_server.hooks import reconciler
from local_aws_server.services.budgets import amounts, messages, topics
from local_aws_server.services.budgets.amounts import Budget, Spend

BEHAVIOURS = (
    Behaviour(
        service="AWS Budgets",
        statement="Budgets are compared with the bill three times a day; their subscribers are notified, including SNS "
        "topics whose policy allows it.",
        documentation=("https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html",),
    ),
)

_FIRST_EVALUATION, _EVALUATION_INTERVAL = 7 * HOUR, 8 * HOUR
"""Evaluations are at 7, 15 and 23 o'clock (UTC): the last one of a month is an hour before its end."""

_COMPARISONS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "GREATER_THAN": Decimal.__gt__,
    "LESS_THAN": Decimal.__lt__,
    "EQUAL_TO": Decimal.__eq__,
}
_SPENDS = {"ACTUAL": amounts.actual_spend, "FORECASTED": amounts.forecasted_spend}
_CENT = Decimal("0.01")


@reconciler("budgets", order=95)
def evaluate_due_budgets(backends: Backends) -> float | None:
    """Delete budgets whose time is over, and evaluate the others when an evaluation is due.

    Returns when to look again. Without notifications there is nothing to evaluate.
    """
    account, store, now = backends.account, backends.backend("budgets"), CLOCK.now()
    budgets, state = store.budgets[account], sidecar(store)
    for name in [name for name, stored in budgets.items() if stored.budget["TimePeriod"]["End"] <= now]:
        del budgets[name]
        record_account_event(account, name, "budget deleted", "its time is over")
    next_times = [stored.budget["TimePeriod"]["End"] for stored in budgets.values()]
    if any(stored.notifications for stored in budgets.values()):
        latest = (now - _FIRST_EVALUATION) // _EVALUATION_INTERVAL * _EVALUATION_INTERVAL + _FIRST_EVALUATION
        if state.setdefault("evaluated", latest) < latest:
            state["evaluated"] = latest
            for stored in budgets.values():
                _evaluate(account, stored)
        next_times.append(latest + _EVALUATION_INTERVAL)
    else:
        state.pop("evaluated", None)
    return min((time for time in next_times if time < amounts.NO_END), default=None)


@control_route("GET", "notifications")
def get_notifications(params: Mapping[str, Any]) -> dict[str, Any]:
    """The messages that the budgets of an account have sent."""
    return {"notifications": sent_messages(params.get("account", DEFAULT_ACCOUNT))}


def sent_messages(account: str) -> list[dict[str, Any]]:
    """The messages sent to subscribers, the oldest first.

    Each has time, account, budget, type, threshold, spend, subscribers, subject and message.
    """
    store = Backends(account, GLOBAL_REGION).backend("budgets")
    sent: list[dict[str, Any]] = sidecar(store).setdefault("messages", [])
    return sent


def threshold_spend(budget: Budget, notification: Mapping[str, Any]) -> Spend:
    """The threshold of a notification: an absolute value, or a percentage of the budget's limit."""
    limit = amounts.budget_limit(budget, CLOCK.now())
    threshold = Decimal(str(notification["Threshold"]))
    if notification.get("ThresholdType") == "ABSOLUTE_VALUE":
        return Spend(threshold, limit.unit)
    return Spend(limit.amount * threshold / 100, limit.unit)


def is_crossed(notification: Mapping[str, Any], spend: Spend, threshold: Spend) -> bool:
    """Whether the spend is over, under or at the threshold, by the notification's operator; compared to the cent."""
    compare = _COMPARISONS[notification["ComparisonOperator"]]
    return compare(spend.amount.quantize(_CENT), threshold.amount.quantize(_CENT))


def _evaluate(account: str, stored: Any) -> None:
    """Notify of each crossed threshold: of actual spend once a period, of forecasted spend on each new crossing.

    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-best-practices.html
    """
    budget = stored.budget
    kinds = {notification.details["NotificationType"] for notification in stored.notifications}
    spends = {kind: _SPENDS[kind](account, budget) for kind in kinds}
    period = amounts.current_period(budget).start
    for notification in stored.notifications:
        details, state = notification.details, sidecar(notification)
        kind = details["NotificationType"]
        spend, threshold = spends[kind], threshold_spend(budget, details)
        previous, current = state.get("state", "OK"), "ALARM" if is_crossed(details, spend, threshold) else "OK"
        is_new = state.get("notified_period") != period or (kind == "FORECASTED" and previous == "OK")
        state["state"] = current
        if current == "ALARM" and is_new:
            state["notified_period"] = period
            _send(account, budget, notification, spend, threshold)


def _send(account: str, budget: Budget, notification: Any, spend: Spend, threshold: Spend) -> None:
    details, name = notification.details, budget["BudgetName"]
    reason = messages.reason(budget, details, spend, threshold)
    record_account_event(account, name, f"notification: {details['NotificationType']}", reason)
    subject, text = messages.subject(budget), messages.body(account, budget, details, spend, threshold)
    sent_messages(account).append(
        {
            "time": format_timestamp(CLOCK.now()),
            "account": account,
            "budget": name,
            "type": details["NotificationType"],
            "threshold": threshold.to_dict(),
            "spend": spend.to_dict(),
            "subscribers": [subscriber["Address"] for subscriber in notification.subscribers],
            "subject": subject,
            "message": text,
        }
    )
    for subscriber in notification.subscribers:
        if subscriber["SubscriptionType"] == "SNS":
            topics.publish(account, name, subscriber["Address"], subject, text)
