"""What disturbs a command at one of its calls: the end of the process, a broken connection, or an error of AWS."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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

FAULTS = (*RETRIED, "expired-token", "access-denied", "quota-exceeded", "not-found-after-create")

KINDS = (*KILLS, *FAULTS)

EVENTUALLY_CONSISTENT = ("ec2", "elasticache", "elbv2", "iam", "rds")
"""The services whose new resources are not found for a while."""

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
        self._cloud: Cloud | None = None

    def attach(self, cloud: Cloud, client: Any) -> None:
        """Count and disturb the calls of a client of `cloud`."""
        self._cloud = cloud
        events, session = client.meta.events, client._endpoint.http_session
        events.register("before-call", self._count)
        events.register("before-send", lambda request, **_: self._send(request, session.send))
        events.register("response-received", lambda **_: self._received())

    def _count(self, model: OperationModel, params: dict[str, Any], **_: Any) -> None:
        # The lock of the deployment is a call like any other.
        changes = not model.name.startswith(READ_VERBS)
        with self._lock:
            self.calls.append((model.name, changes))
            number = sum(each == changes for _, each in self.calls)
        wanted = self.disturbance
        is_struck = bool(wanted) and wanted.changing == changes and number == wanted.number  # type: ignore[union-attr]
        if wanted and wanted.kind == "not-found-after-create":
            is_struck = is_struck and model.service_model.service_name in EVENTUALLY_CONSISTENT
        goes_on = bool(self.struck) and wanted is not None and wanted.lasting
        self._here.mode = "first" if is_struck else "again" if goes_on else ""
        if is_struck:
            assert wanted
            self.struck = model.name
            if wanted.kind not in (*KILLS, *BROKEN):
                self._inject(wanted, model)

    def _inject(self, wanted: Disturbance, model: OperationModel) -> None:
        """Let the local AWS answer this call, and those after it, with an error."""
        assert self._cloud
        # Credentials expire, and AWS throttles and fails, for all calls; permissions and quotas are those of one.
        service = model.service_model.service_name
        of_one = wanted.kind in ("access-denied", "quota-exceeded", "not-found-after-create") or not wanted.lasting
        where = {"service": service, "operation": model.name} if of_one else {}
        if wanted.kind == "not-found-after-create":
            where = {"service": service}
        count = _ALL if wanted.lasting else 1
        simulation.fault(self._cloud, wanted.kind, count=count, **where)

    def _send(self, request: Any, send: Callable[[Any], Any]) -> None:
        wanted, mode = self.disturbance, getattr(self._here, "mode", "")
        if wanted is None or not mode:
            return
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

    def _received(self) -> None:
        wanted = self.disturbance
        if wanted is not None and wanted.kind == "killed after" and getattr(self._here, "mode", "") == "first":
            os.kill(os.getpid(), signal.SIGKILL)
