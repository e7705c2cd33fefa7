"""Read statistics of CloudWatch metrics: many at once, with what has no data points kept apart."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from esaws.cloud import Cloud

Statistic = Literal["Minimum", "Maximum", "Sum", "Average"]
Key = TypeVar("Key", bound=Hashable)

_PER_CALL = 500
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html"""


@dataclass(frozen=True)
class MetricQuery:
    """One statistic of one metric."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: Statistic


@dataclass(frozen=True)
class Points:
    """The data points of a metric, the oldest first; `seconds` is what each covers. Empty where AWS has none."""

    times: tuple[datetime, ...]
    values: tuple[float, ...]
    seconds: int

    def __bool__(self) -> bool:
        return bool(self.times)


def read_metrics(
    cloud: Cloud, queries: Mapping[Key, MetricQuery], *, start: datetime, end: datetime, seconds: int = 60
) -> dict[Key, Points]:
    """Return the data points of each query, one for each `seconds`. AWS keeps minutes for 15 days.

    A period of less than a second has none; CloudWatch refuses to be asked for it.

    Raises:
        ClientError: AWS refused the call.
    """
    keys = [*queries]
    found: dict[Key, tuple[list[datetime], list[float]]] = {key: ([], []) for key in keys}
    is_empty = int(start.timestamp()) >= int(end.timestamp())
    for first in range(0, 0 if is_empty else len(keys), _PER_CALL):
        batch = keys[first : first + _PER_CALL]
        pages = cloud.client("cloudwatch").get_paginator("get_metric_data")
        described = [_described(f"m{number}", queries[key], seconds) for number, key in enumerate(batch)]
        for page in pages.paginate(
            MetricDataQueries=described, StartTime=start, EndTime=end, ScanBy="TimestampAscending"
        ):
            for result in page["MetricDataResults"]:
                times, values = found[batch[int(result["Id"][1:])]]
                times += result["Timestamps"]
                values += result["Values"]
    return {key: Points(tuple(times), tuple(values), seconds) for key, (times, values) in found.items()}


def period_of(window: timedelta) -> int:
    """Return the seconds of a data point so that a window has at most 1,440 of them: a minute, five, or an hour."""
    return next(seconds for seconds in (60, 300, 3600, 86400) if window.total_seconds() <= 1440 * seconds)


def _described(id: str, query: MetricQuery, seconds: int) -> dict[str, object]:
    dimensions: Iterable[dict[str, str]] = [
        {"Name": name, "Value": value} for name, value in sorted(query.dimensions.items())
    ]
    metric = {"Namespace": query.namespace, "MetricName": query.name, "Dimensions": dimensions}
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": seconds, "Stat": query.statistic}}
