"""What disturbs a command at one of its calls: the end of the process, a broken connection, or an error of AWS."""

import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError
from botocore.model import OperationModel

from esaws import simulation
from esaws.call_log import READ_VERBS
from esaws.cloud import Cloud

KILLS = ("killed before", "killed after")
"""The process ends by SIGKILL before the call, or when AWS has made it and the answer was not read yet."""

BROKEN = ("connection reset", "connect time-out", "read time-out")
"""The connection fails. A read time-out is a lost answer: AWS has made the call."""

RETRIED = ("throttle", "internal-error", "unavailable", *BROKEN)
"""After one of these, the same call may succeed."""

CAPACITY = "insufficient-capacity"
"""EC2 has no capacity for an instance type, in one zone or, lasting, in all."""

NO_ROOM = "no room for a task"
"""RunTask succeeds, and its answer says that no instance has the memory."""

IN_USE = "delete refused"
"""A delete is refused because of a user that AWS still sees: three times, or always if it is lasting."""

STUCK = "delete stuck"
"""AWS takes a delete, and the resource stays. It is always lasting."""

DELETES = (IN_USE, STUCK)

_REFUSED = ("expired-token", "access-denied", "quota-exceeded", "not-found-after-create")

FAULTS = (*RETRIED, *_REFUSED, CAPACITY, NO_ROOM, *DELETES)

KINDS = (*KILLS, *FAULTS)

EVENTUALLY_CONSISTENT = ("ec2", "elasticache", "elbv2", "iam", "rds")
"""The services whose new resources are not found for a while."""

_LAUNCHES = ("CreateAutoScalingGroup", "RunInstances", "StartInstances", "UpdateAutoScalingGroup")

_IN_USE = {
    "DeleteAutoScalingGroup": "ResourceInUse",
    "DeleteCacheSubnetGroup": "CacheSubnetGroupInUse",
    "DeleteCapacityProvider": "ResourceInUseException",
    "DeleteCluster": "ClusterContainsContainerInstancesException",
    "DeleteDBSubnetGroup": "InvalidDBSubnetGroupStateFault",
    "DeleteInstanceProfile": "DeleteConflict",
    "DeleteInternetGateway": "DependencyViolation",
    "DeleteRole": "DeleteConflict",
    "DeleteRouteTable": "DependencyViolation",
    "DeleteSecurityGroup": "DependencyViolation",
    "DeleteSubnet": "DependencyViolation",
    "DeleteTargetGroup": "ResourceInUse",
    "DeleteVpc": "DependencyViolation",
    "DetachInternetGateway": "DependencyViolation",
}
"""Operation → AWS's code while something still uses the resource."""

_REFUSALS = 3

_ALL = 1_000_000


@dataclass(frozen=True)
class Disturbance:
    """A disturbance at the call of a number, counted from 1 among those that change something, or among all others."""

    kind: str
    number: int
    changing: bool = True
    lasting: bool = False
    """Whether it goes on until the command ends."""

    def __str__(self) -> str:
        what = "changing" if self.changing else "reading"
        return f"{self.kind}{' from' if self.lasting else ' at'} {what} call {self.number}{' on' * self.lasting}"


def can_strike(kind: str, operation: str, changing: bool) -> bool:
    """Whether a kind of disturbance can strike a call of this operation."""
    if kind in ("quota-exceeded", "not-found-after-create"):
        return changing
    if kind in DELETES:
        return operation in _IN_USE if kind == IN_USE else operation.startswith("Delete")
    return operation in {CAPACITY: _LAUNCHES, NO_ROOM: ("RunTask",)}.get(kind, (operation,))


