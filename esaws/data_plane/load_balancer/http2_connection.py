"""An HTTP/2 connection of a client: streams, flow control, limits and its end.

The `h2` package reads and writes frames and keeps to the protocol; this module moves bytes, and runs a task for each
stream.
https://www.rfc-editor.org/rfc/rfc9113
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from aiohttp import web
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError

from esaws.data_plane.load_balancer import http2_engine, responses
from esaws.data_plane.load_balancer.http2_engine import LONGEST_FIELD, Engine, compressed_size
from esaws.data_plane.load_balancer.http2_stream import Fields, Http2Stream

MOST_REQUESTS = 10_000
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"""

_logger = logging.getLogger(__name__)


class Http2Connection(asyncio.Protocol):
    """The connection of one client."""

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
        self._handle = handle
        self._is_old = is_old
        self._idle = idle
        self._connections = connections
        self.source_ip = source_ip
        self.peername: Any = None
        self.transport: asyncio.Transport | None = None
        self._engine = Engine()
        self._streams: dict[int, Http2Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._requests = 0
        self._is_leaving = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._loop = asyncio.get_running_loop()
        self._began = self._heard = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()

    # The transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.peername = transport.get_extra_info("peername")
        self._connections.add(self)
        self._engine.begin()
        self._flush()
        self._watch_silence()

    def data_received(self, data: bytes) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        self._heard = self._loop.time()
        try:
            for event in self._engine.receive_data(data):
                if self._is_usable():
                    self._take(event)
            self._flush()
        except ProtocolError:  # h2 has written the GOAWAY that says why
            self._close()
        except Exception:
            _logger.exception("the load balancer failed at a frame")
            self._close(ErrorCodes.INTERNAL_ERROR)

    def pause_writing(self) -> None:
        """Read no more from a client that does not read either: each frame may call for an answer."""
        self._writable.clear()
        if self.transport is not None:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        self._writable.set()
        if self.transport is not None:
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        for stream in list(self._streams.values()):
            self._drop(stream)
        self._writable.set()
        self._closed.set()

    def age(self) -> float:
        return self._loop.time() - self._began

    async def shutdown(self, grace: float) -> None:
        """Close the connection; its open streams have a moment to end."""
        self._leave()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=grace)
        self._close()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._closed.wait()
        if self.transport is not None:
            self.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # What the client sends

    def _take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self._begin(event)
        elif isinstance(event, ConnectionTerminated):
            self._engine.answer_on()
            self._leave()
        elif isinstance(event, RemoteSettingsChanged) or (isinstance(event, WindowUpdated) and not event.stream_id):
            for stream in self._streams.values():
                stream.window_opened.set()
        elif isinstance(event, DataReceived | StreamEnded | StreamReset | WindowUpdated):
            self._take_of_stream(event, self._streams.get(event.stream_id))

    def _take_of_stream(
        self, event: DataReceived | StreamEnded | StreamReset | WindowUpdated, stream: Http2Stream | None
    ) -> None:
        if isinstance(event, DataReceived):
            if stream is not None:
                stream.body.feed(event.data)
            kept = 0 if stream is None else len(event.data)
            self.acknowledge(event.stream_id, event.flow_controlled_length - kept)
        elif stream is None:
            return
        elif isinstance(event, StreamEnded):
            stream.body.end()
        elif isinstance(event, StreamReset):
            self._drop(stream)
            self._close_if_done()
        else:
            stream.window_opened.set()

    def _begin(self, event: RequestReceived) -> None:
        assert event.stream_id is not None and event.headers is not None
        fields: Fields = [(bytes(name), bytes(value)) for name, value in event.headers]
        if any(compressed_size(name, value) > LONGEST_FIELD for name, value in fields):
            self._close(ErrorCodes.ENHANCE_YOUR_CALM)
            return
        if self._is_leaving or len(self._streams) >= http2_engine.MOST_STREAMS:
            with suppress(ProtocolError):  # the client has closed it already
                self._engine.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
            return
        stream = Http2Stream(self, event.stream_id)
        self._streams[stream.id] = stream
        self._requests += 1
        task = self._loop.create_task(self._serve(stream, fields, has_body=event.stream_ended is None))
        stream.task = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._requests >= MOST_REQUESTS:
            self._leave()

    async def _serve(self, stream: Http2Stream, fields: Fields, *, has_body: bool) -> None:
        request = stream.request(fields, has_body=has_body)
        try:
            response = await self._response(request)
            await response.prepare(request)
            await response.write_eof()
            if self._is_old(request):
                self._leave()
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
        self._streams.pop(stream.id, None)
        stream.body.take()
        if not stream.body.has_ended:
            self.reset(stream, ErrorCodes.NO_ERROR)
        stream.close()
        self._heard = self._loop.time()
        self._close_if_done()

    def _drop(self, stream: Http2Stream) -> None:
        """End a stream whose client is gone."""
        self._streams.pop(stream.id, None)
        stream.body.take()
        stream.close()
        if stream.task is not None:
            stream.task.cancel()

    # What is sent

    def send_headers(self, stream: Http2Stream, fields: Sequence[tuple[str, str]], *, end: bool = False) -> int:
        """Send headers, and return their size in bytes.

        Raises:
            ConnectionResetError: the stream is closed.
        """
        self._require_open(stream)
        self._engine.send_headers(stream.id, fields, end_stream=end)
        return self._flush()

    async def send_data(self, stream: Http2Stream, data: bytes | bytearray | memoryview, *, end: bool) -> None:
        """Send data as the client takes it.

        Raises:
            ConnectionResetError: the stream is closed, or the client has taken nothing for the idle timeout.
        """
        rest = memoryview(data)
        while rest:
            room = await self._room(stream)
            part, rest = rest[:room], rest[room:]
            self._engine.send_data(stream.id, part, end_stream=end and not rest)
            self._flush()
        if end and not data:
            self._require_open(stream)
            self._engine.end_stream(stream.id)
            self._flush()

    async def _room(self, stream: Http2Stream) -> int:
        """Return how many bytes a frame may have, and wait until it is at least one."""
        try:
            async with asyncio.timeout(self._idle):
                while True:
                    await self._writable.wait()
                    self._require_open(stream)
                    window = self._engine.local_flow_control_window(stream.id)
                    if window > 0:
                        return min(window, self._engine.max_outbound_frame_size)
                    stream.window_opened.clear()
                    await stream.window_opened.wait()
        except TimeoutError:
            self.reset(stream, ErrorCodes.CANCEL)
            raise ConnectionResetError("the client does not take the response") from None

    def acknowledge(self, stream_id: int, size: int) -> None:
        """Let the client send as many bytes more."""
        if size and self._is_usable():
            self._engine.acknowledge_received_data(size, stream_id)
            self._flush()

    def reset(self, stream: Http2Stream, code: ErrorCodes) -> None:
        """Close a stream; the others go on."""
        if stream.is_open and self._is_usable():
            with suppress(ProtocolError):  # the client has closed it already
                self._engine.reset_stream(stream.id, code)
            self._flush()
        stream.close()

    def _require_open(self, stream: Http2Stream) -> None:
        if not stream.is_open or not self._is_usable():
            raise ConnectionResetError("the client has closed the stream")

    def _is_usable(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    def _flush(self) -> int:
        data = self._engine.data_to_send()
        if data and self.transport is not None:
            self.transport.write(data)
        return len(data)

    # The end

    def _watch_silence(self) -> None:
        """Close the connection once it has been silent for the idle timeout without an open stream."""
        since = self._loop.time() if self._streams else self._heard
        left = since + self._idle - self._loop.time()
        if left <= 0:
            self._leave()
        elif self.transport is not None:
            self._timer = self._loop.call_later(left, self._watch_silence)

    def _leave(self) -> None:
        """Take no more streams, and close the connection after those that are open."""
        if not self._is_leaving and self._is_usable():
            self._is_leaving = True
            self._engine.leave()
            self._flush()
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._is_leaving and not self._streams:
            self._close()

    def _close(self, code: ErrorCodes | None = None) -> None:
        if self.transport is None:
            return
        if code is not None:
            self._engine.close_connection(code)
        self._flush()
        self.transport.close()
        for stream in list(self._streams.values()):
            self._drop(stream)
