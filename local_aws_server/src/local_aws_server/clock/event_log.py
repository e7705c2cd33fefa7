"""The log of what happened in each account and why, in the order of the clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.clock.clock import CLOCK, format_timestamp
from local_aws_server.clock.history import History


@dataclass(frozen=True)
class Event:
    """A change that the server made by itself, or that an injected fault caused."""

    time: float
    region: str
    """Empty for events of the account as a whole."""
    subject: str
    """The name of the resource: of a service, a group, a database."""
    what: str
    because: str

    def to_dict(self) -> dict[str, Any]:
        """{time (ISO 8601), region, subject, what, because}."""
        return {**asdict(self), "time": format_timestamp(self.time)}


class EventLog:
    """The events of every account; the oldest are dropped above a limit."""

    def __init__(self) -> None:
        self._events: dict[str, History] = {}

    def clear(self) -> None:
        self._events.clear()

    def events(self, account: str, since: float = 0.0) -> list[Event]:
        """The events of an account, from a time on, the newest last."""
        history = self._events.get(account)
        return [Event(*record) for record in history.since(since)] if history else []

    def lost(self, account: str) -> float | None:
        """The time of the last event of an account that was dropped; None if there are all."""
        history = self._events.get(account)
        return history.lost if history else None

    def add(self, account: str, region: str, subject: str, what: str, because: str) -> None:
        event = Event(CLOCK.now(), region, subject, what, because)
        self._events.setdefault(account, History()).append(astuple(event))


EVENT_LOG = EventLog()


def history_of(events: Iterable[Event]) -> History:
    """Pack the events of a file in which each is an object."""
    history = History()
    for event in events:
        history.append(astuple(event))
    return history


def record_event(backends: Backends, subject: str, what: str, because: str = "") -> None:
    """Log an event of a resource, at the current time."""
    EVENT_LOG.add(backends.account, backends.region, subject, what, because)


def record_account_event(account: str, subject: str, what: str, because: str = "") -> None:
    """Log an event that belongs to no region, such as one of a budget."""
    EVENT_LOG.add(account, "", subject, what, because)
