"""Which regime is mine: the age of an account decides, and AWS tells of its plan and its usage."""

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
from esaws.costs.forecasting.us_east_1 import at_home
from esaws.errors import told
from esaws.pricelist import Regime

CREDITS_SINCE = date(2025, 7, 15)
"""Accounts opened from this day on have credits in place of the allowances of 12 months."""
LAST_LEGACY = date(2026, 7, 14)
"""The last day on which any account had those."""

RULE = (
    "an account opened before 15 July 2025 had allowances for its first 12 months (legacy) and has only what is free "
    "for all since then (none); one opened later has credits for its first 12 months (credits), and then none"
)
"""https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier.html"""

_HAS_NO_PLAN = ("ResourceNotFoundException", "ValidationException")
_LEGACY_TYPE = "12 Months Free"


@dataclass(frozen=True)
class Mine:
    """The regime of an account, None where nobody can say; `why` in a sentence; `credits` in USD, if it has any."""

    regime: Regime | None
    why: str
    credits: float | None = None


@dataclass(frozen=True)
class Known:
    """What AWS says of an account on a day; `doubts` are what it did not answer, and why."""

    today: date
    plan: Mapping[str, Any] | None = None
    """As GetAccountPlanState gives it."""
    has_no_plan: bool = False
    """AWS says that the account has none: it is older than plans are."""
    opened: date | None = None
    offers: frozenset[str] = frozenset()
    """The types of the free-tier offers that it has used this month."""
    doubts: tuple[str, ...] = ()


def my_regime(cloud: Cloud) -> Mine:
    """What AWS says of the account: its plan, or else its age, or else its usage. It changes nothing, and is free.

    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/tracking-free-tier-usage.html
    """
    return judged(_known(at_home(cloud)))


def judged(known: Known) -> Mine:
    """The regime, by what is known of the account. Pure."""
    if known.plan:
        return _by_plan(known.plan)
    if known.opened:
        return regime_by_age(known.opened, known.today)
    if _LEGACY_TYPE in known.offers:
        return Mine("legacy", "AWS counts its usage against the allowances of the first 12 months")
    if known.has_no_plan and known.today > LAST_LEGACY:
        return Mine("none", "it has no plan, so it was opened before July 2025, and its 12 months are over")
    why = "; ".join(known.doubts) or "neither its plan nor its age is known"
    return Mine(None, f"AWS does not say ({why}); {RULE}")


def regime_by_age(opened: date, today: date) -> Mine:
    """The regime of an account that was opened on a day, today. Whether credits are left, its age does not tell."""
    first_year = today < _a_year_after(opened)
    if opened < CREDITS_SINCE:
        if first_year:
            return Mine("legacy", f"it was opened on {opened}: its 12 months of allowances are not over")
        return Mine("none", f"it was opened on {opened}: its 12 months of allowances are over")
    if first_year:
        return Mine("credits", f"it was opened on {opened}: it has credits as long as some are left, for 12 months")
    return Mine("none", f"it was opened on {opened}: its credits have expired after 12 months")


def _by_plan(state: Mapping[str, Any]) -> Mine:
    left = float(state.get("accountPlanRemainingCredits", {}).get("amount", 0))
    plan = str(state["accountPlanType"]).lower()
    if plan == "free" and state.get("accountPlanStatus") == "EXPIRED":
        return Mine("none", "its free plan is over, and AWS has closed it", 0.0)
    if left > 0:
        return Mine("credits", f"it is on the {plan} plan, with {left:.2f} USD of credits left", left)
    return Mine("none", f"it is on the {plan} plan, and has no credits left", 0.0)


# --- asking


def _known(home: Cloud) -> Known:
    """One question after the other, as long as none is answered."""
    known = Known(date.today())
    for ask in (_of_plan, _of_age, _of_usage):
        if known.plan or known.opened:
            break
        try:
            known = ask(home, known)
        except ClientError as error:
            known = replace(known, doubts=(*known.doubts, told(error)))
        except ResponseParserError:
            pass  # something that is no AWS answers there
    return known


def _of_plan(home: Cloud, known: Known) -> Known:
    try:
        state = home.client("freetier").get_account_plan_state()
    except ClientError as error:
        if error_code(error) not in _HAS_NO_PLAN:
            raise
        return replace(known, has_no_plan=True, today=_today(error.response, known))
    return replace(known, plan=state, today=_today(state, known))


def _of_age(home: Cloud, known: Known) -> Known:
    answer = home.client("account").get_account_information()
    opened: datetime | None = answer.get("AccountCreatedDate")
    return replace(known, opened=opened.date() if opened else None, today=_today(answer, known))


def _of_usage(home: Cloud, known: Known) -> Known:
    pages = home.client("freetier").get_paginator("get_free_tier_usage").paginate()
    types = (each.get("freeTierType", "") for page in pages for each in page["freeTierUsages"])
    return replace(known, offers=frozenset(types))


def _today(answer: Mapping[str, Any], known: Known) -> date:
    """The day on which it was answered: the local AWS has a clock of its own."""
    when = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(when).date() if when else known.today


def _a_year_after(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # of 29 February
        return date(day.year + 1, 2, 28)
