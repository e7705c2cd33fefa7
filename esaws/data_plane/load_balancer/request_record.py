"""What is known about one request after its response: a line of the access log, and what CloudWatch counts.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class RequestRecord:
    """One request. A status is None where there was none, a target is empty where none was chosen."""

    type: str
    """http, https, h2, grpcs, ws or wss."""
    received: datetime
    """When the load balancer received the request."""
    time: datetime
    """When it had sent the response."""
    load_balancer: str
    """app/NAME/ID."""
    zone: str
    """The Availability Zone of the node that received it."""
    node: str
    """The private address of that node."""
    client: str
    """ADDRESS:PORT of the client."""
    elb_status: int
    target_status: int | None = None
    target_group_arn: str = ""
    target_id: str = ""
    target: str = ""
    """ADDRESS:PORT of the target on AWS."""
    request_seconds: float | None = None
    """Until the request was sent to the target; None where it was not."""
    target_seconds: float | None = None
    """Until the target began its response (CloudWatch's TargetResponseTime); None where it did not."""
    response_seconds: float | None = None
    received_bytes: int
    sent_bytes: int
    request: str
    """METHOD URL VERSION as a log has it."""
    user_agent: str = "-"
    trace_id: str = "-"
    host: str = "-"
    ssl_cipher: str = "-"
    ssl_protocol: str = "-"
    certificate_arn: str = "-"
    priority: int | None = None
    """The priority of the rule, 0 for the default rule; None where no rule was evaluated."""
    actions: tuple[str, ...] = ()
    redirect_url: str = "-"
    error_reason: str = "-"

    def log_line(self) -> str:
        """Return its line of the access log, without a line end."""
        seconds = (self.request_seconds, self.target_seconds, self.response_seconds)
        times = [_seconds(value) for value in (seconds if self.target_status else (None, None, None))]
        target, target_status = self.target or "-", _status(self.target_status)
        fields = [
            self.type,
            _timestamp(self.time),
            self.load_balancer,
            self.client,
            target,
            *times,
            str(self.elb_status),
            target_status,
            str(self.received_bytes),
            str(self.sent_bytes),
            _quoted(self.request),
            _quoted(self.user_agent),
            self.ssl_cipher,
            self.ssl_protocol,
            self.target_group_arn or "-",
            _quoted(self.trace_id),
            _quoted(self.host if self.type in ("https", "h2", "grpcs", "wss") else "-"),
            _quoted(self.certificate_arn),
            "-1" if self.priority is None else str(self.priority),
            _timestamp(self.received),
            _quoted(",".join(self.actions) or "-"),
            _quoted(self.redirect_url),
            _quoted(self.error_reason),
            _quoted(target),
            _quoted(target_status),
            _quoted("-"),
            _quoted("-"),
        ]
        return " ".join(fields)


def _timestamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _seconds(value: float | None) -> str:
    return "-1" if value is None else f"{value:.3f}"


def _status(status: int | None) -> str:
    return "-" if status is None else str(status)


def _quoted(text: str) -> str:
    escaped = text.replace('"', '\\"')
    printable = "".join(char if char.isprintable() else f"\\x{ord(char):02X}" for char in escaped)
    return f'"{printable}"'
