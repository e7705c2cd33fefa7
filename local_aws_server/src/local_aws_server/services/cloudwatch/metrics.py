"""Store the metrics of simulated resources, and read the custom ones that users put.

The metrics of resources are stored as changes over time, not per minute; datapoints are computed on request. Events of
what runs are counted in `event_counts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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

    def period_starts(self, length: float, start: float, end: float) -> Iterable[float]:
        """Return the starts of the periods that may have data, from the start of one on."""


@dataclass(slots=True)
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

    def period_starts(self, length: float, start: float, end: float) -> Iterable[float]:
        first = max(start, self.began // length * length)
        return [first + number * length for number in range(max(0, ceil((end - first) / length)))]

    @property
    def began(self) -> float:
        """The time of the first measurement."""
        return self.steps.times[0]

    def bounds(self, start: float, end: float) -> tuple[float, float] | None:
        """Return the minimum and the maximum of a period; None if unknown, or if a part of it has no samples."""
        return self.steps.bounds(start, end)


_UNIT_PREFERENCE = (
    *("Megabits", "Terabits", "Gigabits", "Count", "Bytes", "Gigabytes", "Gigabytes/Second", "Kilobytes"),
    *("Kilobits/Second", "Terabytes", "Terabits/Second", "Bytes/Second", "Percent", "Megabytes", "Megabits/Second"),
    *("Milliseconds", "Microseconds", "Kilobytes/Second", "Gigabits/Second", "Megabytes/Second", "Bits"),
    *("Bits/Second", "Count/Second", "Seconds", "Kilobits", "Terabytes/Second", "None"),
)
"""In the order in which CloudWatch prefers one, for a request without a unit."""


@dataclass
class CustomMetric:
    """The data that users put for a metric in one unit: (timestamp, samples, sum, minimum, maximum)."""

    unit: str = "None"
    data: list[tuple[float, float, float, float, float]] = field(default_factory=list)

    @property
    def last_change(self) -> float:
        return max((datum[0] for datum in self.data), default=0.0)

    def summarize(self, start: float, end: float) -> Summary | None:
        data = [datum for datum in self.data if start <= datum[0] < end and datum[1]]
        if not data:
            return None
        _, samples, sums, lows, highs = zip(*data, strict=True)
        return Summary(sum(samples), sum(sums), min(lows), max(highs))

    summarize_whole = summarize

    def distribution(self, start: float, end: float) -> list[tuple[float, float]]:
        """Return the values of a period, each with its number of samples; none if a statistic set hides some."""
        data = [datum for datum in self.data if start <= datum[0] < end and datum[1]]
        if any(samples != 1 and low != high for _, samples, _, low, high in data):
            return []
        return [(total / samples, samples) for _, samples, total, _, _ in data]

    def period_starts(self, length: float, start: float, end: float) -> Iterable[float]:
        return sorted({time - time % length for time, *_ in self.data if start <= time < end})


@dataclass(frozen=True)
class MetricSources:
    """All metrics of one account and region, for reading many of them at once."""

    series: Mapping[Metric, Series]
    custom: Mapping[Metric, Mapping[str, CustomMetric]]
    """Metric → unit → data."""
    of_moto: Callable[[], Mapping[Metric, Mapping[str, CustomMetric]]] = dict
    """Returns the metrics that moto itself has of resources, such as buckets."""

    @classmethod
    def of(cls, backends: Backends) -> MetricSources:
        return cls(resource_metrics(backends), custom_metrics(backends), lambda: _metrics_of_moto(backends))

    def find(self, metric: Metric, unit: str | None = None) -> Source | None:
        """Return the measurements of a metric, in one unit; without one, in the unit that CloudWatch prefers."""
        return next(iter(self.find_all(metric, unit)), None)

    def find_all(self, metric: Metric, unit: str | None = None) -> list[Source]:
        """Return the measurements of a metric in each of its units, or in the given one."""
        series = self.series.get(metric)
        sources: list[Source] = [series] if series else []
        by_unit = self.custom.get(metric, {})
        if not sources and not by_unit and metric.namespace.startswith("AWS/"):
            by_unit = self.of_moto().get(metric, {})
        sources += sorted(by_unit.values(), key=lambda each: _UNIT_PREFERENCE.index(each.unit))
        return [source for source in sources if unit in (None, source.unit)]


def resource_metrics(backends: Backends) -> dict[Metric, Series]:
    """Return the metrics of simulated resources, including deleted ones."""
    series: dict[Metric, Series] = sidecar(backends.backend("cloudwatch")).setdefault("series", {})
    return series


def custom_metrics(backends: Backends) -> dict[Metric, dict[str, CustomMetric]]:
    """Return the metrics that users put: metric → unit → data."""
    backend = backends.backend("cloudwatch")
    notes = sidecar(backend).setdefault("put_by_unit", {"read": 0, "metrics": {}})
    _add(backend.metric_data[notes["read"] :], notes["metrics"])
    notes["read"] = len(backend.metric_data)
    metrics: dict[Metric, dict[str, CustomMetric]] = notes["metrics"]
    return metrics


def _metrics_of_moto(backends: Backends) -> dict[Metric, dict[str, CustomMetric]]:
    metrics: dict[Metric, dict[str, CustomMetric]] = {}
    _add(backends.backend("cloudwatch").aws_metric_data, metrics)
    return metrics


def _add(data: Iterable[Any], metrics: dict[Metric, dict[str, CustomMetric]]) -> None:
    """Add moto's data to the metrics."""
    for datum in data:
        dimensions = tuple(sorted((dimension.name, dimension.value) for dimension in datum.dimensions))
        by_unit = metrics.setdefault(Metric(datum.namespace, datum.name, dimensions), {})
        unit = datum.unit or "None"
        by_unit.setdefault(unit, CustomMetric(unit)).data.append(_parse_datum(datum))


def _parse_datum(datum: Any) -> tuple[float, float, float, float, float]:
    timestamp = to_timestamp(datum.timestamp)
    if hasattr(datum, "value"):
        return timestamp, 1.0, datum.value, datum.value, datum.value
    return timestamp, datum.sample_count, datum.sum, datum.min, datum.max


def to_timestamp(time: datetime) -> float:
    """Return seconds since 1970; a time without a zone is in UTC."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


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
GAUGES = {
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
            series = series_by_metric[metric] = new_series(metric)
        changed |= series.steps.append(time, rate, value)
    notes["measured"] = list(measurements)
    return changed


def new_series(metric: Metric) -> Series:
    return Series(_UNITS.get(metric.name, "Count"), metric.name not in GAUGES)


def load_balancer_dimension(arn: str) -> Dimensions:
    """Return the dimension of a load balancer: `app/name/id`."""
    return (("LoadBalancer", arn.split(":loadbalancer/")[-1]),)
