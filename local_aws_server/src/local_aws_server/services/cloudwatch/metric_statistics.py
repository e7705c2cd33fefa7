"""Answer ListMetrics and GetMetricStatistics for custom metrics and those of simulated resources.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import after, replace
from local_aws_server.services.cloudwatch import metrics
from local_aws_server.services.cloudwatch.metric_queries import first_readable, last_readable
from local_aws_server.services.cloudwatch.metrics import to_timestamp
from local_aws_server.services.cloudwatch.statistics import datapoints

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="GetMetricStatistics returns the datapoints of each unit apart, with percentiles and trimmed "
        "statistics, for exactly the dimensions of the request.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html",
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html",
        ),
    ),
)

_LISTED_SECONDS = 14 * 86400.0
_RECENT_SECONDS = 3 * 3600.0


@after("cloudwatch", "ListMetrics")
def add_resource_metrics(call: Call) -> None:
    """Add the resource metrics of the last two weeks, or three hours, to the last page."""
    if call.result.get("NextToken"):
        return
    params, now = call.params, CLOCK.now()
    seconds = _RECENT_SECONDS if params.get("RecentlyActive") else _LISTED_SECONDS
    listed = call.result.setdefault("Metrics", [])
    for metric, series in sorted(metrics.resource_metrics(call.backends).items(), key=lambda item: repr(item[0])):
        if series.summarize(now - seconds, now) is not None and _matches(metric, params):
            listed.append(metric.to_dict())


def _matches(metric: metrics.Metric, params: Mapping[str, Any]) -> bool:
    dimensions = dict(metric.dimensions)
    filters = params.get("Dimensions") or ()
    return (
        params.get("Namespace") in (None, metric.namespace)
        and params.get("MetricName") in (None, metric.name)
        and all(
            each["Name"] in dimensions and each.get("Value") in (None, dimensions[each["Name"]]) for each in filters
        )
    )


@replace("cloudwatch", "GetMetricStatistics")
def get_metric_statistics(call: Call) -> dict[str, Any]:
    params = call.params
    period, end = int(params["Period"]), to_timestamp(params["EndTime"])
    start = first_readable(period, to_timestamp(params["StartTime"]))
    sources = metrics.MetricSources.of(call.backends).find_all(metrics.parse_metric(params), params.get("Unit"))
    names, extended = params.get("Statistics") or [], params.get("ExtendedStatistics") or []
    points: dict[tuple[float, str], dict[str, Any]] = {}
    for source in sources:
        for name in [*names, *extended]:
            for time, value in datapoints(source, name, period, start, last_readable(source, end)):
                empty = {"Timestamp": datetime.fromtimestamp(time, UTC), "Unit": source.unit}
                point = points.setdefault((time, source.unit), empty)
                if name in extended:
                    point.setdefault("ExtendedStatistics", {})[name] = value
                else:
                    point[name] = value
    return {"Label": params["MetricName"], "Datapoints": list(points.values())}
