"""The notifications of budgets: three times a day each is compared with what is spent, and its subscribers are told.

AWS updates budgets up to three times a day: https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.billing.charge import HOUR
from local_aws_server.billing.plans import HOME
from local_aws_server.clock.clock import CLOCK, iso
from local_aws_server.clock.event_log import happened_to
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.services.budgets import amounts
from local_aws_server.services.budgets.amounts import Spend

_FIRST, _EVERY = 7 * HOUR, 8 * HOUR
"""At 7, 15 and 23 o'clock (UTC): the last look at a month comes an hour before its end."""

_COMPARISONS: dict[str, tuple[str, str, Callable[[Decimal, Decimal], bool]]] = {
    "GREATER_THAN": ("greater than", ">", Decimal.__gt__),
    "LESS_THAN": ("less than", "<", Decimal.__lt__),
    "EQUAL_TO": ("equal to", "=", Decimal.__eq__),
}
_PERIODS = {"DAILY": "day", "MONTHLY": "month", "QUARTERLY": "quarter", "ANNUALLY": "year", "CUSTOM": "period"}
_CONSOLE = "https://console.aws.amazon.com/billing/home#/budgets"
_PUBLISHER = "budgets.amazonaws.com"
_CENT = Decimal("0.01")


def evaluate_due_budgets(world: Backends) -> float | None:
    """Evaluate the budgets of an account when it is time to; gives the moment of the next evaluation.

    A budget whose time is over goes. Without notifications there is nothing to evaluate.
    """
    store = world.backend("budgets")
    known, kept, now = store.budgets[world.account], remembered(store), CLOCK.now()
    for name in [name for name, each in known.items() if each.budget["TimePeriod"]["End"] <= now]:
        del known[name]
        happened_to(world.account, name, "budget deleted", "its time is over")
    moments = [each.budget["TimePeriod"]["End"] for each in known.values()]
    if any(each.notifications for each in known.values()):
        latest = (now - _FIRST) // _EVERY * _EVERY + _FIRST
        if kept.setdefault("evaluated", latest) < latest:
            kept["evaluated"] = latest
            for each in known.values():
                _evaluate(world.account, each)
        moments.append(latest + _EVERY)
    else:
        kept.pop("evaluated", None)
    return min((moment for moment in moments if moment < amounts.NEVER), default=None)


def threshold_spend(budget: Mapping[str, Any], notification: Mapping[str, Any]) -> Spend:
    """What a notification is compared with: an absolute value, or a percentage of the limit."""
    limit = amounts.budget_limit(budget, CLOCK.now())
    threshold = Decimal(str(notification["Threshold"]))
    if notification.get("ThresholdType") == "ABSOLUTE_VALUE":
        return Spend(threshold, limit.unit)
    return Spend(limit.amount * threshold / 100, limit.unit)


def is_crossed(notification: Mapping[str, Any], spend: Spend, threshold: Spend) -> bool:
    """Whether what is spent is over, under or at the threshold, as the notification asks; to the cent."""
    compare = _COMPARISONS[notification["ComparisonOperator"]][2]
    return compare(spend.amount.quantize(_CENT), threshold.amount.quantize(_CENT))


def sent_messages(account: str) -> list[dict[str, Any]]:
    """What has been sent to subscribers, the oldest first.

    Each with time, account, budget, type, threshold, spend, subscribers, subject and message.
    """
    store = Backends(account, HOME).backend("budgets")
    sent: list[dict[str, Any]] = remembered(store).setdefault("messages", [])
    return sent


def subject(budget: Mapping[str, Any]) -> str:
    """The subject of a message, in AWS's words."""
    return f"AWS Budgets: {budget['BudgetName']} has exceeded your alert threshold"


def message(
    account: str, budget: Mapping[str, Any], notification: Mapping[str, Any], spend: Spend, threshold: Spend
) -> str:
    """The text of a message, laid out as AWS lays it out: programs that subscribe to the topic read its lines."""
    kind, name = notification["NotificationType"], budget["BudgetName"]
    words, sign, _ = _COMPARISONS[notification["ComparisonOperator"]]
    measured = budget["BudgetType"].capitalize()
    today = datetime.fromtimestamp(CLOCK.now(), UTC).strftime("%B %d, %Y")
    return "\n".join(
        [
            f"AWS Budget Notification {today}",
            f"AWS Account {account}",
            "",
            "Dear AWS Customer,",
            "",
            f"You requested that we alert you when the {kind} {measured} associated with your {name} budget is "
            f"{words} {_shown(threshold)} for the current {_PERIODS[budget['TimeUnit']]}. The {kind} {measured} "
            f"associated with this budget is {_shown(spend)}. You can find additional details below and by accessing "
            "the AWS Budgets dashboard [1].",
            "",
            f"Budget Name: {name}",
            f"Budget Type: {measured}",
            f"Budgeted Amount: {_shown(amounts.budget_limit(budget, CLOCK.now()))}",
            f"Alert Type: {kind}",
            f"Alert Threshold: {sign} {_shown(threshold)}",
            f"{kind} Amount: {_shown(spend)}",
            "",
            f"[1] {_CONSOLE}",
            "",
        ]
    )


