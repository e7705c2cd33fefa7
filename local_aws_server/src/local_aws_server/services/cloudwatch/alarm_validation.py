"""Refuse alarms that CloudWatch refuses, in what the model does not say, and those that are not simulated.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws_server.behaviours import NOT_SIMULATED, REAL, Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.cloudwatch.alarm_state import COMPARISONS
from local_aws_server.services.cloudwatch.metric_math import UnknownExpression, evaluate
from local_aws_server.services.cloudwatch.query_validation import check_queries
from local_aws_server.services.cloudwatch.statistics import parse_extended

_PUT_ALARM = ("https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",)

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="An alarm needs a metric or metric math, a statistic, a period and a number of evaluation periods "
        "that CloudWatch takes, and a treatment of missing data that it has.",
        documentation=_PUT_ALARM,
    ),
    Behaviour(
        service="CloudWatch",
        fidelity=REAL,
        statement="Alarms on anomaly detection are kept and charged; nothing happens: they have insufficient data.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Anomaly_Detection.html",
        ),
    ),
    Behaviour(
        service="CloudWatch",
        fidelity=REAL,
        statement="EvaluateLowSampleCountPercentile is kept; nothing happens: a percentile of few samples counts.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html",
        ),
    ),
    Behaviour(
        service="CloudWatch",
        fidelity=NOT_SIMULATED,
        statement="Alarms on PromQL or Metrics Insights, on metric math over the time series as a whole, with an "
        "evaluation window or an action configuration are refused with NotSimulated.",
        documentation=_PUT_ALARM,
    ),
)

_TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")
_OF_ONE_METRIC = ("MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
_NOT_SIMULATED = ("EvaluationCriteria", "EvaluationInterval", "EvaluationWindow", "WarmUpConfiguration")
_DAY, _WEEK, _HOUR = 86400, 7 * 86400, 3600
_ALARM_PERIODS = (10, 20, 30)


@before("cloudwatch", "PutMetricAlarm")
def validate_alarm(call: Call) -> None:
    params = call.params
    if unsupported := [name for name in (*_NOT_SIMULATED, "ActionConfiguration") if params.get(name)]:
        raise _not_simulated(f"{', '.join(unsupported)} of alarms")
    for name in ("EvaluationPeriods", "ComparisonOperator"):
        if name not in params:
            raise AwsError("MissingParameter", f"The parameter {name} is required.", 400)
    if params.get("TreatMissingData", "missing") not in _TREATMENTS:
        raise _invalid(
            f"Option {params['TreatMissingData']} is not supported. Supported options for parameter TreatMissingData "
            "are breaching, notBreaching, ignore and missing."
        )
    periods = int(params["EvaluationPeriods"])
    if int(params.get("DatapointsToAlarm", periods)) > periods:
        raise _invalid(
            f"DatapointsToAlarm must be less than or equal to EvaluationPeriods, but is {params['DatapointsToAlarm']}."
        )
    if "Threshold" in params and "ThresholdMetricId" in params:
        raise AwsError("InvalidParameterCombination", "Threshold and ThresholdMetricId are mutually exclusive.", 400)
    if params.get("Metrics"):
        _check_metrics(params)
    else:
        _check_metric(params)
    if params["ComparisonOperator"] in COMPARISONS and "Threshold" not in params:
        raise AwsError("MissingParameter", "The parameter Threshold is required.", 400)
    length = _longest_period(params)
    if periods * length > (_WEEK if length >= _HOUR else _DAY):
        limit = "seven days" if length >= _HOUR else "one day"
        raise _invalid(f"Metrics cannot be checked across more than {limit} (EvaluationPeriods * Period).")


def _check_metric(params: Mapping[str, Any]) -> None:
    for name in ("MetricName", "Namespace", "Period"):
        if name not in params:
            raise AwsError("MissingParameter", f"The parameter {name} is required.", 400)
    if ("Statistic" in params) == ("ExtendedStatistic" in params):
        raise AwsError(
            "InvalidParameterCombination", "Exactly one of Statistic and ExtendedStatistic is required.", 400
        )
    if "ExtendedStatistic" in params and parse_extended(params["ExtendedStatistic"]) is None:
        text = f"The value {params['ExtendedStatistic']} for parameter ExtendedStatistic is not supported."
        raise AwsError("InvalidParameterValue", text, 400)
    seconds = int(params["Period"])
    if seconds not in _ALARM_PERIODS and (seconds < 60 or seconds % 60):
        raise _invalid(f"Period must be 10, 20, 30 or a multiple of 60, but is {seconds}.")


def _check_metrics(params: Mapping[str, Any]) -> None:
    if both := [name for name in _OF_ONE_METRIC if params.get(name)]:
        text = f"The parameters Metrics and {both[0]} are mutually exclusive and you have specified both."
        raise AwsError("InvalidParameterCombination", text, 400)
    queries = params["Metrics"]
    check_queries(queries, "Metrics")
    if sum(query.get("ReturnData", True) is not False for query in queries) != 1 and "ThresholdMetricId" not in params:
        raise _invalid("Exactly one element of the metrics list should return data.")
    values: dict[str, float | None] = {query["Id"]: 1.0 for query in queries}
    for query in queries:
        expression = query.get("Expression", "")
        if expression and not ("ThresholdMetricId" in params and "ANOMALY_DETECTION_BAND" in expression):
            try:
                evaluate(expression, values)
            except UnknownExpression:
                raise _not_simulated(f"alarms on the expression {expression}") from None


def _longest_period(params: Mapping[str, Any]) -> int:
    lengths = [int(params.get("Period") or 0)]
    for query in params.get("Metrics") or ():
        lengths += [int(query.get("Period") or 0), int((query.get("MetricStat") or {}).get("Period") or 0)]
    return max(lengths)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message, 400)


def _not_simulated(what: str) -> AwsError:
    return AwsError("NotSimulated", f"the local AWS does not simulate {what}", 501)
