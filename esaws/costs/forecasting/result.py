"""What a forecast says: its lines and sums, what runs out when, and what to know before one believes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.costs.forecasting.lines import Line, Used
from esaws.costs.forecasting.month import Month
from esaws.pricelist import Regime

if TYPE_CHECKING:
    import pandas

_NOTHING, _CENT = Decimal(0), Decimal("0.01")


@dataclass(frozen=True)
class Forecast:
    """What so many hours cost; all sums in USD, exact until they are shown, and of what has a price."""

    region: str
    regime: Regime
    month: Month
    lines: tuple[Line, ...]
    free_tier: tuple[Used, ...]
    below: tuple[Line, ...]
    """What AWS itself makes below it, such as the alarms of scaling policies, and charges for beyond what is free:
    in no sum but `below_usd`, unless the forecast was asked to count it."""
    credits: Decimal
    """USD of credits that the account has."""
    runways: Mapping[Decimal, Decimal]
    """Credits in USD → for how many days they last: those at sign-up, with what deploying earns, and all there are."""
    vat_percent: Decimal
    as_of: date
    origin: str
    """Where the prices come from."""
    assumed: Mapping[str, float | None]
    """What was assumed, by the word for it."""
    notes: tuple[str, ...] = ()

    @property
    def list_usd(self) -> Decimal:
        """At list price, nothing free."""
        return _sum(line.list_usd for line in self.lines)

    @property
    def total_usd(self) -> Decimal:
        """What is charged beyond the allowances, before credits and tax."""
        return _sum(line.usd for line in self.lines)

    @property
    def below_usd(self) -> Decimal:
        """What is charged, besides, for what AWS makes below."""
        return _sum(line.usd for line in self.below)

    @property
    def credits_usd(self) -> Decimal:
        """What credits pay of the total."""
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
        """For how many days the credits last, a year at most; None where there are none, or nothing is charged."""
        return self.runways.get(self.credits)

    @property
    def complete(self) -> bool:
        """Whether every line has a price; otherwise all sums lack something."""
        return not self.unpriced

    @property
    def verified(self) -> bool:
        """Whether a published list or a bill shows every price in it."""
        return self.complete and not self.unverified

    @property
    def unverified(self) -> tuple[str, ...]:
        """The usage types in it whose price nothing published confirms."""
        return _names(line for line in self.lines if line.rate is not None and not line.verified)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """The usage types in it that the list has no price for."""
        return _names(line for line in self.lines if line.rate is None)

    def warnings(self) -> list[str]:
        """What to know before one believes the total."""
        found = []
        if self.unpriced:
            found.append(f"the total lacks {', '.join(self.unpriced)}: the price list has no price for it")
        if self.unverified:
            found.append(f"no published list confirms the price of {', '.join(self.unverified)}")
        if self.below:
            made = ", ".join(f"{_whole(line, self.month):.0f} {line.unit.lower()}" for line in self.below)
            known = all(line.usd is not None for line in self.below)
            usd = f"cost {cents(self.below_usd)} USD more" if known else "have no price in the list, either"
            found.append(f"AWS itself makes {made} below it, which {usd}")
        return [*found, *self.notes]

    def to_frame(self) -> pandas.DataFrame:
        """One row a line, the dearest first.

        Columns: service, usage_type, quantity, unit, rate, list_usd, free_usd, usd, verified, operation.
        """
        import pandas

        columns = ["service", "usage_type", "quantity", "unit", "rate", "list_usd", "free_usd", "usd", "verified"]
        rows = [line.to_dict() | {"operation": line.operation or ""} for line in self.lines]
        frame = pandas.DataFrame(rows, columns=[*columns, "operation"])
        return frame.sort_values(["usd", "list_usd"], ascending=False, kind="stable", ignore_index=True)

    def allowances(self) -> pandas.DataFrame:
        """One row for each allowance that it touches, what is used up first on top: allowance, unit, cap, used,
        exhausted_after_h (NaN where some is left)."""
        import pandas

        columns = ["allowance", "unit", "cap", "used", "exhausted_after_h"]
        frame = pandas.DataFrame([used.to_dict() for used in self.free_tier], columns=columns)
        return frame.sort_values("exhausted_after_h", kind="stable", ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """As the command line prints it: sums to the cent, None where a price in them is not known.

        regime, hours, lines, total_usd, free_tier, runway_days; region, as_of, prices, assumed, known_usd (the total of
        what has a price), verified, list_usd, credits_usd, vat_usd, to_pay_usd, below, below_usd, warnings.
        """
        runway = self.runway_days
        return {
            "regime": self.regime,
            "hours": float(self.month.hours),
            "lines": [line.to_dict() for line in self.lines],
            "total_usd": self._told(self.total_usd),
            "free_tier": [used.to_dict() for used in self.free_tier],
            "runway_days": None if runway is None else float(round(runway, 1)),
            "region": self.region,
            "as_of": self.as_of.isoformat(),
            "prices": self.origin,
            "assumed": dict(self.assumed),
            "known_usd": float(cents(self.total_usd)),
            "verified": self.verified,
            **{
                name: self._told(getattr(self, name))
                for name in ("list_usd", "credits_usd", "vat_usd", "to_pay_usd", "below_usd")
            },
            "below": [line.to_dict() for line in self.below],
            "warnings": self.warnings(),
        }

    def _told(self, usd: Decimal) -> float | None:
        return float(cents(usd)) if self.complete else None

    def in_words(self, usd: Decimal) -> str:
        """A sum of it to the cent, with a mark if prices in it are not verified, or are lacking."""
        mark = "" if self.verified else "~" if self.complete else "at least "
        return f"{mark}{cents(usd)} USD"

    def __repr__(self) -> str:
        text = f"{self.regime}: {self.in_words(self.total_usd)} for {self.month}"
        if self.credits_usd:
            text += f", {cents(self.credits_usd)} of it from credits"
        return f"<Forecast {text}>"


def cents(usd: Decimal) -> Decimal:
    """Rounded to the cent, as it is shown."""
    return usd.quantize(_CENT)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), _NOTHING)


def _names(lines: Iterable[Line]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.usage_type for line in lines))


def _whole(line: Line, month: Month) -> Decimal:
    """How much of it there is, of what is charged by its share of a month."""
    return line.quantity * month.of / month.hours
