"""The metrics of CloudWatch: those of simulated resources as steps, those that users put as they were put.

Nothing is stored minute by minute: what a resource measures is written down when it changes, and datapoints are worked
out when somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Any, NamedTuple, Protocol

from local_aws_server.backends import Backends, remembered
from local_aws_server.services.cloudwatch.step_series import Steps, Summary

Dimensions = tuple[tuple[str, str], ...]
"""(name, value), by name."""

BALANCING = "AWS/ApplicationELB"


class Metric(NamedTuple):
    """The name of one series of measurements."""

    namespace: str
    name: str
    dimensions: Dimensions = ()

    def as_json(self) -> dict[str, Any]:
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        return {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}


def metric(asked: Mapping[str, Any]) -> Metric:
    """The metric that a request names, in boto3's shape."""
    return Metric(asked["Namespace"], asked["MetricName"], dimensions(asked.get("Dimensions") or ()))


def dimensions(asked: Iterable[Mapping[str, str]]) -> Dimensions:
    return tuple(sorted((each["Name"], each["Value"]) for each in asked))


class Source(Protocol):
    """Where a metric's measurements are."""

    @property
    def since(self) -> float:
        """From when on nothing changes, as far as is known."""

    @property
    def unit(self) -> str:
        """One of CloudWatch's units."""

    def between(self, start: float, end: float) -> Summary | None:
        """A stretch of time; None if nothing was measured in it."""

    def shown(self, start: float, end: float) -> Summary | None:
        """The same, as people see it: nobody has seen half a request."""

    def spread(self, start: float, end: float) -> list[tuple[float, float]]:
        """(value, how many samples of it)."""


@dataclass
class Series:
    """What a simulated resource measures."""

    unit: str
    counts: bool
    """Each sample is something that happened, a request; it is not a look at something that lasts."""
    steps: Steps = field(default_factory=Steps)

    @property
    def since(self) -> float:
        return self.steps.since

    def between(self, start: float, end: float) -> Summary | None:
        return self.steps.between(start, end)

    def shown(self, start: float, end: float) -> Summary | None:
        found = self.steps.between(start, end)
        if found is None or not self.counts:
            return found
        samples = self.steps.counted(start, end)
        return Summary(samples, found.average * samples, found.low, found.high) if samples else None

    def spread(self, start: float, end: float) -> list[tuple[float, float]]:
        return [(value, seconds * rate) for seconds, rate, value in self.steps.pieces(start, end) if rate]


@dataclass
class Put:
    """What users put of a metric: (moment, samples, their sum, the lowest, the highest)."""

    unit: str = "None"
    data: list[tuple[float, float, float, float, float]] = field(default_factory=list)

    @property
    def since(self) -> float:
        return max((datum[0] for datum in self.data), default=0.0)

    def between(self, start: float, end: float) -> Summary | None:
        found = [datum for datum in self.data if start <= datum[0] < end]
        if not found:
            return None
        _, samples, sums, lows, highs = zip(*found, strict=True)
        return Summary(sum(samples), sum(sums), min(lows), max(highs))

    shown = between

    def spread(self, start: float, end: float) -> list[tuple[float, float]]:
        return [(sums / samples, samples) for at, samples, sums, _, _ in self.data if start <= at < end]


def statistic(source: Source, name: str, start: float, end: float, *, shown: bool = False) -> float | None:
    """A statistic, as CloudWatch names it, of a stretch of time; None where nothing was measured, or it is unknown."""
    found = (source.shown if shown else source.between)(start, end)
    if found is None or not found.samples:
        return None
    if name.startswith("p"):
        return percentile(source.spread(start, end), float(name[1:]))
    samples = ceil(round(found.samples, 6)) if shown else found.samples
    known = {
        "Average": found.average,
        "Sum": found.total,
        "Minimum": found.low,
        "Maximum": found.high,
        "SampleCount": samples,
    }
    return round(known[name], 6) if name in known else None


def percentile(spread: Iterable[tuple[float, float]], percent: float) -> float | None:
    """The value that so many percent of the samples don't exceed."""
    values = sorted(spread)
    wanted = sum(samples for _, samples in values) * percent / 100
    for value, samples in values:
        wanted -= samples
        if wanted <= 1e-9:
            return value
    return values[-1][0] if values else None


# --- where they are kept


def series(world: Backends) -> dict[Metric, Series]:
    """What simulated resources measure, and have measured."""
    kept: dict[Metric, Series] = remembered(world.backend("cloudwatch")).setdefault("series", {})
    return kept


