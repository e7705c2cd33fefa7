"""The client of targets with HTTP/2: one connection carries many requests, without TLS from its first byte on.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-protocol-version
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import defaultdict
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import aiohttp
from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, Event, RemoteSettingsChanged, ResponseReceived, TrailersReceived
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from esaws.data_plane.load_balancer.certificate import HTTP2
from esaws.data_plane.load_balancer.http2_engine import WINDOW
from esaws.data_plane.load_balancer.http2_peer import Fields, Http2Peer, PeerStream
from esaws.data_plane.load_balancer.request_headers import HOP_BY_HOP

Result = TypeVar("Result")

_STATUS = re.compile("[1-9][0-9]{2}")
_KEEP_SECONDS = 60.0
"""How long a connection stays open without a request."""

_MOST_STREAMS = 128
"""The requests at a time on one connection, where the target allows as many."""


class TargetStream(PeerStream):
    """A request to a target: its response, once it has begun, and the trailers after it."""

    def __init__(self, connection: TargetConnection, id: int) -> None:
        super().__init__(connection, id)
        self.response: asyncio.Future[list[tuple[str, str]]] = connection.loop.create_future()
        self.trailers: list[tuple[str, str]] = []
        self.is_sending = False
        """Whether its body is on the way."""
        self.silence: asyncio.Timeout | None = None
        """Ends what waits for the target."""

    def fail(self, error: Exception) -> None:
        """End it: those that wait for the response, or for more of it, get the error."""
        self.close()
        if not self.response.done():
            self.response.set_exception(error)
            self.response.exception()  # it is no oversight where nothing waits for it
        if not self.body.has_ended:
            self.body.end(error)


class TargetResponse:
    """A response as `aiohttp.ClientResponse` has it, as far as it is needed here."""

    reason = ""

    def __init__(self, stream: TargetStream, fields: list[tuple[str, str]], idle: float) -> None:
        """Read the headers of a response.

        Raises:
            aiohttp.ClientError: its status is not one of HTTP.
        """
        status = dict(fields)[":status"]
        if not _STATUS.fullmatch(status):
            raise aiohttp.ClientError(f"the target answers with the status {status}")
        self.status = int(status)
        self.headers = CIMultiDictProxy(CIMultiDict(field for field in fields if not field[0].startswith(":")))
        self.content = self
        self._stream = stream
        self._idle = idle

    @property
    def trailers(self) -> Fields:
        """The trailers; complete at the end of the content."""
        return self._stream.trailers

    def is_eof(self) -> bool:
        return self._stream.body.is_eof()

    async def iter_any(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives.

        Raises:
            TimeoutError: the target was silent for the idle timeout.
            aiohttp.ClientError: the target has broken off.
        """
        while chunk := await _within(self._idle, self._stream, self._stream.body.readany):
            yield chunk


class TargetConnection(Http2Peer[TargetStream]):
    """A connection to a target."""

    def __init__(self) -> None:
        engine = H2Connection(H2Configuration(client_side=True))
        engine.local_settings = Settings(client=True, initial_values={SettingCodes.ENABLE_PUSH: 0})
        super().__init__(engine, _KEEP_SECONDS)
        self.begun = asyncio.Event()
        """Set once the target speaks HTTP/2, or never will."""

    def greet(self) -> None:
        self.engine.initiate_connection()
        self.engine.increment_flow_control_window((_MOST_STREAMS - 1) * WINDOW)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.begun.set()

    def has_room(self) -> bool:
        """Return whether one more request may be sent."""
        most = min(_MOST_STREAMS, self.engine.remote_settings.max_concurrent_streams)
        return self.is_usable() and not self.is_leaving and len(self.streams) < most

    def open(self, fields: Fields, *, end: bool) -> TargetStream:
        """Send a request, and with `end` all of it.

        Raises:
            aiohttp.ClientError: the connection takes no request.
        """
        stream = TargetStream(self, self.engine.get_next_available_stream_id())
        try:
            self.send_headers(stream, fields, end=end)
        except (ProtocolError, ConnectionError) as error:
            raise aiohttp.ClientConnectionError(str(error)) from error
        self.streams[stream.id] = stream
        return stream

    def end(self, stream: TargetStream) -> None:
        """Forget a request; what has not ended of it is cancelled."""
        self.streams.pop(stream.id, None)
        stream.body.take()
        if not stream.is_complete:
            self.reset(stream, ErrorCodes.CANCEL)
        self.heard = self.loop.time()
        self.close_if_done()

    def take(self, event: Event) -> None:
        if isinstance(event, RemoteSettingsChanged):
            self.begun.set()
        elif isinstance(event, ConnectionTerminated):
            self.engine.state_machine.state = ConnectionState.CLIENT_OPEN  # h2 would send nothing more
            self.is_leaving = True
            for stream in [each for id, each in self.streams.items() if id > (event.last_stream_id or 0)]:
                self.drop(stream)
            self.close_if_done()
        elif isinstance(event, ResponseReceived | TrailersReceived) and event.stream_id in self.streams:
            stream = self.streams[event.stream_id]
            fields = [(_text(name), _text(value)) for name, value in event.headers or ()]
            if isinstance(event, TrailersReceived):
                stream.trailers = [field for field in fields if field[0] not in HOP_BY_HOP]
            elif not stream.response.done():
                stream.response.set_result(fields)

    def drop(self, stream: TargetStream) -> None:
        self.streams.pop(stream.id, None)
        stream.fail(aiohttp.ServerDisconnectedError())

    def leave(self) -> None:
        self.is_leaving = True
        self.close_if_done()


