"""A server as a child process: recorded in its folder, its output in a log of limited size, stopped for certain.

The processes are those of `subprocess`: asyncio's never end if a task is cancelled while it starts one.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread

import psutil

from esaws.data_plane.stores.failures import StoreFailed
from esaws.data_plane.stores.unprivileged import DIES_WITH_PARENT, User, before_exec
from esaws.data_plane.watchdog import Watchdog
from esaws.process_identity import find_process, start_of

_RECORD = "process.json"
_LOG, _OLD_LOG = "log", "log.old"
_LOG_LIMIT = 1_000_000
_TAIL = 4000
_CHUNK = 65536
_LOOK_SECONDS = 0.02
_START_SECONDS = 30.0
_KILL_SECONDS = 5.0
_LEFTOVER_SECONDS = 3.0

_ERROR = re.compile(r"FATAL|PANIC|error: ")

Process = subprocess.Popen[bytes]


class ServerProcess:
    """One server that runs in a folder and says on its output when it is ready."""

    def __init__(self, folder: Path, name: str, watchdog: Watchdog | None) -> None:
        self._folder = folder
        self._name = name
        self._watchdog = None if DIES_WITH_PARENT else watchdog
        self._process: Process | None = None
        self._reader: Thread | None = None
        self._tail = b""

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """The end of its output."""
        return self._tail.decode(errors="replace")

    @property
    def last_line(self) -> str:
        """The last line of its output that says what is wrong, or else its last line."""
        return _cause(self.output)

    async def start(
        self,
        command: Sequence[str | Path],
        *,
        ready: bytes,
        death_signal: signal.Signals,
        user: User | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start the server and return once its output contains `ready`. Raises StoreFailed if it ends before."""
        self._tail = b""
        prepare = before_exec(user, death_signal)
        self._process = _start(command, self._folder, environment or {}, subprocess.PIPE, prepare)
        self._record(self._process.pid)
        if self._watchdog is not None:
            self._watchdog.watch(self._process.pid)
        self._reader = Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        if not await _becomes(lambda: ready in self._tail or not self.running, _START_SECONDS):
            await self.stop()
            raise StoreFailed(f"{self._name} was not ready after {_START_SECONDS:.0f} s: {self.last_line}")
        if not self.running:
            await self.stop()
            raise StoreFailed(f"{self._name} did not start: {self.last_line}")

    async def stop(self, *steps: tuple[signal.Signals, float]) -> None:
        """Send each signal in turn, waiting for its seconds; after the last one, kill what is left."""
        process = self._process
        if process is None:
            return
        if self.running:
            children = _children(process.pid)
            for sent, patience in (*steps, (signal.SIGKILL, _KILL_SECONDS)):
                process.send_signal(sent)
                if await _becomes(lambda: not self.running, patience):
                    break
            await asyncio.to_thread(kill, children)
        if self._reader is not None:
            await asyncio.to_thread(self._reader.join, _KILL_SECONDS)
        if self._watchdog is not None:
            self._watchdog.forget(process.pid)
        self._process = self._reader = None
        (self._folder / _RECORD).unlink(missing_ok=True)

    def _read(self, process: Process) -> None:
        """Keep the output in the log, which starts anew when it is full. Runs in a thread."""
        assert process.stdout is not None
        path = self._folder / _LOG
        while chunk := os.read(process.stdout.fileno(), _CHUNK):
            self._tail = (self._tail + chunk)[-_TAIL:]
            with suppress(OSError):  # a full disk or a deleted folder must not stop the server
                with path.open("ab") as log:
                    log.write(chunk)
                    size = log.tell()
                if size > _LOG_LIMIT:
                    path.replace(self._folder / _OLD_LOG)
        process.stdout.close()

    def _record(self, pid: int) -> None:
        with suppress(psutil.NoSuchProcess):
            record = {"pid": pid, "start": start_of(pid)}
            (self._folder / _RECORD).write_text(json.dumps(record))


async def run(
    command: Sequence[str | Path], *, user: User | None, environment: Mapping[str, str], folder: Path
) -> None:
    """Run a program to its end. Raises StoreFailed with the last line of its output if it fails."""
    with tempfile.TemporaryFile() as output:
        process = _start(command, folder, environment, output.fileno(), before_exec(user, signal.SIGKILL))
        try:
            while process.poll() is None:
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            output.seek(0)
            raise StoreFailed(f"{Path(command[0]).name} failed: {_cause(output.read().decode(errors='replace'))}")


def _start(
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str],
    output: int,
    prepare: Callable[[], None],
) -> Process:
    try:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **environment},
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509 (it makes system calls only)
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise StoreFailed(f"{Path(command[0]).name} could not be started: {error}") from error


def _cause(output: str) -> str:
    lines = output.strip().splitlines() or ["it wrote nothing"]
    return next((line for line in reversed(lines) if _ERROR.search(line)), lines[-1])


async def _becomes(is_so: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so, at most for some seconds; return whether it is."""
    deadline = time.monotonic() + seconds
    while not (so := is_so()) and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)
    return so


def stop_recorded(folder: Path) -> None:
    """End the server that an earlier process has left in a folder; what is already stopping has a moment for it."""
    path = folder / _RECORD
    try:
        record = json.loads(path.read_text())
        if process := find_process(record["pid"], record["start"]):
            processes = [*_children(process.pid), process]
            _, left = psutil.wait_procs(processes, timeout=_LEFTOVER_SECONDS)
            kill(left)
    except (OSError, ValueError, KeyError, psutil.Error):
        pass
    path.unlink(missing_ok=True)


def stop_working_in(folder: Path) -> None:
    """Kill the processes whose current folder it is: what a server that was killed has left behind."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.cwd() == str(folder):
                kill([process])


def kill(processes: Sequence[psutil.Process]) -> None:
    """Kill the processes that still run, and wait until they have ended."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=5)


def _children(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []
