"""What happened in the simulated world and why, in the order of the clock: one log for each account."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.clock.clock import CLOCK, format_timestamp

_KEPT = 100_000


@dataclass(frozen=True)
class Event:
    """Something that happened by itself, or that a fault made happen."""

    time: float
    region: str
    """Empty for what belongs to none."""
    subject: str
    """The name of what it is about: of a service, a group, a database."""
    what: str
    because: str

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "time": format_timestamp(self.time)}


class EventLog:
    """The events of every account, the newest last; of very many the oldest are forgotten."""

    def __init__(self) -> None:
        self._events: dict[str, deque[Event]] = {}

    def clear(self) -> None:
        self._events.clear()

    def events(self, account: str, since: float = 0.0) -> list[Event]:
        """The events of an account, from a moment on."""
        return [event for event in list(self._events.get(account, ())) if event.time >= since]

    def add(self, account: str, region: str, subject: str, what: str, because: str) -> None:
        event = Event(CLOCK.now(), region, subject, what, because)
        self._events.setdefault(account, deque(maxlen=_KEPT)).append(event)


EVENT_LOG = EventLog()


def record_event(backends: Backends, subject: str, what: str, because: str = "") -> None:
    """Write into the log that something happened at this moment."""
    EVENT_LOG.add(backends.account, backends.region, subject, what, because)


def record_account_event(account: str, subject: str, what: str, because: str = "") -> None:
    """The same of what belongs to no region: the account itself, a budget."""
    EVENT_LOG.add(account, "", subject, what, because)
