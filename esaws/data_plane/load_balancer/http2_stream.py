"""One stream of an HTTP/2 connection as a request and a response of aiohttp, which the exchange handles."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aiohttp import HttpVersion, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from h2.errors import ErrorCodes
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from esaws.data_plane.load_balancer.http2_peer import Fields, PeerStream
from esaws.data_plane.load_balancer.request_headers import HOP_BY_HOP

if TYPE_CHECKING:
    from esaws.data_plane.load_balancer.http2_connection import Http2Connection

RawFields = Iterable[tuple[bytes, bytes]]
"""The header fields of a request with its pseudo-header fields, such as `(b":method", b"GET")`."""

_HTTP2 = HttpVersion(2, 0)
_ROOT = URL("/")
_MIXED_CASE = {
    name.lower(): name for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Amzn-Trace-Id")
}
"""The fields whose names targets receive in mixed case; all others stay in lower case.

https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html#http-headers
"""


class Http2Stream(PeerStream):
    """A stream from its request to the end of its response; to aiohttp it is the connection of the request."""

    ssl_context = sockname = None  # what aiohttp reads of a connection for its own properties

    def __init__(self, connection: Http2Connection, id: int) -> None:
        super().__init__(connection, id)
        self.connection = connection
        self.trailers: Fields = ()
        self.task: asyncio.Task[None] | None = None

    @property
    def transport(self) -> asyncio.Transport | None:
        return self.connection.transport

    @property
    def peername(self) -> Any:
        return self.connection.peername

    @property
    def source_ip(self) -> str:
        return self.connection.source_ip

    def age(self) -> float:
        return self.connection.age()

    def send_continue(self) -> None:
        self.connection.send_headers(self, [(":status", "100")])

    def end_with(self, trailers: Fields) -> None:
        self.trailers = trailers

    def break_off(self) -> None:
        self.connection.reset(self, ErrorCodes.INTERNAL_ERROR)

    def request(self, fields: RawFields, *, has_body: bool) -> web.BaseRequest:
        """Return the request of this stream; its responses are sent on the stream."""
        method, target, headers = _read_fields(fields)
        message = RawRequestMessage(
            method,
            target,
            version=_HTTP2,
            headers=CIMultiDictProxy(headers),
            raw_headers=(),
            should_close=False,
            compression=None,
            upgrade=False,
            chunked=False,
            url=_ROOT,
        )
        body: Any = self.body if has_body else EMPTY_PAYLOAD
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        return web.BaseRequest(message, body, self, ResponseWriter(self), task, loop)  # type: ignore[arg-type]


def _read_fields(fields: RawFields) -> tuple[str, str, CIMultiDict[str]]:
    """Return method, request target and headers as a request with HTTP/1.1 has them."""
    pseudo: dict[str, str] = {}
    headers: CIMultiDict[str] = CIMultiDict()
    for raw_name, raw_value in fields:
        name, value = (raw.decode("utf-8", "surrogateescape") for raw in (raw_name, raw_value))
        if name.startswith(":"):
            pseudo[name] = value
        else:
            headers.add(_MIXED_CASE.get(name, name), value)
    host = pseudo.get(":authority", headers.pop("host", ""))
    headers.popall("host", None)
    method = pseudo.get(":method", "")
    target = host if method == "CONNECT" else pseudo.get(":path", "")
    return method, target, CIMultiDict([("Host", host), *headers.items()])


class ResponseWriter(AbstractStreamWriter):
    """Sends a response of aiohttp on a stream; `output_size` counts the bytes of its headers and its body."""

    def __init__(self, stream: Http2Stream) -> None:
        self._stream = stream
        self._waiting: list[tuple[str, str]] = []
        self.output_size = 0

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        status = status_line.split(" ")[1]
        passed = [(name.lower(), value) for name, value in headers.items()]
        self._waiting = [(":status", status), *(field for field in passed if field[0] not in HOP_BY_HOP)]

    def send_headers(self) -> None:
        self._send_waiting(end=False)

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self._send_waiting(end=False)
        await self._send(chunk, end=False)

    async def write_eof(self, chunk: bytes = b"") -> None:
        trailers = self._stream.trailers
        if self._send_waiting(end=not chunk and not trailers):
            return
        await self._send(chunk, end=not trailers)
        if trailers:
            self.output_size += self._stream.connection.send_headers(self._stream, trailers, end=True)

    async def drain(self) -> None:
        """Do nothing: `write` waits until the client takes more."""

    def enable_chunking(self) -> None:
        """Do nothing: frames have lengths."""

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        raise NotImplementedError("a load balancer does not compress")

    def _send_waiting(self, *, end: bool) -> bool:
        """Send the headers unless they are sent, and return whether the stream has ended with them."""
        if not self._waiting:
            return False
        fields, self._waiting = self._waiting, []
        self.output_size += self._stream.connection.send_headers(self._stream, fields, end=end)
        return end

    async def _send(self, chunk: bytes | bytearray | memoryview, *, end: bool) -> None:
        self.output_size += len(chunk)
        await self._stream.connection.send_data(self._stream, chunk, end=end)
