"""One end of an HTTP/2 connection: bytes, flow control, and what every stream has in common.

The `h2` package reads and writes frames and keeps to the protocol.
https://www.rfc-editor.org/rfc/rfc9113
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RemoteSettingsChanged, StreamEnded, StreamReset, WindowUpdated
from h2.exceptions import ProtocolError

Fields = Sequence[tuple[str, str]]
"""Header fields, with names in lower case and pseudo-header fields first."""

_logger = logging.getLogger(__name__)


class Body:
    """A body as it arrives; what has been read makes room for more."""

    def __init__(self, acknowledge: Callable[[int], None]) -> None:
        self._acknowledge = acknowledge
        self._chunks: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._error: Exception | None = None
        self.has_ended = False

    def feed(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._arrived.set()

    def end(self, error: Exception | None = None) -> None:
        """Note that nothing more arrives; an error is raised by those who read on."""
        self._error = error
        self.has_ended = True
        self._arrived.set()

    def is_eof(self) -> bool:
        """Return whether all of it has arrived."""
        return self.has_ended and self._error is None

    async def readany(self) -> bytes:
        """Return what has arrived, and wait for it; empty at the end."""
        while not self._chunks and not self.has_ended:
            self._arrived.clear()
            await self._arrived.wait()
        if not self._chunks and self._error is not None:
            raise self._error
        return self.take()

    def take(self) -> bytes:
        """Return what has arrived."""
        data = b"".join(self._chunks)
        self._chunks.clear()
        if data:
            self._acknowledge(len(data))
        return data

    async def iter_any(self) -> AsyncIterator[bytes]:
        """Yield what arrives until the end."""
        while chunk := await self.readany():
            yield chunk


class PeerStream:
    """A stream of a connection."""

    def __init__(self, peer: Http2Peer[Any], id: int) -> None:
        self.id = id
        self.is_open = True
        """Whether something can still be sent."""
        self.has_sent_all = False
        self.body = Body(lambda size: peer.acknowledge(id, size))
        self.window_opened = asyncio.Event()

    @property
    def is_complete(self) -> bool:
        """Whether everything has been sent and received; to the other side the stream is closed."""
        return self.has_sent_all and self.body.has_ended

    def close(self) -> None:
        """Note that nothing more can be sent, and wake what waits for that."""
        self.is_open = False
        self.window_opened.set()


Stream = TypeVar("Stream", bound=PeerStream)


class Http2Peer(asyncio.Protocol, Generic[Stream]):
    """A connection; a subclass says what begins and ends its streams."""

    def __init__(self, engine: H2Connection, idle: float) -> None:
        """`idle`: seconds without a byte after which the connection is closed, and a stream that takes no data."""
        self.engine = engine
        self.transport: asyncio.Transport | None = None
        self.streams: dict[int, Stream] = {}
        self.is_leaving = False
        """Whether no stream can be opened any more."""
        self.loop = asyncio.get_running_loop()
        self.heard = self.loop.time()
        """When something arrived, or a stream ended."""
        self.closed = asyncio.Event()
        self._idle = idle
        self._writable = asyncio.Event()
        self._writable.set()
        self._timer: asyncio.TimerHandle | None = None

    # What a subclass does

    def greet(self) -> None:
        """Begin to speak."""
        raise NotImplementedError

    def take(self, event: Event) -> None:
        """Handle an event that is not common to all streams."""
        raise NotImplementedError

    def drop(self, stream: Stream) -> None:
        """End a stream that the other side has closed."""
        raise NotImplementedError

    def leave(self) -> None:
        """Open no more streams, and close the connection after those that are open."""
        raise NotImplementedError

    # The transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.greet()
        self.flush()
        self._watch_silence()

    def data_received(self, data: bytes) -> None:
        if not self.is_usable():
            return
        self.heard = self.loop.time()
        try:
            for event in self.engine.receive_data(data):
                if self.is_usable():
                    self._take(event)
            self.flush()
        except ProtocolError:  # h2 has written the GOAWAY that says why
            self.close()
        except Exception:
            _logger.exception("the load balancer failed at a frame")
            self.close(ErrorCodes.INTERNAL_ERROR)

    def pause_writing(self) -> None:
        """Read no more from a side that does not read either: each frame may call for an answer."""
        self._writable.clear()
        if self.transport is not None:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        self._writable.set()
        if self.transport is not None:
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self._timer is not None:
            self._timer.cancel()
        for stream in list(self.streams.values()):
            self.drop(stream)
        self._writable.set()
        self.closed.set()

    # What arrives

    def _take(self, event: Event) -> None:
        if isinstance(event, RemoteSettingsChanged) or (isinstance(event, WindowUpdated) and not event.stream_id):
            for stream in self.streams.values():
                stream.window_opened.set()
            self.take(event)
        elif isinstance(event, DataReceived):
            self._take_data(event, self.streams.get(event.stream_id))
        elif isinstance(event, StreamEnded | StreamReset | WindowUpdated):
            self._take_of_stream(event, self.streams.get(event.stream_id))
        else:
            self.take(event)

    def _take_data(self, event: DataReceived, stream: Stream | None) -> None:
        if stream is not None:
            stream.body.feed(event.data)
        kept = 0 if stream is None else len(event.data)
        self.acknowledge(event.stream_id, event.flow_controlled_length - kept)

    def _take_of_stream(self, event: StreamEnded | StreamReset | WindowUpdated, stream: Stream | None) -> None:
        if stream is None:
            return
        if isinstance(event, StreamEnded):
            stream.body.end()
        elif isinstance(event, StreamReset):
            self.drop(stream)
            self.close_if_done()
        else:
            stream.window_opened.set()

    # What is sent

    def send_headers(self, stream: PeerStream, fields: Fields, *, end: bool = False) -> int:
        """Send headers or trailers, and return their size in bytes.

        Raises:
            ConnectionResetError: the stream is closed.
        """
        self._require_open(stream)
        self.engine.send_headers(stream.id, fields, end_stream=end)
        stream.has_sent_all = end
        return self.flush()

    async def send_data(self, stream: PeerStream, data: bytes | bytearray | memoryview, *, end: bool) -> None:
        """Send data as the other side takes it.

        Raises:
            ConnectionResetError: the stream is closed, or the other side has taken nothing for the idle timeout.
        """
        rest = memoryview(data)
        while rest:
            room = await self._room(stream)
            part, rest = rest[:room], rest[room:]
            stream.has_sent_all = end and not rest
            self.engine.send_data(stream.id, part, end_stream=stream.has_sent_all)
            self.flush()
        if end and not data:
            self._require_open(stream)
            stream.has_sent_all = True
            self.engine.end_stream(stream.id)
            self.flush()

    async def _room(self, stream: PeerStream) -> int:
        """Return how many bytes a frame may have, and wait until it is at least one."""
        try:
            async with asyncio.timeout(self._idle):
                while True:
                    await self._writable.wait()
                    self._require_open(stream)
                    window = self.engine.local_flow_control_window(stream.id)
                    if window > 0:
                        return min(window, self.engine.max_outbound_frame_size)
                    stream.window_opened.clear()
                    await stream.window_opened.wait()
        except TimeoutError:
            self.reset(stream, ErrorCodes.CANCEL)
            raise ConnectionResetError("the other side takes no data") from None

    def acknowledge(self, stream_id: int, size: int) -> None:
        """Let the other side send as many bytes more."""
        if size and self.is_usable():
            self.engine.acknowledge_received_data(size, stream_id)
            self.flush()

    def reset(self, stream: PeerStream, code: ErrorCodes) -> None:
        """Close a stream; the others go on."""
        if stream.is_open and self.is_usable():
            with suppress(ProtocolError):  # the other side has closed it already
                self.engine.reset_stream(stream.id, code)
            self.flush()
        stream.close()

    def _require_open(self, stream: PeerStream) -> None:
        if not stream.is_open or not self.is_usable():
            raise ConnectionResetError("the other side has closed the stream")

    def is_usable(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    def flush(self) -> int:
        """Send what the engine has written, and return its size in bytes."""
        data = self.engine.data_to_send()
        if data and self.transport is not None:
            self.transport.write(data)
        return len(data)

    # The end

    def _watch_silence(self) -> None:
        """Close the connection once it has been silent for the idle timeout without an open stream."""
        since = self.loop.time() if self.streams else self.heard
        left = since + self._idle - self.loop.time()
        if left <= 0:
            self.leave()
        elif self.transport is not None:
            self._timer = self.loop.call_later(left, self._watch_silence)

    def close_if_done(self) -> None:
        if self.is_leaving and not self.streams:
            self.close()

    def close(self, code: ErrorCodes | None = None) -> None:
        """Close the connection, with a GOAWAY if there is a code."""
        if self.transport is None:
            return
        if code is not None:
            self.engine.close_connection(code)
        self.flush()
        self.transport.close()
        for stream in list(self.streams.values()):
            self.drop(stream)
