"""Faults on demand: API calls that are throttled, fail, lose their answers, or do not see what was just made.

| kind | what the call that it strikes meets |
|---|---|
| `throttle` | the service's own throttling error |
| `internal-error` | HTTP 500, the service has failed |
| `unavailable` | HTTP 503, the service is away |
| `expired-token` | the session of the credentials is over |
| `insufficient-capacity` | EC2 has no room for instances, Auto Scaling's too; in one `zone`, or in all |
| `not-found-after-create` | what a create has made is not found, for `count` calls or for `seconds` of the clock |
| `lost-response` | the call is done, and the connection closed without an answer |
| `slow` | the answer takes `seconds` of real time |

A fault strikes `count` times (null: until it is cleared): once, unless a `probability` or a duration limits it.
"""

from __future__ import annotations

import difflib
import math
import random
import re
import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from flask import Response

from local_aws_server.backends import Backends
from local_aws_server.call import DEFAULT_ACCOUNT, Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.control import BadRequest, control_route
from local_aws_server.errors import AwsError
from local_aws_server.faults import eventual_consistency, outages, service_errors
from local_aws_server.hooks import after, before
from local_aws_server.reset import on_reset

CAPACITY, UNSEEN, LOST, SLOW = "insufficient-capacity", "not-found-after-create", "lost-response", "slow"
KINDS = (*service_errors.KINDS, CAPACITY, UNSEEN, LOST, SLOW)

_ASKED = ("account", "region", "service", "operation", "kind", "count", "probability", "seed", "seconds", "zone")
_LAUNCHES = ("RunInstances", "StartInstances")
_LONGEST_SECONDS = 600.0
_REQUEST_ID = re.compile(rb"<Request(?:Id|ID)>([^<]+)<")


@dataclass
class Fault:
    """What is to go wrong with which calls, and how often it has."""

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
    made: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    """What was made and can't be seen: name → (the service and the operation that made it, when)."""

    def is_about(self, service: str, region: str, operation: str) -> bool:
        return (
            self.service in ("*", service)
            and self.operation in ("*", operation)
            and self.region in (None, region)
            and (self.count is None or self.struck < self.count)
        )

    def strikes(self) -> bool:
        """Whether it strikes this time, which counts."""
        if self.probability < 1 and self.chance.random() >= self.probability:
            return False
        self.struck += 1
        return True

    def as_json(self) -> dict[str, Any]:
        shown = {name: getattr(self, name) for name in ("id", "kind", "service", "operation", "region", "zone")}
        return {**shown, **{name: getattr(self, name) for name in ("seconds", "count", "probability", "struck")}}


FAULTS: dict[str, list[Fault]] = {}
"""Account → its faults, the oldest first."""


@on_reset
def none_at_first() -> None:
    FAULTS.clear()


# --- on the way of a call


def strike(call: Call) -> None:
    """Before moto is asked: raises the error that a fault has for this call, or notes what its answer will meet.

    Of several faults the oldest strikes.
    """
    if call.is_retry or not call.operation:
        return
    for fault in FAULTS.get(call.account, ()):
        if fault.kind == UNSEEN:
            _miss(call, fault)
        elif fault.kind != CAPACITY and fault.is_about(call.service, call.region, call.operation) and fault.strikes():
            if fault.kind in service_errors.KINDS:
                raise _told(call, fault, service_errors.common_error(fault.kind, call.service))
            call.notes["fault"] = fault.kind, fault.seconds or 1.0
            _tell(call, fault, "answer lost" if fault.kind == LOST else f"answered {fault.seconds or 1:g} s late")
            return


def deliver(call: Call, response: Response) -> Response:
    """The answer as it is sent, outside any lock: it may be late, or its connection closed."""
    kind, seconds = call.notes.get("fault", ("", 0.0))
    if kind == SLOW:
        time.sleep(seconds)
    elif kind == LOST:
        with suppress(OSError):  # the caller may have hung up already
            call.request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    elif kind:
        _finish(call.service, response)
    return response


