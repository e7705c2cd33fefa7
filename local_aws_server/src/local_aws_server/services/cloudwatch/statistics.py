"""Compute the statistics of CloudWatch: of a period, and of each period of a range.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf

from local_aws_server.services.cloudwatch.metrics import Source

BASIC_STATISTICS = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")

_NUMBER = r"-?\d+(?:\.\d{1,10})?"
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
_TRIMMED_ABOVE = re.compile(r"(tm|wm|tc|ts)(\d{1,2}(?:\.\d{1,10})?|100)")
_RANGE = re.compile(rf"(PR|TM|WM|TC|TS)\(({_NUMBER})?(%?):({_NUMBER})?(%?)\)", re.IGNORECASE)

Distribution = list[tuple[float, float]]
"""Values, each with its number of samples."""


@dataclass(frozen=True)
class Extended:
    """A statistic of the samples between two bounds."""

    kind: str
    """`P` percentile, `TM` mean, `WM` mean with the others at the bounds, `TC` count, `TS` sum, `PR` rank."""
    low: float
    high: float
    in_percent: bool
    """Whether the bounds are percentages of the samples, and not values."""


@lru_cache(maxsize=1024)
def parse_extended(name: str) -> Extended | None:
    """Parse a statistic like `p99.9`, `tm95` or `TM(2%:98%)`; None if CloudWatch has no such statistic."""
    if name.upper() == "IQM":
        return Extended("TM", 25.0, 75.0, True)
    if match := _PERCENTILE.fullmatch(name):
        return Extended("P", 0.0, float(match[1]), True)
    if match := _TRIMMED_ABOVE.fullmatch(name):
        return Extended(match[1].upper(), 0.0, float(match[2]), True)
    match = _RANGE.fullmatch(name)
    if match is None or (match[2] is None and match[4] is None):
        return None
    kind, low, low_unit, high, high_unit = match[1].upper(), match[2], match[3], match[4], match[5]
    units = {unit for value, unit in ((low, low_unit), (high, high_unit)) if value is not None}
    if len(units) > 1 or (kind == "PR" and units == {"%"}):
        return None
    in_percent = units == {"%"}
    first = float(low) if low is not None else (0.0 if in_percent else -inf)
    last = float(high) if high is not None else (100.0 if in_percent else inf)
    if first >= last or (in_percent and not 0 <= first < last <= 100):
        return None
    return Extended(kind, first, last, in_percent)


def is_statistic(name: str) -> bool:
    return name in BASIC_STATISTICS or parse_extended(name) is not None


def statistic(source: Source, name: str, start: float, end: float, *, whole: bool = False) -> float | None:
    """Return a statistic of a period by CloudWatch's name; None without samples, or for an unknown name.

    `whole` counts only whole samples.
    """
    summary = (source.summarize_whole if whole else source.summarize)(start, end)
    if summary is None or not summary.samples:
        return None
    if (extended := parse_extended(name)) is not None:
        value = extended_statistic(source.distribution(start, end), extended)
        return None if value is None else round(value, 6)
    samples = ceil(round(summary.samples, 6)) if whole else summary.samples
    statistics = {
        "Average": summary.average,
        "Sum": summary.total,
        "Minimum": summary.low,
        "Maximum": summary.high,
        "SampleCount": samples,
    }
    return round(statistics[name], 6) if name in statistics else None


def extended_statistic(distribution: Distribution, extended: Extended) -> float | None:
    """Return a percentile, or a statistic of the samples between two bounds; None without samples there."""
    if extended.kind == "P":
        return percentile(distribution, extended.high)
    kept = _between(distribution, extended)
    samples, total = sum(weight for _, weight in kept), sum(value * weight for value, weight in kept)
    if extended.kind == "TC":
        return samples
    if extended.kind == "TS":
        return total
    everything = sum(weight for _, weight in distribution)
    if extended.kind == "PR":
        return 100 * samples / everything if everything else None
    if not samples:
        return None
    if extended.kind == "TM":
        return total / samples
    below, above = _outside(distribution, extended)
    return (total + below * kept[0][0] + above * kept[-1][0]) / everything


def _between(distribution: Distribution, extended: Extended) -> Distribution:
    """Return the samples between the bounds, sorted by value; a bound in percent may divide those of one value."""
    values = sorted(distribution)
    if not extended.in_percent:
        return [(value, weight) for value, weight in values if extended.low < value <= extended.high]
    everything, position, kept = sum(weight for _, weight in values), 0.0, []
    first, last = everything * extended.low / 100, everything * extended.high / 100
    for value, weight in values:
        inside = min(position + weight, last) - max(position, first)
        if inside > 1e-9:
            kept.append((value, inside))
        position += weight
    return kept


def _outside(distribution: Distribution, extended: Extended) -> tuple[float, float]:
    """Return the numbers of samples (below, above) the bounds."""
    everything = sum(weight for _, weight in distribution)
    if extended.in_percent:
        return everything * extended.low / 100, everything * (100 - extended.high) / 100
    below = sum(weight for value, weight in distribution if value <= extended.low)
    return below, sum(weight for value, weight in distribution if value > extended.high)


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
    for time in source.period_starts(period, start - start % period, end):
        value = statistic(source, name, time, time + period, whole=True)
        if value is not None:
            yield time, value
