"""Refuse requests for metric data that AWS refuses, in what the model does not say.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.cloudwatch.metrics import to_timestamp
from local_aws_server.services.cloudwatch.metrics_insights import is_insights_query
from local_aws_server.services.cloudwatch.statistics import is_statistic, parse_extended

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="Requests for metric data need a time range, statistics and periods that CloudWatch has, and at most "
        "1,440 datapoints in GetMetricStatistics.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html",
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html",
        ),
    ),
)

_MAX_STATISTICS_DATAPOINTS = 1440
_SHORT_PERIODS = (1, 5, 10, 20, 30)
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_MAX_QUERIES = 500


def is_period(seconds: int) -> bool:
    return seconds in _SHORT_PERIODS or (seconds >= 60 and seconds % 60 == 0)


@before("cloudwatch", "GetMetricData")
def validate_queries(call: Call) -> None:
    params = call.params
    queries = params["MetricDataQueries"]
    if len(queries) > _MAX_QUERIES:
        raise _invalid(f"The collection MetricDataQueries must not have a size greater than {_MAX_QUERIES}.")
    check_queries(queries, "MetricDataQueries")
    for number, query in enumerate(queries, start=1):
        if is_insights_query(query.get("Expression", "")) and "Period" not in query:
            raise _invalid(f"The parameter MetricDataQueries.member.{number}.Period is required.\n")
    start, end = (int(to_timestamp(params[name])) for name in ("StartTime", "EndTime"))
    if start == end:
        raise _invalid("The parameter StartTime must not equal parameter EndTime.")
    if start > end:
        raise _invalid("The parameter EndTime must be greater than StartTime.")
    if not re.fullmatch(r"\d*", params.get("NextToken") or ""):
        raise AwsError("InvalidNextToken", "The token is invalid.", 400)


def check_queries(queries: list[Mapping[str, Any]], parameter: str) -> None:
    """Raise ValidationError for queries without an id of their own, or with anything that CloudWatch does not have."""
    ids = [query["Id"] for query in queries]
    for number, query in enumerate(queries, start=1):
        path = f"{parameter}.member.{number}"
        if "MetricStat" not in query and "Expression" not in query:
            raise _invalid(f"The parameter {path}.MetricStat is required.\n")
        if "MetricStat" in query and "Expression" in query:
            raise _invalid(
                f"The parameters {path}.Expression and {path}.MetricStat are mutually exclusive and you have "
                "specified both."
            )
        if not _ID.fullmatch(query["Id"]):
            raise _invalid(f"The value {query['Id']} for parameter {path}.Id is not matching the expected pattern.")
        if ids.count(query["Id"]) > 1:
            raise _invalid(f"The values for parameter id in {parameter} are not unique.")
        if "MetricStat" in query:
            _check_metric_stat(query["MetricStat"], f"{path}.MetricStat")
        elif "Period" in query and not is_period(int(query["Period"])):
            raise _invalid(f"The value {query['Period']} for parameter {path}.Period is not supported.")


def _check_metric_stat(stat: Mapping[str, Any], path: str) -> None:
    for name in ("MetricName", "Namespace"):
        if not stat["Metric"].get(name):
            raise _invalid(f"The parameter {path}.Metric.{name} is required.\n")
    if not is_period(int(stat["Period"])):
        raise _invalid(f"The value {stat['Period']} for parameter {path}.Period is not supported.")
    if not is_statistic(stat["Stat"]):
        raise _invalid(f"The value {stat['Stat']} for parameter {path}.Stat is not supported.")


@before("cloudwatch", "GetMetricStatistics")
def validate_statistics(call: Call) -> None:
    params = call.params
    names, extended = params.get("Statistics") or [], params.get("ExtendedStatistics") or []
    if not names and not extended:
        raise AwsError("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
    for name in extended:
        if parse_extended(name) is None:
            text = f"The value {name} for parameter ExtendedStatistics is not supported."
            raise AwsError("InvalidParameterValue", text)
    period = int(params["Period"])
    if not is_period(period):
        text = f"The value {period} for parameter Period is not supported"
        raise AwsError("InvalidParameterValue", f"{text}: it must be 1, 5, 10, 20, 30 or a multiple of 60.")
    start, end = (to_timestamp(params[name]) for name in ("StartTime", "EndTime"))
    if int(start) >= int(end):
        raise AwsError("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
    if (end - start) / period > _MAX_STATISTICS_DATAPOINTS:
        raise AwsError(
            "InvalidParameterCombination",
            f"You have requested up to {int((end - start) / period)} datapoints, which exceeds the limit of "
            f"{_MAX_STATISTICS_DATAPOINTS}. You may reduce the datapoints requested by increasing Period, or "
            "decreasing the time range.",
        )


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message, 400)
