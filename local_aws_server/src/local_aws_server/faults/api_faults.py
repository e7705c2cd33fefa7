"""Injected faults of API calls: throttling, errors, lost responses, and resources that are not visible yet.

| kind | effect on a matching call |
|---|---|
| `throttle` | the service's throttling error |
| `internal-error` | HTTP 500, the service failed |
| `unavailable` | HTTP 503, the service is unavailable |
| `expired-token` | the session of the credentials has expired |
| `access-denied` | the credentials lack the permission |
| `quota-exceeded` | a quota of the account is used up; only for operations that make something |
| `insufficient-capacity` | EC2 cannot launch instances, also for Auto Scaling; in one `zone`, or in all |
| `not-found-after-create` | a new resource is not found, for `count` calls or for `seconds` of simulated time |
| `lost-response` | the call succeeds, and the connection closes without a response |
| `slow` | the response takes `seconds` of real time |

A fault strikes `count` times (null: until it is cleared). The default is once, unless it has a `probability` or a
duration.
"""

from __future__ import annotations

import random
import re
import socket
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from flask import Response

from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.errors import AwsError
from local_aws_server.faults import service_errors
from local_aws_server.faults.eventual_consistency import CREATE_OPERATIONS, all_texts, created_names
from local_aws_server.hooks import after
from local_aws_server.reset import on_reset

CAPACITY = "insufficient-capacity"
NOT_FOUND = "not-found-after-create"
LOST_RESPONSE = "lost-response"
SLOW = "slow"
KINDS = (*service_errors.KINDS, CAPACITY, NOT_FOUND, LOST_RESPONSE, SLOW)

_REQUEST_ID = re.compile(rb"<Request(?:Id|ID)>([^<]+)<")


@dataclass
class Fault:
    """An injected fault: which calls it strikes, and how often it has."""

    id: int
    kind: str
    service: str
    """boto3's name; `*` for every service."""
    operation: str
    """`*` for every operation."""
    region: str | None
    zone: str | None
    seconds: float | None
    count: int | None
    """How often it strikes at most; None: until it is cleared."""
    probability: float
    chance: random.Random
    struck: int = 0
    created: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    """Of `not-found-after-create`: name → (service and operation that created it, time)."""

    def matches(self, service: str, region: str, operation: str) -> bool:
        """Whether it may strike a call, and has strikes left."""
        return (
            self.service in ("*", service)
            and self.operation in ("*", operation)
            and self.region in (None, region)
            and (self.count is None or self.struck < self.count)
        )

    def strike(self) -> bool:
        """Draw whether it strikes this time, and count the strike."""
        if self.probability < 1 and self.chance.random() >= self.probability:
            return False
        self.struck += 1
        return True

    def to_dict(self) -> dict[str, Any]:
        """{id, kind, service, operation, region, zone, seconds, count, probability, struck}."""
        identity = {name: getattr(self, name) for name in ("id", "kind", "service", "operation", "region", "zone")}
        return {**identity, **{name: getattr(self, name) for name in ("seconds", "count", "probability", "struck")}}


FAULTS: dict[str, list[Fault]] = {}
"""Account → its faults, the oldest first."""


@on_reset
def clear_faults() -> None:
    FAULTS.clear()


def strike(call: Call) -> None:
    """Raise the error of a fault that strikes the call, or note what its response meets; of several, the oldest."""
    if call.is_retry or not call.operation:
        return
    for fault in FAULTS.get(call.account, ()):
        if fault.kind == NOT_FOUND:
            _hide_new_resource(call, fault)
        elif _can_strike(fault, call) and fault.strike():
            if fault.kind in service_errors.KINDS:
                raise _struck(call, fault, service_errors.service_error(fault.kind, call.service, call.operation))
            seconds = fault.seconds or 1.0
            call.notes["fault"] = fault.kind, seconds
            _record(call, fault, "answer lost" if fault.kind == LOST_RESPONSE else f"answered {seconds:g} s late")
            return


def _can_strike(fault: Fault, call: Call) -> bool:
    return (
        fault.kind != CAPACITY
        and fault.matches(call.service, call.region, call.operation)
        and service_errors.can_strike(fault.kind, call.operation)
    )


def deliver(call: Call, response: Response) -> Response:
    """Delay the response, drop its connection, or complete its error; the caller holds no lock."""
    kind, seconds = call.notes.get("fault", ("", 0.0))
    if kind == SLOW:
        time.sleep(seconds)
    elif kind == LOST_RESPONSE:
        with suppress(OSError):  # the client may have disconnected already
            call.request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    elif kind:
        _complete_error(call.service, response)
    return response


def _complete_error(service: str, response: Response) -> None:
    """Add the request's id to the headers, and mark a server error as one of the receiver."""
    body = response.get_data()
    if response.status_code >= 500:
        response.set_data(body.replace(b"<Type>Sender</Type>", b"<Type>Receiver</Type>"))
        if query_error := response.headers.get("x-amzn-query-error"):
            response.headers["x-amzn-query-error"] = query_error.replace(";Sender", ";Receiver")
    match = _REQUEST_ID.search(body)
    request_id = match[1].decode() if match else str(uuid.uuid4())
    response.headers["x-amz-request-id" if service == "s3" else "x-amzn-RequestId"] = request_id


def _struck(call: Call, fault: Fault, error: AwsError) -> AwsError:
    call.notes["fault"] = fault.kind, 0.0
    _record(call, fault, f"answered {error.code}")
    return error


def _record(call: Call, fault: Fault, what: str) -> None:
    record_event(call.backends, f"{call.service} {call.operation}", what, f"fault {fault.id}, {fault.kind}")


# --- new resources that are not visible yet


def _hide_new_resource(call: Call, fault: Fault) -> None:
    """Raise the not-found error if the call names a resource that was created a moment ago."""
    if not fault.created or not fault.matches(call.service, call.region, fault.operation):
        return
    for name in all_texts(call.params):
        service, operation, created_at = fault.created.get(name, ("", "", 0.0))
        if service != call.service or operation == call.operation:
            continue
        if fault.operation not in ("*", operation, call.operation):
            continue
        if fault.seconds is not None and CLOCK.now() >= created_at + fault.seconds:
            del fault.created[name]
        elif fault.strike():
            error = CREATE_OPERATIONS[service][operation]
            raise _struck(call, fault, AwsError(error.code, error.message.format(name), error.status))


def _remember_created(call: Call) -> None:
    """Note the names of new resources in the faults that hide them."""
    creates = CREATE_OPERATIONS[call.service]
    for fault in FAULTS.get(call.account, ()):
        is_creating = fault.operation not in creates or fault.operation == call.operation
        if fault.kind == NOT_FOUND and is_creating and fault.matches(call.service, call.region, fault.operation):
            for name in created_names(call.service, call.operation, call.result):
                fault.created[name] = call.service, call.operation, CLOCK.now()


for _service, _operations in CREATE_OPERATIONS.items():
    after(_service, *_operations)(_remember_created)
