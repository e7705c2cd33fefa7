"""What is known of an account's credits, free tier and costs; each part that is not known has its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeVar

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from esaws.cloud import Cloud
from esaws.costs.cost_explorer import today_of
from esaws.costs.forecasting.account_regime import AccountFacts, a_year_after, fetch_age, fetch_plan
from esaws.costs.forecasting.us_east_1 import billing_cloud
from esaws.costs.runway.offers import FreeTierOffer, offers_of
from esaws.costs.runway.pace import Pace, fetch_pace
from esaws.errors import describe_error
from esaws.inspect.account import Account, snapshot
from esaws.inspect.recurring_costs import ALL_KEYS

Result = TypeVar("Result")

PLAN, OPENED, OFFERS, PACE = "account plan", "opening of the account", "free tier usage", "costs of the last days"
"""The parts that may be unknown."""


@dataclass(frozen=True)
class PlanState:
    """The response of GetAccountPlanState."""

    kind: str
    """free or paid."""
    status: str
    left: Decimal | None
    """USD of credits; None where the response has no amount in USD."""
    ends_on: date | None
    """The day on which the free plan ends at the latest."""


@dataclass(frozen=True)
class RunwayFacts:
    """The facts on a day. What is None is unknown, and `unknown` has the reason; a plan can also be absent."""

    today: date
    running: Account
    plan: PlanState | None = None
    has_no_plan: bool = False
    opened: date | None = None
    offers: tuple[FreeTierOffer, ...] | None = None
    pace: Pace | None = None
    unknown: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    """To Cost Explorer."""
    requests_usd: float = 0.0

    @property
    def credits_expire_on(self) -> date | None:
        """The day on which the credits of a new account expire; None where it is not known when it was opened.

        https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-credits.html
        """
        return a_year_after(self.opened) if self.opened and self.plan else None


def fetch_facts(cloud: Cloud) -> RunwayFacts:
    """Fetch the facts. All calls are free but two to Cost Explorer, 0.01 USD each on AWS, see `pace.fetch_pace`.

    Raises:
        WrongAccount: the credentials belong to another account.
    """
    cloud.check()
    today, billing = today_of(cloud), billing_cloud(cloud)
    unknown: dict[str, str] = {}

    def try_fetch(name: str, fetch: Callable[[], Result]) -> Result | None:
        try:
            return fetch()
        except ClientError as error:
            unknown[name] = describe_error(error)
        except ResponseParserError:
            unknown[name] = "the endpoint does not answer as AWS does"
        return None

    facts = try_fetch(PLAN, lambda: fetch_plan(billing, AccountFacts(today))) or AccountFacts(today)
    aged = try_fetch(OPENED, lambda: fetch_age(billing, AccountFacts(today))) or AccountFacts(today)
    offers = try_fetch(OFFERS, lambda: _fetch_offers(billing, today))
    pace = fetch_pace(cloud, today)
    if pace.reasons or pace.pace is None:
        unknown[PACE] = "; ".join(pace.reasons) or "Cost Explorer has no amounts in USD for them"
    return RunwayFacts(
        today,
        snapshot(cloud, *ALL_KEYS),
        _plan_state(facts),
        facts.has_no_plan,
        aged.opened,
        offers,
        pace.pace,
        unknown,
        pace.requests,
        pace.usd,
    )


def _plan_state(facts: AccountFacts) -> PlanState | None:
    if not facts.plan:
        return None
    credits, ends = facts.plan.get("accountPlanRemainingCredits", {}), facts.plan.get("accountPlanExpirationDate")
    is_usd = "amount" in credits and credits.get("unit", "USD") == "USD"
    return PlanState(
        str(facts.plan["accountPlanType"]).lower(),
        str(facts.plan.get("accountPlanStatus", "")),
        Decimal(str(credits["amount"])) if is_usd else None,
        ends.date() if ends else None,
    )


def _fetch_offers(billing: Cloud, today: date) -> tuple[FreeTierOffer, ...]:
    pages = billing.client("freetier").get_paginator("get_free_tier_usage").paginate()
    return offers_of((usage for page in pages for usage in page["freeTierUsages"]), today)
