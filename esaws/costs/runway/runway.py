"""The credit runway of an account: when its credits end at the fastest of three paces, and what is to pay then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from esaws.costs.analysis.selection import days_in_month
from esaws.costs.bill.covered_days import next_month
from esaws.costs.forecasting.account_regime import a_year_after
from esaws.costs.results import TableResult
from esaws.costs.runway.facts import PACE, PLAN, RunwayFacts, fetch_facts
from esaws.costs.runway.offers import TWELVE_MONTHS
from esaws.costs.runway.switch_off import SwitchOff, switch_off
from esaws.inspect.monthly_total import MonthlyTotal, monthly_total
from esaws.pricelist import HOURS_PER_MONTH, PriceList

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart
    from esaws.cloud import Cloud

State = Literal["running", "ended", "none", "unknown"]

_DAYS_PER_MONTH = Decimal(HOURS_PER_MONTH) / 24
_NO_REGION = ("global", "NoRegion", "")
_CENT = Decimal("0.01")
_UPGRADE = "upgrade the account to the paid plan before: Billing and Cost Management console, Free tier, Upgrade plan"


@dataclass(frozen=True)
class RunwayEstimate:
    """How long the credits last at one pace."""

    pace: str
    usd_per_day: Decimal
    ends_on: date | None
    """None where nothing uses them up, and it is not known when they expire."""


@dataclass(frozen=True)
class CreditRunway(TableResult):
    """The credits of an account, in USD, before tax.

    `state` is running, ended, none (the account never had a plan, and credits pay nothing) or unknown; `reason` says
    why.
    """

    facts: RunwayFacts
    state: State
    reason: str
    estimates: tuple[RunwayEstimate, ...]
    ends_at_latest: date | None
    """When the free plan ends or the credits expire, even with credits left; None where that is not known."""
    runs_now: MonthlyTotal
    """The list price of a month of what runs in the region now."""
    first_paid_month: date | None
    """The first whole month without credits; None where it is not known when they end."""
    low: Decimal | None
    """What such a month costs, at the slowest and at the fastest pace; None where no pace is known."""
    high: Decimal | None
    switch_off: tuple[SwitchOff, ...]
    """What could be switched off in the region, the greatest saving first."""
    notes: tuple[str, ...]

    @property
    def left(self) -> Decimal | None:
        """The credits that are left; None where AWS does not say it."""
        return self.facts.plan.left if self.facts.plan else None

    @property
    def ends_on(self) -> date | None:
        """The day on which the credits end, at the fastest pace; None where it is not known, or there are none."""
        if self.state == "ended":
            return self.facts.today
        known = [estimate.ends_on for estimate in self.estimates if estimate.ends_on]
        return min(known, default=None)

    @property
    def days_left(self) -> int | None:
        """The days until then."""
        return None if self.ends_on is None else (self.ends_on - self.facts.today).days

    def to_frame(self) -> pandas.DataFrame:
        """One row for each pace. Columns: pace, usd_per_day, ends_on (ISO date; empty where unknown), days_left."""
        import pandas

        today = self.facts.today
        rows = [
            (
                one.pace,
                round(float(one.usd_per_day), 4),
                one.ends_on.isoformat() if one.ends_on else "",
                (one.ends_on - today).days if one.ends_on else None,
            )
            for one in self.estimates
        ]
        frame = pandas.DataFrame(rows, columns=["pace", "usd_per_day", "ends_on", "days_left"])
        return frame.astype({"days_left": "Int64"})

    def switch_off_frame(self) -> pandas.DataFrame:
        """One row for each thing to switch off, the greatest saving first.

        Columns: what, name, count, usd_month, longer_days (how much longer the credits last), step. Amounts are missing
        where they are not known.
        """
        import pandas

        columns = ["what", "name", "count", "usd_month", "longer_days", "step"]
        rows = [
            (one.kind, one.name, one.count, _to_float(one.saves), one.longer_days, one.step) for one in self.switch_off
        ]
        return pandas.DataFrame(rows, columns=columns).astype({"usd_month": float, "longer_days": float})

    def free_tier_frame(self) -> pandas.DataFrame:
        """One row for each offer of the free tier in use, those that are used up first at the top.

        Columns: service, usage_type, used, limit, unit, expected (in the whole month), used_up_on (ISO date or empty).
        """
        import pandas

        rows = [offer.to_dict() for offer in self.facts.offers or ()]
        columns = ["service", "usage_type", "used", "limit", "unit", "expected", "used_up_on"]
        frame = pandas.DataFrame(rows, columns=columns)
        return frame.assign(used_up_on=frame["used_up_on"].fillna(""))

    def to_dict(self) -> dict[str, Any]:
        """The runway as JSON; what is not known is null, and `unknown` has the reasons.

        Keys: today, state, reason, plan (free, paid or null), left_usd, ends_on, days_left, ends_at_latest, paces
        [{pace, usd_per_day, ends_on}], used_usd_per_day, paid_by_credits_usd_per_day, by_service, first_paid_month
        {month, low_usd, high_usd}, runs_now, free_tier, switch_off, notes, unknown, requests, requests_usd.
        """
        facts, pace = self.facts, self.facts.pace
        return {
            "today": facts.today.isoformat(),
            "state": self.state,
            "reason": self.reason,
            "plan": facts.plan.kind if facts.plan else None,
            "left_usd": _to_float(self.left),
            "ends_on": _to_iso(self.ends_on),
            "days_left": self.days_left,
            "ends_at_latest": _to_iso(self.ends_at_latest),
            "paces": [
                {"pace": one.pace, "usd_per_day": _to_float(one.usd_per_day), "ends_on": _to_iso(one.ends_on)}
                for one in self.estimates
            ],
            "used_usd_per_day": _to_float(pace.used) if pace else None,
            "paid_by_credits_usd_per_day": _to_float(pace.paid_by_credits) if pace else None,
            "by_service": {name: _to_float(usd) for name, usd in pace.by_service.items()} if pace else None,
            "first_paid_month": {
                "month": f"{self.first_paid_month:%Y-%m}" if self.first_paid_month else None,
                "low_usd": _to_float(self.low),
                "high_usd": _to_float(self.high),
            },
            "runs_now": self.runs_now.to_dict(),
            "free_tier": None if facts.offers is None else [offer.to_dict() for offer in facts.offers],
            "switch_off": [one.to_dict() for one in self.switch_off],
            "notes": list(self.notes),
            "unknown": dict(facts.unknown),
            "requests": facts.requests,
            "requests_usd": facts.requests_usd,
        }

    def draw(self) -> Chart:
        """The credits from today to their end, a line for each pace."""
        from esaws.costs.runway.chart import draw_runway

        return draw_runway(self)

    @property
    def end_text(self) -> str:
        """When the credits that are left end, in words."""
        if self.ends_on:
            return f"enough until {_format(self.ends_on)}, {self.days_left} days"
        return "used by nothing now" if self.estimates else "enough for an unknown time: no pace is known"

    @property
    def month_text(self) -> str:
        """What a month without credits costs, in words."""
        if self.low is None or self.high is None:
            return "what a month without credits costs is unknown"
        amount = f"{self.low:,.2f} USD"
        if self.high - self.low >= _CENT:
            amount = f"between {self.low:,.2f} and {self.high:,.2f} USD"
        month = f"{self.first_paid_month:%B %Y}" if self.first_paid_month else "a month without credits"
        return f"{month} costs {amount}"

    def __repr__(self) -> str:
        if self.state == "running":
            return f"{self.left:,.2f} USD of credits, {self.end_text}; {self.month_text}"
        return f"credits: {self.state}, {self.reason}; {self.month_text}"


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
        tuple(_notes(facts, total, state)),
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


def _notes(facts: RunwayFacts, total: MonthlyTotal, state: State) -> Iterator[str]:
    plan, pace = facts.plan, facts.pace
    for name, reason in facts.unknown.items():
        yield f"{name}: unknown ({reason})"
    if plan and plan.kind == "free" and state == "running":
        yield f"on the free plan nothing is charged, and AWS closes the account at its end; {_UPGRADE}"
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
    if not total.is_complete:
        yield f"what runs now: {total.text}"
    if any(offer.kind == TWELVE_MONTHS for offer in facts.offers or ()):
        opened = facts.opened
        ends = f"on {_format(a_year_after(opened))}" if opened else "12 months after the account was opened"
        yield f"allowances of the first 12 months end {ends}; what they cover then costs its list price"
    yield "amounts are before tax"


def _format(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _to_float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(round(amount, 4))


def _to_iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
