"""Detect the free-tier regime of an account: from its plan, its age, or its usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from esaws.aws import error_code
from esaws.cloud import Cloud
from esaws.costs.forecasting.us_east_1 import billing_cloud
from esaws.errors import describe_error
from esaws.pricelist import Regime

CREDITS_SINCE = date(2025, 7, 15)
"""Accounts opened from this day on have credits instead of the allowances of the first 12 months."""
LAST_LEGACY = date(2026, 7, 14)
"""The last day on which any account had those allowances."""

RULE = (
    "an account opened before 15 July 2025 had allowances for its first 12 months (legacy), and since then only what "
    "is always free (none); an account opened later has credits for its first 12 months (credits), and then none"
)
"""https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier.html"""

_NO_PLAN_ERRORS = ("ResourceNotFoundException", "ValidationException")
_LEGACY_OFFER = "12 Months Free"


@dataclass(frozen=True)
class DetectedRegime:
    """The regime of an account (None where AWS does not show it), the reason, and its credits in USD, if it has any."""

    regime: Regime | None
    reason: str
    credits: float | None = None


@dataclass(frozen=True)
class AccountFacts:
    """The facts that AWS returns about an account on a day."""

    today: date
    plan: Mapping[str, Any] | None = None
    """The response of GetAccountPlanState."""
    has_no_plan: bool = False
    """AWS answers that the account has no plan: it is older than plans are."""
    opened: date | None = None
    offers: frozenset[str] = frozenset()
    """The types of the free-tier offers that it has used this month."""
    failures: tuple[str, ...] = ()
    """The errors of the requests that failed."""


def detect_regime(cloud: Cloud) -> DetectedRegime:
    """Detect the regime of the account from its plan, else from its age, else from its usage.

    The requests are free and read-only.
    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/tracking-free-tier-usage.html
    """
    return regime_from_facts(_fetch_facts(billing_cloud(cloud)))


def regime_from_facts(facts: AccountFacts) -> DetectedRegime:
    """Derive the regime from what is known of the account, without requests."""
    if facts.plan:
        return _regime_by_plan(facts.plan)
    if facts.opened:
        return regime_by_age(facts.opened, facts.today)
    if _LEGACY_OFFER in facts.offers:
        return DetectedRegime("legacy", "AWS counts its usage against the allowances of the first 12 months")
    if facts.has_no_plan and facts.today > LAST_LEGACY:
        return DetectedRegime("none", "it has no plan, so it was opened before July 2025, and its 12 months are over")
    why = "; ".join(facts.failures) or "neither its plan nor its age is known"
    return DetectedRegime(None, f"AWS does not show it ({why}); {RULE}")


def regime_by_age(opened: date, today: date) -> DetectedRegime:
    """The regime on a day of an account opened on another. The age does not show whether any credits are left."""
    is_first_year = today < a_year_after(opened)
    if opened < CREDITS_SINCE:
        if is_first_year:
            return DetectedRegime("legacy", f"it was opened on {opened}: its 12 months of allowances are not over")
        return DetectedRegime("none", f"it was opened on {opened}: its 12 months of allowances are over")
    if is_first_year:
        return DetectedRegime(
            "credits", f"it was opened on {opened}: it has credits as long as some are left, for 12 months"
        )
    return DetectedRegime("none", f"it was opened on {opened}: its credits have expired after 12 months")


def _regime_by_plan(state: Mapping[str, Any]) -> DetectedRegime:
    left = float(state.get("accountPlanRemainingCredits", {}).get("amount", 0))
    plan = str(state["accountPlanType"]).lower()
    if plan == "free" and state.get("accountPlanStatus") == "EXPIRED":
        return DetectedRegime("none", "its free plan is over, and AWS has closed it", 0.0)
    if left > 0:
        return DetectedRegime("credits", f"it is on the {plan} plan, with {left:.2f} USD of credits left", left)
    return DetectedRegime("none", f"it is on the {plan} plan, and has no credits left", 0.0)


# --- requests


def _fetch_facts(cloud: Cloud) -> AccountFacts:
    """Ask for plan, age and usage in turn, until one of the first two is known."""
    facts = AccountFacts(date.today())
    for fetch in (fetch_plan, fetch_age, _fetch_usage):
        if facts.plan or facts.opened:
            break
        try:
            facts = fetch(cloud, facts)
        except ClientError as error:
            facts = replace(facts, failures=(*facts.failures, describe_error(error)))
        except ResponseParserError:
            pass  # the endpoint is not AWS
    return facts


def fetch_plan(cloud: Cloud, facts: AccountFacts) -> AccountFacts:
    """Add the account plan, or that there is none. Raises ClientError where AWS refuses the call."""
    try:
        state = cloud.client("freetier").get_account_plan_state()
    except ClientError as error:
        if error_code(error) not in _NO_PLAN_ERRORS:
            raise
        return replace(facts, has_no_plan=True, today=_response_date(error.response, facts))
    return replace(facts, plan=state, today=_response_date(state, facts))


def fetch_age(cloud: Cloud, facts: AccountFacts) -> AccountFacts:
    """Add the day on which the account was opened. Raises ClientError where AWS refuses the call."""
    response = cloud.client("account").get_account_information()
    opened: datetime | None = response.get("AccountCreatedDate")
    return replace(facts, opened=opened.date() if opened else None, today=_response_date(response, facts))


def _fetch_usage(cloud: Cloud, facts: AccountFacts) -> AccountFacts:
    pages = cloud.client("freetier").get_paginator("get_free_tier_usage").paginate()
    types = (usage.get("freeTierType", "") for page in pages for usage in page["freeTierUsages"])
    return replace(facts, offers=frozenset(types))


def _response_date(response: Mapping[str, Any], facts: AccountFacts) -> date:
    """The date in the HTTP header: the local AWS has its own clock."""
    header = response["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(header).date() if header else facts.today


def a_year_after(day: date) -> date:
    """The same day a year later, when allowances or credits that began on it end."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # of 29 February
        return date(day.year + 1, 2, 28)
