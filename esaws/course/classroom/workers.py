"""Worker processes with a time limit: one that hangs or dies loses the item that it worked on, and nothing else."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

Serve = Callable[[Connection, str], None]
"""Runs in a worker: receives tasks as JSON, and sends `{"item": …, "result": …}` for each item, in order."""


@dataclass(frozen=True)
class Task:
    """What a worker does at once: `about` is sent with the names of the items."""

    key: str
    about: Mapping[str, Any]
    items: tuple[str, ...]


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    task: Task | None = None
    left: tuple[str, ...] = ()
    since: float = 0.0


def run_tasks(
    tasks: Sequence[Task], serve: Serve, *, workers: int, limit: float
) -> Iterator[tuple[str, str, dict[str, Any] | None, str]]:
    """Run tasks in worker processes, and yield (task, item, result, problem) of each item as they end.

    The result is None if the worker died or an item took more than `limit` seconds; `problem` says which. The rest of
    that task goes on in a new worker. Messages between the processes are JSON.
    """
    waiting = deque(task for task in tasks if task.items)
    running: list[_Worker] = []
    with tempfile.TemporaryDirectory(prefix="esaws-grading-", ignore_cleanup_errors=True) as folder:
        try:
            while waiting or any(worker.task for worker in running):
                while waiting and len(running) < workers:
                    running.append(_start(serve, folder))
                for worker in running:
                    if worker.task is None and waiting:
                        _give(worker, waiting.popleft())
                ready = wait([worker.connection for worker in running if worker.task], timeout=1.0)
                for worker in [*running]:
                    if worker.task is None:
                        continue
                    if worker.connection in ready:
                        problem = yield from _receive(worker)
                    else:
                        is_late = time.monotonic() - worker.since > limit
                        problem = f"the check took more than {limit:g} seconds" if is_late else ""
                    if problem:
                        task, (item, *rest) = worker.task, worker.left
                        _end(worker)
                        running.remove(worker)
                        yield task.key, item, None, problem
                        if rest:
                            waiting.appendleft(Task(task.key, task.about, tuple(rest)))
        finally:
            for worker in running:
                _end(worker)


def _start(serve: Serve, folder: str) -> _Worker:
    context = multiprocessing.get_context("spawn")
    own = tempfile.mkdtemp(dir=folder)
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, own), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _give(worker: _Worker, task: Task) -> None:
    worker.task, worker.left, worker.since = task, task.items, time.monotonic()
    with suppress(OSError):  # a worker that has died is noticed when its answer is read
        worker.connection.send_bytes(json.dumps({**task.about, "items": task.items}).encode())


def _receive(worker: _Worker) -> Generator[tuple[str, str, dict[str, Any] | None, str], None, str]:
    """Yield one result of a worker; returns a problem if it has died."""
    task = worker.task
    assert task is not None
    try:
        message = json.loads(worker.connection.recv_bytes())
    except (EOFError, OSError, ValueError):
        return "the check ended its process"
    worker.left, worker.since = worker.left[1:], time.monotonic()
    if not worker.left:
        worker.task = None
    yield task.key, message["item"], message["result"], ""
    return ""


def _end(worker: _Worker) -> None:
    """End a worker. Its servers notice that their owner has ended, and stop."""
    worker.connection.close()
    worker.process.join(0.5 if worker.task is None else 0)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()


def own_folder(path: str) -> Path:
    """Return the folder of a worker, which is now also that of its temporary files."""
    tempfile.tempdir = path
    return Path(path)
