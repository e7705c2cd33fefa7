"""Store metrics, and compute their statistics: those of simulated resources, and custom ones that users put.

The metrics of resources are stored as changes over time, not per minute; datapoints are computed on request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Any, NamedTuple, Protocol

from local_aws_server.backends import Backends, sidecar
from local_aws_server.services.cloudwatch.step_series import StepSeries, Summary

Dimensions = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""

ELB_NAMESPACE = "AWS/ApplicationELB"


class Metric(NamedTuple):
    """The identity of a metric."""

    namespace: str
    name: str
    dimensions: Dimensions = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it in boto3's shape."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        return {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}


def parse_metric(params: Mapping[str, Any]) -> Metric:
    """Return the metric that a request names, in boto3's shape."""
    return Metric(params["Namespace"], params["MetricName"], parse_dimensions(params.get("Dimensions") or ()))


def parse_dimensions(dimensions: Iterable[Mapping[str, str]]) -> Dimensions:
    return tuple(sorted((dimension["Name"], dimension["Value"]) for dimension in dimensions))


# --- sources of measurements


class Source(Protocol):
    """The measurements of one metric."""

    @property
    def last_change(self) -> float:
        """The time of the last known change."""

    @property
    def unit(self) -> str:
        """One of CloudWatch's units."""

    def summarize(self, start: float, end: float) -> Summary | None:
        """Summarize a period; None without samples."""

    def summarize_whole(self, start: float, end: float) -> Summary | None:
        """Summarize a period in whole samples, as CloudWatch shows it: it has no half requests."""

    def distribution(self, start: float, end: float) -> list[tuple[float, float]]:
        """Return the values of a period, each with its number of samples."""


@dataclass
class Series:
    """The measurements of a simulated resource."""

    unit: str
    counts: bool
    """Each sample is an event, such as a request, and not a reading of a lasting quantity."""
    steps: StepSeries = field(default_factory=StepSeries)

    @property
    def last_change(self) -> float:
        return self.steps.last_change

    def summarize(self, start: float, end: float) -> Summary | None:
        return self.steps.summarize(start, end)

    def summarize_whole(self, start: float, end: float) -> Summary | None:
        summary = self.steps.summarize(start, end)
        if summary is None or not self.counts:
            return summary
        samples = self.steps.count(start, end)
        return Summary(samples, summary.average * samples, summary.low, summary.high) if samples else None

    def distribution(self, start: float, end: float) -> list[tuple[float, float]]:
        return [(value, seconds * rate) for seconds, rate, value in self.steps.segments(start, end) if rate]


@dataclass
class CustomMetric:
    """The data that users put for a metric: (timestamp, samples, sum, minimum, maximum)."""

    unit: str = "None"
    data: list[tuple[float, float, float, float, float]] = field(default_factory=list)

    @property
    def last_change(self) -> float:
        return max((datum[0] for datum in self.data), default=0.0)

    def summarize(self, start: float, end: float) -> Summary | None:
        data = [datum for datum in self.data if start <= datum[0] < end]
        if not data:
            return None
        _, samples, sums, lows, highs = zip(*data, strict=True)
        return Summary(sum(samples), sum(sums), min(lows), max(highs))

    summarize_whole = summarize

    def distribution(self, start: float, end: float) -> list[tuple[float, float]]:
        return [(total / samples, samples) for time, samples, total, _, _ in self.data if start <= time < end]


@dataclass(frozen=True)
class MetricSources:
    """All metrics of one account and region, for reading many of them at once."""

    series: Mapping[Metric, Series]
    custom: Mapping[Metric, CustomMetric]

    @classmethod
    def of(cls, backends: Backends) -> MetricSources:
        return cls(resource_metrics(backends), custom_metrics(backends))

    def find(self, metric: Metric) -> Source | None:
        return self.series.get(metric) or self.custom.get(metric)


def resource_metrics(backends: Backends) -> dict[Metric, Series]:
    """Return the metrics of simulated resources, including deleted ones."""
    series: dict[Metric, Series] = sidecar(backends.backend("cloudwatch")).setdefault("series", {})
    return series


def custom_metrics(backends: Backends) -> dict[Metric, CustomMetric]:
    """Return the metrics that users put."""
    backend = backends.backend("cloudwatch")
    notes = sidecar(backend).setdefault("put", {"read": 0, "metrics": {}})
    for datum in backend.metric_data[notes["read"] :]:
        dimensions = tuple(sorted((dimension.name, dimension.value) for dimension in datum.dimensions))
        custom = notes["metrics"].setdefault(Metric(datum.namespace, datum.name, dimensions), CustomMetric())
        custom.unit = datum.unit or custom.unit
        custom.data.append(_parse_datum(datum))
    notes["read"] = len(backend.metric_data)
    metrics: dict[Metric, CustomMetric] = notes["metrics"]
    return metrics


def _parse_datum(datum: Any) -> tuple[float, float, float, float, float]:
    timestamp = to_timestamp(datum.timestamp)
    if hasattr(datum, "value"):
        return timestamp, 1.0, datum.value, datum.value, datum.value
    return timestamp, datum.sample_count, datum.sum, datum.min, datum.max