def put(world: Backends) -> dict[Metric, Put]:
    """What users have put."""
    backend = world.backend("cloudwatch")
    kept = remembered(backend).setdefault("put", {"read": 0, "metrics": {}})
    for datum in backend.metric_data[kept["read"] :]:
        named = Metric(datum.namespace, datum.name, tuple(sorted((each.name, each.value) for each in datum.dimensions)))
        found = kept["metrics"].setdefault(named, Put())
        found.unit = datum.unit or found.unit
        found.data.append(_datum(datum))
    kept["read"] = len(backend.metric_data)
    metrics: dict[Metric, Put] = kept["metrics"]
    return metrics


@dataclass(frozen=True)
class Known:
    """All that is measured in one account and region, to look at many metrics at once."""

    series: Mapping[Metric, Series]
    put: Mapping[Metric, Put]

    @classmethod
    def of(cls, world: Backends) -> Known:
        return cls(series(world), put(world))

    def source(self, named: Metric) -> Source | None:
        """The measurements of a metric."""
        return self.series.get(named) or self.put.get(named)


def _datum(datum: Any) -> tuple[float, float, float, float, float]:
    moment = seconds(datum.timestamp)
    if hasattr(datum, "value"):
        return moment, 1.0, datum.value, datum.value, datum.value
    return moment, datum.sample_count, datum.sum, datum.min, datum.max


def seconds(moment: datetime) -> float:
    """A moment as seconds of the clock; without a time zone it is UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def datapoints(found: Source, name: str, period: float, start: float, end: float) -> Iterator[tuple[float, float]]:
    """(begin of a period, the statistic of it) for each period that begins between the two moments."""
    at = start - start % period
    while at < end:
        value = statistic(found, name, at, at + period, shown=True)
        if value is not None:
            yield at, value
        at += period


# --- what resources measure

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
_LASTING = {
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

Measured = dict[Metric, tuple[float, float]]
"""For each metric how many samples a second there are at present, and their value."""


def record(world: Backends, measured: Measured, moment: float) -> bool:
    """Write down what is measured from this moment on; gives whether anything has changed."""
    known, kept = series(world), remembered(world.backend("cloudwatch"))
    changed = False
    for named in kept.get("measured", ()):
        if named not in measured:
            changed |= known[named].steps.step(moment, 0.0, 0.0)
    for named, (rate, value) in measured.items():
        found = known.get(named)
        if found is None:
            found = known[named] = Series(_UNITS.get(named.name, "Count"), named.name not in _LASTING)
        changed |= found.steps.step(moment, rate, value)
    kept["measured"] = list(measured)
    return changed


# --- for who meters


def requests(world: Backends, load_balancer: str, start: float, end: float) -> int:
    """How many requests a load balancer, by its ARN, got between two moments; it need not exist any more."""
    found = series(world).get(Metric(BALANCING, "RequestCount", of_balancer(load_balancer)))
    return found.steps.counted(start, end) if found else 0


def bytes_processed(world: Backends, load_balancer: str, start: float, end: float) -> float:
    """How many bytes went through a load balancer, by its ARN, between two moments."""
    found = series(world).get(Metric(BALANCING, "ProcessedBytes", of_balancer(load_balancer)))
    summary = found.steps.between(start, end) if found else None
    return summary.total if summary else 0.0


def lcu_hours(world: Backends, load_balancer: str, start: float, end: float) -> float:
    """The capacity units, times hours, that a load balancer consumed: each hour by what it used most of.

    https://aws.amazon.com/elasticloadbalancing/pricing/
    """
    known, named = series(world), of_balancer(load_balancer)
    all_of_them = {name: known.get(Metric(BALANCING, name, named)) for name in LCU}
    used = {name: found.steps for name, found in all_of_them.items() if found and found.steps.moments}
    if not used or end <= start:
        return 0.0
    begins = max(start, min(steps.moments[0] for steps in used.values()))
    hour, consumed = begins - begins % 3600, 0.0
    while hour < end:
        first, last = max(hour, begins), min(hour + 3600, end)
        averages = {}
        for name, steps in used.items():
            found = steps.between(first, last)
            total = found.total if found else 0.0
            averages[name] = total * 60 / (last - first) if name in _LASTING else total / (last - first)
        consumed += lcus(averages) * (last - first) / 3600
        hour += 3600
    return consumed


LCU = {
    "NewConnectionCount": 25.0,
    "ActiveConnectionCount": 3000.0,
    "ProcessedBytes": 1e9 / 3600,
    "RuleEvaluations": 1000.0,
}
"""What one capacity unit is good for: a second, but of connections those that are open at a time."""


def lcus(used: Mapping[str, float]) -> float:
    """The capacity units in use, by what is used most."""
    return max((used.get(name, 0.0) / unit for name, unit in LCU.items()), default=0.0)


def of_balancer(arn: str) -> Dimensions:
    """A load balancer's dimension: `app/name/id`."""
    return (("LoadBalancer", arn.split(":loadbalancer/")[-1]),)
