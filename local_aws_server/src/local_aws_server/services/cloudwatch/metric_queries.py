"""Metrics of simulated resources are listed and read beside those that users put; expressions are worked out.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, after, before
from local_aws_server.services.cloudwatch import metrics
from local_aws_server.services.cloudwatch.metric_math import UnknownExpression, evaluate

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="Metrics of simulated resources are listed and read beside those that users put; expressions "
        "are worked out.",
        documentation=("https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html",),
    ),
)

_MOST_AT_ONCE = 1440
_LISTED_SECONDS = 14 * 86400.0
_RECENT_SECONDS = 3 * 3600.0


@after("cloudwatch", "ListMetrics")
def metrics_of_resources_are_listed(call: Call) -> None:
    """Those of the last two weeks, or of the last three hours; they come with the last page of the others."""
    if call.result.get("NextToken"):
        return
    asked, now = call.params, CLOCK.now()
    since = _RECENT_SECONDS if asked.get("RecentlyActive") else _LISTED_SECONDS
    listed = call.result.setdefault("Metrics", [])
    for named, found in sorted(metrics.series(call.backends).items(), key=lambda each: repr(each[0])):
        lately = found.steps.between(now - since, now)
        if lately is not None and _asked_for(named, asked):
            listed.append(named.as_json())


def _asked_for(named: metrics.Metric, asked: Mapping[str, Any]) -> bool:
    given = dict(named.dimensions)
    wanted = asked.get("Dimensions") or ()
    return (
        asked.get("Namespace") in (None, named.namespace)
        and asked.get("MetricName") in (None, named.name)
        and all(each["Name"] in given and each.get("Value") in (None, given[each["Name"]]) for each in wanted)
    )


@before("cloudwatch", "GetMetricStatistics")
def statistics_of_resources(call: Call) -> None:
    asked = call.params
    found = metrics.series(call.backends).get(metrics.metric(asked))
    if found is None:
        return
    start, end, period = metrics.seconds(asked["StartTime"]), metrics.seconds(asked["EndTime"]), int(asked["Period"])
    if start >= end:
        raise AwsError("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
    if (end - start) / period > _MOST_AT_ONCE:
        raise AwsError(
            "InvalidParameterCombination",
            f"You have requested up to {int((end - start) / period):,} datapoints, which exceeds the limit of "
            f"{_MOST_AT_ONCE:,}. You may reduce the datapoints requested by increasing Period, or decreasing the time "
            "range.",
        )
    names, extended = asked.get("Statistics") or [], asked.get("ExtendedStatistics") or []
    if not names and not extended:
        raise AwsError("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
    points: dict[float, dict[str, Any]] = {}
    for name in [*names, *extended]:
        for at, value in metrics.datapoints(found, name, period, start, min(end, CLOCK.now())):
            point = points.setdefault(at, {"Timestamp": datetime.fromtimestamp(at, UTC), "Unit": found.unit})
            if name in extended:
                point.setdefault("ExtendedStatistics", {})[name] = value
            else:
                point[name] = value
    call.result = {"Label": asked["MetricName"], "Datapoints": list(points.values())}


@before("cloudwatch", "GetMetricData")
def metric_data(call: Call) -> None:
    """All of it is worked out here, but for what only moto knows: metrics of its own, and queries in SQL."""
    asked = call.params
    queries = {query["Id"]: query for query in asked["MetricDataQueries"]}
    all_of_them = metrics.Known.of(call.backends)
    known = {name: _source(all_of_them, query) for name, query in queries.items() if "MetricStat" in query}
    of_ours = any(isinstance(found, metrics.Series) for found in known.values())
    in_sql = any(query.get("Expression", "").startswith("SELECT") for query in queries.values())
    if in_sql or not (of_ours or all(known.values())):
        return
    start, end = metrics.seconds(asked["StartTime"]), min(metrics.seconds(asked["EndTime"]), CLOCK.now())
    values: dict[str, dict[float, float]] = {
        name: dict(metrics.datapoints(found, stat["Stat"], int(stat["Period"]), start, end)) if found else {}
        for name, found in known.items()
        if (stat := queries[name]["MetricStat"])
    }
    for _ in queries:  # one that needs another is worked out after that
        for name, query in queries.items():
            if "Expression" in query and name not in values and (found := _worked_out(query, values)) is not None:
                values[name] = found
    for name, query in queries.items():
        if name not in values:
            text = f"the local AWS does not simulate the expression {query['Expression']}"
            raise AwsError("NotSimulated", text, 501)
    results = []
    for name, query in queries.items():
        if query.get("ReturnData", True):
            points = sorted(values[name].items(), reverse=asked.get("ScanBy") != "TimestampAscending")
            results.append(
                {
                    "Id": name,
                    "Label": query.get("Label") or _label(query),
                    "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in points],
                    "Values": [value for _, value in points],
                    "StatusCode": "Complete",
                }
            )
    call.result = {"MetricDataResults": results, "Messages": []}


def _source(known: metrics.Known, query: Mapping[str, Any]) -> metrics.Source | None:
    return known.source(metrics.metric(query["MetricStat"]["Metric"]))


def _worked_out(query: Mapping[str, Any], values: Mapping[str, Mapping[float, float]]) -> dict[float, float] | None:
    """An expression for every period in which one of its metrics has a value; None if it can't be worked out yet."""
    found = {}
    for at in sorted({at for points in values.values() for at in points}):
        try:
            value = evaluate(query["Expression"], {name: points.get(at) for name, points in values.items()})
        except UnknownExpression:
            return None
        if value is not None:
            found[at] = value
    return found


def _label(query: Mapping[str, Any]) -> str:
    return str(query["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in query else query["Id"])
