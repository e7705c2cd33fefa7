"""An alarm is charged for each metric that it looks at, and a metric of one's own for each hour in which it has data.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_billing.html
https://aws.amazon.com/cloudwatch/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from esaws.local.billing.charge import HOUR, Meter, as_tags
from esaws.local.billing.meter import BOOKS, Reading, metered
from esaws.local.call import Call
from esaws.local.clockwork.clock import CLOCK
from esaws.local.cloudwatch.alarms import period
from esaws.local.cloudwatch.metrics import Metric, dimensions
from esaws.local.seam import after
from esaws.local.world import World, remembered
from esaws.pricelist import day_of, hours_in_month

_MINUTE = 60
_BAND = 2
"""An alarm on an anomaly looks at the bounds of the expected values, too: two metrics more."""


@metered("cloudwatch")
def alarms(world: World) -> Iterator[Reading]:
    """The metrics of each alarm, also of those that scaling has made."""
    cloudwatch = world.backend("cloudwatch")
    for alarm in cloudwatch.alarms.values():
        if looked_at := _metrics(alarm):
            usage_type = "CW:AlarmMonitorUsage" if period(alarm) >= _MINUTE else "CW:HighResAlarmMonitorUsage"
            meter = Meter(world.region, "AmazonCloudWatch", usage_type, "Unknown", "Alarms", alarm.alarm_arn)
            tags = as_tags(cloudwatch.tagger.get_tag_dict_for_resource(alarm.alarm_arn))
            yield Reading(meter, Decimal(looked_at), tags)


@after("cloudwatch", "PutMetricData")
def metrics_of_ones_own(call: Call) -> None:
    """Count each metric once an hour, as its part of a month."""
    hour = CLOCK.now() // HOUR * HOUR
    kept = remembered(call.world.backend("cloudwatch"))
    if kept.get("metered_hour") != hour:
        kept["metered_hour"], kept["metered"] = hour, set()
    put = {
        Metric(call.params["Namespace"], datum["MetricName"], dimensions(datum.get("Dimensions") or ()))
        for datum in call.params.get("MetricData") or ()
    }
    new = put - kept["metered"]
    kept["metered"] |= new
    meter = Meter(call.region, "AmazonCloudWatch", "CW:MetricMonitorUsage", "MetricStorage", "Metrics", "")
    BOOKS[call.account].count(meter, Decimal(len(new)) / hours_in_month(day_of(hour)), hour)


def _metrics(alarm: Any) -> int:
    if alarm.metric_name:
        return 1
    of_queries = sum(1 for query in alarm.metric_data_queries if query.metric_stat)
    return of_queries + _BAND if of_queries and alarm.threshold_metric_id else of_queries
