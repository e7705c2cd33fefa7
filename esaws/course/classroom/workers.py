"""Worker processes with a time limit: one that hangs or dies loses the item that it worked on, and nothing else."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from esaws.errors import EsawsError

Serve = Callable[[Connection, str], None]
"""Runs in a worker: sends `READY`, then receives tasks as JSON and sends `{"item": …, "result": …}` for each item."""

READY = b"ready"
START_LIMIT = 120.0
"""Seconds that a worker may take until it is ready."""


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
    since: float = field(default_factory=time.monotonic)
    is_ready: bool = False


def run_tasks(
    tasks: Sequence[Task], serve: Serve, *, workers: int, limit: float
) -> Iterator[tuple[str, str, dict[str, Any] | None, str]]:
    """Run tasks in worker processes, and yield (task, item, result, problem) of each item as they end.

    The result is None if the worker died or an item took more than `limit` seconds; `problem` says which. The rest of
    that task goes on in a new worker. Messages between the processes are JSON.

    Raises:
        EsawsError: a worker process does not start.
    """
    waiting = deque(task for task in tasks if task.items)
    running: list[_Worker] = []
    with tempfile.TemporaryDirectory(prefix="esaws-grading-", ignore_cleanup_errors=True) as folder:
        try:
            while waiting or any(worker.task for worker in running):
                while waiting and len(running) < min(workers, len(tasks)):
                    running.append(_start(serve, folder))
                for worker in running:
                    if worker.is_ready and worker.task is None and waiting:
                        _give(worker, waiting.popleft())
                busy = [worker for worker in running if worker.task or not worker.is_ready]
                answered = wait([worker.connection for worker in busy], timeout=1.0)
                for worker in busy:
                    problem = ""
                    if worker.connection in answered:
                        problem = yield from _receive(worker)
                    elif time.monotonic() - worker.since > (limit if worker.is_ready else START_LIMIT):
                        problem = f"the check took more than {limit:g} seconds"
                    if problem:
                        running.remove(worker)
                        _end(worker)
                        if worker.task is None:
                            raise EsawsError("a worker process did not start; `esaws doctor` says what is missing")
                        yield worker.task.key, worker.left[0], None, problem
                        if rest := worker.left[1:]:
                            waiting.appendleft(Task(worker.task.key, worker.task.about, rest))
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
    try:
        content = worker.connection.recv_bytes()
        if not worker.is_ready:
            worker.is_ready = content == READY
            return ""
        message = json.loads(content)
    except (EOFError, OSError, ValueError):
        return "the check ended its process"
    task = worker.task
    assert task is not None
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
