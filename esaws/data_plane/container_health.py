"""Check the health of a running container: its command at every interval, with the rules of Docker's agent.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from esaws.data_plane.desired import ContainerCheck
from esaws.data_plane.watchdog import Watchdog, kill_group

HEALTHY, UNHEALTHY = "HEALTHY", "UNHEALTHY"

Ports = Mapping[int, tuple[str, int]]
"""Port of a container → host and port of this machine."""

_SHELL = ("/bin/sh", "-c")
_DEFAULT_PORTS = {"http://": 80, "https://": 443}
_ARGUMENT_END = "\0"
_ITSELF = re.compile(
    r"(?P<scheme>https?://)?(?<![\w.-])(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])"
    rf"(?:(?P<gap>[:\s{_ARGUMENT_END}]+)(?P<port>\d+))?(?![\w.-])"
)


async def follow_health(
    check: ContainerCheck, passes: Callable[[], Awaitable[bool]], report: Callable[[str], None]
) -> None:
    """Check at every interval without an end; report HEALTHY or UNHEALTHY whenever that changes.

    Failures of the start period do not count until the first check has passed.
    """
    status, failures, started = "", 0, time.monotonic()
    while True:
        await asyncio.sleep(check.interval)
        is_starting = not status and time.monotonic() - started < check.start_period
        if await passes():
            new, failures = HEALTHY, 0
        else:
            failures += not is_starting
            new = UNHEALTHY if failures >= check.retries else status
        if new != status:
            status = new
            report(status)


class CheckCommand:
    """The command of a check, in the folder and with the environment of its container."""

    def __init__(
        self,
        check: ContainerCheck,
        ports: Ports,
        folder: Path,
        environment: Mapping[str, str],
        watchdog: Watchdog,
    ) -> None:
        self._program = program_of(check.command, ports)
        self._timeout = check.timeout
        self._folder = folder
        self._environment = environment
        self._watchdog = watchdog

    async def passes(self) -> bool:
        """Run it; return whether it exits with 0 before its timeout.

        Whatever it has started ends with it. Its output goes nowhere, as ECS does not show it.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *self._program,
                cwd=self._folder,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError):  # it does not exist, or can't be executed
            return False
        self._watchdog.watch(process.pid)
        try:
            async with asyncio.timeout(self._timeout):
                return await process.wait() == 0
        except TimeoutError:
            return False
        finally:
            kill_group(process.pid)
            await process.wait()
            self._watchdog.forget(process.pid)


def program_of(command: Iterable[str], ports: Ports) -> tuple[str, ...]:
    """Return the program and arguments of a check's command, with the places where its container listens.

    On AWS a container is `localhost` for itself and listens at its own port. Both are replaced where they stand
    together, as in `http://localhost:8080/` or `nc localhost 8080`; `localhost` alone is replaced by the host.
    """
    kind, *arguments = command

    def replace(match: re.Match[str]) -> str:
        scheme, gap = match["scheme"] or "", match["gap"] or ":"
        port = int(match["port"]) if match["port"] else _DEFAULT_PORTS.get(scheme)
        if port is None:
            return next(iter(ports.values()))[0] if ports else match[0]
        if port not in ports:
            return match[0]
        host, local_port = ports[port]
        return f"{scheme}{host}{gap}{local_port}"

    placed = _ITSELF.sub(replace, _ARGUMENT_END.join(arguments)).split(_ARGUMENT_END)
    return (*_SHELL, *placed) if kind == "CMD-SHELL" else tuple(placed)
