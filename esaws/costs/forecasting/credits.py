"""Credits of accounts opened since July 2025: at sign-up, for activities, and what the free plan excludes.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-credits.html
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from esaws.costs.forecasting.usage import Workload, consumers
from esaws.pricelist import Usage, credit_plans
from esaws.resources.budget import Budget
from esaws.resources.db_instance import DBInstance

_ACTIVITIES = 5


def max_credits() -> Decimal:
    """The USD of credits at sign-up and for all five activities."""
    return sign_up_credits() + Decimal(credit_plans()["activity_credit_usd"])


def sign_up_credits() -> Decimal:
    """The USD of credits of every new account."""
    return Decimal(credit_plans()["signup_credit_usd"])


def earned_credits(workload: Workload) -> Decimal:
    """The USD of credits that deploying a workload for the first time earns: for a database and for a cost budget.

    Launching an instance would earn credits too, but EC2 Auto Scaling launches the instances of a group.
    """
    resources = consumers(workload)
    activities = (any(isinstance(resource, kind) for resource in resources) for kind in (DBInstance, Budget))
    return sum(activities) * Decimal(credit_plans()["activity_credit_usd"]) / _ACTIVITIES


def types_not_on_free_plan(usages: Iterable[Usage]) -> list[str]:
    """The instance types that an account on the free plan can't launch, sorted."""
    eligible = set(free_plan_types())
    types = {usage.usage_type.removeprefix("BoxUsage:") for usage in usages if usage.usage_type.startswith("BoxUsage:")}
    return sorted(types - eligible)


def free_plan_types() -> list[str]:
    """The instance types that an account on the free plan can launch."""
    return list(credit_plans()["free_plan"]["ec2_eligible"])
