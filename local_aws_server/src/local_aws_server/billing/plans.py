"""Account plans: what the free plan refuses, when AWS closes its account, and how a paid plan opens it again.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from math import floor
from typing import Any

from esaws.pricelist import allowances, credit_plans
from local_aws_server.backends import Backends
from local_aws_server.billing.account import Customer, customer
from local_aws_server.billing.bill import bill
from local_aws_server.billing.charge import HOUR
from local_aws_server.billing.meter import BOOKS, METERED
from local_aws_server.billing.month_to_date import next_hour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK, iso
from local_aws_server.clock.event_log import happened_to
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.hooks import AwsError

HOME = "us-east-1"
"""The region of what has none: accounts, plans, budgets."""

_DAY = 24 * HOUR
_AT_LEAST_SECONDS = 60
_KEPT_DAYS = 90
"""How long a closed account can be opened again."""

_STILL_ANSWERED = {
    ("sts", "GetCallerIdentity"),
    ("freetier", "GetAccountPlanState"),
    ("freetier", "UpgradeAccountPlan"),
}
"""What an account that is closed can still ask."""

_NOT_SUBSCRIBED = "The AWS Access Key Id needs a subscription for the service"
_CLOSED_IN = {
    "ec2": (
        "OptInRequired",
        "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.",
        401,
    ),
    "s3": (
        "NotSignedUp",
        "Your account is not signed up for the S3 service. You must sign up before you can use S3.",
        403,
    ),
}
"""Service → (code, message, HTTP status).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

_MICRO = re.compile(r"db\.[a-z0-9]+\.micro")
_BACKUP_DAYS = 1


# --- what it refuses


def admit(call: Call) -> None:
    """Let a call pass, unless its account is closed: then it raises what its service answers, as an AwsError.

    AWS documents no error for closed accounts; these are the ones of an account that is not signed up for the service.
    """
    who = customer(call.account)
    if who.closed is None and who.on_free_plan and CLOCK.now() >= who.free_plan_ends:
        _close(call.account, who.free_plan_ends, "the six months of its free plan are over")
    if who.closed is not None and (call.service, call.operation) not in _STILL_ANSWERED:
        raise _closed_as_told_by(call.service)


def _closed_as_told_by(service: str) -> AwsError:
    from moto.core.utils import get_service_model

    if service in _CLOSED_IN:
        return AwsError(*_CLOSED_IN[service])
    if str(get_service_model(service).metadata["protocol"]) in ("query", "rest-xml"):
        return AwsError("OptInRequired", _NOT_SUBSCRIBED, 403)
    return AwsError("SubscriptionRequiredException", _NOT_SUBSCRIBED, 400)


def eligible_types(account: str, region: str) -> frozenset[str]:
    """The instance types that AWS marks as eligible for the free tier of an account in a region.

    Those of the free plan for an account with credits; else those that the 12 months cover, which AWS marks for good.
    """
    if customer(account).regime == "credits":
        return frozenset(credit_plans()["free_plan"]["ec2_eligible"])
    boxes = (each for each in allowances("legacy") if each.service == "AmazonEC2" and each.unit == "Hrs")
    return frozenset(
        name.removeprefix("BoxUsage:")
        for box in boxes
        for name in (*box.usage_types, *(limited for limited, regions in box.regions_of if region in regions))
    )


def refuse_instance_type(account: str, region: str, instance_type: str) -> None:
    """Raise what EC2 answers on the free plan if an instance is to be launched of a type that it has not."""
    if customer(account).on_free_plan and instance_type not in eligible_types(account, region):
        raise AwsError(
            "InvalidParameterCombination",
            "The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, "
            "run 'describe-instance-types' with the filter 'free-tier-eligible=true'.",
        )


