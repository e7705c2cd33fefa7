"""Turns: which change of an apply may poll next, while all that run only wait.

A poll advances the clock of the local AWS to the end of what it waits for. If one change polled while another still
made its calls, what the other one makes would begin minutes earlier or later on that clock, as the threads happen to
run. So a change polls only when all others wait, too, and they take turns. On AWS no poll moves a clock, and an apply
needs no turns.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from esaws.deploy.graph import Node
from esaws.resource import KINDS

_Order = tuple[int, float, Node]
"""The place in the queue: fewest turns first, then what AWS makes in the shortest time, then by name."""


class Turns:
    """The turns of one apply. Its main thread says what runs; the threads of its changes take turns."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._starting = True
        self._queue: list[_Order] = []
        self._polling = False
        self._of_thread = threading.local()

    @contextmanager
    def starting(self) -> Iterator[None]:
        """No turn begins inside the block, in which changes end and others start."""
        with self._changed:
            self._starting = True
        yield
        with self._changed:
            self._starting = False
            self._changed.notify_all()

    def started(self) -> None:
        """One more change runs."""
        with self._changed:
            self._running += 1

    def ended(self) -> None:
        """A change that ran has ended."""
        with self._changed:
            self._running -= 1

    def work_on(self, node: Node) -> None:
        """Let the turns of this thread be those of `node`, from its first turn on."""
        self._of_thread.node, self._of_thread.taken, self._of_thread.polls = node, 0, False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until all other changes wait, and this one is the next of them. Nothing else polls inside the block."""
        own = self._of_thread
        if own.polls:  # a poll that waits for something itself
            yield
            return
        order = (own.taken, KINDS[own.node.key[0]].seconds, own.node)
        with self._changed:
            self._queue.append(order)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_next(order))
            self._polling = own.polls = True
        try:
            yield
        finally:
            with self._changed:
                own.taken += 1
                self._queue.remove(order)
                self._polling = own.polls = False
                self._changed.notify_all()

    def _is_next(self, order: _Order) -> bool:
        all_wait = not self._starting and len(self._queue) == self._running
        return all_wait and not self._polling and order == min(self._queue)