def _evaluate(account: str, budget: Any) -> None:
    """What crosses its threshold is told once a period; a forecast, whenever it does so anew.

    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-best-practices.html
    """
    measure = {"ACTUAL": amounts.actual_spend, "FORECASTED": amounts.forecasted_spend}
    kinds = {each.details["NotificationType"] for each in budget.notifications}
    spends = {kind: measure[kind](account, budget.budget) for kind in kinds}
    period = amounts.current_period(budget.budget).start
    for each in budget.notifications:
        details, kept = each.details, remembered(each)
        spend, threshold = spends[details["NotificationType"]], threshold_spend(budget.budget, details)
        before, state = kept.get("state", "OK"), "ALARM" if is_crossed(details, spend, threshold) else "OK"
        anew = kept.get("told") != period or (details["NotificationType"] == "FORECASTED" and before == "OK")
        kept["state"] = state
        if state == "ALARM" and anew:
            kept["told"] = period
            _send(account, budget.budget, each, spend, threshold)


def _send(account: str, budget: Mapping[str, Any], notification: Any, spend: Spend, threshold: Spend) -> None:
    details, name = notification.details, budget["BudgetName"]
    happened_to(account, name, f"notification: {details['NotificationType']}", _because(budget, details, spend))
    text = message(account, budget, details, spend, threshold)
    sent_messages(account).append(
        {
            "time": iso(CLOCK.now()),
            "account": account,
            "budget": name,
            "type": details["NotificationType"],
            "threshold": threshold.to_dict(),
            "spend": spend.to_dict(),
            "subscribers": [subscriber["Address"] for subscriber in notification.subscribers],
            "subject": subject(budget),
            "message": text,
        }
    )
    for subscriber in notification.subscribers:
        if subscriber["SubscriptionType"] == "SNS":
            _publish(account, name, subscriber["Address"], subject(budget), text)


def _because(budget: Mapping[str, Any], details: Mapping[str, Any], spend: Spend) -> str:
    """Like `actual spend 17.20 USD is over 80 % of 20.00 USD`."""
    side = {"GREATER_THAN": "over", "LESS_THAN": "under", "EQUAL_TO": "at"}[details["ComparisonOperator"]]
    of = f"{threshold_spend(budget, details).amount:.2f} {spend.unit}"
    if details.get("ThresholdType") != "ABSOLUTE_VALUE":
        limit = amounts.budget_limit(budget, CLOCK.now())
        of = f"{details['Threshold']:g} % of {limit.amount:.2f} {limit.unit}"
    return f"{details['NotificationType'].lower()} spend {spend.amount:.2f} {spend.unit} is {side} {of}"


def _shown(spend: Spend) -> str:
    return f"${spend.amount:,.2f}" if spend.unit == "USD" else f"{spend.amount:,.2f} {spend.unit}"


# --- topics


def _publish(account: str, budget: str, topic_arn: str, title: str, text: str) -> None:
    """Send a message to the queues that subscribe to a topic; to others nothing leads from here."""
    from moto.core.exceptions import ServiceException

    region = topic_arn.split(":")[3]
    topic = Backends(account, region).backend("sns").topics.get(topic_arn)
    if topic is None:
        return happened_to(account, budget, "notification not published", f"there is no topic {topic_arn}")
    if not _may_publish(topic.policy):
        return happened_to(
            account, budget, "notification not published", f"the policy of {topic_arn} lets no budget publish"
        )
    for subscription in topic.sns_backend.list_subscriptions_by_topic(topic_arn=topic_arn)[0]:
        if subscription.protocol == "sqs":
            try:
                subscription.publish(text, str(uuid.uuid4()), subject=title)
            except ServiceException as error:
                happened_to(account, budget, "notification not delivered", f"{subscription.endpoint}: {error}")
    TIMELINE.touch(Backends(account, region), "sns", "sqs")
    return None


def _may_publish(policy: str) -> bool:
    """Whether the policy of a topic lets AWS Budgets publish; the one that a topic is made with does not.

    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
    """
    return any(
        statement["Effect"] == "Allow" and _names_budgets(statement)
        for statement in _as_list(json.loads(policy).get("Statement"))
    )


def _names_budgets(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    if isinstance(principal, Mapping):
        everybody = "*" in _as_list(principal.get("AWS"))
        return _PUBLISHER in _as_list(principal.get("Service")) or (everybody and "Condition" not in statement)
    return principal == "*" and "Condition" not in statement


def _as_list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]
