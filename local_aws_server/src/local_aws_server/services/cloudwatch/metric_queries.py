"""Answer GetMetricData: statistics of metrics, metric math, and Metrics Insights.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import replace
from local_aws_server.services.cloudwatch import metrics
from local_aws_server.services.cloudwatch.metric_math import UnknownExpression, evaluate
from local_aws_server.services.cloudwatch.metrics import to_timestamp
from local_aws_server.services.cloudwatch.metrics_insights import is_insights_query, select
from local_aws_server.services.cloudwatch.statistics import datapoints

_GET_METRIC_DATA = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html"

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="Metrics of simulated resources are listed and read like custom ones; metric math expressions are "
        "evaluated.",
        documentation=(_GET_METRIC_DATA,),
    ),
    Behaviour(
        service="CloudWatch",
        statement="GetMetricData returns the data of one unit, and adds to the labels what differs between the "
        "queries: the statistic and the period.",
        documentation=(_GET_METRIC_DATA,),
    ),
    Behaviour(
        service="CloudWatch",
        fidelity=NOT_SIMULATED,
        statement="Functions of metric math over the time series as a whole, such as ANOMALY_DETECTION_BAND, RATE and "
        "SEARCH, return NotSimulated; dynamic labels are kept as they are.",
        documentation=("https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html",),
    ),
)

_MAX_DATAPOINTS = 100_800

_FINEST_PERIODS = ((63 * 86400.0, 3600), (15 * 86400.0, 300), (3 * 3600.0, 60))
"""(age in seconds, shortest period of older data): CloudWatch aggregates data as it gets older."""

Points = Mapping[float, float]
"""The start of a period → its value."""


@dataclass
class Result:
    """The answer to one query; a query in Metrics Insights has one for each group."""

    label: str
    points: Points
    messages: list[dict[str, str]] = field(default_factory=list)


@replace("cloudwatch", "GetMetricData")
def get_metric_data(call: Call) -> dict[str, Any]:
    """Raises AwsError NotSimulated for an unsupported expression."""
    params = call.params
    queries = {query["Id"]: query for query in params["MetricDataQueries"]}
    start, end = to_timestamp(params["StartTime"]), to_timestamp(params["EndTime"])
    all_metrics = metrics.MetricSources.of(call.backends)
    answered: dict[str, list[Result]] = {}
    for name, query in queries.items():
        if "MetricStat" in query:
            answered[name] = [_metric_stat(all_metrics, query, start, end, queries.values())]
        elif is_insights_query(query["Expression"]):
            answered[name] = _insights(all_metrics, query, start, end)
    values = {name: results[0].points for name, results in answered.items() if len(results) == 1}
    for _ in queries:  # an expression that needs another one is evaluated in a later round
        for name, query in queries.items():
            if name not in answered and (points := _evaluate(query, values)) is not None:
                values[name] = points
                answered[name] = [Result(query.get("Label") or name, points)]
    for name, query in queries.items():
        if name not in answered:
            text = f"the local AWS does not simulate the expression {query['Expression']}"
            raise AwsError("NotSimulated", text, 501)
    newest_first = params.get("ScanBy") != "TimestampAscending"
    results = [
        (name, result) for name, query in queries.items() if query.get("ReturnData", True) for result in answered[name]
    ]
    return _page(results, newest_first, int(params.get("MaxDatapoints") or _MAX_DATAPOINTS), params.get("NextToken"))


def first_readable(period: float, start: float) -> float:
    """Return the time from which data can be read with a period, at or after the start of a request."""
    limits = [CLOCK.now() - age for age, finest in _FINEST_PERIODS if period % finest]
    return max([start, *limits])


def last_readable(source: metrics.Source, end: float) -> float:
    """Return the end of a metric's data in a request: users may put data with a time in the future."""
    return min(end, CLOCK.now()) if isinstance(source, metrics.Series) else end


def _metric_stat(
    all_metrics: metrics.MetricSources,
    query: Mapping[str, Any],
    start: float,
    end: float,
    queries: Iterable[Mapping[str, Any]],
) -> Result:
    stat = query["MetricStat"]
    period, unit = int(stat["Period"]), stat.get("Unit")
    start = first_readable(period, start)
    by_unit = {
        source.unit: points
        for source in all_metrics.find_all(metrics.parse_metric(stat["Metric"]), unit)
        if (points := dict(datapoints(source, stat["Stat"], period, start, last_readable(source, end))))
    }
    label = query.get("Label") or _default_label(stat, [each for each in queries if "MetricStat" in each])
    result = Result(label, next(iter(by_unit.values()), {}))
    if len(by_unit) > 1:
        text = f"Multiple units returned: '[{', '.join(by_unit)}]'"
        result.messages.append({"Code": "MultipleUnits", "Value": text})
    return result


def _default_label(stat: Mapping[str, Any], queries: Sequence[Mapping[str, Any]]) -> str:
    """Return the metric's name, with the statistic and the period if they differ between the queries."""
    differing = [
        str(stat[member])
        for member in ("Stat", "Period")
        if len({str(query["MetricStat"][member]) for query in queries}) > 1
    ]
    return " ".join([stat["Metric"]["MetricName"], *differing])


def _insights(all_metrics: metrics.MetricSources, query: Mapping[str, Any], start: float, end: float) -> list[Result]:
    groups = select(all_metrics, query["Expression"], int(query["Period"]), start, end, CLOCK.now())
    return [Result(query.get("Label") or group or query["Id"], points) for group, points in groups]


def _evaluate(query: Mapping[str, Any], values: Mapping[str, Points]) -> Points | None:
    """Evaluate an expression for each period with a value; return None if it cannot be evaluated yet."""
    try:
        evaluate(query["Expression"], dict.fromkeys(values, 1.0))  # also of metrics without data
    except UnknownExpression:
        return None
    results = {}
    for time in sorted({time for points in values.values() for time in points}):
        try:
            value = evaluate(query["Expression"], {name: points.get(time) for name, points in values.items()})
        except UnknownExpression:
            return None
        if value is not None:
            results[time] = value
    return results


def _page(results: Iterable[tuple[str, Result]], newest_first: bool, size: int, token: str | None) -> dict[str, Any]:
    """Return so many datapoints of the results, from a token on."""
    position, skip, described, next_token = 0, int(token or 0), [], None
    for name, result in results:
        points = sorted(result.points.items(), reverse=newest_first)
        shown = points[max(0, skip - position) : max(0, skip + size - position)]
        position += len(points)
        if next_token is not None or (not shown and (points or token)):
            continue
        if position > skip + size:
            next_token = str(skip + size)
        described.append(
            {
                "Id": name,
                "Label": result.label,
                "Timestamps": [datetime.fromtimestamp(time, UTC) for time, _ in shown],
                "Values": [value for _, value in shown],
                "StatusCode": "Complete" if next_token is None else "PartialData",
                **({"Messages": result.messages} if result.messages else {}),
            }
        )
    more = {"NextToken": next_token} if next_token is not None else {}
    return {"MetricDataResults": described, "Messages": [], **more}
