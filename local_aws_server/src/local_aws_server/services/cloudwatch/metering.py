"""Meter the metrics of each alarm, and each custom metric in the hours in which it has data.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_billing.html
https://aws.amazon.com/cloudwatch/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from esaws.pricelist import hours_in_month, utc_day
from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.calendar import hour_start
from local_aws_server.billing.charge import Meter, sorted_tags
from local_aws_server.billing.meter import USAGE_LOGS, Reading, meter_reader
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import after
from local_aws_server.services.cloudwatch.alarms import period
from local_aws_server.services.cloudwatch.metrics import Metric, parse_dimensions

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="An alarm is charged for each of its metrics, and a custom metric for each hour in which it has "
        "data.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_billing.html",
            "https://aws.amazon.com/cloudwatch/pricing/",
        ),
    ),
)

_MINUTE = 60
_ANOMALY_BAND_METRICS = 2
"""An anomaly detection alarm also uses the upper and lower bound of the expected values."""


@meter_reader("cloudwatch")
def alarms(backends: Backends) -> Iterator[Reading]:
    """The number of metrics of each alarm, including alarms created by target tracking."""
    cloudwatch = backends.backend("cloudwatch")
    for alarm in cloudwatch.alarms.values():
        if count := _metric_count(alarm):
            usage_type = "CW:AlarmMonitorUsage" if period(alarm) >= _MINUTE else "CW:HighResAlarmMonitorUsage"
            meter = Meter(backends.region, "AmazonCloudWatch", usage_type, "Unknown", "Alarms", alarm.alarm_arn)
            tags = sorted_tags(cloudwatch.tagger.get_tag_dict_for_resource(alarm.alarm_arn))
            yield Reading(meter, Decimal(count), tags)


@after("cloudwatch", "PutMetricData")
def count_custom_metrics(call: Call) -> None:
    put = {
        Metric(call.params["Namespace"], datum["MetricName"], parse_dimensions(datum.get("Dimensions") or ()))
        for datum in call.params.get("MetricData") or ()
    }
    count_metrics(call.backends, put)


def count_metrics(backends: Backends, put: set[Metric]) -> None:
    """Count each custom metric once an hour, as a fraction of a month."""
    hour = hour_start(CLOCK.now())
    state = sidecar(backends.backend("cloudwatch"))
    if state.get("metered_hour") != hour:
        state["metered_hour"], state["metered"] = hour, set()
    new = put - state["metered"]
    state["metered"] |= new
    meter = Meter(backends.region, "AmazonCloudWatch", "CW:MetricMonitorUsage", "MetricStorage", "Metrics", "")
    USAGE_LOGS[backends.account].count(meter, Decimal(len(new)) / hours_in_month(utc_day(hour)), hour)


def _metric_count(alarm: Any) -> int:
    if alarm.metric_name:
        return 1
    count = sum(1 for query in alarm.metric_data_queries if query.metric_stat)
    return count + _ANOMALY_BAND_METRICS if count and alarm.threshold_metric_id else count
