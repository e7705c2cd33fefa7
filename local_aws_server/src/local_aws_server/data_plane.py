"""The data plane: a program beside this server that runs tasks, load balancers and stores for real.

It asks what should run and reports what it observes (`services/running.py`), as ECS's agents and the nodes of load
balancers do on AWS. Services declare what should run with `desired`, and turn reports into states with `observer`.
While none is connected, everything is simulated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local_aws_server.backends import Backends

Desired = Callable[[Backends], list[dict[str, Any]]]
Observer = Callable[[Backends, Iterable[Mapping[str, Any]]], None]

DESIRED: dict[str, tuple[str, Desired]] = {}
"""Name → (service, function that returns what should run of an account and region)."""

OBSERVERS: dict[str, Observer] = {}
"""Name → function that takes the reports of one kind."""


class DataPlane:
    """The connection to the data plane."""

    def __init__(self) -> None:
        self.session: str | None = None
        """The id of the connected program; None while everything is simulated."""
        self.had_session = False
        """Whether another program was connected before it."""
        self._factor = 1.0

    @property
    def is_connected(self) -> bool:
        return self.session is not None

    def connect(self, session: str, factor: float) -> None:
        """Let a program run things; `factor` is the fraction of AWS's time that their checks and delays take."""
        self.had_session = self.had_session or self.session not in (None, session)
        self.session, self._factor = session, factor

    def disconnect(self) -> None:
        """Go on without processes: what they did is simulated."""
        self.had_session = self.had_session or self.session is not None
        self.session = None

    def duration(self, seconds: float) -> float:
        """Return how long a check or delay takes that takes so many seconds on AWS: processes can't jump in time."""
        return seconds * self._factor if self.is_connected else seconds


DATA_PLANE = DataPlane()


def desired(name: str, service: str) -> Callable[[Desired], Desired]:
    """Register a function that returns what of a service should run."""

    def register(function: Desired) -> Desired:
        DESIRED[name] = service, function
        return function

    return register


def observer(name: str) -> Callable[[Observer], Observer]:
    """Register a function that takes reports."""

    def register(function: Observer) -> Observer:
        OBSERVERS[name] = function
        return function

    return register