def to_timestamp(time: datetime) -> float:
    """Return seconds since 1970; a time without a zone is in UTC."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


# --- statistics


def statistic(source: Source, name: str, start: float, end: float, *, whole: bool = False) -> float | None:
    """Return a statistic of a period by CloudWatch's name; None without samples, or for an unknown name.

    `whole` counts only whole samples.
    """
    summary = (source.summarize_whole if whole else source.summarize)(start, end)
    if summary is None or not summary.samples:
        return None
    if name.startswith("p"):
        return percentile(source.distribution(start, end), float(name[1:]))
    samples = ceil(round(summary.samples, 6)) if whole else summary.samples
    statistics = {
        "Average": summary.average,
        "Sum": summary.total,
        "Minimum": summary.low,
        "Maximum": summary.high,
        "SampleCount": samples,
    }
    return round(statistics[name], 6) if name in statistics else None


def percentile(distribution: Iterable[tuple[float, float]], percent: float) -> float | None:
    """Return the value that this percentage of the samples does not exceed."""
    values = sorted(distribution)
    remaining = sum(samples for _, samples in values) * percent / 100
    for value, samples in values:
        remaining -= samples
        if remaining <= 1e-9:
            return value
    return values[-1][0] if values else None


def datapoints(source: Source, name: str, period: float, start: float, end: float) -> Iterator[tuple[float, float]]:
    """Yield the start and the statistic of each period that starts between two timestamps."""
    time = start - start % period
    while time < end:
        value = statistic(source, name, time, time + period, whole=True)
        if value is not None:
            yield time, value
        time += period


# --- measurements of resources

_UNITS = {
    "RequestCount": "Count",
    "RequestCountPerTarget": "Count",
    "NewConnectionCount": "Count",
    "RuleEvaluations": "Count",
    "ProcessedBytes": "Bytes",
    "HTTP_Fixed_Response_Count": "Count",
    "HTTP_Redirect_Count": "Count",
    "TargetResponseTime": "Seconds",
    "CPUUtilization": "Percent",
    "MemoryUtilization": "Percent",
    "FreeStorageSpace": "Bytes",
}
_GAUGES = {
    "HealthyHostCount",
    "UnHealthyHostCount",
    "ActiveConnectionCount",
    "ConsumedLCUs",
    "CPUUtilization",
    "MemoryUtilization",
    "DatabaseConnections",
    "FreeStorageSpace",
    "StatusCheckFailed",
}
"""Metrics of a lasting quantity; all others count events."""

Measurements = dict[Metric, tuple[float, float]]
"""Metric → the current samples per second, and their value."""


def record_measurements(backends: Backends, measurements: Measurements, time: float) -> bool:
    """Record what is measured from this time on; return whether anything changed."""
    series_by_metric, notes = resource_metrics(backends), sidecar(backends.backend("cloudwatch"))
    changed = False
    for metric in notes.get("measured", ()):
        if metric not in measurements:
            changed |= series_by_metric[metric].steps.append(time, 0.0, 0.0)
    for metric, (rate, value) in measurements.items():
        series = series_by_metric.get(metric)
        if series is None:
            series = series_by_metric[metric] = Series(_UNITS.get(metric.name, "Count"), metric.name not in _GAUGES)
        changed |= series.steps.append(time, rate, value)
    notes["measured"] = list(measurements)
    return changed


# --- usage of load balancers, for billing

LCU = {
    "NewConnectionCount": 25.0,
    "ActiveConnectionCount": 3000.0,
    "ProcessedBytes": 1e9 / 3600,
    "RuleEvaluations": 1000.0,
}
"""Metric → the amount in one load balancer capacity unit (LCU): per second, but for active connections at a time.

https://aws.amazon.com/elasticloadbalancing/pricing/
"""


def consumed_lcus(usage: Mapping[str, float]) -> float:
    """Return the LCUs in use: those of the metric with the highest usage."""
    return max((usage.get(name, 0.0) / amount for name, amount in LCU.items()), default=0.0)


def lcu_hours(backends: Backends, load_balancer: str, start: float, end: float) -> float:
    """Return the LCU-hours of a load balancer, by its ARN; in each hour, the metric with the highest usage counts."""
    known, dimension = resource_metrics(backends), load_balancer_dimension(load_balancer)
    series_by_name = {name: known.get(Metric(ELB_NAMESPACE, name, dimension)) for name in LCU}
    usage = {name: series.steps for name, series in series_by_name.items() if series and series.steps.times}
    if not usage or end <= start:
        return 0.0
    first_use = max(start, min(steps.times[0] for steps in usage.values()))
    hour, total = first_use - first_use % 3600, 0.0
    while hour < end:
        first, last = max(hour, first_use), min(hour + 3600, end)
        averages = {}
        for name, steps in usage.items():
            summary = steps.summarize(first, last)
            amount = summary.total if summary else 0.0
            # gauges are sampled every minute
            averages[name] = amount * 60 / (last - first) if name in _GAUGES else amount / (last - first)
        total += consumed_lcus(averages) * (last - first) / 3600
        hour += 3600
    return total


def bytes_processed(backends: Backends, load_balancer: str, start: float, end: float) -> float:
    """Return the bytes that a load balancer, by its ARN, processed in a period; it may be deleted."""
    metric = Metric(ELB_NAMESPACE, "ProcessedBytes", load_balancer_dimension(load_balancer))
    series = resource_metrics(backends).get(metric)
    summary = series.steps.summarize(start, end) if series else None
    return summary.total if summary else 0.0


def load_balancer_dimension(arn: str) -> Dimensions:
    """Return the dimension of a load balancer: `app/name/id`."""
    return (("LoadBalancer", arn.split(":loadbalancer/")[-1]),)
