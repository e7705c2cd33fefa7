"""Logs are charged for when they come in, 26 bytes for each event included, and as long as they are stored, compressed.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
https://aws.amazon.com/cloudwatch/pricing/

AWS stores logs compressed, and reckons with 0.15 of their size in the examples of its price list; so it is here. Events
stay beyond the retention of their group.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.billing.charge import Meter, Tags, sorted_tags
from local_aws_server.billing.meter import USAGE_LOGS, Reading, meter_reader
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Logs are charged for when they come in, 26 bytes for each event included, and as long as they "
        "are stored, compressed.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html",
            "https://aws.amazon.com/cloudwatch/pricing/",
        ),
    ),
)

_BYTES_OF_AN_EVENT = 26
_COMPRESSED = Decimal("0.15")
_GB = Decimal(2**30)


@before("logs", "PutLogEvents")
def what_was_there(call: Call) -> None:
    stream = _stream(call)
    call.notes["events"] = len(stream.events) if stream else 0


@after("logs", "PutLogEvents")
def what_came_in(call: Call) -> None:
    """Of the events, those that are too old or too new have been rejected."""
    stream = _stream(call)
    if stream is None:
        return
    accepted = stream.events[call.notes["events"] :]
    came = sum(len(event.message.encode()) + _BYTES_OF_AN_EVENT for event in accepted)
    sidecar(stream)["bytes"] = sidecar(stream).get("bytes", 0) + came
    group = stream.log_group
    meter = Meter(call.region, "AmazonCloudWatch", "DataProcessing-Bytes", "PutLogEvents", "GB", group.arn)
    USAGE_LOGS[call.account].count(meter, came / _GB, CLOCK.now(), _tags(call.backends, group))


@meter_reader("logs")
def stored_logs(world: Backends) -> Iterator[Reading]:
    """What each log group stores, in GB."""
    for group in world.backend("logs").groups.values():
        if held := sum(sidecar(stream).get("bytes", 0) for stream in group.streams.values()):
            meter = Meter(
                world.region, "AmazonCloudWatch", "TimedStorage-ByteHrs", "HourlyStorageMetering", "GB-Mo", group.arn
            )
            yield Reading(meter, held * _COMPRESSED / _GB, _tags(world, group))


def _stream(call: Call) -> Any | None:
    group = call.backends.backend("logs").groups.get(call.params["logGroupName"])
    return group.streams.get(call.params["logStreamName"]) if group else None


def _tags(world: Backends, group: Any) -> Tags:
    return sorted_tags(world.backend("logs").tagger.get_tag_dict_for_resource(group.arn))
