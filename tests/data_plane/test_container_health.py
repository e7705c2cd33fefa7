"""The health of a container follows what its command exits with, as Docker has it."""

import asyncio
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from esaws.data_plane.container_health import CheckCommand, Ports, follow_health, program_of
from esaws.data_plane.desired import ContainerCheck
from esaws.data_plane.watchdog import Watchdog

PORTS: Ports = {8080: ("127.0.1.5", 32768), 80: ("127.0.1.5", 80)}
SHELL = ("/bin/sh", "-c")
HEALTHY, UNHEALTHY = "HEALTHY", "UNHEALTHY"


def check(*command: str, start_period: float = 0, timeout: float = 60) -> ContainerCheck:
    return ContainerCheck(command=command, interval=0, timeout=timeout, retries=3, start_period=start_period)


@pytest.mark.parametrize(
    ("command", "program"),
    [
        (
            ["CMD-SHELL", "curl -f http://localhost:8080/health || exit 1"],
            (*SHELL, "curl -f http://127.0.1.5:32768/health || exit 1"),
        ),
        (["CMD-SHELL", "curl http://localhost/"], (*SHELL, "curl http://127.0.1.5:80/")),
        (["CMD-SHELL", "curl https://localhost/"], (*SHELL, "curl https://localhost/")),
        (["CMD-SHELL", "nc -z 127.0.0.1 8080"], (*SHELL, "nc -z 127.0.1.5 32768")),
        (["CMD", "nc", "-z", "localhost", "8080"], ("nc", "-z", "127.0.1.5", "32768")),
        (["CMD", "wget", "http://[::1]:8080/a?b=localhost"], ("wget", "http://127.0.1.5:32768/a?b=127.0.1.5")),
        (["CMD", "redis-cli", "-h", "localhost", "ping"], ("redis-cli", "-h", "127.0.1.5", "ping")),
        (["CMD", "curl", "http://localhost:9000/"], ("curl", "http://localhost:9000/")),
        (["CMD", "curl", "http://localhost.example.org:8080/"], ("curl", "http://localhost.example.org:8080/")),
        (["CMD-SHELL", "exit $0", "1"], (*SHELL, "exit $0", "1")),
    ],
)
def test_localhost_is_where_the_container_listens(command: list[str], program: tuple[str, ...]) -> None:
    assert program_of(command, PORTS) == program


def test_without_ports_localhost_stays() -> None:
    assert program_of(["CMD", "nc", "localhost", "8080"], {}) == ("nc", "localhost", "8080")


@pytest.mark.parametrize(
    ("passed", "start_period", "reports"),
    [
        ("1111", 0, [HEALTHY]),
        ("00", 0, []),
        ("000", 0, [UNHEALTHY]),
        ("00100", 0, [HEALTHY]),
        ("100010", 0, [HEALTHY, UNHEALTHY, HEALTHY]),
        ("00000", math.inf, []),
        ("000001", math.inf, [HEALTHY]),
        ("01000", math.inf, [HEALTHY, UNHEALTHY]),
    ],
)
def test_health_follows_the_checks(passed: str, start_period: float, reports: list[str]) -> None:
    """A 1 is a check that passes. Failures of the start period count once one has passed."""
    found: list[str] = []
    outcomes = iter(passed)

    async def passes() -> bool:
        outcome = next(outcomes, None)
        if outcome is None:
            raise EOFError
        return outcome == "1"

    with pytest.raises(EOFError):
        asyncio.run(follow_health(check("CMD", "x", start_period=start_period), passes, found.append))
    assert found == reports


# --- commands


@pytest.fixture(scope="module")
def watchdog() -> Iterator[Watchdog]:
    watchdog = Watchdog()
    yield watchdog
    watchdog.close()


@pytest.fixture
def run(watchdog: Watchdog, tmp_path: Path) -> Callable[[ContainerCheck], bool]:
    environment = {"PATH": os.defpath, "GREETING": "hello", "MARK": str(tmp_path)}
    (tmp_path / "file").touch()

    def passes(check: ContainerCheck) -> bool:
        return asyncio.run(CheckCommand(check, PORTS, tmp_path, environment, watchdog).passes())

    return passes


@pytest.mark.parametrize(
    ("command", "passes"),
    [
        (["CMD-SHELL", "test -e file && test $GREETING = hello"], True),
        (["CMD", "sh", "-c", "exit 0"], True),
        (["CMD-SHELL", "exit 1"], False),
        (["CMD-SHELL", "exit 2"], False),
        (["CMD-SHELL", "no-such-program"], False),
        (["CMD", "no-such-program"], False),
        (["CMD", "./file"], False),
        (["CMD-SHELL", "kill -9 $$"], False),
        (["CMD-SHELL", "yes | head -c 50000000"], True),
        (["CMD-SHELL", "cat"], True),
    ],
)
def test_a_check_passes_where_its_command_exits_with_0(
    run: Callable[[ContainerCheck], bool], command: list[str], passes: bool
) -> None:
    assert run(check(*command)) is passes


@pytest.mark.parametrize("command", ["sleep 600 & exit 0", "sleep 600 & wait", "trap '' TERM; sleep 600"])
def test_nothing_of_a_check_is_left(run: Callable[[ContainerCheck], bool], tmp_path: Path, command: str) -> None:
    assert run(check("CMD-SHELL", command, timeout=0.2)) is command.endswith("exit 0")
    until_gone(tmp_path)


def test_the_end_of_the_container_ends_a_check(watchdog: Watchdog, tmp_path: Path) -> None:
    async def scenario() -> None:
        long = check("CMD-SHELL", "sleep 600 & echo > begun; sleep 600")
        command = CheckCommand(long, PORTS, tmp_path, {"PATH": os.defpath, "MARK": str(tmp_path)}, watchdog)
        running = asyncio.create_task(command.passes())
        while not (tmp_path / "begun").exists():
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(scenario())
    until_gone(tmp_path)


def until_gone(mark: Path) -> None:
    """Wait until the kernel has ended the processes whose environment has a mark; SIGKILL has been sent."""
    deadline = time.monotonic() + 60
    while left := [each.pid for each in psutil.process_iter() if has_mark(each, str(mark))]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def has_mark(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get("MARK") == mark
    except psutil.Error:
        return False
