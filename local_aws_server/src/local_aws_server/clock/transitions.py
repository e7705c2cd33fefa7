"""Things that take a while to be made, changed and deleted: what they are on their way to, and when they get there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK


@dataclass
class ProvisioningSpeed:
    """How fast things are provisioned here."""

    factor: float | None = None
    """The fraction of AWS's time that passes in real time; None: as long as on AWS, but whoever looks makes it pass."""

    def duration(self, seconds: float) -> float:
        """How long something takes on the clock that takes so many seconds on AWS."""
        return seconds if self.factor is None else seconds * self.factor


PROVISIONING_SPEED = ProvisioningSpeed()


@dataclass(frozen=True)
class Transition:
    """A thing is on its way to a state, and is there at a moment of the clock."""

    to: str
    ends: float
    started: float
    reason: str
    """What sent it there."""


def start_transition(thing: Any, to: str, seconds: float, reason: str = "") -> None:
    """Send a thing on its way to a state that takes so many seconds on AWS; an earlier way is given up."""
    now = CLOCK.now()
    sidecar(thing)["passing"] = Transition(to, now + PROVISIONING_SPEED.duration(seconds), now, reason)


def current_transition(thing: Any) -> Transition | None:
    """What a thing is on its way to."""
    found: Transition | None = sidecar(thing).get("passing")
    return found


def pop_reached_state(thing: Any) -> str | None:
    """The state that a thing has reached by now, given once; None while it is on its way, or on none."""
    way = pop_finished_transition(thing)
    return way.to if way else None


def pop_finished_transition(thing: Any) -> Transition | None:
    """The way at whose end a thing is by now, given once; None while it is on its way, or on none."""
    way = current_transition(thing)
    if way is None or way.ends > CLOCK.now():
        return None
    del sidecar(thing)["passing"]
    return way


def next_transition_end(things: Iterable[Any]) -> float | None:
    """The moment at which the next of these things arrives; None if none is on its way."""
    return min((way.ends for thing in things if (way := current_transition(thing))), default=None)


def wait_for_transitions(call: Call, things: Iterable[Any]) -> None:
    """Answer a describe once everything has arrived that it shows: so waiters cost no real time."""
    ends = [way.ends for thing in things if (way := current_transition(thing))]
    if ends and PROVISIONING_SPEED.factor is None:
        call.wait_until(max(ends))
