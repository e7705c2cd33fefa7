"""A WebSocket after its handshake: bytes pass both ways until one side closes, or both are silent for too long.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html#listener-configuration
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.http import StreamWriter

_MOST_WAITING = 1 << 20
"""The bytes that may wait for a slow side before the fast one is no longer read."""


async def tunnel(
    incoming: web.BaseRequest, response: web.StreamResponse, answer: aiohttp.ClientResponse, idle_seconds: float
) -> tuple[int, int]:
    """Pass the handshake and then bytes both ways; return how many the client sent and received.

    `response` is the target's handshake as the client gets it, `answer` the target's with its connection.
    """
    connection = answer.connection
    assert connection is not None and connection.protocol is not None
    response.headers["Connection"], response.headers["Upgrade"] = "Upgrade", answer.headers.get("Upgrade", "websocket")
    response.force_close()
    await response.prepare(incoming)
    to_target = StreamWriter(connection.protocol, asyncio.get_running_loop())
    from_client, from_target = _Pipe(incoming.protocol), _Pipe(connection.protocol)
    incoming.protocol.set_parser(from_client)  # type: ignore[arg-type]
    connection.protocol.set_parser(from_target, from_target)
    silence = _Silence(idle_seconds)
    pumps = [
        asyncio.ensure_future(_pump(from_client, to_target, silence)),
        asyncio.ensure_future(_pump(from_target, response, silence)),
    ]
    try:
        await asyncio.wait([*pumps, watch := asyncio.ensure_future(silence.end())], return_when="FIRST_COMPLETED")
    finally:
        for task in (*pumps, watch):
            task.cancel()
        await asyncio.gather(*pumps, watch, return_exceptions=True)
    return from_client.bytes, from_target.bytes


class _Silence:
    """Ends when nothing has passed for a while."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()

    def break_(self) -> None:
        self._last = self._loop.time()

    async def end(self) -> None:
        while (left := self._last + self._seconds - self._loop.time()) > 0:
            await asyncio.sleep(left)


async def _pump(source: _Pipe, sink: Any, silence: _Silence) -> None:
    while chunk := await source.read():
        silence.break_()
        await sink.write(chunk)


class _Pipe:
    """Holds the bytes of one connection until they are read; aiohttp feeds it as it does its WebSocket parser."""

    def __init__(self, protocol: Any) -> None:
        self.bytes = 0
        self._protocol = protocol
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._waiting = 0
        self._paused = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        if data:
            self._chunks.put_nowait(bytes(data))
            self.bytes += len(data)
            self._waiting += len(data)
            if self._waiting > _MOST_WAITING and not self._paused:
                self._paused = True
                self._protocol.pause_reading()
        return False, b""

    def feed_eof(self) -> None:
        self._chunks.put_nowait(b"")

    def set_exception(self, *_: Any) -> None:
        self.feed_eof()

    def is_eof(self) -> bool:
        return False

    async def read(self) -> bytes:
        """Return the next bytes; empty at the end."""
        chunk = await self._chunks.get()
        self._waiting -= len(chunk)
        if self._paused and self._waiting <= _MOST_WAITING:
            self._paused = False
            self._protocol.resume_reading()
        return chunk
