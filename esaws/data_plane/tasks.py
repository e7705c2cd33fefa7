"""Run the tasks of one account and region: a process for each container that should run."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from esaws.data_plane.addresses import Addresses
from esaws.data_plane.containers import CannotStart, ContainerProcess, container_environment, copy_image, pull_error
from esaws.data_plane.desired import Container, Task
from esaws.data_plane.log_streams import LogStreams
from esaws.data_plane.watchdog import Watchdog

_Key = tuple[str, str]
"""(ARN of a task, name of a container)."""

_KILLED = 137


class Image(Protocol):
    """What an image runs."""

    @property
    def folder(self) -> Path: ...
    @property
    def command(self) -> tuple[str, ...]: ...
    @property
    def environment(self) -> Mapping[str, str]: ...


class Tasks:
    """The processes of an account's tasks."""

    def __init__(
        self,
        region: str,
        folder: Path,
        addresses: Addresses,
        watchdog: Watchdog,
        *,
        resolve_image: Callable[[str], Image | None],
        aws_environment: Callable[[str | None], Mapping[str, str]],
        name_addresses: Callable[[Mapping[str, str]], Mapping[str, str]],
        logs: LogStreams,
        report: Callable[[dict[str, Any]], None],
        report_health: Callable[[dict[str, Any]], None],
    ) -> None:
        """Run in copies of images below `folder`.

        `resolve_image` returns what an image runs (None: it does not run here), `aws_environment` the variables with
        which the role of a task reaches AWS, `name_addresses` an environment with names of AWS replaced by places of
        this machine. `report` takes {task, container, state, exit_code, reason}; `report_health`, at each change of a
        container's health, {task, container, status}.
        """
        self._region = region
        self._folder = folder
        self._addresses = addresses
        self._watchdog = watchdog
        self._resolve_image = resolve_image
        self._aws_environment = aws_environment
        self._name_addresses = name_addresses
        self._logs = logs
        self._report = report
        self._report_health = report_health
        self._processes: dict[_Key, ContainerProcess] = {}
        self._running: dict[_Key, asyncio.Task[None]] = {}
        self._known: set[_Key] = set()
        """Containers that this program has reported as started."""
        self._ended: set[_Key] = set()
        """Containers whose end the local AWS did not know when it was asked last: they are not started again."""
        self._reported: set[_Key] = set()

    def reconcile(self, tasks: Iterable[Task], *, restarted: bool) -> None:
        """Start, stop and kill processes so that those of `tasks` run.

        A container that is known to run has died with an earlier program of this kind, unless the local AWS has been
        started anew since (`restarted`): then it starts again.
        """
        self._ended -= self._reported
        self._reported = set()
        wanted = {(task.arn, container.name): (task, container) for task in tasks for container in task.containers}
        for key in self._running.keys() - wanted.keys():
            self._processes[key].kill()
        for key, (task, container) in wanted.items():
            if key in self._ended:
                continue
            if key in self._running:
                if task.stopping:
                    self._processes[key].stop()
            elif task.stopping or (container.ran_before and key not in self._known and not restarted):
                self._tell(key, "exited", exit_code=_KILLED, reason="its process is gone")
            else:
                self._known.add(key)
                self._processes[key] = ContainerProcess(task, container, self._watchdog)
                self._running[key] = asyncio.create_task(self._run(key, task, container))

    @property
    def ended(self) -> frozenset[_Key]:
        """The containers whose end has been reported to this object's owner."""
        return frozenset(self._ended)

    def note_reported(self, ended: frozenset[_Key]) -> None:
        """The next answer of the local AWS takes the end of these containers into account."""
        self._reported = set(ended)

    @property
    def count(self) -> int:
        """How many containers run."""
        return len(self._running)

    def addresses_by_group(self) -> dict[int, str]:
        """Return the private address of each process group that has one."""
        running = (each for each in self._processes.values() if each.group is not None and each.task.address)
        return {each.group: each.task.address for each in running if each.group is not None}

    async def close(self) -> None:
        """End all processes."""
        for process in self._processes.values():
            process.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _run(self, key: _Key, task: Task, container: Container) -> None:
        folder = self._folder / task.id / container.name
        try:
            image = await self._pull(container, folder)
            if image is None:
                self._tell(key, "simulated")
                return
            aws = await asyncio.to_thread(self._aws_environment, task.role)
            environment = container_environment(task, container, self._addresses, aws, self._processes[key].mark)
            program = (*container.entry_point, *(container.command or (() if container.entry_point else image.command)))
            ended = await self._processes[key].run(
                folder,
                program,
                {**image.environment, **self._name_addresses(environment)},
                lambda: self._tell(key, "started"),
                lambda line: self._logs.write(self._region, task, container, line),
                {port.container: self._addresses.place(task.address, port.host) for port in container.ports},
                lambda status: self._report_health({"task": key[0], "container": key[1], "status": status}),
            )
            self._tell(key, "exited", exit_code=ended.code, reason=ended.reason)
        except CannotStart as error:
            self._tell(key, "failed", reason=str(error))
        except Exception as error:
            self._tell(key, "failed", reason=f"CannotStartContainerError: {error}")
        finally:
            self._processes.pop(key, None)
            self._running.pop(key, None)
            await asyncio.to_thread(_delete, folder)
            await self._logs.end(self._region, task, container)

    async def _pull(self, container: Container, folder: Path) -> Image | None:
        """Give a container a copy of its image; None: that does not run here."""
        try:
            image = await asyncio.to_thread(self._resolve_image, container.image)
            if image is not None:
                await asyncio.to_thread(copy_image, image.folder, folder)
        except OSError as error:
            raise CannotStart(pull_error(error, folder)) from error
        return image

    def _tell(self, key: _Key, state: str, **details: Any) -> None:
        if state != "started":
            self._ended.add(key)
        self._report({"task": key[0], "container": key[1], "state": state, **details})


def _delete(folder: Path) -> None:
    """Delete the folder of a container, and that of its task with the last one."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # another container of the task has a folder
        folder.parent.rmdir()
