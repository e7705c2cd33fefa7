"""The time span of a forecast: a whole month, or the first hours of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from esaws.errors import UsageError
from esaws.pricelist import HOURS_PER_MONTH, Usage, hours_in_month

_MAX_HOURS = 744


@dataclass(frozen=True)
class Month:
    """`hours` of a month that has `month_hours`.

    Storage is charged by its share of the month, instances by the hour.
    """

    hours: Decimal
    month_hours: Decimal
    first: date | None = None
    """The first day, if it is a calendar month."""

    @classmethod
    def average(cls, hours: float | None = None) -> Month:
        """A month of 730 hours, as in AWS's calculator, or the first `hours` of it.

        Raises:
            UsageError: `hours` is not above 0, or above 744.
        """
        if hours is not None and not 0 < hours <= _MAX_HOURS:
            raise UsageError(f"a forecast is for 1 to {_MAX_HOURS} hours of a month, not {hours:g}")
        span = Decimal(HOURS_PER_MONTH) if hours is None else Decimal(str(hours))
        return cls(span, max(span, Decimal(HOURS_PER_MONTH)))

    @classmethod
    def calendar(cls, day: date) -> Month:
        """The calendar month (UTC) of a day, with its true 672 to 744 hours."""
        hours = Decimal(hours_in_month(day))
        return cls(hours, hours, day.replace(day=1))

    @property
    def whole(self) -> Month:
        """All hours of the month."""
        return Month(self.month_hours, self.month_hours, self.first)

    def quantity(self, usage: Usage) -> Decimal:
        """The part of a month's usage that falls into the time span; hourly usage is declared for 730 hours."""
        return usage.quantity * self.hours / (Decimal(HOURS_PER_MONTH) if usage.is_hourly else self.month_hours)

    def __str__(self) -> str:
        if self.first:
            return f"{self.first:%B %Y} ({float(self.hours):g} hours)"
        whole = "" if self.hours == self.month_hours else f" of a month of {self.month_hours}"
        return f"{float(self.hours):g} hours{whole}"
