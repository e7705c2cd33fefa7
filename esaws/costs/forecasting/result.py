"""The result of a forecast: its lines and sums, the use of allowances, and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from esaws.costs.forecasting.lines import AllowanceUsage, ForecastLine
from esaws.costs.forecasting.month import Month
from esaws.costs.results import TableResult
from esaws.pricelist import Regime

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart

_ZERO, _CENT = Decimal(0), Decimal("0.01")


@dataclass(frozen=True)
class Forecast(TableResult):
    """The cost of a time span. Sums are in USD, exact, and leave out lines without a price."""

    region: str
    regime: Regime
    month: Month
    lines: tuple[ForecastLine, ...]
    free_tier: tuple[AllowanceUsage, ...]
    aws_managed: tuple[ForecastLine, ...]
    """Resources that AWS creates for the workload and charges for, such as the alarms of scaling policies.

    They are in no sum but `aws_managed_usd`, unless the forecast includes them in `lines`.
    """
    credits: Decimal
    """USD of credits that the account has."""
    runways: Mapping[Decimal, Decimal]
    """Credits in USD → the days that they last: at sign-up, with what deploying earns, and at most."""
    vat_percent: Decimal
    as_of: date
    prices_origin: str
    """The source of the prices."""
    assumptions: Mapping[str, float | None]
    """Name → value: traffic, gb_stored and hours_a_day."""
    notes: tuple[str, ...] = ()

    @property
    def list_usd(self) -> Decimal:
        """The cost at list price, without a free tier."""
        return _sum(line.list_usd for line in self.lines)

    @property
    def total_usd(self) -> Decimal:
        """The charges beyond the allowances, before credits and tax."""
        return _sum(line.usd for line in self.lines)

    @property
    def aws_managed_usd(self) -> Decimal:
        """The additional charges for what AWS creates."""
        return _sum(line.usd for line in self.aws_managed)

    @property
    def credits_usd(self) -> Decimal:
        """The part of the total that credits pay."""
        return min(self.credits, self.total_usd)

    @property
    def vat_usd(self) -> Decimal:
        """The tax on what credits do not pay."""
        return (self.total_usd - self.credits_usd) * self.vat_percent / 100

    @property
    def to_pay_usd(self) -> Decimal:
        """The amount to pay after credits, with tax."""
        return self.total_usd - self.credits_usd + self.vat_usd

    @property
    def runway_days(self) -> Decimal | None:
        """The days that the credits last, 365 at most; None without credits or without charges."""
        return self.runways.get(self.credits)

    @property
    def complete(self) -> bool:
        """Whether every line has a price; otherwise all sums are too low."""
        return not self.unpriced

    @property
    def verified(self) -> bool:
        """Whether a published price list or a bill shows every price."""
        return self.complete and not self.unverified

    @property
    def unverified(self) -> tuple[str, ...]:
        """The usage types with a price that no published list or bill shows."""
        return _usage_types(line for line in self.lines if line.rate is not None and not line.verified)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """The usage types without a price."""
        return _usage_types(line for line in self.lines if line.rate is None)

    def warnings(self) -> list[str]:
        """Limits of the total: missing and unverified prices, resources that AWS creates, and the notes."""
        warnings = []
        if self.unpriced:
            warnings.append(f"the total lacks {', '.join(self.unpriced)}: the price list has no price for it")
        if self.unverified:
            warnings.append(f"no published list confirms the price of {', '.join(self.unverified)}")
        if self.aws_managed:
            quantities = (f"{_monthly_quantity(line, self.month):.0f} {line.unit.lower()}" for line in self.aws_managed)
            is_priced = all(line.usd is not None for line in self.aws_managed)
            usd = f"cost {round_to_cent(self.aws_managed_usd)} USD more" if is_priced else "have no known price either"
            warnings.append(f"AWS creates {', '.join(quantities)} for it, which {usd}")
        return [*warnings, *self.notes]

    def to_frame(self) -> pandas.DataFrame:
        """One row a line, the most expensive first.

        Columns: service, usage_type, quantity, unit, rate, list_usd, free_usd, usd, verified, operation.
        """
        import pandas

        columns = ["service", "usage_type", "quantity", "unit", "rate", "list_usd", "free_usd", "usd", "verified"]
        rows = [line.to_dict() | {"operation": line.operation or ""} for line in self.lines]
        frame = pandas.DataFrame(rows, columns=[*columns, "operation"])
        return frame.sort_values(["usd", "list_usd"], ascending=False, kind="stable", ignore_index=True)

    def allowances(self) -> pandas.DataFrame:
        """One row for each allowance that is used, the first exhausted on top.

        Columns: allowance, unit, cap, used, exhausted_after_h (NaN where some is left).
        """
        import pandas

        columns = ["allowance", "unit", "cap", "used", "exhausted_after_h"]
        frame = pandas.DataFrame([used.to_dict() for used in self.free_tier], columns=columns)
        return frame.sort_values("exhausted_after_h", kind="stable", ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """The forecast as the command line prints it: sums to the cent, None where a price is missing.

        regime, hours, lines, total_usd, free_tier, runway_days; region, as_of, prices, assumed, known_usd (the total of
        the lines with a price), verified, list_usd, credits_usd, vat_usd, to_pay_usd, below and below_usd (what AWS
        creates), warnings.
        """
        runway = self.runway_days
        return {
            "regime": self.regime,
            "hours": float(self.month.hours),
            "lines": [line.to_dict() for line in self.lines],
            "total_usd": self._rounded(self.total_usd),
            "free_tier": [used.to_dict() for used in self.free_tier],
            "runway_days": None if runway is None else float(round(runway, 1)),
            "region": self.region,
            "as_of": self.as_of.isoformat(),
            "prices": self.prices_origin,
            "assumed": dict(self.assumptions),
            "known_usd": float(round_to_cent(self.total_usd)),
            "verified": self.verified,
            **{
                name: self._rounded(getattr(self, name))
                for name in ("list_usd", "credits_usd", "vat_usd", "to_pay_usd")
            },
            "below_usd": self._rounded(self.aws_managed_usd),
            "below": [line.to_dict() for line in self.aws_managed],
            "warnings": self.warnings(),
        }

    def draw(self) -> Chart:
        """The charges over the month, and below them until when something is free."""
        from esaws.costs.forecasting.chart import draw_forecasts

        return draw_forecasts([self])

    def format_usd(self, usd: Decimal) -> str:
        """Format a sum of this forecast to the cent; a mark shows unverified (~) or missing (at least) prices."""
        mark = "" if self.verified else "~" if self.complete else "at least "
        return f"{mark}{round_to_cent(usd)} USD"

    def _rounded(self, usd: Decimal) -> float | None:
        return float(round_to_cent(usd)) if self.complete else None

    def __repr__(self) -> str:
        text = f"{self.regime}: {self.format_usd(self.total_usd)} for {self.month}"
        if self.credits_usd:
            text += f", {round_to_cent(self.credits_usd)} of it from credits"
        return f"<Forecast {text}>"


@dataclass(frozen=True)
class ForecastComparison(TableResult):
    """Forecasts of one month in several regimes."""

    forecasts: tuple[Forecast, ...]

    def __iter__(self) -> Iterator[Forecast]:
        return iter(self.forecasts)

    def __len__(self) -> int:
        return len(self.forecasts)

    def __getitem__(self, at: int) -> Forecast:
        return self.forecasts[at]

    def to_frame(self) -> pandas.DataFrame:
        """One row a forecast, indexed by its regime.

        Columns: list_usd, total_usd, credits_usd, vat_usd, to_pay_usd (to the cent, NaN where a price is missing),
        runway_days (NaN without credits).
        """
        import pandas

        columns = ["list_usd", "total_usd", "credits_usd", "vat_usd", "to_pay_usd", "runway_days"]
        rows = [forecast.to_dict() for forecast in self.forecasts]
        index = pandas.Index([row["regime"] for row in rows], name="regime")
        return pandas.DataFrame(rows, index=index, columns=columns).astype(float)

    def to_dict(self) -> dict[str, Any]:
        """regime → `Forecast.to_dict()`."""
        return {forecast.regime: forecast.to_dict() for forecast in self.forecasts}

    def draw(self) -> Chart:
        """The charges over the month, a line for each regime, and below them until when something is free."""
        from esaws.costs.forecasting.chart import draw_forecasts

        return draw_forecasts(self.forecasts)

    def __repr__(self) -> str:
        sums = ", ".join(f"{forecast.regime} {forecast.format_usd(forecast.to_pay_usd)}" for forecast in self.forecasts)
        return f"<ForecastComparison {sums}>"


def round_to_cent(usd: Decimal) -> Decimal:
    """Round an amount to the cent, half to even."""
    return usd.quantize(_CENT)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), _ZERO)


def _usage_types(lines: Iterable[ForecastLine]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.usage_type for line in lines))


def _monthly_quantity(line: ForecastLine, month: Month) -> Decimal:
    """The quantity of a whole month, of a line that is charged by its share of the month."""
    return line.quantity * month.month_hours / month.hours
