"""Make metrics from log events, and check the filters that do so.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch, replace
from local_aws_server.services.cloudwatch.metering import count_metrics
from local_aws_server.services.cloudwatch.metrics import Metric
from local_aws_server.services.logs.events import accepted_events
from local_aws_server.services.logs.filter_conditions import InvalidPattern, as_number
from local_aws_server.services.logs.filter_patterns import FilterPattern, parse_pattern

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch Logs",
        statement="Metric filters make metrics, with dimensions and default values, from the events that are written "
        "after them; alarms and the bill follow.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html",
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html",
        ),
    ),
    Behaviour(
        service="CloudWatch Logs",
        statement="Filter patterns have terms, JSON selectors, separated fields and regular expressions; "
        "FilterLogEvents and TestMetricFilter evaluate them too.",
        documentation=("https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html",),
    ),
)

_MAX_FILTERS, _MAX_DIMENSIONS = 100, 3
_MINUTE = 60.0


@before("logs", "PutMetricFilter", "PutSubscriptionFilter", "FilterLogEvents", "TestMetricFilter", "StartLiveTail")
def validate_pattern(call: Call) -> None:
    text = call.params.get("filterPattern") or call.params.get("logEventFilterPattern") or ""
    try:
        parse_pattern(text)
    except InvalidPattern:
        raise AwsError("InvalidParameterException", f"Invalid filter pattern: {text}") from None


@before("logs", "PutMetricFilter")
def validate_filter(call: Call) -> None:
    params = call.params
    (transformation,) = params["metricTransformations"]
    dimensions = transformation.get("dimensions") or {}
    problem = ""
    if dimensions and transformation.get("defaultValue") is not None:
        problem = "dimensions and default value are mutually exclusive properties."
    elif len(dimensions) > _MAX_DIMENSIONS:
        problem = f"at most {_MAX_DIMENSIONS} dimensions are allowed."
    elif not _is_selector(transformation["metricValue"]) and as_number(transformation["metricValue"]) is None:
        problem = "the metric value must be a number, or refer to a field of the pattern."
    elif any(not _is_selector(value) for value in dimensions.values()):
        problem = "the value of a dimension must refer to a field of the pattern."
    if problem:
        raise AwsError("InvalidParameterException", f"Invalid metric transformation: {problem}")
    others = _filters_of(call.backends, params["logGroupName"])
    if len(others) >= _MAX_FILTERS and all(each["filterName"] != params["filterName"] for each in others):
        raise AwsError("LimitExceededException", "Resource limit exceeded.")


@patch("moto.logs.metric_filters", "MetricFilters.add_filter")
def add_filter(
    self: Any,
    filter_name: str,
    filter_pattern: str,
    log_group_name: str,
    metric_transformations: list[dict[str, Any]],
) -> None:
    """Add a filter, or replace the one of the same name; moto would keep both."""
    named = (log_group_name, filter_name)
    self.metric_filters[:] = [
        each for each in self.metric_filters if (each["logGroupName"], each["filterName"]) != named
    ]
    self.metric_filters.append(
        {
            "filterName": filter_name,
            "filterPattern": filter_pattern,
            "logGroupName": log_group_name,
            "metricTransformations": metric_transformations,
            "creationTime": int(CLOCK.now() * 1000),
            "applyOnTransformedLogs": False,
        }
    )
    self.metric_filters.sort(key=lambda each: each["filterName"])


@after("logs", "DeleteLogGroup")
def delete_filters(call: Call) -> None:
    filters = call.backends.backend("logs").filters.metric_filters
    filters[:] = [each for each in filters if each["logGroupName"] != call.params["logGroupName"]]


@replace("logs", "TestMetricFilter")
def test_filter(call: Call) -> dict[str, Any]:
    pattern = parse_pattern(call.params["filterPattern"])
    matches = [
        {"eventNumber": number, "eventMessage": message, "extractedValues": dict(extracted)}
        for number, message in enumerate(call.params["logEventMessages"], start=1)
        if (extracted := pattern.match(message)) is not None
    ]
    return {"matches": matches}


@after("logs", "PutLogEvents")
def make_metrics(call: Call) -> None:
    """Put the metrics of the accepted events, as PutMetricData would."""
    group, stream = call.params["logGroupName"], call.params["logStreamName"]
    filters = _filters_of(call.backends, group)
    if not filters:
        return
    events = accepted_events(call.backends.backend("logs").groups[group].streams[stream])
    made: set[Metric] = set()
    for each in filters:
        pattern = parse_pattern(each["filterPattern"])
        for transformation in each["metricTransformations"]:
            data = [*_data(pattern, transformation, events)]
            if data:
                call.backends.backend("cloudwatch").put_metric_data(transformation["metricNamespace"], data)
                made |= {_metric(transformation["metricNamespace"], datum) for datum in data}
    if made:
        count_metrics(call.backends, made)
        SCHEDULER.mark_changed(call.backends, "cloudwatch")


def _data(pattern: FilterPattern, transformation: Mapping[str, Any], events: Iterable[Any]) -> Iterable[dict[str, Any]]:
    """Yield the data of the events that match; the default value for a minute in which none does."""
    by_minute: defaultdict[float, list[Any]] = defaultdict(list)
    for event in events:
        by_minute[event.timestamp / 1000 // _MINUTE * _MINUTE].append(event)
    for minute, its_events in by_minute.items():
        base = {
            "MetricName": transformation["metricName"],
            "Timestamp": datetime.fromtimestamp(minute, UTC).replace(tzinfo=None),
            "Unit": transformation.get("unit") or "None",
        }
        matching = [event.message for event in its_events if pattern.match(event.message) is not None]
        for message in matching:
            value = as_number(_resolve(pattern, message, transformation["metricValue"]))
            dimensions = {
                name: _resolve(pattern, message, selector)
                for name, selector in (transformation.get("dimensions") or {}).items()
            }
            if value is not None and all(dimensions.values()):
                pairs = [{"Name": name, "Value": found} for name, found in dimensions.items()]
                yield {**base, "Value": value, "Dimensions": pairs}
        if not matching and transformation.get("defaultValue") is not None:
            yield {**base, "Value": float(transformation["defaultValue"]), "Dimensions": []}


def _resolve(pattern: FilterPattern, message: str, value: str) -> str | None:
    return pattern.value_of(message, value) if _is_selector(value) else value


def _is_selector(value: str) -> bool:
    return value.startswith("$")


def _metric(namespace: str, datum: Mapping[str, Any]) -> Metric:
    pairs = ((dimension["Name"], dimension["Value"]) for dimension in datum["Dimensions"])
    return Metric(namespace, datum["MetricName"], tuple(sorted(pairs)))


def _filters_of(backends: Backends, group: str) -> list[dict[str, Any]]:
    filters: list[dict[str, Any]] = backends.backend("logs").filters.metric_filters
    return [each for each in filters if each["logGroupName"] == group]


# --- FilterLogEvents


@patch("moto.logs.utils", "EventMessageFilter.__init__")
def keep_pattern(self: Any, pattern: str) -> None:
    self.pattern = parse_pattern(pattern or "")


@patch("moto.logs.utils", "EventMessageFilter.matches")
def matches(self: Any, message: str) -> bool:
    return self.pattern.match(message) is not None
