"""Delete log events that are older than the retention of their group.

AWS deletes them within 72 hours, and charges no storage for them from the first. Here they are gone within an hour.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
"""

from __future__ import annotations

from math import ceil
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.isolation import each
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, reconciler
from local_aws_server.services.logs.events import event_bytes

_RETENTION = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch Logs",
        statement="Log events are deleted, and not charged any more, within an hour after the retention of their "
        "group; AWS takes up to 72 hours.",
        documentation=(_RETENTION,),
    ),
)

_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
_DAY, _HOUR = 86400.0, 3600.0


@before("logs", "PutRetentionPolicy")
def validate_retention(call: Call) -> None:
    days = int(call.params["retentionInDays"])
    if days not in _DAYS:
        allowed = ", ".join(map(str, _DAYS))
        message = (
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member "
            f"must satisfy enum value set: [{allowed}]"
        )
        raise AwsError("InvalidParameterException", message)


@reconciler("logs", order=80)
def delete_expired_events(backends: Backends) -> float | None:
    """Delete the expired events of each group; returns the full hour after the next event expires."""
    groups = [group for group in backends.backend("logs").groups.values() if group.retention_in_days]
    return each(backends, "log group", groups, lambda group: group.name, lambda group: _delete_expired(backends, group))


def _delete_expired(backends: Backends, group: Any) -> float | None:
    seconds = int(group.retention_in_days) * _DAY
    now, oldest = CLOCK.now(), []
    for stream in group.streams.values():
        if stream.events and _oldest(stream) + seconds <= now:
            _delete_until(stream, now - seconds)
            SCHEDULER.mark_changed(backends, "logs")  # for the meter
        if stream.events:
            oldest.append(_oldest(stream))
    return ceil((min(oldest) + seconds) / _HOUR) * _HOUR if oldest else None


def _oldest(stream: Any) -> float:
    """The time of the oldest event; only those that are new since the last look are read."""
    notes, events = sidecar(stream), stream.events
    known, oldest = notes.get("oldest", (0, float("inf")))
    if known != len(events):
        oldest = min((oldest, *(event.timestamp / 1000 for event in events[known:])))
        notes["oldest"] = len(events), oldest
    return float(oldest)


def _delete_until(stream: Any, time: float) -> None:
    notes = sidecar(stream)
    expired = [event for event in stream.events if event.timestamp / 1000 <= time]
    stream.events[:] = [event for event in stream.events if event.timestamp / 1000 > time]
    stream.stored_bytes = max(0, stream.stored_bytes - sum(len(event.message) for event in expired))
    notes["bytes"] = max(0, notes.get("bytes", 0) - sum(event_bytes(event.message) for event in expired))
    notes.pop("oldest", None)
