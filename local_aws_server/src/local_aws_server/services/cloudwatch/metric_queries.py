"""List metrics and read their statistics: those of simulated resources, custom ones, and metric math."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before
from local_aws_server.services.cloudwatch import metrics
from local_aws_server.services.cloudwatch.metric_math import UnknownExpression, evaluate
from local_aws_server.services.cloudwatch.metrics import to_timestamp

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="Metrics of simulated resources are listed and read like custom ones; metric math expressions are "
        "evaluated.",
        documentation=("https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html",),
    ),
)

_MAX_DATAPOINTS = 1440
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
        if series.steps.summarize(now - seconds, now) is not None and _matches(metric, params):
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


@before("cloudwatch", "GetMetricStatistics")
def get_resource_statistics(call: Call) -> None:
    """Answer for the metric of a resource; moto answers for custom ones."""
    params = call.params
    series = metrics.resource_metrics(call.backends).get(metrics.parse_metric(params))
    if series is None:
        return
    start, end, period = to_timestamp(params["StartTime"]), to_timestamp(params["EndTime"]), int(params["Period"])
    if start >= end:
        raise AwsError("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
    if (end - start) / period > _MAX_DATAPOINTS:
        raise AwsError(
            "InvalidParameterCombination",
            f"You have requested up to {int((end - start) / period):,} datapoints, which exceeds the limit of "
            f"{_MAX_DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, or decreasing the "
            "time range.",
        )
    names, extended = params.get("Statistics") or [], params.get("ExtendedStatistics") or []
    if not names and not extended:
        raise AwsError("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
    points: dict[float, dict[str, Any]] = {}
    for name in [*names, *extended]:
        for time, value in metrics.datapoints(series, name, period, start, min(end, CLOCK.now())):
            point = points.setdefault(time, {"Timestamp": datetime.fromtimestamp(time, UTC), "Unit": series.unit})
            if name in extended:
                point.setdefault("ExtendedStatistics", {})[name] = value
            else:
                point[name] = value
    call.result = {"Label": params["MetricName"], "Datapoints": list(points.values())}


@before("cloudwatch", "GetMetricData")
def get_metric_data(call: Call) -> None:
    """Answer all queries, unless one is in SQL, or all are on custom metrics with an unknown one: moto answers these.

    Raises AwsError NotSimulated for an unsupported expression.
    """
    params = call.params
    queries = {query["Id"]: query for query in params["MetricDataQueries"]}
    all_metrics = metrics.MetricSources.of(call.backends)
    sources = {name: _find_source(all_metrics, query) for name, query in queries.items() if "MetricStat" in query}
    has_resource_metric = any(isinstance(source, metrics.Series) for source in sources.values())
    has_sql = any(query.get("Expression", "").startswith("SELECT") for query in queries.values())
    if has_sql or not (has_resource_metric or all(sources.values())):
        return
    start, end = to_timestamp(params["StartTime"]), min(to_timestamp(params["EndTime"]), CLOCK.now())
    values: dict[str, dict[float, float]] = {
        name: dict(metrics.datapoints(source, stat["Stat"], int(stat["Period"]), start, end)) if source else {}
        for name, source in sources.items()
        if (stat := queries[name]["MetricStat"])
    }
    for _ in queries:  # an expression that needs another one is evaluated in a later round
        for name, query in queries.items():
            is_pending = "Expression" in query and name not in values
            if is_pending and (result := _evaluate(query, values)) is not None:
                values[name] = result
    for name, query in queries.items():
        if name not in values:
            text = f"the local AWS does not simulate the expression {query['Expression']}"
            raise AwsError("NotSimulated", text, 501)
    results = []
    for name, query in queries.items():
        if query.get("ReturnData", True):
            points = sorted(values[name].items(), reverse=params.get("ScanBy") != "TimestampAscending")
            results.append(
                {
                    "Id": name,
                    "Label": query.get("Label") or _default_label(query),
                    "Timestamps": [datetime.fromtimestamp(time, UTC) for time, _ in points],
                    "Values": [value for _, value in points],
                    "StatusCode": "Complete",
                }
            )
    call.result = {"MetricDataResults": results, "Messages": []}


def _find_source(all_metrics: metrics.MetricSources, query: Mapping[str, Any]) -> metrics.Source | None:
    return all_metrics.find(metrics.parse_metric(query["MetricStat"]["Metric"]))


def _evaluate(query: Mapping[str, Any], values: Mapping[str, Mapping[float, float]]) -> dict[float, float] | None:
    """Evaluate an expression for each period with a value; return None if it cannot be evaluated yet."""
    results = {}
    for time in sorted({time for points in values.values() for time in points}):
        try:
            value = evaluate(query["Expression"], {name: points.get(time) for name, points in values.items()})
        except UnknownExpression:
            return None
        if value is not None:
            results[time] = value
    return results


def _default_label(query: Mapping[str, Any]) -> str:
    return str(query["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in query else query["Id"])
