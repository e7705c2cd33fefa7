"""What is going to happen: each behaviour of the world says when it has to look again, and is woken then.

Nothing is kept here but those moments. What a behaviour has to do, it finds in the state of the things themselves, and
does nothing twice; so a moment too many does no harm, and after a restart each is asked once.
"""

from __future__ import annotations

import heapq
import traceback
from collections.abc import Callable
from threading import Lock

from local_aws_server import hooks
from local_aws_server.backends import Backends
from local_aws_server.clock.clock import CLOCK, Clock, format_timestamp

_ROUNDS = 100
_AT_ONE_MOMENT = 10_000


class Scheduler:
    """The moments at which something happens by itself, over all accounts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._due: dict[tuple[Backends, hooks.Reconciler], float] = {}
        self._heap: list[tuple[float, hooks.Reconciler, Backends]] = []
        self._changed: dict[Backends, set[str]] = {}

    def clear(self) -> None:
        with self._lock:
            self._due.clear()
            self._heap.clear()
            self._changed.clear()

    def next_event_time(self) -> float | None:
        """The moment of the next event, if any."""
        with self._lock:
            while self._heap:
                when, follower, world = self._heap[0]
                if self._due.get((world, follower)) == when:
                    return when
                heapq.heappop(self._heap)
            return None

    def mark_changed(self, world: Backends, *services: str) -> None:
        """Say that something of these services has changed, so that whoever follows them looks at it."""
        self._changed.setdefault(world, set()).update(services)

    def reconcile(self, world: Backends, *services: str) -> None:
        """Let the world react, at this moment, to a change in these services; under its account's lock."""
        self.mark_changed(world, *services)
        for _ in range(_ROUNDS):
            touched = self._changed.pop(world, set())
            if not touched:
                return
            for follower in hooks.RECONCILERS:
                if follower.services & touched:
                    self._run_reconciler(world, follower)
        raise RuntimeError(f"{', '.join(sorted(self._changed.pop(world)))} never come to rest")

    def run_until(self, until: float, unless: Callable[[], bool] = lambda: False) -> list[str]:
        """Play every event up to a moment, and be there; stop before as soon as `unless` is true. Under all locks.

        What goes wrong in one account must not stop the others: it is in the log of the server, and given back.
        """
        problems: list[str] = []
        if unless():
            return problems
        stopped, moment, played = False, 0.0, 0
        with self._clock.paused():
            while not stopped and (when := self.next_event_time()) is not None and when <= until:
                moment, played = when, played + 1 if when <= moment else 0
                if played > _AT_ONE_MOMENT:
                    raise RuntimeError(f"time does not get past {format_timestamp(when)}: {self._heap[0][1].name}")
                try:
                    self._run_next()
                except Exception as problem:
                    traceback.print_exc()
                    problems.append(f"{format_timestamp(when)}: {type(problem).__name__}: {problem}")
                stopped = unless()
        if not stopped:
            self._clock.advance(until)
        return problems

    def _run_next(self) -> None:
        with self._lock:
            when, follower, world = heapq.heappop(self._heap)
            del self._due[world, follower]
        self._clock.jump_to_event(when)
        self._run_reconciler(world, follower)
        self.reconcile(world)

    def _run_reconciler(self, world: Backends, follower: hooks.Reconciler) -> None:
        again = follower.reconcile(world)
        with self._lock:
            if again is None:
                self._due.pop((world, follower), None)
            elif self._due.get((world, follower)) != again:
                self._due[world, follower] = again
                heapq.heappush(self._heap, (again, follower, world))


SCHEDULER = Scheduler(CLOCK)
