"""Store events that were observed, such as requests: how many there were of each value in each minute."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from local_aws_server.backends import Backends
from local_aws_server.services.cloudwatch.metrics import Metric, Series, new_series, resource_metrics
from local_aws_server.services.cloudwatch.step_series import RETENTION_SECONDS, Summary

MINUTE = 60.0


@dataclass
class EventCounts:
    """The samples of each minute; a minute belongs to the period in which it starts."""

    starts: list[float] = field(default_factory=list)
    """The starts of the minutes with samples, in order."""
    minutes: dict[float, dict[float, float]] = field(default_factory=dict)
    """The start of a minute → value → number of samples."""
    last_change: float = 0.0
    """When samples were added, which may be after the minute in which they were taken."""

    def add(self, time: float, value: float, samples: float, now: float) -> None:
        """Add samples of one value to the minute of a time."""
        start = time // MINUTE * MINUTE
        if start not in self.minutes:
            self._forget(now - RETENTION_SECONDS)
            insort(self.starts, start)
        counts = self.minutes.setdefault(start, {})
        counts[value] = counts.get(value, 0.0) + samples
        self.last_change = now

    def distribution(self, start: float, end: float) -> list[tuple[float, float]]:
        """Return the values of a period, each with its number of samples."""
        first, last = bisect_left(self.starts, start), bisect_left(self.starts, end)
        return [sample for minute in self.starts[first:last] for sample in self.minutes[minute].items()]

    def summarize(self, start: float, end: float) -> Summary | None:
        """Summarize a period; None without samples."""
        samples = self.distribution(start, end)
        if not samples:
            return None
        values = [value for value, _ in samples]
        total = sum(value * count for value, count in samples)
        return Summary(sum(count for _, count in samples), total, min(values), max(values))

    def _forget(self, time: float) -> None:
        expired = bisect_left(self.starts, time)
        for start in self.starts[:expired]:
            del self.minutes[start]
        del self.starts[:expired]


@dataclass
class ObservedSeries(Series):
    """The measurements of a resource that runs: observed events beside simulated ones."""

    observed: EventCounts = field(default_factory=EventCounts)

    @property
    def last_change(self) -> float:
        return max(self.steps.last_change, self.observed.last_change)

    @property
    def began(self) -> float:
        return min([*self.steps.times[:1], *self.observed.starts[:1]])

    def summarize(self, start: float, end: float) -> Summary | None:
        return _sum(super().summarize(start, end), self.observed.summarize(start, end))

    def summarize_whole(self, start: float, end: float) -> Summary | None:
        return _sum(super().summarize_whole(start, end), self.observed.summarize(start, end))

    def distribution(self, start: float, end: float) -> list[tuple[float, float]]:
        return super().distribution(start, end) + self.observed.distribution(start, end)

    def bounds(self, start: float, end: float) -> tuple[float, float] | None:
        return None


def _sum(simulated: Summary | None, observed: Summary | None) -> Summary | None:
    return simulated + observed if simulated and observed else simulated or observed


def record_events(backends: Backends, metric: Metric, time: float, value: float, samples: float, now: float) -> None:
    """Record that events of one value were observed in the minute of a time, beside what is simulated."""
    series_by_metric = resource_metrics(backends)
    series = series_by_metric.get(metric) or new_series(metric)
    if not isinstance(series, ObservedSeries):
        series = series_by_metric[metric] = ObservedSeries(series.unit, series.counts, series.steps)
    series.observed.add(time, value, samples, now)
