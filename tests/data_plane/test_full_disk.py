"""A disk that is full, or files that can't be written: the reason of ECS, and nothing else is affected."""

import asyncio
import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esaws.data_plane.addresses import Addresses
from esaws.data_plane.desired import Container, Port, Task
from esaws.data_plane.image_store import RunnableImage
from esaws.data_plane.log_streams import LogStreams
from esaws.data_plane.tasks import Tasks
from esaws.data_plane.watchdog import Watchdog

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/var/lib/image")
RUNS, ENDS = ("sh", "-c", "while test -e app.py; do sleep 0.02; done; exit 3"), ("sh", "-c", "exit 0")


def task(name: str, *images: str) -> Task:
    containers = [
        Container(
            name=image,
            image=image,
            command=(),
            entry_point=(),
            environment={},
            memory=None,
            ports=(Port(80, 8777),),
            stop_timeout=2,
            log=None,
            ran_before=False,
        )
        for image in images
    ]
    return Task(
        arn=f"arn:aws:ecs:eu-west-3:123456789012:task/c/{name}",
        name=name,
        address="10.90.0.4",
        zone="eu-west-3a",
        role=None,
        stopping=False,
        containers=tuple(containers),
    )


class World:
    """Tasks without a local AWS: `reports` has {task: {container: last report}}."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.image = folder / "image"
        self.image.mkdir()
        (self.image / "app.py").write_text("x")
        self.reports: dict[str, dict[str, dict[str, Any]]] = {}
        self.addresses = Addresses()
        self.watchdog = Watchdog()
        self.tasks = Tasks(
            "eu-west-3",
            folder / "tasks",
            self.addresses,
            self.watchdog,
            resolve_image=self.resolve,
            aws_environment=lambda role: {},
            name_addresses=lambda environment: environment,
            logs=LogStreams(lambda region: None, lambda: 0.0),
            report=self.report,
            report_health=lambda report: None,
        )

    def resolve(self, image: str) -> RunnableImage:
        if image == "full":
            raise FULL
        return RunnableImage(self.image, ENDS if image == "ends" else RUNS)

    def report(self, report: dict[str, Any]) -> None:
        self.reports.setdefault(report["task"].rsplit("/")[-1], {})[report["container"]] = report

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.02)

    def state(self, name: str, container: str) -> str:
        return str(self.reports.get(name, {}).get(container, {}).get("state", ""))

    async def close(self) -> None:
        await self.tasks.close()
        self.watchdog.close()
        self.addresses.close()


def run(tmp_path: Path, scenario: Callable[[World], Any]) -> None:
    async def whole() -> None:
        world = World(tmp_path)
        try:
            await scenario(world)
        finally:
            await world.close()
        assert not [*(tmp_path / "tasks").glob("*")]

    asyncio.run(whole())


def test_an_image_that_can_not_be_unpacked_stops_its_task_alone(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.tasks.reconcile([task("one", "runs"), task("two", "full")], restarted=False)
        await world.until(lambda: world.state("one", "runs") == "started" and world.state("two", "full") == "failed")
        reason = world.reports["two"]["full"]["reason"]
        assert reason == "CannotPullContainerError: write /var/lib/image: no space left on device"

    run(tmp_path, scenario)


@pytest.mark.parametrize("where", ["folder", "file"])
def test_a_folder_that_can_not_be_written_stops_its_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The files of an image are written one by one, and shutil collects what goes wrong with them."""

    async def scenario(world: World) -> None:
        def refuse(path: Any, *others: Any, **options: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

        with monkeypatch.context() as patch:
            patch.setattr(*((os, "makedirs") if where == "folder" else (shutil, "copyfile")), refuse)
            world.tasks.reconcile([task("one", "runs")], restarted=False)
            await world.until(lambda: world.state("one", "runs") == "failed")
        reason = world.reports["one"]["runs"]["reason"]
        assert reason.startswith("CannotPullContainerError: write ")
        assert reason.endswith(": no space left on device")

    run(tmp_path, scenario)


def test_the_folder_of_a_container_outlives_the_end_of_another_of_its_task(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.tasks.reconcile([task("one", "runs", "ends")], restarted=False)
        await world.until(lambda: world.state("one", "ends") == "exited" and world.tasks.count == 1)
        folder = tmp_path / "tasks" / "one"
        await world.until(lambda: not (folder / "ends").exists())
        assert world.state("one", "runs") == "started"
        (folder / "runs" / "app.py").unlink()
        await world.until(lambda: world.state("one", "runs") == "exited")
        assert world.reports["one"]["runs"]["exit_code"] == 3

    run(tmp_path, scenario)


def test_a_program_with_a_null_character_can_not_start(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        odd = task("one", "runs")
        container = odd.containers[0]
        command = Container(**{**vars(container), "command": (sys.executable, "a\0b")})
        world.tasks.reconcile([Task(**{**vars(odd), "containers": (command,)})], restarted=False)
        await world.until(lambda: world.state("one", "runs") == "failed")
        assert "CannotStartContainerError" in world.reports["one"]["runs"]["reason"]
        assert "embedded null byte" in world.reports["one"]["runs"]["reason"]

    run(tmp_path, scenario)
