"""LookupEvents: the management events of the last 90 days, the newest first.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import islice, takewhile
from typing import Any

from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.billing.calendar import DAY, to_datetime
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.history import History
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, replace
from local_aws_server.services.cloudtrail.recorder import TRAIL, TrailEvent, to_event

_DOCUMENTATION = ("https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html",)
BEHAVIOURS = (
    Behaviour(
        service="CloudTrail",
        statement="LookupEvents returns the events of one region and of 90 days, the newest first, by one attribute.",
        documentation=_DOCUMENTATION,
    ),
    Behaviour(
        service="CloudTrail",
        statement="Of more than 100,000 events of an account in 90 days, the oldest are dropped; an answer that lacks "
        "them has the header x-esaws-incomplete.",
        documentation=_DOCUMENTATION,
    ),
    Behaviour(
        service="CloudTrail",
        fidelity=NOT_SIMULATED,
        statement="The limit of two LookupEvents calls a second, and the minutes until AWS delivers an event.",
        documentation=_DOCUMENTATION,
    ),
)

INCOMPLETE = "x-esaws-incomplete"
"""The header of an answer that lacks events that AWS would have."""

_DAYS = 90
_MAX_RESULTS = 50
_ATTRIBUTES: dict[str, Callable[[TrailEvent], tuple[str, ...]]] = {
    "AccessKeyId": lambda event: (event.access_key,),
    "EventId": lambda event: (event.id,),
    "EventName": lambda event: (event.name,),
    "EventSource": lambda event: (event.source,),
    "ReadOnly": lambda event: ("false",),
    "ResourceName": lambda event: tuple(name for _, name in event.resources),
    "ResourceType": lambda event: tuple(kind for kind, _ in event.resources),
    "Username": lambda event: (event.username,),
}


@replace("cloudtrail", "LookupEvents")
def lookup_events(call: Call) -> dict[str, Any]:
    size = call.params.get("MaxResults", _MAX_RESULTS)
    if not 1 <= size <= _MAX_RESULTS:
        raise _invalid("MaxResults", f"MaxResults is {size}; it must be from 1 to {_MAX_RESULTS}.")
    history, token = TRAIL.get(call.account, History()), call.params.get("NextToken")
    if token and not (token.isdecimal() and int(token) < history.next):
        raise _invalid("NextToken", "The NextToken is not one of an earlier response.")
    start, end = _time_range(call)
    is_selected = _selection(call)
    call.notes["is_complete"] = history.is_complete(start)
    events = ((number, to_event(record)) for number, record in history.newest_first(int(token) if token else None))
    in_time = takewhile(lambda item: item[1].time >= start, events)
    selected = ((number, event) for number, event in in_time if event.time <= end and is_selected(event))
    found = [] if call.params.get("EventCategory") else list(islice(selected, size + 1))
    following = {"NextToken": str(found[size - 1][0])} if len(found) > size else {}
    return {"Events": [_described(event) for _, event in found[:size]], **following}


@after("cloudtrail", "LookupEvents")
def show_what_is_missing(call: Call) -> None:
    """Mark the answer if the account had more events in the time than are kept."""
    if not call.notes["is_complete"] and call.response is not None:
        call.response.headers[INCOMPLETE] = "older events were dropped"


def _time_range(call: Call) -> tuple[float, float]:
    """The times between which the call wants events."""
    now = CLOCK.now()
    start, end = (_seconds(call.params.get(name)) for name in ("StartTime", "EndTime"))
    if start is not None and end is not None and start > end:
        raise _invalid("TimeRange", "The StartTime is after the EndTime.")
    return max(start or 0.0, now - _DAYS * DAY), now if end is None else end


def _selection(call: Call) -> Callable[[TrailEvent], bool]:
    """A function that says whether an event has the region and the attributes of the call."""
    attributes = call.params.get("LookupAttributes", ())
    if len(attributes) > 1 or any(item["AttributeKey"] not in _ATTRIBUTES for item in attributes):
        raise _invalid("LookupAttributes", f"Use one of {', '.join(_ATTRIBUTES)}.")
    return lambda event: (
        event.region == call.region
        and all(item["AttributeValue"] in _ATTRIBUTES[item["AttributeKey"]](event) for item in attributes)
    )


def _seconds(value: Any) -> float | None:
    return value.timestamp() if isinstance(value, datetime) else value


def _described(event: TrailEvent) -> dict[str, Any]:
    return {
        "EventId": event.id,
        "EventName": event.name,
        "ReadOnly": "false",
        "AccessKeyId": event.access_key,
        "EventTime": to_datetime(event.time),
        "EventSource": event.source,
        "Username": event.username,
        "Resources": [{"ResourceType": kind, "ResourceName": name} for kind, name in event.resources],
        "CloudTrailEvent": event.record,
    }


def _invalid(what: str, message: str) -> AwsError:
    return AwsError(f"Invalid{what}Exception", message, 400)
