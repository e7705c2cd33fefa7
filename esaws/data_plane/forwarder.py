"""A TCP forwarder in front of a store that lets through only what the network of AWS would let through."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from esaws.data_plane.client_source import FindSource, Place

MayConnect = Callable[[str | None], bool | None]
"""Whether a source may connect; None where the network can't be decided, and then it may."""

_CHUNK = 65536
_HELD_SECONDS = 130.0
"""How long Linux tries to connect to an address that drops packets."""
_MOST_HELD = 256
_CLOSE_SECONDS = 2.0


class Forwarder:
    """Listens at one place and forwards to another. A forbidden connection is never answered: its client waits.

    Its client's kernel reports it as connected, which on AWS it would not; it then waits for the first byte.
    """

    def __init__(self, listen: Place, to: Place, may_connect: MayConnect, find_source: FindSource) -> None:
        self._listen = listen
        self._to = to
        self._may_connect = may_connect
        self._find_source = find_source
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._held: deque[asyncio.StreamWriter] = deque()

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        """Start to listen. Raises OSError if the place is taken."""
        self._server = await asyncio.start_server(self._accept, *self._listen)

    async def close(self) -> None:
        """Stop to listen and end all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=_CLOSE_SECONDS)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client, here = writer.get_extra_info("peername")[:2], writer.get_extra_info("sockname")[:2]
        source = await asyncio.to_thread(self._find_source, client, here)
        if self._may_connect(source) is False:
            await self._hold(reader, writer)
            return
        to_reader, to_writer = await asyncio.open_connection(*self._to)
        try:
            await _pipe_both(reader, writer, to_reader, to_writer)
        finally:
            to_writer.transport.abort()

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep a connection without an answer until its client gives up."""
        self._held.append(writer)
        if len(self._held) > _MOST_HELD:
            self._held.popleft().transport.abort()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_HELD_SECONDS):
                    while await reader.read(_CHUNK):
                        pass
        finally:
            with suppress(ValueError):
                self._held.remove(writer)


async def _pipe_both(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    to_reader: asyncio.StreamReader,
    to_writer: asyncio.StreamWriter,
) -> None:
    """Forward in both directions until both have ended."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_pipe(reader, to_writer))
        group.create_task(_pipe(to_reader, writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.transport.abort()
