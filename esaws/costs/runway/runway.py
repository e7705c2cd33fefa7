"""The credit runway of an account: when its credits end at the fastest of three paces, and what is to pay then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from esaws.costs.analysis.selection import days_in_month
from esaws.costs.bill.covered_days import next_month
from esaws.costs.forecasting.account_regime import a_year_after
from esaws.costs.runway.facts import PACE, PLAN, RunwayFacts, fetch_facts
from esaws.costs.runway.offers import TWELVE_MONTHS
from esaws.costs.runway.result import CreditRunway, RunwayEstimate, State, format_day
from esaws.costs.runway.switch_off import SwitchOff, switch_off
from esaws.inspect.monthly_total import MonthlyTotal, monthly_total
from esaws.pricelist import HOURS_PER_MONTH, PriceList

if TYPE_CHECKING:
    from esaws.cloud import Cloud

_DAYS_PER_MONTH = Decimal(HOURS_PER_MONTH) / 24
_NO_REGION = ("global", "NoRegion", "")
_CENT = Decimal("0.01")
UPGRADE_PAGE = "Billing and Cost Management console, Free tier, Upgrade plan"
"""Where an account is put on the paid plan."""


def credit_runway(cloud: Cloud) -> CreditRunway:
    """Find out when credits and free tier end, what the first paid month costs, and what to switch off first.

    It takes two requests to Cost Explorer, together 0.02 USD on AWS and nothing if they were made in the last day. All
    other calls are free: the account plan, the free tier usage, and describe calls in the region of the cloud.

    The credits end at the fastest of three paces: the last seven days, the last day, and what runs now at list price.
    AWS closes an account on the free plan when it ends. Credits of a new account expire after 12 months.
    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier-plans.html

    Raises:
        WrongAccount: the credentials belong to another account.
    """
    return runway_of(fetch_facts(cloud), cloud.prices)


def runway_of(facts: RunwayFacts, prices: PriceList) -> CreditRunway:
    """Derive the runway from the facts, without calls."""
    total = monthly_total(facts.running, prices)
    state, reason = _state(facts)
    limit = min((day for day in (facts.plan and facts.plan.ends_on, facts.credits_expire_on) if day), default=None)
    left = facts.plan.left if facts.plan and state == "running" else None
    estimates = tuple(_estimates(facts, total, left, limit)) if left is not None else ()
    ends_on = min((one.ends_on for one in estimates if one.ends_on), default=None)
    paid_since = facts.today if state in ("ended", "none") else ends_on
    month = next_month(paid_since) if paid_since else None
    a_day = [usd for _, usd in _paces(facts, total)]
    days = Decimal(days_in_month(month)) if month else _DAYS_PER_MONTH
    things = switch_off(facts.running, prices)
    if left is not None and estimates and ends_on is not None:
        fastest = max(one.usd_per_day for one in estimates)
        things = tuple(_with_longer_days(one, left, fastest, facts.today, limit) for one in things)
    return CreditRunway(
        facts,
        state,
        reason,
        estimates,
        limit if state == "running" else None,
        total,
        month,
        min(a_day) * days if a_day else None,
        max(a_day) * days if a_day else None,
        things,
        tuple(_notes(facts, total, state, things)),
    )


def _state(facts: RunwayFacts) -> tuple[State, str]:
    plan, pace = facts.plan, facts.pace
    if plan:
        if plan.status == "EXPIRED":
            return "ended", f"the {plan.kind} plan is over" + (", AWS has closed the account" * (plan.kind == "free"))
        if plan.left is None:
            return "unknown", "AWS does not say how much of the credits is left"
        if plan.left <= 0:
            return "ended", f"no credits are left on the {plan.kind} plan"
        return "running", f"{plan.left:,.2f} USD is left on the {plan.kind} plan"
    if not facts.has_no_plan:
        return "unknown", f"{PLAN}: {facts.unknown.get(PLAN, 'not fetched')}"
    if pace is None:
        return "unknown", f"the account has no plan, and {PACE}: {facts.unknown.get(PACE, 'not fetched')}"
    if pace.paid_by_credits > 0:
        where = "look at Credits in the Billing console"
        return (
            "unknown",
            f"credits pay {pace.paid_by_credits:,.2f} USD a day, and no call returns what is left: {where}",
        )
    return "none", "the account has no plan, and credits paid nothing in the last days"


def _paces(facts: RunwayFacts, total: MonthlyTotal) -> Iterator[tuple[str, Decimal]]:
    """(name, USD a day before credits) of each pace that is known."""
    if facts.pace:
        days = facts.pace.days
        yield f"the last {days} days" if days > 1 else "the last day", facts.pace.used
        if days > 1:
            yield "the last day", facts.pace.last_day_used
    if total.usd is not None and (total.usd or total.is_complete):
        least = "" if total.is_complete else ", at least"
        yield f"what runs now at list price{least}", total.usd / _DAYS_PER_MONTH


def _estimates(facts: RunwayFacts, total: MonthlyTotal, left: Decimal, limit: date | None) -> Iterator[RunwayEstimate]:
    """The end at each pace. Where credits pay for a part of the usage, they burn down at that part."""
    share = Decimal(1)
    if facts.pace and facts.pace.used > 0 and facts.pace.paid_by_credits > 0:
        share = min(share, facts.pace.paid_by_credits / facts.pace.used)
    for name, usd in _paces(facts, total):
        yield RunwayEstimate(name, usd * share, _ends_on(left, usd * share, facts.today, limit))


def _ends_on(left: Decimal, usd_per_day: Decimal, today: date, limit: date | None) -> date | None:
    if usd_per_day <= 0:
        return limit
    days = min(int(left / usd_per_day), (date.max - today).days)
    return min(today + timedelta(days=days), limit or date.max)


def _with_longer_days(thing: SwitchOff, left: Decimal, pace: Decimal, today: date, limit: date | None) -> SwitchOff:
    """How many days longer the credits last at the fastest pace; unknown where the pace falls to 0 without a limit."""
    if thing.saves is None or pace <= 0:
        return thing
    slower = pace - thing.saves / _DAYS_PER_MONTH
    most = None if limit is None else Decimal((limit - today).days)
    now = left / pace if most is None else min(left / pace, most)
    if slower <= 0:
        return thing if most is None else replace(thing, longer_days=round(float(most - now), 1))
    then = left / slower if most is None else min(left / slower, most)
    return replace(thing, longer_days=round(float(then - now), 1))


def _notes(facts: RunwayFacts, total: MonthlyTotal, state: State, things: Iterable[SwitchOff]) -> Iterator[str]:
    plan, pace = facts.plan, facts.pace
    for name, reason in facts.unknown.items():
        yield f"{name}: unknown ({reason})"
    if plan and plan.kind == "free" and state == "running":
        yield f"on the free plan nothing is charged, and AWS closes the account at its end; to keep it: {UPGRADE_PAGE}"
    if plan and plan.kind == "paid" and state == "running" and not facts.opened:
        yield "credits expire 12 months after the account was opened, and that day is not known"
    if pace and pace.paid_by_credits > 0 and pace.to_pay >= _CENT:
        yield f"credits do not pay for everything: {pace.to_pay:,.2f} USD a day is to pay now"
    if pace and pace.by_region is None:
        yield "costs in other regions are unknown"
    elif pace and pace.by_region:
        here = facts.running.region
        elsewhere = {name: usd for name, usd in pace.by_region.items() if name != here and name not in _NO_REGION}
        if (usd := sum(elsewhere.values(), Decimal(0))) >= _CENT:
            yield f"{usd:,.2f} USD a day is used in {', '.join(elsewhere)}: what runs there is not in the lists below"
    for deployment in sorted({one.deployment for one in things} - {""}):
        yield f"`esaws park --deployment {deployment}` stops all that can be stopped of the deployment {deployment}"
    if not total.is_complete:
        yield f"what runs now: {total.text}"
    if any(offer.kind == TWELVE_MONTHS for offer in facts.offers or ()):
        opened = facts.opened
        ends = f"on {format_day(a_year_after(opened))}" if opened else "12 months after the account was opened"
        yield f"allowances of the first 12 months end {ends}; what they cover then costs its list price"
    yield "amounts are before tax"