def _finish(service: str, response: Response) -> None:
    """An error has the request's id among its headers, and says that it is the server's fault where it is."""
    body = response.get_data()
    if response.status_code >= 500:
        response.set_data(body.replace(b"<Type>Sender</Type>", b"<Type>Receiver</Type>"))
        if blamed := response.headers.get("x-amzn-query-error"):
            response.headers["x-amzn-query-error"] = blamed.replace(";Sender", ";Receiver")
    told = _REQUEST_ID.search(body)
    request_id = told[1].decode() if told else str(uuid.uuid4())
    response.headers["x-amz-request-id" if service == "s3" else "x-amzn-RequestId"] = request_id


def _told(call: Call, fault: Fault, error: AwsError) -> AwsError:
    call.notes["fault"] = fault.kind, 0.0
    _tell(call, fault, f"answered {error.code}")
    return error


def _tell(call: Call, fault: Fault, what: str) -> None:
    record_event(call.backends, f"{call.service} {call.operation}", what, f"fault {fault.id}, {fault.kind}")


# --- what was just made


def _miss(call: Call, fault: Fault) -> None:
    if not fault.made or not fault.is_about(call.service, call.region, fault.operation):
        return
    for name in eventual_consistency.mentioned(call.params):
        service, by, when = fault.made.get(name, ("", "", 0.0))
        if service != call.service or by == call.operation or fault.operation not in ("*", by, call.operation):
            continue
        if fault.seconds is not None and CLOCK.now() >= when + fault.seconds:
            del fault.made[name]
        elif fault.strikes():
            missed = eventual_consistency.MISSED[service][by]
            raise _told(call, fault, AwsError(missed.code, missed.message.format(name), missed.status))


def _made(call: Call) -> None:
    for fault in FAULTS.get(call.account, ()):
        is_create = (
            fault.operation not in eventual_consistency.MISSED[call.service] or fault.operation == call.operation
        )
        if fault.kind == UNSEEN and is_create and fault.is_about(call.service, call.region, fault.operation):
            for name in eventual_consistency.made_by(call.service, call.operation, call.result):
                fault.made[name] = call.service, call.operation, CLOCK.now()


for _service, _creates in eventual_consistency.MISSED.items():
    after(_service, *_creates)(_made)


# --- no room for instances


@before("ec2", *_LAUNCHES)
def there_is_room(call: Call) -> None:
    for zone in () if call.is_retry else _zones(call):
        if refused := _no_room(call.backends, zone, call.operation):
            call.notes["fault"] = CAPACITY, 0.0
            why = f"no room in {zone or 'any zone'}"
            record_event(call.backends, f"ec2 {call.operation}", f"answered {refused.code}", why)
            raise refused


def refuse_launch(world: Backends, zone: str) -> None:
    """Raise InsufficientInstanceCapacity where a zone has failed, or a fault says that it has no room.

    For launches that no call asks for; each one that is refused counts as a strike.
    """
    if refused := _no_room(world, zone, "RunInstances"):
        raise refused


