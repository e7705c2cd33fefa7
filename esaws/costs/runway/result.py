"""The credit runway of an account as a result: tables, JSON, a chart and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from esaws.costs.results import TableResult
from esaws.costs.runway.facts import RunwayFacts
from esaws.costs.runway.switch_off import SwitchOff
from esaws.inspect.monthly_total import MonthlyTotal

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart

State = Literal["running", "ended", "none", "unknown"]

_CENT = Decimal("0.01")


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
            return f"enough until {format_day(self.ends_on)}, {self.days_left} days"
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


def format_day(day: date) -> str:
    """Write a day like 3 March 2026."""
    return f"{day.day} {day:%B %Y}"


def _to_float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(round(amount, 4))


def _to_iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
