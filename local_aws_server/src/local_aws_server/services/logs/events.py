"""Accept log events: which AWS rejects, and what follows from the others.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import patch

_PUT_LOG_EVENTS = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html"

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch Logs",
        statement="A batch of events is refused above 1 MiB, out of order, or if it spans more than 24 hours; events "
        "that are too old, too new or beyond the retention are rejected.",
        documentation=(_PUT_LOG_EVENTS,),
    ),
)

EVENT_OVERHEAD_BYTES = 26
_MAX_BATCH_BYTES = 1_048_576
_MAX_EVENT_BYTES = 1_048_576
_MAX_SPAN_MILLISECONDS = 24 * 3_600_000
_OLDEST_SECONDS, _NEWEST_SECONDS = 14 * 86400.0, 2 * 3600.0


def event_bytes(message: str) -> int:
    """Return the size of an event as CloudWatch Logs counts it."""
    return len(message.encode()) + EVENT_OVERHEAD_BYTES


@patch("moto.logs.models", "LogsBackend.put_log_events")
def put_log_events(
    self: Any, log_group_name: str, log_stream_name: str, log_events: list[dict[str, Any]]
) -> tuple[str, dict[str, int]]:
    """Store the accepted events; returns a token and the indexes of the rejected ones."""
    from moto.logs.exceptions import ResourceNotFoundException

    group = self.groups.get(log_group_name)
    if group is None:
        raise ResourceNotFoundException()
    if log_stream_name not in group.streams:
        raise ResourceNotFoundException("The specified log stream does not exist.")
    _check_batch(log_events)
    now = CLOCK.now()
    expiry = now - group.retention_in_days * 86400 if group.retention_in_days else float("-inf")
    accepted, rejected = [], {}
    for index, event in enumerate(log_events):
        time = event["timestamp"] / 1000
        if time < expiry and time >= now - _OLDEST_SECONDS:
            rejected["expiredLogEventEndIndex"] = index + 1
        elif time < now - _OLDEST_SECONDS:
            rejected["tooOldLogEventEndIndex"] = index
        elif time > now + _NEWEST_SECONDS:
            rejected.setdefault("tooNewLogEventStartIndex", index)
        else:
            accepted.append(event)
    stream = group.streams[log_stream_name]
    sidecar(stream)["accepted"] = len(stream.events)
    return stream.put_log_events(accepted), rejected


def accepted_events(stream: Any) -> list[Any]:
    """Return the events of the last call."""
    events: list[Any] = stream.events[sidecar(stream).get("accepted", 0) :]
    return events


def _check_batch(log_events: list[dict[str, Any]]) -> None:
    from moto.logs.exceptions import InvalidParameterException

    times = [event["timestamp"] for event in log_events]
    if times != sorted(times):
        message = "Log events in a single PutLogEvents request must be in chronological order."
        raise InvalidParameterException(message)
    if times and times[-1] - times[0] > _MAX_SPAN_MILLISECONDS:
        message = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        raise InvalidParameterException(message)
    sizes = [event_bytes(event["message"]) for event in log_events]
    if sizes and max(sizes) > _MAX_EVENT_BYTES:
        message = f"Log event too large: {max(sizes)} bytes exceeds limit of {_MAX_EVENT_BYTES}"
        raise InvalidParameterException(message)
    if sum(sizes) > _MAX_BATCH_BYTES:
        raise InvalidParameterException(f"Upload too large: {sum(sizes)} bytes exceeds limit of {_MAX_BATCH_BYTES}")
