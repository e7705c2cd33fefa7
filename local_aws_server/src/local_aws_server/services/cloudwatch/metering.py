"""An alarm is charged for each metric that it looks at, and a metric of one's own for each hour in which it has data.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_billing.html
https://aws.amazon.com/cloudwatch/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from esaws.pricelist import day_of, hours_in_month
from local_aws_server.backends import Backends, remembered
from local_aws_server.billing.charge import HOUR, Meter, sorted_tags
from local_aws_server.billing.meter import USAGE_LOGS, Reading, meter_reader
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after
from local_aws_server.services.cloudwatch.alarms import period
from local_aws_server.services.cloudwatch.metrics import Metric, dimensions

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="An alarm is charged for each metric that it looks at, and a metric of one's own for each hour "
        "in which it has data.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_billing.html",
            "https://aws.amazon.com/cloudwatch/pricing/",
        ),
    ),
)

_MINUTE = 60
_BAND = 2
"""An alarm on an anomaly looks at the bounds of the expected values, too: two metrics more."""


@meter_reader("cloudwatch")
def alarms(world: Backends) -> Iterator[Reading]:
    """The metrics of each alarm, also of those that scaling has made."""
    cloudwatch = world.backend("cloudwatch")
    for alarm in cloudwatch.alarms.values():
        if looked_at := _metrics(alarm):
            usage_type = "CW:AlarmMonitorUsage" if period(alarm) >= _MINUTE else "CW:HighResAlarmMonitorUsage"
            meter = Meter(world.region, "AmazonCloudWatch", usage_type, "Unknown", "Alarms", alarm.alarm_arn)
            tags = sorted_tags(cloudwatch.tagger.get_tag_dict_for_resource(alarm.alarm_arn))
            yield Reading(meter, Decimal(looked_at), tags)


@after("cloudwatch", "PutMetricData")
def metrics_of_ones_own(call: Call) -> None:
    """Count each metric once an hour, as its part of a month."""
    hour = CLOCK.now() // HOUR * HOUR
    kept = remembered(call.backends.backend("cloudwatch"))
    if kept.get("metered_hour") != hour:
        kept["metered_hour"], kept["metered"] = hour, set()
    put = {
        Metric(call.params["Namespace"], datum["MetricName"], dimensions(datum.get("Dimensions") or ()))
        for datum in call.params.get("MetricData") or ()
    }
    new = put - kept["metered"]
    kept["metered"] |= new
    meter = Meter(call.region, "AmazonCloudWatch", "CW:MetricMonitorUsage", "MetricStorage", "Metrics", "")
    USAGE_LOGS[call.account].count(meter, Decimal(len(new)) / hours_in_month(day_of(hour)), hour)


def _metrics(alarm: Any) -> int:
    if alarm.metric_name:
        return 1
    of_queries = sum(1 for query in alarm.metric_data_queries if query.metric_stat)
    return of_queries + _BAND if of_queries and alarm.threshold_metric_id else of_queries