def refuse_database(account: str, instance_class: str | None, backup_days: int | None) -> None:
    """Raise what RDS answers on the free plan if a DB instance is not a micro one, or keeps backups for longer."""
    if not customer(account).on_free_plan:
        return
    if backup_days is not None and backup_days > _BACKUP_DAYS:
        raise AwsError(
            "FreeTierRestrictionError",
            "The specified backup retention period exceeds the maximum available to free tier customers. "
            "To remove all limitations, upgrade your account plan.",
        )
    if instance_class is not None and not _MICRO.fullmatch(instance_class):
        raise AwsError("FreeTierRestrictionError", "This instance size isn't available with free plan accounts.")


# --- when it ends


def follow(account: str) -> float | None:
    """Close the account of a free plan that is used up; gives the moment at which to look again."""
    who = customer(account)
    if not who.on_free_plan or who.closed is not None:
        return None
    now, left = CLOCK.now(), bill(account).credits_left()
    if now >= who.free_plan_ends:
        _close(account, who.free_plan_ends, "the six months of its free plan are over")
    elif left <= 0:
        _close(account, floor(now), f"its {who.credit(now)} USD of credits are used up")
    else:
        return min(float(who.free_plan_ends), _look_again(account, left))
    return None


def watch(account: str) -> None:
    """Follow an account from now on, whose plan or regime has been changed."""
    TIMELINE.settle(Backends(account, HOME), "freetier")


def _look_again(account: str, left: Decimal) -> float:
    """When the credits are used up if everything goes on as it is, as far as a day ahead: allowances come to an end."""
    usage = next_hour(account)
    if not usage:
        return float("inf")
    cost = sum((each.cost for each in bill(account).rated_on(usage) if each.kind == "Usage"), Decimal(0))
    seconds = float(left / cost) * HOUR if cost else _DAY
    return CLOCK.now() + max(_AT_LEAST_SECONDS, min(_DAY, seconds))


def _close(account: str, moment: int, because: str) -> None:
    customer(account).closed = moment
    BOOKS[account].close(moment)
    happened_to(account, account, "account closed", because)


# --- what is told of it


def state(account: str) -> dict[str, Any]:
    """The plan as GetAccountPlanState gives it; credits in USD. Raises AwsError for an account without plans."""
    who = _with_a_plan(account)
    told = {
        **_brief(account, who),
        "accountPlanRemainingCredits": {"amount": float(round(bill(account).credits_left(), 2)), "unit": "USD"},
    }
    if who.on_free_plan:
        told["accountPlanExpirationDate"] = datetime.fromtimestamp(who.free_plan_ends, UTC)
    return told


def upgrade(account: str, wanted: str) -> dict[str, Any]:
    """Put an account on the paid plan, which opens it again for 90 days after it was closed.

    Gives what UpgradeAccountPlan does; raises AwsError.
    """
    who = _with_a_plan(account)
    if wanted != "PAID":
        raise AwsError("ValidationException", "An account plan can be upgraded to PAID only.", 400)
    if who.closed is not None and CLOCK.now() > who.closed + _KEPT_DAYS * _DAY:
        raise AwsError("AccessDeniedException", f"The account was closed more than {_KEPT_DAYS} days ago.", 400)
    if who.on_free_plan:
        closed, who.plan, who.closed = who.closed, "paid", None
        happened_to(account, account, "account plan upgraded", "from FREE to PAID")
        if closed is not None:
            _open(account, closed)
    return _brief(account, who)


def _open(account: str, closed: int) -> None:
    """Meter again what ran when the account was closed, and whatever it is now."""
    happened_to(account, account, "account opened again", f"it had been closed since {iso(closed)}")
    services = sorted({service for _, read in METERED for service in read})
    for region in sorted({span.meter.region for span in BOOKS[account].spans if span.end == closed}):
        TIMELINE.settle(Backends(account, region), *services)


def _with_a_plan(account: str) -> Customer:
    who = customer(account)
    if who.regime != "credits":
        raise AwsError("ResourceNotFoundException", f"No account plan was found for the account {account}.", 400)
    return who


def _brief(account: str, who: Customer) -> dict[str, Any]:
    return {
        "accountId": account,
        "accountPlanType": "FREE" if who.on_free_plan else "PAID",
        "accountPlanStatus": "ACTIVE" if who.closed is None else "EXPIRED",
    }
