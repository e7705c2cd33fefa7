"""Credits of accounts opened since July 2025: what one has at sign-up, what a deployment earns, what there is to have.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-credits.html
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from esaws.costs.forecasting.usage import What, consumers
from esaws.pricelist import Usage, credit_plans
from esaws.resources.budget import Budget
from esaws.resources.db_instance import DBInstance

_ACTIVITIES = 5


def all_credits() -> Decimal:
    """The USD of credits that an account can have: at sign-up, and for all five activities."""
    return at_sign_up() + Decimal(credit_plans()["activity_credit_usd"])


def at_sign_up() -> Decimal:
    """The USD of credits that every new account has."""
    return Decimal(credit_plans()["signup_credit_usd"])


def earned_by(what: What) -> Decimal:
    """What deploying it adds for the first time: a database and a cost budget earn as much each.

    Launching an instance would, too, but the instances of a group are launched by EC2 Auto Scaling.
    """
    there = consumers(what)
    activities = (any(isinstance(each, kind) for each in there) for kind in (DBInstance, Budget))
    return sum(activities) * Decimal(credit_plans()["activity_credit_usd"]) / _ACTIVITIES


def not_on_free_plan(usages: Iterable[Usage]) -> list[str]:
    """The instance types that an account on the free plan does not launch, sorted."""
    eligible = set(credit_plans()["free_plan"]["ec2_eligible"])
    types = {each.usage_type.removeprefix("BoxUsage:") for each in usages if each.usage_type.startswith("BoxUsage:")}
    return sorted(types - eligible)


def free_plan_types() -> list[str]:
    """The instance types that it does launch."""
    return list(credit_plans()["free_plan"]["ec2_eligible"])
