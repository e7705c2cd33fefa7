"""Billing settings of an account: its free-tier regime, its plan, when it was opened, and the credits it has earned."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import floor

from esaws.pricelist import Plan, Regime, credit_plans
from local_aws_server.billing.calendar import add_months
from local_aws_server.clock.clock import CLOCK
from local_aws_server.reset import on_reset

GLOBAL_REGION = "us-east-1"
"""The region of global services: account plans, Budgets, Data Exports."""

_FREE_PLAN_MONTHS = 6
_CREDITS_MONTHS = 12
_LEGACY_MONTHS = 12

ACTIVITIES = {
    "ec2": "Launch an instance using EC2",
    "rds": "Create an Amazon RDS database",
    "lambda": "Create a web app using AWS Lambda",
    "bedrock": "Use a foundation model in the Amazon Bedrock playground",
    "budgets": "Set up a cost budget using AWS Budgets",
}
"""Activity that earns credits once → AWS's title of it.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-credits.html
"""


@dataclass
class Customer:
    """The billing settings of one account."""

    regime: Regime
    plan: Plan
    opened_at: int
    """In seconds since 1970; allowances and credits are counted from here."""
    completed_activities: dict[str, int] = field(default_factory=dict)
    """Activity → when it was completed, in seconds since 1970."""
    closed_at: int | None = None
    """When AWS closed the account because its free plan ended; None while it is open."""

    def regime_at(self, timestamp: float) -> Regime:
        """The regime at a time: the legacy free tier ends after 12 months."""
        is_over = self.regime == "legacy" and timestamp >= add_months(self.opened_at, _LEGACY_MONTHS)
        return "none" if is_over else self.regime

    def credits_granted(self, timestamp: float) -> Decimal:
        """The USD of credits granted so far, spent or not; 0 once they have expired."""
        if self.regime != "credits" or timestamp >= add_months(self.opened_at, _CREDITS_MONTHS):
            return Decimal(0)
        completed = sum(1 for completed_at in self.completed_activities.values() if completed_at <= timestamp)
        return Decimal(credit_plans()["signup_credit_usd"]) + completed * self.activity_credit

    @property
    def activity_credit(self) -> Decimal:
        """The USD that each activity earns."""
        return Decimal(credit_plans()["activity_credit_usd"]) / len(ACTIVITIES)

    @property
    def is_on_free_plan(self) -> bool:
        return self.regime == "credits" and self.plan == "free"

    @property
    def free_plan_end(self) -> int:
        """When the free plan ends at the latest, even with credits left."""
        return add_months(self.opened_at, _FREE_PLAN_MONTHS)

    def complete_activity(self, activity: str) -> None:
        """Record that an activity was completed; only the first time earns credits."""
        self.completed_activities.setdefault(activity, floor(CLOCK.now()))


@dataclass
class NewAccountDefaults:
    """The regime and plan of new accounts."""

    regime: Regime = "legacy"
    plan: Plan = "paid"


NEW_ACCOUNT_DEFAULTS = NewAccountDefaults()
_CUSTOMERS: dict[str, Customer] = {}


def get_customer(account: str) -> Customer:
    """The billing settings of an account, which is opened on first use."""
    if account not in _CUSTOMERS:
        _CUSTOMERS[account] = Customer(NEW_ACCOUNT_DEFAULTS.regime, NEW_ACCOUNT_DEFAULTS.plan, floor(CLOCK.now()))
    return _CUSTOMERS[account]


def change_regime(account: str, regime: Regime, plan: Plan) -> Customer:
    """Give an account another regime and plan, from the day it was opened; a closed account is opened again."""
    _CUSTOMERS[account] = replace(get_customer(account), regime=regime, plan=plan, closed_at=None)
    return _CUSTOMERS[account]


@on_reset
def clear_customers() -> None:
    _CUSTOMERS.clear()
