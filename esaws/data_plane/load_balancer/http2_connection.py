"""An HTTP/2 connection of a client: a task for each stream, limits, and its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, Event, RequestReceived
from h2.exceptions import ProtocolError

from esaws.data_plane.load_balancer import http2_engine, responses
from esaws.data_plane.load_balancer.http2_engine import LONGEST_FIELD, Engine, compressed_size
from esaws.data_plane.load_balancer.http2_peer import Http2Peer
from esaws.data_plane.load_balancer.http2_stream import Http2Stream, RawFields

MOST_REQUESTS = 10_000
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"""

_logger = logging.getLogger(__name__)


class Http2Connection(Http2Peer[Http2Stream]):
    """The connection of one client."""

    engine: Engine

    def __init__(
        self,
        handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        is_old: Callable[[web.BaseRequest], bool],
        *,
        idle: float,
        source_ip: str,
        connections: set[Http2Connection],
    ) -> None:
        """Make a connection that waits for its transport.

        Args:
            handle: sends the response to a request and returns it.
            is_old: whether the connection of a request has lasted longer than a client's may.
            idle: seconds without a byte after which the connection is closed, and a stream whose client takes nothing.
            source_ip: the client's address as AWS would see it.
            connections: has the connection in it as long as it is open.
        """
        super().__init__(Engine(), idle)
        self._handle = handle
        self._is_old = is_old
        self._connections = connections
        self.source_ip = source_ip
        self.peername: Any = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._requests = 0
        self._began = self.loop.time()

    def greet(self) -> None:
        assert self.transport is not None
        self.peername = self.transport.get_extra_info("peername")
        self._connections.add(self)
        self.engine.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        super().connection_lost(exc)

    def age(self) -> float:
        return self.loop.time() - self._began

    async def shutdown(self, grace: float) -> None:
        """Close the connection; its open streams have a moment to end."""
        self.leave()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=grace)
        self.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self.closed.wait()
        if self.transport is not None:
            self.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self._begin(event)
        elif isinstance(event, ConnectionTerminated):
            self.engine.answer_on()
            self.leave()

    def _begin(self, event: RequestReceived) -> None:
        assert event.stream_id is not None and event.headers is not None
        fields: RawFields = [(bytes(name), bytes(value)) for name, value in event.headers]
        if any(compressed_size(name, value) > LONGEST_FIELD for name, value in fields):
            self.close(ErrorCodes.ENHANCE_YOUR_CALM)
            return
        open_streams = sum(not stream.is_complete for stream in self.streams.values())
        if self.is_leaving or open_streams >= http2_engine.MOST_STREAMS:
            with suppress(ProtocolError):  # the client has closed it already
                self.engine.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
            return
        stream = Http2Stream(self, event.stream_id)
        self.streams[stream.id] = stream
        self._requests += 1
        task = self.loop.create_task(self._serve(stream, fields, has_body=event.stream_ended is None))
        stream.task = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._requests >= MOST_REQUESTS:
            self.leave()

    async def _serve(self, stream: Http2Stream, fields: RawFields, *, has_body: bool) -> None:
        request = stream.request(fields, has_body=has_body)
        try:
            response = await self._response(request)
            await response.prepare(request)
            await response.write_eof()
            if self._is_old(request):
                self.leave()
        except ConnectionError:
            stream.break_off()
        finally:
            self._end(stream)

    async def _response(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._handle(request)
        except ConnectionError:
            raise
        except Exception:
            _logger.exception("the load balancer failed")
            if request.writer.output_size:
                raise ConnectionResetError("its response has begun") from None
            return responses.error_response(500)

    def _end(self, stream: Http2Stream) -> None:
        """Forget a stream; a client that still sends its body gets a reset, and stops."""
        self.streams.pop(stream.id, None)
        stream.body.take()
        if not stream.body.has_ended:
            self.reset(stream, ErrorCodes.NO_ERROR)
        stream.close()
        self.heard = self.loop.time()
        self.close_if_done()

    def drop(self, stream: Http2Stream) -> None:
        self.streams.pop(stream.id, None)
        stream.body.take()
        stream.close()
        if stream.task is not None:
            stream.task.cancel()

    def leave(self) -> None:
        if not self.is_leaving and self.is_usable():
            self.is_leaving = True
            self.engine.leave()
            self.flush()
        self.close_if_done()
