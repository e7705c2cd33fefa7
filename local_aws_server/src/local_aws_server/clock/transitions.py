"""Resources in transition: the state that each is changing to, and when it gets there."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK


@dataclass
class ProvisioningSpeed:
    """How long provisioning takes here."""

    factor: float | None = None
    """The fraction of AWS's time that passes in real time. None: as long as on AWS, in simulated time: a describe call
    advances the clock to the end."""

    def duration(self, seconds: float) -> float:
        """How long something takes on the clock that takes so many seconds on AWS."""
        return seconds if self.factor is None else seconds * self.factor


PROVISIONING_SPEED = ProvisioningSpeed()


@dataclass(frozen=True)
class Transition:
    """A resource's change to a state, which it reaches at a time of the clock."""

    to: str
    ends: float
    started: float
    reason: str


def start_transition(resource: Any, to: str, seconds: float, reason: str = "") -> None:
    """Start a change to a state that takes so many seconds on AWS; it replaces an earlier one."""
    now = CLOCK.now()
    sidecar(resource)["transition"] = Transition(to, now + PROVISIONING_SPEED.duration(seconds), now, reason)


def current_transition(resource: Any) -> Transition | None:
    """The transition that a resource is in."""
    transition: Transition | None = sidecar(resource).get("transition")
    return transition


def pop_reached_state(resource: Any) -> str | None:
    """End a transition that is due, and return its state; None if none is due."""
    transition = pop_finished_transition(resource)
    return transition.to if transition else None


def pop_finished_transition(resource: Any) -> Transition | None:
    """End a transition that is due, and return it; None if none is due."""
    transition = current_transition(resource)
    if transition is None or transition.ends > CLOCK.now():
        return None
    del sidecar(resource)["transition"]
    return transition


def hold_transition(resource: Any) -> None:
    """Let the transition of a resource last until `release_transition`: it waits for a process, not for the clock."""
    transition = current_transition(resource)
    if transition is not None:
        sidecar(resource)["transition"] = replace(transition, ends=math.inf)


def is_held(resource: Any) -> bool:
    transition = current_transition(resource)
    return transition is not None and transition.ends == math.inf


def release_transition(resource: Any) -> None:
    """End a transition that is held now."""
    transition = current_transition(resource)
    if transition is not None and transition.ends == math.inf:
        sidecar(resource)["transition"] = replace(transition, ends=CLOCK.now())


def next_transition_end(resources: Iterable[Any]) -> float | None:
    """When the next of these resources reaches its state; None if none does by itself."""
    return min(_ends(resources), default=None)


def wait_for_transitions(call: Call, resources: Iterable[Any]) -> None:
    """Answer a describe call after the transitions of what it shows, so that waiters cost no real time."""
    if PROVISIONING_SPEED.factor is None and (ends := _ends(resources)):
        call.wait_until(max(ends))


def _ends(resources: Iterable[Any]) -> list[float]:
    """The ends of the transitions that the clock ends."""
    return [t.ends for resource in resources if (t := current_transition(resource)) and t.ends < math.inf]
