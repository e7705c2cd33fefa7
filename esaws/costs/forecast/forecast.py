"""A forecast: what a month of an architecture costs in a regime, with every assumption that it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.cloud import DEFAULT_REGION
from esaws.costs.forecast.assumptions import NO_TRAFFIC, Traffic, parked
from esaws.costs.forecast.lines import Line, Used, rated
from esaws.costs.forecast.month import Month
from esaws.costs.forecast.usage import What, made_by_aws, merged, usage_of
from esaws.errors import UsageError
from esaws.pricelist import REGIMES, Regime, credit_plans

if TYPE_CHECKING:
    import pandas

_NOTHING, _CENT = Decimal(0), Decimal("0.01")


@dataclass(frozen=True)
class Forecast:
    """What so many hours cost; all sums in USD, exact until they are shown.

    `below` are the lines of what AWS itself makes below the architecture, such as alarms of scaling policies: they are
    in no sum, unless the forecast was asked to count them.
    """

    region: str
    regime: Regime
    month: Month
    lines: tuple[Line, ...]
    free_tier: tuple[Used, ...]
    below: tuple[Line, ...]
    credits: Decimal
    """USD of credits that the account has."""
    vat_percent: Decimal
    as_of: date

    @property
    def list_usd(self) -> Decimal:
        """At list price, nothing free."""
        return sum((line.list_usd or _NOTHING for line in self.lines), _NOTHING)

    @property
    def total_usd(self) -> Decimal:
        """What is charged beyond the allowances, before credits and tax."""
        return sum((line.usd or _NOTHING for line in self.lines), _NOTHING)

    @property
    def credits_usd(self) -> Decimal:
        """What credits pay of it."""
        return min(self.credits, self.total_usd)

    @property
    def vat_usd(self) -> Decimal:
        """Tax on what credits do not pay."""
        return (self.total_usd - self.credits_usd) * self.vat_percent / 100

    @property
    def to_pay_usd(self) -> Decimal:
        """What is left to pay: after credits, with tax."""
        return self.total_usd - self.credits_usd + self.vat_usd

    @property
    def runway_days(self) -> Decimal | None:
        """For how many days the credits last at this pace; None where there are none, or nothing is charged."""
        if self.regime != "credits" or not self.total_usd:
            return None
        return self.credits / (self.total_usd / self.month.hours * 24)

    @property
    def unverified(self) -> tuple[str, ...]:
        """The usage types in it whose price nothing published confirms."""
        return tuple(
            dict.fromkeys(line.usage_type for line in self.lines if line.rate is not None and not line.verified)
        )

    @property
    def unpriced(self) -> tuple[str, ...]:
        """The usage types in it that the list has no price for: all sums lack them."""
        return tuple(dict.fromkeys(line.usage_type for line in self.lines if line.rate is None))

    def warnings(self) -> list[str]:
        """What to know before one believes the total."""
        found = []
        if self.unpriced:
            found.append(f"the total lacks {', '.join(self.unpriced)}: the price list has no price for it")
        if self.unverified:
            found.append(f"no published list confirms the price of {', '.join(self.unverified)}")
        if usd := sum((line.usd or _NOTHING for line in self.below), _NOTHING):
            alarms = sum(line.quantity for line in self.below) * self.month.of / self.month.hours
            found.append(f"besides, scaling makes {alarms:.0f} alarms, {usd:.2f} USD beyond the ten that are free")
        return found

    def to_frame(self) -> pandas.DataFrame:
        """One row a line, the dearest first.

        Columns: service, usage_type, quantity, unit, rate, list_usd, free_usd, usd, verified.
        """
        import pandas

        columns = ["service", "usage_type", "quantity", "unit", "rate", "list_usd", "free_usd", "usd", "verified"]
        frame = pandas.DataFrame([line.to_dict() for line in self.lines], columns=columns)
        return frame.sort_values(["usd", "list_usd"], ascending=False, kind="stable", ignore_index=True)

    def allowances(self) -> pandas.DataFrame:
        """One row for each allowance that it touches, what is used up first on top: allowance, unit, cap, used,
        exhausted_after_h (NaN where some is left)."""
        import pandas

        columns = ["allowance", "unit", "cap", "used", "exhausted_after_h"]
        frame = pandas.DataFrame([used.to_dict() for used in self.free_tier], columns=columns)
        return frame.sort_values("exhausted_after_h", kind="stable", ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """regime, region, hours, as_of, lines, list_usd, total_usd, credits_usd, vat_usd, to_pay_usd, free_tier,
        runway_days, below, warnings; sums to the cent."""
        runway = self.runway_days
        sums = ("list_usd", "total_usd", "credits_usd", "vat_usd", "to_pay_usd")
        return {
            "regime": self.regime,
            "region": self.region,
            "hours": float(self.month.hours),
            "as_of": self.as_of.isoformat(),
            "lines": [line.to_dict() for line in self.lines],
            **{name: float(cents(getattr(self, name))) for name in sums},
            "free_tier": [used.to_dict() for used in self.free_tier],
            "runway_days": None if runway is None else float(round(runway, 1)),
            "below": [line.to_dict() for line in self.below],
            "warnings": self.warnings(),
        }

    def __repr__(self) -> str:
        text = f"{self.regime}: {cents(self.total_usd)} USD for {self.month}"
        if self.credits_usd:
            text += f", {cents(self.credits_usd)} of it from credits"
        return f"<Forecast {text}>"


def forecast(
    what: What,
    *,
    regime: Regime = "none",
    region: str = DEFAULT_REGION,
    month: Month | None = None,
    as_of: date | None = None,
    traffic: Traffic = NO_TRAFFIC,
    hours_a_day: float = 24,
    credits: float | None = None,
    vat_percent: float = 0,
    count_below: bool = False,
) -> Forecast:
    """What a month of an architecture or a plan costs.

    `as_of` is the day whose prices hold, today without it: before February 2024 public addresses cost nothing.
    `credits` are the USD that an account of the regime `credits` still has; without a figure, all that one can have.
    `count_below` counts what AWS makes below it as well, as its bill will.

    Raises:
        UsageError: a regime, a time, traffic or a tax that can't be.
    """
    if regime not in REGIMES:
        raise UsageError(f"there is no regime {regime!r}; there are {', '.join(REGIMES)}")
    if vat_percent < 0 or (credits or 0) < 0:
        raise UsageError("neither a tax nor credits can be less than nothing")
    month, when = month or Month.average(), as_of or date.today()
    declared = parked([*usage_of(what), *traffic.usage()], hours_a_day)
    below = made_by_aws(what)
    # An allowance is for both: what is declared takes of it first.
    lines, used = rated(merged([*declared, *below]) if count_below else declared, month, regime, region, when)
    return Forecast(
        region=region,
        regime=regime,
        month=month,
        lines=lines,
        free_tier=used,
        below=() if count_below else rated(below, month, regime, region, when)[0],
        credits=_credits(regime, credits),
        vat_percent=Decimal(str(vat_percent)),
        as_of=when,
    )


def forecasts(what: What, **assumptions: Any) -> list[Forecast]:
    """The same month in each regime, `legacy` first."""
    return [forecast(what, regime=regime, **assumptions) for regime in REGIMES]


def cents(usd: Decimal) -> Decimal:
    """Rounded to the cent, as it is shown."""
    return usd.quantize(_CENT)


def _credits(regime: Regime, given: float | None) -> Decimal:
    """Those given, or all that an account can have: at sign-up, and for the five activities that earn some."""
    if regime != "credits":
        return _NOTHING
    plans = credit_plans()
    most = plans["signup_credit_usd"] + plans["activity_credit_usd"]
    return Decimal(str(most if given is None else given))
