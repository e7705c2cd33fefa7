"""The texts of a budget notification: subject and body in AWS's layout, and the reason for the event log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws_server.billing.calendar import to_datetime
from local_aws_server.clock.clock import CLOCK
from local_aws_server.services.budgets.amounts import Budget, Spend, budget_limit

_CONSOLE = "https://console.aws.amazon.com/billing/home#/budgets"
_OPERATORS = {"GREATER_THAN": ("greater than", ">"), "LESS_THAN": ("less than", "<"), "EQUAL_TO": ("equal to", "=")}
_PREPOSITIONS = {"GREATER_THAN": "over", "LESS_THAN": "under", "EQUAL_TO": "at"}
_PERIODS = {"DAILY": "day", "MONTHLY": "month", "QUARTERLY": "quarter", "ANNUALLY": "year", "CUSTOM": "period"}


def subject(budget: Budget) -> str:
    """The subject of a message, in AWS's words."""
    return f"AWS Budgets: {budget['BudgetName']} has exceeded your alert threshold"


def body(account: str, budget: Budget, notification: Mapping[str, Any], spend: Spend, threshold: Spend) -> str:
    """The text of a message. Programs that subscribe to the topic parse its lines, so it has AWS's layout."""
    kind, name = notification["NotificationType"], budget["BudgetName"]
    words, sign = _OPERATORS[notification["ComparisonOperator"]]
    budget_type = budget["BudgetType"].capitalize()
    return "\n".join(
        [
            f"AWS Budget Notification {to_datetime(CLOCK.now()).strftime('%B %d, %Y')}",
            f"AWS Account {account}",
            "",
            "Dear AWS Customer,",
            "",
            f"You requested that we alert you when the {kind} {budget_type} associated with your {name} budget is "
            f"{words} {_format_spend(threshold)} for the current {_PERIODS[budget['TimeUnit']]}. The {kind} "
            f"{budget_type} associated with this budget is {_format_spend(spend)}. You can find additional details "
            "below and by accessing the AWS Budgets dashboard [1].",
            "",
            f"Budget Name: {name}",
            f"Budget Type: {budget_type}",
            f"Budgeted Amount: {_format_spend(budget_limit(budget, CLOCK.now()))}",
            f"Alert Type: {kind}",
            f"Alert Threshold: {sign} {_format_spend(threshold)}",
            f"{kind} Amount: {_format_spend(spend)}",
            "",
            f"[1] {_CONSOLE}",
            "",
        ]
    )


def reason(budget: Budget, notification: Mapping[str, Any], spend: Spend, threshold: Spend) -> str:
    """The comparison in words: `actual spend 17.20 USD is over 80 % of 20.00 USD`."""
    bound = f"{threshold.amount:.2f} {spend.unit}"
    if notification.get("ThresholdType") != "ABSOLUTE_VALUE":
        limit = budget_limit(budget, CLOCK.now())
        bound = f"{notification['Threshold']:g} % of {limit.amount:.2f} {limit.unit}"
    kind = notification["NotificationType"].lower()
    preposition = _PREPOSITIONS[notification["ComparisonOperator"]]
    return f"{kind} spend {spend.amount:.2f} {spend.unit} is {preposition} {bound}"


def _format_spend(spend: Spend) -> str:
    return f"${spend.amount:,.2f}" if spend.unit == "USD" else f"{spend.amount:,.2f} {spend.unit}"