def _no_room(world: Backends, zone: str, operation: str) -> AwsError | None:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html"""
    if not outages.zone_failed(world, zone) and not any(
        fault.kind == CAPACITY
        and fault.zone in (None, zone)
        and fault.is_about("ec2", world.region, operation)
        and fault.strikes()
        for fault in FAULTS.get(world.account, ())
    ):
        return None
    message = "Insufficient capacity."
    if zone:
        known = [each.name for each in world.backend("ec2").describe_availability_zones()]
        others = [each for each in known if each != zone and not outages.zone_failed(world, each)]
        message = (
            f"We currently do not have sufficient capacity in the Availability Zone you requested ({zone}). "
            "Our system will be working on provisioning additional capacity. You can currently get capacity by not "
            f"specifying an Availability Zone in your request or choosing {', '.join(others)}."
        )
    return AwsError("InsufficientInstanceCapacity", message, 500)


def _zones(call: Call) -> list[str]:
    """The zones in which a call is to start instances; "" where none is named."""
    if call.operation == "StartInstances":
        asked = call.params["InstanceIds"]
        return sorted({str(each.placement.zone) for each in call.backends.instances if each.id in asked})
    interfaces = call.params.get("NetworkInterfaces") or [{}]
    if subnet := call.params.get("SubnetId") or interfaces[0].get("SubnetId"):
        return [call.backends.zone_of_subnet(subnet)]
    return [call.params.get("Placement", {}).get("AvailabilityZone", "")]


# --- control


@control_route("POST", "faults")
def add(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A fault more; gives its id."""
    account = str(asked.get("account", DEFAULT_ACCOUNT))
    if unknown := [name for name in asked if name not in _ASKED]:
        raise BadRequest(f"a fault has no {unknown[0]!r}; it has {', '.join(_ASKED)}")
    kind = asked.get("kind")
    if kind not in KINDS:
        raise BadRequest(f"{kind!r} is no kind of fault; there are {', '.join(KINDS)}")
    service = asked.get("service") or ("ec2" if kind == CAPACITY else "*")
    operation = asked.get("operation") or "*"
    _check_operation(kind, service, operation)
    if (zone := asked.get("zone")) is not None:
        if kind != CAPACITY:
            raise BadRequest(f"only {CAPACITY} is of a zone")
        outages.place_of(account, str(zone))
    if (region := asked.get("region")) is not None:
        outages.region_of(account, str(region))
    seconds = _number(asked, "seconds", None, 0.0, None if kind == UNSEEN else _LONGEST_SECONDS)
    if seconds is not None and kind not in (SLOW, UNSEEN):
        raise BadRequest(f"only {SLOW} and {UNSEEN} take `seconds`")
    probability = _number(asked, "probability", 1.0, 0.0, 1.0)
    once = "probability" not in asked and not (kind == UNSEEN and seconds is not None)
    count = _number(asked, "count", 1 if once else None, 1.0, None)
    if count is not None and not float(count).is_integer():
        raise BadRequest(f"count is a whole number, not {count!r}")
    mine = FAULTS.setdefault(account, [])
    fault = Fault(
        id=max((each.id for each in mine), default=0) + 1,
        kind=kind,
        service=service,
        operation=operation,
        region=region,
        zone=zone,
        seconds=seconds,
        count=None if count is None else int(count),
        probability=1.0 if probability is None else probability,
        chance=random.Random(str(asked.get("seed", 0))),
    )
    mine.append(fault)
    return {"id": fault.id}


@control_route("GET", "faults")
def listed(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The faults of an account, and how often each has struck."""
    return {"faults": [fault.as_json() for fault in FAULTS.get(asked.get("account", DEFAULT_ACCOUNT), ())]}


@control_route("DELETE", "faults")
def clear(asked: Mapping[str, Any]) -> dict[str, Any]:
    """No fault of the account any more, or all but the one with this id; gives how many are gone."""
    mine = FAULTS.get(asked.get("account", DEFAULT_ACCOUNT), [])
    gone = [fault for fault in mine if "id" not in asked or str(fault.id) == str(asked["id"])]
    if "id" in asked and not gone:
        known = ", ".join(str(fault.id) for fault in mine) or "none"
        raise BadRequest(f"no fault {asked['id']}; there are: {known}")
    mine[:] = [fault for fault in mine if fault not in gone]
    return {"cleared": len(gone)}


def _check_operation(kind: str, service: str, operation: str) -> None:
    if kind == CAPACITY:
        _one_of("service", service, ["ec2"])
        _one_of("operation", operation, ["*", *_LAUNCHES])
    elif service == "*":
        if operation != "*":
            raise BadRequest(f"say of which service {operation} is")
    else:
        _one_of("service", service, eventual_consistency.MISSED if kind == UNSEEN else _services())
        _one_of("operation", operation, ["*", *_operations(service)])


def _services() -> Iterator[str]:
    from botocore.session import get_session

    yield from get_session().get_available_services()


def _operations(service: str) -> list[str]:
    from moto.core.utils import get_service_model

    return list(get_service_model(service).operation_names)


def _one_of(what: str, asked: Any, known: Iterable[str]) -> None:
    names = [name for name in known if name != "*"]
    if asked in names or asked == "*":
        return
    some = difflib.get_close_matches(str(asked), names, n=5, cutoff=0.5) or names
    more = f" and {len(names) - len(some)} more" if len(some) < len(names) else ""
    raise BadRequest(f"no {what} {asked!r}; there are {', '.join(some)}{more}")


def _number(
    asked: Mapping[str, Any], name: str, default: float | None, least: float, most: float | None
) -> float | None:
    given = asked.get(name, default)
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise BadRequest(f"{name} is a number, not {given!r}")
    if not least <= given <= (math.inf if most is None else most):
        raise BadRequest(f"{name} is at least {least:g}" + ("" if most is None else f" and at most {most:g}"))
    return given
