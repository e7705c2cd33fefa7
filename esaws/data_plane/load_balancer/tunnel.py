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


class Tunnel:
    """Passes the bytes of an upgraded connection; `received` and `sent` count the client's."""

    def __init__(self, incoming: web.BaseRequest, answer: aiohttp.ClientResponse, idle_seconds: float) -> None:
        """`answer` is the target's handshake with its connection."""
        connection = answer.connection
        assert connection is not None and connection.protocol is not None
        self._incoming = incoming
        self._target = connection.protocol
        self._idle_seconds = idle_seconds
        self._from_client = _Pipe(incoming.protocol)
        self._from_target = _Pipe(self._target)

    @property
    def received(self) -> int:
        return self._from_client.bytes

    @property
    def sent(self) -> int:
        return self._from_target.bytes

    async def run(self, response: web.StreamResponse) -> None:
        """Send the handshake to the client, and then bytes both ways until one side closes."""
        response.force_close()
        await response.prepare(self._incoming)
        to_target = StreamWriter(self._target, asyncio.get_running_loop())
        self._incoming.protocol.set_parser(self._from_client)  # type: ignore[arg-type]
        self._target.set_parser(self._from_target, self._from_target)
        silence = _Silence(self._idle_seconds)
        tasks = [
            asyncio.create_task(_pump(self._from_client, to_target, silence)),
            asyncio.create_task(_pump(self._from_target, response, silence)),
            asyncio.create_task(silence.end()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


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
