"""Meter log events when they are ingested, with 26 bytes of overhead each, and their compressed storage.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
https://aws.amazon.com/cloudwatch/pricing/

AWS stores logs compressed. The examples in its price list assume 0.15 of the size, and so does this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.charge import BYTES_PER_GB, Meter, Tags, sorted_tags
from local_aws_server.billing.meter import USAGE_LOGS, Reading, meter_reader
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import after
from local_aws_server.services.logs.events import accepted_events, event_bytes

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Logs are charged when they are ingested, with 26 bytes of overhead for each event, and for their "
        "compressed storage.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html",
            "https://aws.amazon.com/cloudwatch/pricing/",
        ),
    ),
)

_COMPRESSION_RATIO = Decimal("0.15")


@after("logs", "PutLogEvents")
def count_ingested_bytes(call: Call) -> None:
    """Count the accepted events."""
    stream = _stream(call)
    if stream is None:
        return
    ingested = sum(event_bytes(event.message) for event in accepted_events(stream))
    sidecar(stream)["bytes"] = sidecar(stream).get("bytes", 0) + ingested
    group = stream.log_group
    meter = Meter(call.region, "AmazonCloudWatch", "DataProcessing-Bytes", "PutLogEvents", "GB", group.arn)
    USAGE_LOGS[call.account].count(meter, ingested / BYTES_PER_GB, CLOCK.now(), _tags(call.backends, group))


@meter_reader("logs")
def stored_logs(backends: Backends) -> Iterator[Reading]:
    """The compressed size of each log group, in GB."""
    for group in backends.backend("logs").groups.values():
        if stored := sum(sidecar(stream).get("bytes", 0) for stream in group.streams.values()):
            meter = Meter(
                backends.region, "AmazonCloudWatch", "TimedStorage-ByteHrs", "HourlyStorageMetering", "GB-Mo", group.arn
            )
            yield Reading(meter, stored * _COMPRESSION_RATIO / BYTES_PER_GB, _tags(backends, group))


def _stream(call: Call) -> Any | None:
    group = call.backends.backend("logs").groups.get(call.params["logGroupName"])
    return group.streams.get(call.params["logStreamName"]) if group else None


def _tags(backends: Backends, group: Any) -> Tags:
    return sorted_tags(backends.backend("logs").tagger.get_tag_dict_for_resource(group.arn))
