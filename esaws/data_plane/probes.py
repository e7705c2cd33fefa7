"""Check the health of targets: a request every interval, and what it met."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import aiohttp
from yarl import URL

from esaws.data_plane.addresses import Addresses
from esaws.data_plane.desired import HealthCheck
from esaws.data_plane.load_balancer.http2_targets import Http2Targets

_START_LOOK_SECONDS = 0.2

_USER_AGENT = "ELB-HealthChecker/2.0"
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html"""

_GRPC = {"Content-Type": "application/grpc"}
_GRPC_UNKNOWN = 2


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
    """Return {status, seconds} of the response at a place of this machine, or {error: refused | timeout}.

    The status of a check with gRPC is its code, 2 (UNKNOWN) where the response has none.
    """
    began = time.monotonic()
    try:
        async with asyncio.timeout(check.timeout):
            if check.protocol not in ("HTTP", "HTTPS"):
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
                return {"status": 200, "seconds": time.monotonic() - began}
            ask = _ask_over_http1 if check.version == "HTTP1" else _ask_over_http2
            url = URL(f"{check.protocol.lower()}://{host}:{port}{check.path}")
            return {"status": await ask(check, url), "seconds": time.monotonic() - began}
    except TimeoutError:
        return {"error": "timeout"}
    except (OSError, aiohttp.ClientError):
        return {"error": "refused"}


async def _ask_over_http1(check: HealthCheck, url: URL) -> int:
    headers = {**_headers(check), "Connection": "close"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=headers, allow_redirects=False, ssl=False) as response,
    ):
        await response.read()
        return response.status


async def _ask_over_http2(check: HealthCheck, url: URL) -> int:
    targets, is_grpc = Http2Targets(), check.version == "GRPC"
    method, headers = ("POST", _headers(check) | _GRPC) if is_grpc else ("GET", _headers(check))
    try:
        async with targets.request(
            method,
            url,
            headers=headers,
            data=_empty_message() if is_grpc else None,
            connect=check.timeout,
            idle=check.timeout,
        ) as response:
            async for _ in response.iter_any():
                pass
            code = response.headers.get("grpc-status") or dict(response.trailers).get("grpc-status", "")
            return (int(code) if code.isdecimal() else _GRPC_UNKNOWN) if is_grpc else response.status
    finally:
        await targets.close()


async def _empty_message() -> AsyncIterator[bytes]:
    """Yield one message without a field: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md"""
    yield b"\0\0\0\0\0"


def _headers(check: HealthCheck) -> dict[str, str]:
    return {"User-Agent": _USER_AGENT, "Host": f"{check.address}:{check.check_port}"}