class Disturber:
    """Counts the calls of a process, and disturbs one of them."""

    def __init__(self, disturbance: Disturbance | None) -> None:
        self.disturbance = disturbance
        self.calls: list[tuple[str, bool]] = []
        """(operation, whether it changes something) of each call."""
        self.struck = ""
        """The operation that was disturbed."""
        self._lock = threading.Lock()
        self._here = threading.local()
        self._target = "", ""
        """The delete that is refused: its operation and parameters."""
        self._refused = 0

    def attach(self, cloud: Cloud, client: Any) -> None:
        """Count and disturb the calls of a client of `cloud`."""
        events, session = client.meta.events, client._endpoint.http_session
        events.register("before-call", partial(self._count, cloud))
        events.register("before-send", lambda request, **_: self._send(request, session.send))
        events.register("response-received", lambda **_: self._received())

    def _count(self, cloud: Cloud, model: OperationModel, params: dict[str, Any], **_: Any) -> None:
        # The lock of the deployment is a call like any other.
        changes = not model.name.startswith(READ_VERBS)
        with self._lock:
            self.calls.append((model.name, changes))
            number = sum(each == changes for _, each in self.calls)
        wanted = self.disturbance
        is_struck = bool(wanted) and wanted.changing == changes and number == wanted.number  # type: ignore[union-attr]
        if wanted and wanted.kind == "not-found-after-create":
            is_struck = is_struck and model.service_model.service_name in EVENTUALLY_CONSISTENT
        if is_struck and not can_strike(wanted.kind, model.name, changes):  # type: ignore[union-attr]
            is_struck = False  # as threads happened to run, another call has this number
        if wanted and wanted.kind in DELETES:
            self._here.mode = self._delete(wanted, model.name, (params["url_path"], params["body"]), is_struck)
            return
        goes_on = bool(self.struck) and wanted is not None and wanted.lasting
        self._here.mode = "first" if is_struck else "again" if goes_on else ""
        if is_struck:
            assert wanted
            self.struck = model.name
            if wanted.kind not in (*KILLS, *BROKEN, NO_ROOM):
                self._inject(cloud, wanted, model)

    def _delete(self, wanted: Disturbance, operation: str, parameters: Any, is_struck: bool) -> str:
        """Return the mode of a call where a delete is disturbed: `refuse` or `swallow` of that delete, else empty."""
        delete = operation, repr(parameters)
        if is_struck:
            self.struck, self._target = operation, delete
        if not self.struck or delete != self._target:
            return ""
        self._refused += 1
        if wanted.kind == STUCK:
            return "swallow"
        return "refuse" if wanted.lasting or self._refused <= _REFUSALS else ""

    @staticmethod
    def _inject(cloud: Cloud, wanted: Disturbance, model: OperationModel) -> None:
        """Let the local AWS answer this call, and those after it, with an error; `cloud` is in the call's region."""
        # Credentials expire, and AWS throttles and fails, for all calls; permissions and quotas are those of one.
        service = model.service_model.service_name
        of_one = wanted.kind in ("access-denied", "quota-exceeded", "not-found-after-create") or not wanted.lasting
        where = {"service": service, "operation": model.name} if of_one else {}
        if wanted.kind == "not-found-after-create":
            where = {"service": service}
        count = _ALL if wanted.lasting else 1
        if wanted.kind == CAPACITY:
            where = {"service": "ec2"}
        simulation.fault(cloud, wanted.kind, count=count, **where)

    def _send(self, request: Any, send: Callable[[Any], Any]) -> Any:
        """Return an answer instead of AWS's, or None to let the call go on."""
        wanted, mode = self.disturbance, getattr(self._here, "mode", "")
        if wanted is None or not mode:
            return None
        if wanted.kind in DELETES:
            return _answer(request, mode, self.struck)
        if wanted.kind == NO_ROOM:
            return _json(request, 200, {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]})
        if wanted.kind == "killed before":
            os.kill(os.getpid(), signal.SIGKILL)
        if wanted.kind in BROKEN:
            if not wanted.lasting:
                self._here.mode = ""
            if wanted.kind == "connect time-out":
                raise ConnectTimeoutError(endpoint_url=request.url)
            if wanted.kind == "connection reset":
                raise ConnectionClosedError(endpoint_url=request.url)
            send(request)
            raise ReadTimeoutError(endpoint_url=request.url)
        return None

    def _received(self) -> None:
        wanted = self.disturbance
        if wanted is not None and wanted.kind == "killed after" and getattr(self._here, "mode", "") == "first":
            os.kill(os.getpid(), signal.SIGKILL)


class _Body(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _answered(request: Any, status: int, body: str, kind: str) -> AWSResponse:
    return AWSResponse(request.url, status, HeadersDict({"content-type": kind}), _Body(body.encode()))


def _json(request: Any, status: int, body: dict[str, Any]) -> AWSResponse:
    return _answered(request, status, json.dumps(body), "application/x-amz-json-1.1")


def _answer(request: Any, mode: str, operation: str) -> AWSResponse:
    """The answer to a delete, in the protocol of the request: a refusal with AWS's code, or a success."""
    is_json = b"json" in request.headers.get("Content-Type", b"")
    code, text = _IN_USE.get(operation, ""), "something still uses it"
    if mode == "refuse" and is_json:
        return _json(request, 400, {"__type": code, "message": text})
    if mode == "refuse":
        error = f"<Error><Code>{code}</Code><Message>{text}</Message></Error>"
        # EC2 wraps its errors once more.
        error = (
            f"<Response><Errors>{error}</Errors></Response>"
            if "2016-11-15" in str(request.body)
            else (f"<ErrorResponse>{error}</ErrorResponse>")
        )
        return _answered(request, 400, error, "text/xml")
    if is_json:
        return _json(request, 200, {"failures": [], "taskDefinitions": []})
    return _answered(request, 200, f"<{operation}Response><{operation}Result/></{operation}Response>", "text/xml")
