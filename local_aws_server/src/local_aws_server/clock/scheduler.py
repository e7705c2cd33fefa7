"""The scheduler: runs reconcilers after changes, and again at the times that they return.

It keeps nothing but those times. A reconciler derives its work from the current state and is idempotent, so that an
extra run does no harm, and one run of each is enough after a restart.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from threading import Lock

from local_aws_server import hooks
from local_aws_server.backends import Backends
from local_aws_server.clock.clock import CLOCK, Clock, format_timestamp
from local_aws_server.clock.isolation import forget_defect, note_defect, note_failure

_MAX_ROUNDS = 100
_MAX_RUNS_AT_ONE_TIME = 10_000


class Scheduler:
    """The times at which reconcilers run, over all accounts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._due: dict[tuple[Backends, hooks.Reconciler], float] = {}
        self._heap: list[tuple[float, hooks.Reconciler, Backends]] = []
        """May hold outdated entries: `_due` decides."""
        self._changed: dict[Backends, set[str]] = {}
        self.changes: Counter[str] = Counter()
        """Service → how often it has noted a change."""

    def clear(self) -> None:
        with self._lock:
            self._due.clear()
            self._heap.clear()
            self._changed.clear()
            self.changes.update(dict.fromkeys([*self.changes], 1))

    def next_event_time(self) -> float | None:
        """The time of the next run; None if there is none."""
        with self._lock:
            while self._heap:
                due, reconciler, backends = self._heap[0]
                if self._due.get((backends, reconciler)) == due:
                    return due
                heapq.heappop(self._heap)
            return None

    def mark_changed(self, backends: Backends, *services: str) -> None:
        """Mark services as changed, so that their reconcilers run in this round of `reconcile`."""
        self._changed.setdefault(backends, set()).update(services)
        self.changes.update(services)

    def reconcile(self, backends: Backends, *services: str) -> None:
        """Run the reconcilers of changed services until nothing changes any more. The caller holds the account's lock.

        If they never settle, they stop here, and the defect is noted.
        """
        self.mark_changed(backends, *services)
        for _ in range(_MAX_ROUNDS):
            changed = self._changed.pop(backends, set())
            if not changed:
                return
            for reconciler in hooks.RECONCILERS:
                if reconciler.services & changed:
                    self._run_reconciler(backends, reconciler)
        changed = self._changed.pop(backends, set())
        note_defect(backends.account, backends.region, "behaviour", ", ".join(sorted(changed)), "it does not settle")

    def run_until(self, until: float, unless: Callable[[], bool] = lambda: False) -> None:
        """Run every event up to a time and set the clock to it; stop early once `unless` holds.

        The caller holds all locks.
        """
        if unless():
            return
        stopped, latest, runs = False, 0.0, 0
        with self._clock.paused():
            while not stopped and (due := self.next_event_time()) is not None and due <= until:
                latest, runs = due, runs + 1 if due <= latest else 0
                if runs > _MAX_RUNS_AT_ONE_TIME:
                    self._end_endless(due)
                else:
                    self._run_next()
                stopped = unless()
        if not stopped:
            self._clock.advance(until)

    def _end_endless(self, due: float) -> None:
        """Unschedule what would run at one time for ever."""
        with self._lock:
            _, reconciler, backends = heapq.heappop(self._heap)
            del self._due[backends, reconciler]
        reason = f"it runs endlessly at {format_timestamp(due)}"
        note_defect(backends.account, backends.region, "behaviour", reconciler.name, reason)

    def _run_next(self) -> None:
        with self._lock:
            due, reconciler, backends = heapq.heappop(self._heap)
            del self._due[backends, reconciler]
        self._clock.jump_to_event(due)
        self._run_reconciler(backends, reconciler)
        self.reconcile(backends)

    def _run_reconciler(self, backends: Backends, reconciler: hooks.Reconciler) -> None:
        where = backends.account, backends.region, "behaviour", reconciler.name
        try:
            next_run = reconciler.reconcile(backends)
            forget_defect(*where)
        except Exception as error:
            note_failure(*where, error)
            next_run = None
        with self._lock:
            if next_run is None:
                self._due.pop((backends, reconciler), None)
            elif self._due.get((backends, reconciler)) != next_run:
                self._due[backends, reconciler] = next_run
                heapq.heappush(self._heap, (next_run, reconciler, backends))


SCHEDULER = Scheduler(CLOCK)
