"""Run a container of a task as a process: environment, output, limits, and its end.

HOST and PORT say where to listen, as many platforms do; further ports of its definition are in PORT_<port>.
It runs in a copy of the folder of its image, in a process group of its own.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from esaws.data_plane.addresses import Addresses
from esaws.data_plane.container_health import CheckCommand, Ports, follow_health
from esaws.data_plane.container_members import MARK, kill_members, members
from esaws.data_plane.desired import Container, Task
from esaws.data_plane.watchdog import Watchdog, kill_group

_LOOK_SECONDS = 0.5
_DRAIN_SECONDS = 2.0
_MAX_PROCESSES = 64
_PAUSE_BYTES, _PAUSE_SECONDS = 64 * 1024, 0.01
_MAX_LINE = 256 * 1024
"""Bytes; CloudWatch Logs takes no longer event."""

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
"""https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resolve-outofmemory-errors.html"""


class CannotStart(Exception):
    """A container can't start; the text is ECS's reason."""


@dataclass(frozen=True)
class Exit:
    """How a container ended."""

    code: int
    reason: str = ""


class ContainerProcess:
    """The process of one container."""

    def __init__(self, task: Task, container: Container, watchdog: Watchdog) -> None:
        self.task = task
        self.container = container
        self._watchdog = watchdog
        self._process: asyncio.subprocess.Process | None = None
        self._reason = ""
        self._stop: asyncio.Task[None] | None = None

    async def run(
        self,
        folder: Path,
        program: tuple[str, ...],
        environment: Mapping[str, str],
        started: Callable[[], None],
        write_line: Callable[[bytes], Awaitable[None]],
        ports: Ports,
        report_health: Callable[[str], None],
    ) -> Exit:
        """Run a program in a folder until it ends; `started` is called once it runs.

        `report_health` is called with HEALTHY or UNHEALTHY whenever that changes, where the container has a check.

        Raises:
            CannotStart: its program does not exist, or can't be executed.
        """
        # With a pipe of asyncio, `wait` would wait for the children that hold the other end, too.
        read_end, write_end = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *program,
                cwd=folder,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
            )
        except BaseException as error:
            os.close(read_end)
            if isinstance(error, OSError | ValueError):  # a text with a null character is a ValueError
                raise CannotStart(_start_error(program[0], error)) from error
            raise
        finally:
            os.close(write_end)
        group = self._process.pid
        self._watchdog.watch(group)
        started()
        watches = [asyncio.create_task(self._enforce_limits())]
        if check := self.container.health_check:
            command = CheckCommand(check, ports, folder, environment, self._watchdog)
            watches.append(asyncio.create_task(follow_health(check, command.passes, report_health)))
        output = asyncio.create_task(_read_lines(read_end, write_line))
        try:
            code = await self._process.wait()
        finally:
            for watch in watches:
                watch.cancel()
            kill_group(group)  # a container ends with its first process, whatever that has left behind
            self._watchdog.forget(group)
            await asyncio.wait(watches)  # a check has ended, too
            await asyncio.to_thread(kill_members, self.mark)
            with suppress(TimeoutError):
                await asyncio.wait_for(output, _DRAIN_SECONDS)
        return Exit(code if code >= 0 else 128 - code, self._reason)

    @property
    def mark(self) -> str:
        """What names its processes; see `container_members`."""
        return f"{self._watchdog.session}/{self.task.id}/{self.container.name}/"

    @property
    def group(self) -> int | None:
        """Its process group, which is the id of its first process; None before it runs."""
        return None if self._process is None else self._process.pid

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL after the stop timeout of the container. A second call changes nothing."""
        if self._stop is None:
            self._stop = asyncio.create_task(self._terminate())

    def kill(self) -> None:
        """End all its processes at once."""
        if self._process is not None:
            kill_group(self._process.pid)

    async def _terminate(self) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        await asyncio.sleep(self.container.stop_timeout)
        self.kill()

    async def _enforce_limits(self) -> None:
        assert self._process
        while True:
            memory, processes = await asyncio.to_thread(_usage, self.mark, self._process.pid)
            if self.container.memory and memory > self.container.memory * 1024 * 1024:
                self._reason = OUT_OF_MEMORY
                self.kill()
            elif processes > _MAX_PROCESSES:
                self._reason = f"it started more than {_MAX_PROCESSES} processes"
                self.kill()
            await asyncio.sleep(_LOOK_SECONDS)


async def _read_lines(read_end: int, write_line: Callable[[bytes], Awaitable[None]]) -> None:
    """Pass on each line of a pipe; a program that writes faster than its log takes it has to wait, as on AWS."""
    reader = asyncio.StreamReader(_MAX_LINE)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(read_end, "rb"))
    read = 0
    try:
        while True:
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError as end:
                if end.partial:
                    await write_line(end.partial)
                return
            except asyncio.LimitOverrunError:
                line = await reader.read(_MAX_LINE)
            await write_line(line)
            read += len(line)
            if read > _PAUSE_BYTES:  # a flood must not keep this program from everything else
                read = 0
                await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        transport.close()


def copy_image(source: Path, folder: Path) -> None:
    """Give a container a file system of its own.

    Raises:
        OSError: the disk is full, or files can't be written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    except shutil.Error as errors:
        _, target, text = errors.args[0][0]
        number = re.match(r"\[Errno (\d+)\]", text)
        raise OSError(int(number[1]), os.strerror(int(number[1])), target) if number else errors from None


def pull_error(error: OSError, folder: Path) -> str:
    """Return ECS's reason where an image can't be written to the disk.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
    """
    return f"CannotPullContainerError: write {error.filename or folder}: {_words(error)}"


def container_environment(
    task: Task, container: Container, addresses: Addresses, aws: Mapping[str, str], mark: str
) -> dict[str, str]:
    """Return the environment of a container: that of its definition, where it listens, and how it reaches AWS."""
    listening: dict[str, str] = {}
    for number, port in enumerate(container.ports):
        host, local = addresses.free_place(task.address, port.host)
        if not number:
            listening |= {"HOST": host, "PORT": str(local)}
        listening[f"PORT_{port.container}"] = str(local)
    own = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "ESAWS_TASK": task.id,
        "ESAWS_ZONE": task.zone,
    }
    return {**own, **aws, **listening, **container.environment, MARK: mark}


def _usage(mark: str, group: int) -> tuple[int, int]:
    """Return the bytes of memory and the number of processes of a container."""
    memory = processes = 0
    for pid in members(mark, group):
        processes += 1
        with suppress(psutil.Error):
            memory += psutil.Process(pid).memory_info().rss
    return memory, processes


def _words(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _start_error(program: str, error: OSError | ValueError) -> str:
    missing = isinstance(error, FileNotFoundError)
    what = "executable file not found in $PATH" if missing else _words(error)
    return (
        "CannotStartContainerError: Error response from daemon: failed to create task for container: failed to create "
        "shim task: OCI runtime create failed: runc create failed: unable to start container process: "
        f'exec: "{program}": {what}'
    )
