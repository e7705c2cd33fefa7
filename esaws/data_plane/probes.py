"""Check the health of targets: a request every interval, and what it met."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

import aiohttp

from esaws.data_plane.addresses import Addresses
from esaws.data_plane.desired import HealthCheck

_START_LOOK_SECONDS = 0.2

_USER_AGENT = "ELB-HealthChecker/2.0"
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html"""


class Probes:
    """The health checks of one account and region, each at its interval."""

    def __init__(self, addresses: Addresses, report: Callable[[dict[str, Any]], None]) -> None:
        """`report` takes {target_group, id, port, task} with {status, seconds} or {error: refused | timeout}."""
        self._addresses = addresses
        self._report = report
        self._running: dict[HealthCheck, asyncio.Task[None]] = {}

    def reconcile(self, checks: Iterable[HealthCheck]) -> None:
        """Start the checks that are new, and end those that are gone."""
        wanted = set(checks)
        for check in self._running.keys() - wanted:
            self._running.pop(check).cancel()
        for check in wanted - self._running.keys():
            self._running[check] = asyncio.create_task(self._repeat(check))

    def close(self) -> None:
        self.reconcile(())

    async def _repeat(self, check: HealthCheck) -> None:
        """Check at every interval; a process that does not answer yet may start until the first one has passed."""
        until = time.monotonic() + check.interval
        while "error" in (outcome := await self._probe(check)) and time.monotonic() < until:
            await asyncio.sleep(min(_START_LOOK_SECONDS, check.interval))
        while True:
            where = {"target_group": check.target_group, "id": check.id, "port": check.port, "task": check.task}
            self._report({**where, **outcome})
            await asyncio.sleep(check.interval)
            outcome = await self._probe(check)

    async def _probe(self, check: HealthCheck) -> dict[str, Any]:
        return await probe(check, *self._addresses.place(check.address, check.check_port))


async def probe(check: HealthCheck, host: str, port: int) -> dict[str, Any]:
    """Return {status, seconds} of the response at a place of this machine, or {error: refused | timeout}."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(check.timeout):
            if check.protocol not in ("HTTP", "HTTPS"):
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
                return {"status": 200, "seconds": time.monotonic() - began}
            headers = {"User-Agent": _USER_AGENT, "Host": f"{check.address}:{check.check_port}", "Connection": "close"}
            scheme = check.protocol.lower()
            async with (
                aiohttp.ClientSession() as session,
                session.get(
                    f"{scheme}://{host}:{port}{check.path}", headers=headers, allow_redirects=False, ssl=False
                ) as response,
            ):
                await response.read()
                return {"status": response.status, "seconds": time.monotonic() - began}
    except TimeoutError:
        return {"error": "timeout"}
    except (OSError, aiohttp.ClientError):
        return {"error": "refused"}
