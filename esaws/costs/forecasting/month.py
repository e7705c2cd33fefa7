"""The time that a forecast is for: a whole month, or the first hours of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from esaws.errors import UsageError
from esaws.pricelist import HOURS_A_MONTH, Usage, hours_in_month

_LONGEST = 744


@dataclass(frozen=True)
class Month:
    """So many hours of a month that has `of`; storage is charged by the share of its month, machines by the hour."""

    hours: Decimal
    of: Decimal
    first: date | None = None
    """Its first day, if it is one of the calendar."""

    @classmethod
    def average(cls, hours: float | None = None) -> Month:
        """A month of 730 hours, as AWS's calculator takes it, or the first `hours` of it.

        Raises:
            UsageError: that is no time, or longer than a month.
        """
        if hours is not None and not 0 < hours <= _LONGEST:
            raise UsageError(f"a forecast is for 1 to {_LONGEST} hours of a month, not {hours:g}")
        asked = Decimal(HOURS_A_MONTH) if hours is None else Decimal(str(hours))
        return cls(asked, max(asked, Decimal(HOURS_A_MONTH)))

    @classmethod
    def calendar(cls, when: date) -> Month:
        """The calendar month (UTC) of a day, with its true hours: 672 to 744."""
        hours = Decimal(hours_in_month(when))
        return cls(hours, hours, when.replace(day=1))

    @property
    def whole(self) -> Month:
        """All of the month."""
        return Month(self.of, self.of, self.first)

    def quantity(self, usage: Usage) -> Decimal:
        """What of a month's usage falls into this time; machines are declared for 730 hours."""
        return usage.quantity * self.hours / (Decimal(HOURS_A_MONTH) if usage.unit == "Hrs" else self.of)

    def __str__(self) -> str:
        if self.first:
            return f"{self.first:%B %Y} ({float(self.hours):g} hours)"
        return f"{float(self.hours):g} hours" + ("" if self.hours == self.of else f" of a month of {self.of}")
