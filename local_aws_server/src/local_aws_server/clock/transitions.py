"""Things that take a while to be made, changed and deleted: what they are on their way to, and when they get there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import remembered
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK


@dataclass
class Pace:
    """How fast things are provisioned here."""

    really: float | None = None
    """The fraction of AWS's time that passes in real time; None: as long as on AWS, but whoever looks makes it pass."""

    def takes(self, seconds: float) -> float:
        """How long something takes on the clock that takes so many seconds on AWS."""
        return seconds if self.really is None else seconds * self.really


PACE = Pace()


@dataclass(frozen=True)
class Passing:
    """A thing is on its way to a state, and is there at a moment of the clock."""

    to: str
    ends: float
    began: float
    why: str
    """What sent it there."""


def begin(thing: Any, to: str, seconds: float, why: str = "") -> None:
    """Send a thing on its way to a state that takes so many seconds on AWS; an earlier way is given up."""
    now = CLOCK.now()
    remembered(thing)["passing"] = Passing(to, now + PACE.takes(seconds), now, why)


def passing(thing: Any) -> Passing | None:
    """What a thing is on its way to."""
    found: Passing | None = remembered(thing).get("passing")
    return found


def arrived(thing: Any) -> str | None:
    """The state that a thing has reached by now, given once; None while it is on its way, or on none."""
    way = arrival(thing)
    return way.to if way else None


def arrival(thing: Any) -> Passing | None:
    """The way at whose end a thing is by now, given once; None while it is on its way, or on none."""
    way = passing(thing)
    if way is None or way.ends > CLOCK.now():
        return None
    del remembered(thing)["passing"]
    return way


def next_arrival(things: Iterable[Any]) -> float | None:
    """The moment at which the next of these things arrives; None if none is on its way."""
    return min((way.ends for thing in things if (way := passing(thing))), default=None)


def wait_for(call: Call, things: Iterable[Any]) -> None:
    """Answer a describe once everything has arrived that it shows: so waiters cost no real time."""
    ends = [way.ends for thing in things if (way := passing(thing))]
    if ends and PACE.really is None:
        call.wait(max(ends))
