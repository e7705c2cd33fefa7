"""Store a measurement as a step function: only its changes, however long the time between them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import floor

RETENTION_SECONDS = 455 * 86400.0
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention"""

_TOLERANCE = 1e-6
"""The rounding error of a sum over many seconds, when whole samples are counted."""


@dataclass(frozen=True)
class Summary:
    """The samples of a period: their number, sum, minimum and maximum."""

    samples: float
    total: float
    low: float
    high: float

    @property
    def average(self) -> float:
        return self.total / self.samples

    def __add__(self, other: Summary) -> Summary:
        low, high = min(self.low, other.low), max(self.high, other.high)
        return Summary(self.samples + other.samples, self.total + other.total, low, high)


@dataclass(slots=True)
class StepSeries:
    """A series of steps: since each time, so many samples per second, all of one value."""

    times: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    samples: list[float] = field(default_factory=list)
    """The number of samples before each step."""
    totals: list[float] = field(default_factory=list)
    """The sum of the samples before each step."""

    def append(self, time: float, rate: float, value: float) -> bool:
        """Add a step, not before the last one; return False, and add nothing, if it changes nothing."""
        if (rate, value if rate else 0.0) == self.current:
            return False
        samples, total = self._cumulated(time)
        if self.times and self.times[-1] >= time:
            self._delete(slice(-1, None))
        for column, entry in zip(self._columns(), (time, rate, value if rate else 0.0, samples, total), strict=True):
            column.append(entry)
        expired = bisect_right(self.times, time - RETENTION_SECONDS) - 1
        if expired > 0:
            self._delete(slice(0, expired))
        return True

    @property
    def current(self) -> tuple[float, float]:
        """The samples per second and their value since the last step."""
        return (self.rates[-1], self.values[-1]) if self.times else (0.0, 0.0)

    @property
    def last_change(self) -> float:
        """The time of the last step."""
        return self.times[-1] if self.times else 0.0

    def summarize(self, start: float, end: float) -> Summary | None:
        """Summarize a period; None without samples. The future is computed as if there were no more steps."""
        values = [value for _, rate, value in self.segments(start, end) if rate]
        if not values:
            return None
        (first, first_total), (last, last_total) = self._cumulated(start), self._cumulated(end)
        return Summary(last - first, last_total - first_total, min(values), max(values))

    def bounds(self, start: float, end: float) -> tuple[float, float] | None:
        """Return the minimum and the maximum of a period; None if there is a gap without samples in it."""
        if not self.times or self.times[0] > start:
            return None
        first, last = max(bisect_right(self.times, start) - 1, 0), bisect_left(self.times, end)
        if 0.0 in self.rates[first:last]:
            return None
        return min(self.values[first:last]), max(self.values[first:last])

    def count(self, start: float, end: float) -> int:
        """Return the number of whole samples; the counts of adjacent periods add up."""
        return floor(self._cumulated(end)[0] + _TOLERANCE) - floor(self._cumulated(start)[0] + _TOLERANCE)

    def segments(self, start: float, end: float) -> Iterator[tuple[float, float, float]]:
        """Yield the seconds, the samples per second and the value of each segment without a change."""
        if not self.times or end <= start:
            return
        for index in range(max(bisect_right(self.times, start) - 1, 0), bisect_left(self.times, end)):
            segment_end = self.times[index + 1] if index + 1 < len(self.times) else end
            seconds = min(segment_end, end) - max(self.times[index], start)
            yield seconds, self.rates[index], self.values[index]

    def _cumulated(self, time: float) -> tuple[float, float]:
        """Return the number and the sum of the samples up to a time."""
        index = bisect_right(self.times, time) - 1
        if index < 0:
            return (self.samples[0], self.totals[0]) if self.times else (0.0, 0.0)
        samples = (time - self.times[index]) * self.rates[index]
        return self.samples[index] + samples, self.totals[index] + samples * self.values[index]

    def _delete(self, index: slice) -> None:
        for column in self._columns():
            del column[index]

    def _columns(self) -> tuple[list[float], ...]:
        return self.times, self.rates, self.values, self.samples, self.totals
