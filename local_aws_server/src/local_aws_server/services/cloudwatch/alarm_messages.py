"""What CloudWatch sends when an alarm changes its state: the message to SNS topics and the event for EventBridge.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.billing.products import location_name

_STATISTICS = {"SampleCount": "SAMPLE_COUNT"}


def subject(backends: Backends, alarm: Any) -> str:
    """The subject of a message, as in `ALARM: "name" in EU (Paris)`."""
    return f'{alarm.state_value}: "{alarm.name}" in {location_name(backends.region)}'


def message(backends: Backends, alarm: Any, before: str) -> str:
    """The JSON text of a message about a change from a state."""
    return json.dumps(
        {
            "AlarmName": alarm.name,
            "AlarmDescription": alarm.description,
            "AWSAccountId": backends.account,
            "AlarmConfigurationUpdatedTimestamp": _timestamp(alarm.configuration_updated_timestamp),
            "NewStateValue": alarm.state_value,
            "NewStateReason": alarm.state_reason,
            "StateChangeTime": _timestamp(alarm.state_updated_timestamp),
            "Region": location_name(backends.region),
            "AlarmArn": alarm.alarm_arn,
            "OldStateValue": before,
            "OKActions": list(alarm.ok_actions or ()),
            "AlarmActions": list(alarm.alarm_actions or ()),
            "InsufficientDataActions": list(alarm.insufficient_data_actions or ()),
            **(_composite(alarm) if alarm.rule else {"Trigger": _trigger(alarm)}),
        }
    )


def event_detail(alarm: Any, before: dict[str, Any]) -> dict[str, Any]:
    """The detail of a `CloudWatch Alarm State Change`; `before` is the state before, of `state`."""
    return {
        "alarmName": alarm.name,
        "state": state(alarm),
        "previousState": before,
        "configuration": {
            **({"alarmRule": alarm.rule} if alarm.rule else {"metrics": _metrics(alarm)}),
            **({"description": alarm.description} if alarm.description else {}),
        },
    }


def state(alarm: Any) -> dict[str, Any]:
    """The state of an alarm, as its events have it."""
    return {
        "value": alarm.state_value,
        "reason": alarm.state_reason,
        **({"reasonData": alarm.state_reason_data} if alarm.state_reason_data else {}),
        "timestamp": _timestamp(alarm.state_updated_timestamp),
    }


def _composite(alarm: Any) -> dict[str, Any]:
    """What a message about a composite alarm has in place of the trigger."""
    triggering = json.loads(alarm.state_reason_data or "{}").get("triggeringAlarms", ())
    children = [
        {"Arn": each["arn"], "State": {"Value": each["state"]["value"], "Timestamp": each["state"]["timestamp"]}}
        for each in triggering
    ]
    return {"AlarmRule": alarm.rule, "TriggeringChildren": children}


def _trigger(alarm: Any) -> dict[str, Any]:
    comparison = {
        "Period": None if alarm.period is None else int(alarm.period),
        "EvaluationPeriods": int(alarm.evaluation_periods or 1),
        **({"DatapointsToAlarm": int(alarm.datapoints_to_alarm)} if alarm.datapoints_to_alarm else {}),
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": None if alarm.threshold is None else float(alarm.threshold),
        "TreatMissingData": alarm.treat_missing_data or "",
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile or "",
    }
    if not alarm.metric_name:
        return {**comparison, "Metrics": [_query(query) for query in alarm.metric_data_queries]}
    statistic = (
        {"StatisticType": "Statistic", "Statistic": _STATISTICS.get(alarm.statistic, alarm.statistic.upper())}
        if alarm.statistic
        else {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": alarm.extended_statistic}
    )
    return {
        "MetricName": alarm.metric_name,
        "Namespace": alarm.namespace,
        **statistic,
        "Unit": alarm.unit,
        "Dimensions": _dimensions(alarm.dimensions),
        **comparison,
    }


def _query(query: Any) -> dict[str, Any]:
    returned = {"Id": query.id, "ReturnData": query.return_data is not False}
    if query.expression:
        return {**returned, "Expression": query.expression, "Label": query.label}
    stat = query.metric_stat
    metric = {
        "MetricName": stat.metric.metric_name,
        "Namespace": stat.metric.namespace,
        "Dimensions": _dimensions(stat.metric.dimensions),
    }
    return {**returned, "MetricStat": {"Metric": metric, "Period": int(stat.period), "Stat": stat.stat}}


def _metrics(alarm: Any) -> list[dict[str, Any]]:
    if alarm.metric_name:
        statistic = alarm.statistic or alarm.extended_statistic
        metric = (alarm.namespace, alarm.metric_name, alarm.dimensions)
        return [{"id": alarm.name, "metricStat": _metric_stat(*metric, alarm.period, statistic), "returnData": True}]
    described = []
    for query in alarm.metric_data_queries:
        each: dict[str, Any] = {"id": query.id, "returnData": query.return_data is not False}
        if query.expression:
            each.update(expression=query.expression, label=query.label)
        else:
            stat = query.metric_stat
            metric = (stat.metric.namespace, stat.metric.metric_name, stat.metric.dimensions)
            each["metricStat"] = _metric_stat(*metric, stat.period, stat.stat)
        described.append(each)
    return described


def _metric_stat(namespace: str, name: str, dimensions: Any, period: Any, statistic: str) -> dict[str, Any]:
    by_name = {dimension.name: dimension.value for dimension in dimensions}
    metric = {"namespace": namespace, "name": name, "dimensions": by_name}
    return {"metric": metric, "period": int(period), "stat": statistic}


def _dimensions(dimensions: Any) -> list[dict[str, str]]:
    return [{"value": dimension.value, "name": dimension.name} for dimension in dimensions]


def _timestamp(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}+0000"
