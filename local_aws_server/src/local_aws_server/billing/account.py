"""What kind of customer an account is: its regime, its plan, when it was opened, and the credits it has earned."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import floor

from esaws.pricelist import Plan, Regime, credit_plans
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import on_reset

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
"""What earns credits, each once. https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-credits.html"""


@dataclass
class Customer:
    """An account as Billing knows it."""

    regime: Regime
    plan: Plan
    opened: int
    """In seconds since 1970; allowances and credits are counted from here."""
    earned: dict[str, int] = field(default_factory=dict)
    """Activity → when it was done."""
    closed: int | None = None
    """When AWS closed it: on the free plan, once the credits or the six months are used up."""

    def regime_at(self, moment: float) -> Regime:
        """The allowances that it has at a moment: those of the first 12 months end."""
        return (
            "none" if self.regime == "legacy" and moment >= months_after(self.opened, _LEGACY_MONTHS) else self.regime
        )

    def credit(self, moment: float) -> Decimal:
        """The USD of credits given by a moment, whether spent or not; 0 once they have expired."""
        if self.regime != "credits" or moment >= months_after(self.opened, _CREDITS_MONTHS):
            return Decimal(0)
        done = sum(1 for earned in self.earned.values() if earned <= moment)
        return Decimal(credit_plans()["signup_credit_usd"]) + done * self.reward

    @property
    def reward(self) -> Decimal:
        """The USD that each activity earns."""
        return Decimal(credit_plans()["activity_credit_usd"]) / len(ACTIVITIES)

    @property
    def on_free_plan(self) -> bool:
        return self.regime == "credits" and self.plan == "free"

    @property
    def free_plan_ends(self) -> int:
        """The moment at which the free plan ends, whatever is left of the credits."""
        return months_after(self.opened, _FREE_PLAN_MONTHS)

    @property
    def credits_expire(self) -> int:
        return months_after(self.opened, _CREDITS_MONTHS)

    def did(self, activity: str) -> None:
        """Something was done for which AWS gives credits, the first time."""
        self.earned.setdefault(activity, floor(CLOCK.now()))


@dataclass
class Default:
    """What a new account is."""

    regime: Regime = "legacy"
    plan: Plan = "paid"


DEFAULT = Default()
_CUSTOMERS: dict[str, Customer] = {}


def customer(account: str) -> Customer:
    """An account as Billing knows it; it was opened when it was first seen."""
    if account not in _CUSTOMERS:
        _CUSTOMERS[account] = Customer(DEFAULT.regime, DEFAULT.plan, floor(CLOCK.now()))
    return _CUSTOMERS[account]


def change(account: str, regime: Regime, plan: Plan) -> Customer:
    """Let an account be another kind of customer, from the day it was opened."""
    _CUSTOMERS[account] = replace(customer(account), regime=regime, plan=plan, closed=None)
    return _CUSTOMERS[account]


def customers() -> Iterator[tuple[str, Customer]]:
    yield from list(_CUSTOMERS.items())


@on_reset
def forget_customers() -> None:
    _CUSTOMERS.clear()


def months_after(moment: float, months: int) -> int:
    """The same time of day some months later; of the 31st, the last day of a shorter month."""
    then = datetime.fromtimestamp(moment, UTC)
    year, month = divmod(then.year * 12 + then.month - 1 + months, 12)
    day = min(then.day, monthrange(year, month + 1)[1])
    return floor(then.replace(year=year, month=month + 1, day=day).timestamp())


def month_of(moment: float) -> int:
    """The beginning of the calendar month (UTC) of a moment, in seconds since 1970."""
    then = datetime.fromtimestamp(moment, UTC)
    return floor(datetime(then.year, then.month, 1, tzinfo=UTC).timestamp())


def month_after(moment: float) -> int:
    """The beginning of the next calendar month (UTC)."""
    return month_of(month_of(moment) + timedelta(days=32).total_seconds())


def date_of(moment: float) -> date:
    return datetime.fromtimestamp(moment, UTC).date()
