"""Threads: a browser's Python has none.

Tasks of a pool run one after the other, when somebody waits for their results. What a program leaves to a thread of its
own is background work (renewing a lock, saving now and then): it never gets a turn.
"""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ALL_COMPLETED, Executor, Future
from typing import Any


class Task(Future[Any]):
    """A call that runs when its result is needed."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__()
        self._call: Callable[[], Any] | None = call

    def run(self) -> None:
        """Run the call, unless it has run."""
        call, self._call = self._call, None
        if call is None or not self.set_running_or_notify_cancel():
            return
        try:
            result = call()
        except BaseException as error:
            self.set_exception(error)
        else:
            self.set_result(result)

    def result(self, timeout: float | None = None) -> Any:
        self.run()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self.run()
        return super().exception(timeout)


class OneByOne(Executor):
    """A pool of one worker: this thread."""

    def __init__(self, max_workers: int | None = None, *args: Any, **options: Any) -> None:
        """Takes the arguments of ThreadPoolExecutor."""
        self._tasks: list[Task] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Task:
        task = Task(lambda: fn(*args, **kwargs))
        self._tasks.append(task)
        return task

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for task in self._tasks:
            if cancel_futures:
                task.cancel()
            elif wait:
                task.run()
        self._tasks.clear()


_library = {name: getattr(concurrent.futures, name) for name in ("wait", "as_completed")}


def wait(futures: Iterable[Future[Any]], timeout: float | None = None, return_when: str = ALL_COMPLETED) -> Any:
    """As `concurrent.futures.wait`: runs tasks until what it waits for is there."""
    futures = list(futures)
    for future in futures:
        if return_when != ALL_COMPLETED and any(each.done() for each in futures):
            break
        if isinstance(future, Task):
            future.run()
    return _library["wait"](futures, timeout, return_when)


def as_completed(futures: Iterable[Future[Any]], timeout: float | None = None) -> Iterator[Future[Any]]:
    """As `concurrent.futures.as_completed`, in the order of the tasks."""
    for future in list(futures):
        if isinstance(future, Task):
            future.run()
        yield future


def _start(thread: threading.Thread) -> None:
    """Start nothing: the thread counts as one that has not had a turn yet."""


def _join(thread: threading.Thread, timeout: float | None = None) -> None:
    """Wait for nothing."""


def install() -> None:
    """Put all of this in the place of the standard library's."""
    concurrent.futures.ThreadPoolExecutor = OneByOne  # type: ignore[assignment,misc]
    concurrent.futures.wait = wait
    concurrent.futures.as_completed = as_completed
    threading.Thread.start = _start  # type: ignore[method-assign]
    threading.Thread.join = _join  # type: ignore[method-assign]

    from esaws.deploy import apply

    apply.WORKERS = 1
