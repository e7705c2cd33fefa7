"""A measurement that stays as it is until it changes: only its changes are kept, whatever the time between them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import floor

KEPT_SECONDS = 455 * 86400.0
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention"""

_SLACK = 1e-6
"""What adding up many seconds may have lost, when whole events are counted."""


@dataclass(frozen=True)
class Summary:
    """What was measured in a stretch of time: how many samples, their sum, the lowest and the highest."""

    samples: float
    total: float
    low: float
    high: float

    @property
    def average(self) -> float:
        return self.total / self.samples


@dataclass
class Steps:
    """Since each moment so many samples a second, all of one value; and what had come together by that moment."""

    moments: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    samples: list[float] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)

    def step(self, moment: float, rate: float, value: float) -> bool:
        """From this moment on it is so, not before the last; gives whether that is a change."""
        if (rate, value if rate else 0.0) == self.now:
            return False
        samples, total = self._until(moment)
        if self.moments and self.moments[-1] >= moment:
            self._forget(slice(-1, None))
        for column, entry in zip(self._columns(), (moment, rate, value if rate else 0.0, samples, total), strict=True):
            column.append(entry)
        old = bisect_right(self.moments, moment - KEPT_SECONDS) - 1
        if old > 0:
            self._forget(slice(0, old))
        return True

    @property
    def now(self) -> tuple[float, float]:
        """(samples a second, their value) since the last step."""
        return (self.rates[-1], self.values[-1]) if self.moments else (0.0, 0.0)

    @property
    def since(self) -> float:
        """The moment of the last step: from then on everything is as it is now."""
        return self.moments[-1] if self.moments else 0.0

    def between(self, start: float, end: float) -> Summary | None:
        """A stretch of time, future included, as if nothing changed any more; None if nothing was measured in it."""
        pieces = [(rate, value) for _, rate, value in self.pieces(start, end) if rate]
        if not pieces:
            return None
        (first, first_total), (last, last_total) = self._until(start), self._until(end)
        values = [value for _, value in pieces]
        return Summary(last - first, last_total - first_total, min(values), max(values))

    def bounds(self, start: float, end: float) -> tuple[float, float] | None:
        """The lowest and the highest value of a time all of which was measured; None where there is a gap in it."""
        if not self.moments or self.moments[0] > start:
            return None
        first, last = max(bisect_right(self.moments, start) - 1, 0), bisect_left(self.moments, end)
        if 0.0 in self.rates[first:last]:
            return None
        return min(self.values[first:last]), max(self.values[first:last])

    def counted(self, start: float, end: float) -> int:
        """How many whole samples there were; what is counted in two halves is counted once."""
        return floor(self._until(end)[0] + _SLACK) - floor(self._until(start)[0] + _SLACK)

    def pieces(self, start: float, end: float) -> Iterator[tuple[float, float, float]]:
        """(seconds, samples a second, value) of each stretch of the time in which nothing changed."""
        if not self.moments or end <= start:
            return
        for at in range(max(bisect_right(self.moments, start) - 1, 0), bisect_left(self.moments, end)):
            ends = self.moments[at + 1] if at + 1 < len(self.moments) else end
            yield min(ends, end) - max(self.moments[at], start), self.rates[at], self.values[at]

    def _until(self, moment: float) -> tuple[float, float]:
        at = bisect_right(self.moments, moment) - 1
        if at < 0:
            return (self.samples[0], self.totals[0]) if self.moments else (0.0, 0.0)
        more = (moment - self.moments[at]) * self.rates[at]
        return self.samples[at] + more, self.totals[at] + more * self.values[at]

    def _forget(self, which: slice) -> None:
        for column in self._columns():
            del column[which]

    def _columns(self) -> tuple[list[float], ...]:
        return self.moments, self.rates, self.values, self.samples, self.totals
