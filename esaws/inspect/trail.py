"""Who changed what: the changing calls of an account, from CloudTrail's event history of 90 days.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from esaws.cloud import Cloud
from esaws.timestamps import format_utc

MAX_CALLS = 1000
"""How many calls are read at most: AWS gives 50 at a time, twice a second."""
_PAGE = 50
_INCOMPLETE = "x-esaws-incomplete"
"""The header of an answer of the local AWS that lacks older calls."""


@dataclass(frozen=True)
class TrailCall:
    """One changing call. `requested` are the names in its parameters, `returned` those in its result.

    `who` is the user, the session of a role with the role, or the AWS service that made the call.
    """

    time: datetime
    who: str
    service: str
    operation: str
    error: str
    source_ip: str
    agent: str
    requested: frozenset[str]
    returned: frozenset[str]

    @property
    def text(self) -> str:
        """Who, with which call, and when."""
        return f"{self.who}: {self.operation}, {format_utc(self.time)}"

    def to_dict(self) -> dict[str, Any]:
        """Return time, who, call (service:Operation), error, source_ip, agent."""
        return {
            "time": self.time.isoformat(),
            "who": self.who,
            "call": f"{self.service}:{self.operation}",
            "error": self.error,
            "source_ip": self.source_ip,
            "agent": self.agent,
        }


@dataclass(frozen=True)
class Trail:
    """Changing calls, the newest first. `is_complete` is false where there were more than were read, or are kept."""

    calls: tuple[TrailCall, ...]
    is_complete: bool

    def creating(self, names: Iterable[str]) -> TrailCall | None:
        """Return the call that created a resource; None where no call that was read did."""
        wanted = {*names}
        made = [call for call in self._succeeded() if _CREATES.match(call.operation)]
        found = [call for call in made if wanted & call.returned] or [call for call in made if wanted & call.requested]
        return found[-1] if found else None

    def deleting(self, names: Iterable[str]) -> TrailCall | None:
        """Return the last call that deleted a resource, or None."""
        return self._last(_DELETES, {*names})

    def removing_from(self, names: Iterable[str]) -> TrailCall | None:
        """Return the last call that removed a part from a resource, such as a rule from a group; or None."""
        return self._last(_REMOVES, {*names})

    def changing(self, names: Iterable[str]) -> list[TrailCall]:
        """Return the calls that changed a resource and did not create or delete it, the newest first."""
        wanted = {*names}
        return [
            call
            for call in self._succeeded()
            if wanted & call.requested
            and (_PARTS.match(call.operation) or not (_CREATES.match(call.operation) or _DELETES.match(call.operation)))
        ]

    def _last(self, operations: re.Pattern[str], names: set[str]) -> TrailCall | None:
        calls = (call for call in self._succeeded() if operations.match(call.operation))
        return next((call for call in calls if names & call.requested), None)

    def _succeeded(self) -> Iterator[TrailCall]:
        return (call for call in self.calls if not call.error)


_CREATES = re.compile(r"Create|Run|Allocate|Register|Import|Restore|Copy|Put|Request|Authorize|Attach|Associate")
_DELETES = re.compile(r"Delete|Terminate|Deregister|Release")
_REMOVES = re.compile(r"Delete|Deregister|Remove|Revoke|Detach|Disassociate")
_PARTS = re.compile(
    r"(Create|Delete|Put)(Tags|Route|Listener|Rule|\w*Policy|\w*Attribute\w*)|Authorize|Revoke|Put"
    r"|(Register|Deregister)(Targets|Instances)|Attach|Detach|Associate|Disassociate|Remove"
)
"""Calls that create or delete a part of what they name, and change that."""


def read_trail(cloud: Cloud, since: datetime | None = None, *, max_calls: int = MAX_CALLS) -> Trail:
    """Return the changing calls of an account in its region, the newest first, from a time on.

    AWS delivers a call within about five minutes, at most fifteen. Global services such as IAM are in us-east-1.

    Raises:
        ClientError: CloudTrail refused the call.
    """
    parameters: dict[str, Any] = {"LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "false"}]}
    if since is not None:
        parameters["StartTime"] = since
    config = {"PageSize": _PAGE, "MaxItems": max_calls}
    pages = cloud.client("cloudtrail").get_paginator("lookup_events").paginate(**parameters, PaginationConfig=config)
    calls, is_whole = [], True
    for page in pages:
        calls += [parse_event(event) for event in page["Events"]]
        is_whole &= _INCOMPLETE not in page["ResponseMetadata"]["HTTPHeaders"]
    return Trail(tuple(calls), is_complete=is_whole and pages.resume_token is None)


def parse_event(event: dict[str, Any]) -> TrailCall:
    """Return an event of LookupEvents as a call, without the values of its parameters. Pure."""
    record = json.loads(event.get("CloudTrailEvent") or "{}")
    named = {item["ResourceName"] for item in event.get("Resources", ()) if item.get("ResourceName")}
    requested = {*_names(record.get("requestParameters"))}
    returned = {*_names(record.get("responseElements"))}
    return TrailCall(
        time=event["EventTime"],
        who=_who(record.get("userIdentity") or {}, event.get("Username", "")),
        service=str(event.get("EventSource", "")).removesuffix(".amazonaws.com"),
        operation=event["EventName"],
        error=record.get("errorCode", ""),
        source_ip=record.get("sourceIPAddress", ""),
        agent=str(record.get("userAgent", "")).split(" ")[0],
        requested=frozenset(requested | (named & requested if returned else named)),
        returned=frozenset(returned),
    )


def _who(identity: dict[str, Any], username: str) -> str:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html"""
    if identity.get("type") == "Root":
        return "the root user"
    if invoked_by := identity.get("invokedBy"):
        return str(invoked_by)
    role = identity.get("sessionContext", {}).get("sessionIssuer", {}).get("arn", "").rpartition("/")[2]
    name = identity.get("userName") if identity.get("type") == "IAMUser" else None
    session = str(name or username or identity.get("arn", "").rpartition("/")[2] or "unknown")
    return f"{session} (role {role})" if role and role != session else session


def _names(value: Any) -> Iterator[str]:
    """Yield the texts in parameters that may name a resource, and the last part of each ARN."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, str) and len(value) <= 300:
        yield value
        if value.startswith("arn:"):
            yield re.split(r"[:/]", value)[-1]
            if ":listener-rule/" in value:
                yield value.rpartition("/")[0].replace(":listener-rule/", ":listener/")
