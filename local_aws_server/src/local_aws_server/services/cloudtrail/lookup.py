"""LookupEvents: the management events of the last 90 days, the newest first.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.billing.calendar import DAY, to_datetime
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import replace
from local_aws_server.services.cloudtrail.recorder import TRAIL, TrailEvent

_DOCUMENTATION = ("https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html",)
BEHAVIOURS = (
    Behaviour(
        service="CloudTrail",
        statement="LookupEvents returns the events of one region and of 90 days, the newest first, by one attribute.",
        documentation=_DOCUMENTATION,
    ),
    Behaviour(
        service="CloudTrail",
        fidelity=NOT_SIMULATED,
        statement="The limit of two LookupEvents calls a second, and the minutes until AWS delivers an event.",
        documentation=_DOCUMENTATION,
    ),
)

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
    found = [] if call.params.get("EventCategory") else _selected(call)
    if token := call.params.get("NextToken"):
        ids = [event.id for event in found]
        if token not in ids:
            raise _invalid("NextToken", "The NextToken is not one of an earlier response.")
        found = found[ids.index(token) + 1 :]
    page, rest = found[:size], found[size:]
    return {"Events": [_described(event) for event in page], **({"NextToken": page[-1].id} if rest else {})}


def _selected(call: Call) -> list[TrailEvent]:
    now = CLOCK.now()
    start, end = (_seconds(call.params.get(name)) for name in ("StartTime", "EndTime"))
    if start is not None and end is not None and start > end:
        raise _invalid("TimeRange", "The StartTime is after the EndTime.")
    attributes = call.params.get("LookupAttributes", ())
    if len(attributes) > 1 or any(item["AttributeKey"] not in _ATTRIBUTES for item in attributes):
        raise _invalid("LookupAttributes", f"Use one of {', '.join(_ATTRIBUTES)}.")
    return [
        event
        for event in reversed(TRAIL.get(call.account, ()))
        if event.region == call.region
        and max(start or 0, now - _DAYS * DAY) <= event.time <= (now if end is None else end)
        and all(item["AttributeValue"] in _ATTRIBUTES[item["AttributeKey"]](event) for item in attributes)
    ]


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