class Http2Targets:
    """The open connections to targets, by their places on this machine."""

    def __init__(self) -> None:
        self._connections: defaultdict[URL, list[TargetConnection]] = defaultdict(list)
        self._connecting: defaultdict[URL, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str],
        data: AsyncIterable[bytes] | None,
        connect: float,
        idle: float,
    ) -> AsyncIterator[TargetResponse]:
        """Send a request, and yield its response when that begins; the body of the request may go on meanwhile.

        Args:
            method: GET, for example.
            url: http:// or https:// with a place on this machine; `Host` in the headers is what the target sees.
            headers: of the request.
            data: its body; None without one.
            connect: seconds for the connection.
            idle: seconds for which the target may be silent after the request.

        Raises:
            TimeoutError: one of the times has passed.
            aiohttp.ClientError: the target does not speak HTTP/2, or has broken off; or what `data` raises.
        """
        fields = [(":method", method), (":scheme", url.scheme), (":authority", headers["Host"])]
        fields += [(":path", url.raw_path_qs), ("te", "trailers")]
        passed = ((name.lower(), value) for name, value in headers.items())
        fields += [field for field in passed if field[0] != "host" and field[0] not in HOP_BY_HOP]
        async with asyncio.timeout(connect):
            connection = await self._connection(url)
        stream = connection.open(fields, end=data is None)
        stream.is_sending = data is not None
        upload = None if data is None else asyncio.create_task(_upload(connection, stream, data, idle))
        try:
            yield TargetResponse(stream, await _within(idle, stream, lambda: asyncio.shield(stream.response)), idle)
        finally:
            if upload is not None:
                upload.cancel()
                await asyncio.gather(upload, return_exceptions=True)
            connection.end(stream)

    async def close(self) -> None:
        """Close every connection."""
        for connections in self._connections.values():
            for connection in connections:
                connection.close(ErrorCodes.NO_ERROR)
        self._connections.clear()

    async def _connection(self, url: URL) -> TargetConnection:
        """Return a connection that takes one more request."""
        place = url.origin()
        async with self._connecting[place]:
            connections = [each for each in self._connections[place] if each.is_usable()]
            found = next((each for each in connections if each.has_room()), None)
            if found is None:
                found = await _connect(place)
                connections.append(found)
            self._connections[place] = connections
            return found


async def _connect(place: URL) -> TargetConnection:
    assert place.host is not None and place.port is not None
    loop, tls = asyncio.get_running_loop(), _client_context() if place.scheme == "https" else None
    try:
        _, connection = await loop.create_connection(TargetConnection, place.host, place.port, ssl=tls)
    except OSError as error:
        raise aiohttp.ClientConnectionError(str(error)) from error
    try:
        await connection.begun.wait()
    except asyncio.CancelledError:
        connection.close()
        raise
    if not connection.is_usable():
        raise aiohttp.ClientConnectionError("the target does not speak HTTP/2")
    return connection


def _client_context() -> ssl.SSLContext:
    """Return TLS settings with HTTP/2 alone: a load balancer does not verify the certificates of targets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([HTTP2])
    return context


async def _upload(connection: TargetConnection, stream: TargetStream, data: AsyncIterable[bytes], idle: float) -> None:
    try:
        async for chunk in data:
            await connection.send_data(stream, chunk, end=False)
        await connection.send_data(stream, b"", end=True)
    except ConnectionError:
        stream.fail(TimeoutError("the target does not read"))  # unless the target itself has ended the stream
    except aiohttp.ClientError as error:
        connection.reset(stream, ErrorCodes.CANCEL)
        stream.fail(error)
    finally:
        stream.is_sending = False
        if stream.silence is not None:
            stream.silence.reschedule(connection.loop.time() + idle)


async def _within(idle: float, stream: TargetStream, read: Callable[[], Awaitable[Result]]) -> Result:
    """Return what is read from a stream; once its request has been sent, the target may be silent for `idle` seconds.

    Raises:
        TimeoutError: it was silent for longer.
    """
    try:
        async with asyncio.timeout(None if stream.is_sending else idle) as stream.silence:
            return await read()
    finally:
        stream.silence = None


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")
