"""A server as a child process: recorded in its folder, its output in a log of limited size, stopped for certain."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from esaws.data_plane.stores.failures import StoreFailed
from esaws.data_plane.stores.unprivileged import User, before_exec

_RECORD = "process.json"
_LOG, _OLD_LOG = "log", "log.old"
_LOG_LIMIT = 1_000_000
_TAIL = 4000
_CHUNK = 65536
_START_SECONDS = 30.0
_CLOCK_TOLERANCE = 2.0
"""Linux's creation times move by that much when the machine's clock is corrected."""


class ServerProcess:
    """One server that runs in a folder and says on its output when it is ready."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._tail = b""
        self._output = asyncio.Event()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def output(self) -> str:
        """The end of its output."""
        return self._tail.decode(errors="replace")

    @property
    def last_line(self) -> str:
        """The last line of its output."""
        lines = self.output.strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"

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
        self._process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self._folder,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            preexec_fn=before_exec(user, death_signal),
        )
        self._record(self._process.pid)
        self._reader = asyncio.create_task(self._read(self._process))
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._wait_for(ready)
        except TimeoutError:
            await self.stop((signal.SIGKILL, 5.0))
            raise StoreFailed(f"{self._name} was not ready after {_START_SECONDS:.0f} s: {self.last_line}") from None

    async def stop(self, *steps: tuple[signal.Signals, float]) -> None:
        """Send each signal in turn, waiting for its seconds; after the last one, kill what is left."""
        process = self._process
        if process is not None and process.returncode is None:
            family = _family(process.pid)
            for sent, patience in (*steps, (signal.SIGKILL, 5.0)):
                with suppress(ProcessLookupError):
                    process.send_signal(sent)
                with suppress(TimeoutError):
                    async with asyncio.timeout(patience):
                        await process.wait()
                        break
            kill(family)
        if self._reader is not None:
            await self._reader
            self._reader = None
        (self._folder / _RECORD).unlink(missing_ok=True)

    async def _wait_for(self, ready: bytes) -> None:
        while ready not in self._tail:
            assert self._reader is not None
            if self._reader.done():
                raise StoreFailed(f"{self._name} did not start: {self.last_line}")
            self._output.clear()
            await self._output.wait()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Keep the output in the log, which starts anew when it is full."""
        assert process.stdout is not None
        path, size = self._folder / _LOG, 0
        log = path.open("ab")
        try:
            size = log.tell()
            while chunk := await process.stdout.read(_CHUNK):
                self._tail = (self._tail + chunk)[-_TAIL:]
                self._output.set()
                if size > _LOG_LIMIT:
                    log.close()
                    path.replace(self._folder / _OLD_LOG)
                    log, size = path.open("ab"), 0
                with suppress(OSError):  # a full disk must not stop the server
                    size += log.write(chunk)
                    log.flush()
        finally:
            log.close()
        await process.wait()
        self._output.set()

    def _record(self, pid: int) -> None:
        with suppress(psutil.NoSuchProcess):
            record = {"pid": pid, "created": psutil.Process(pid).create_time()}
            (self._folder / _RECORD).write_text(json.dumps(record))


async def run(command: Sequence[str | Path], *, user: User | None, environment: Mapping[str, str], folder: Path) -> str:
    """Run a program to its end and return its output. Raises StoreFailed with its last line if it fails."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env={**os.environ, **environment},
        start_new_session=True,
        preexec_fn=before_exec(user, signal.SIGKILL),
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            kill(_family(process.pid))
            await process.wait()
    text = output.decode(errors="replace").strip()
    if process.returncode:
        raise StoreFailed(f"{Path(command[0]).name} failed: {text.splitlines()[-1] if text else process.returncode}")
    return text


def stop_recorded(folder: Path) -> None:
    """Kill the server that an earlier process has left in a folder, if it still runs."""
    path = folder / _RECORD
    try:
        record = json.loads(path.read_text())
        process = psutil.Process(record["pid"])
        if abs(process.create_time() - record["created"]) < _CLOCK_TOLERANCE:
            kill(_family(process.pid))
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


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []
