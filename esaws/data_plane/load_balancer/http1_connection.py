"""An HTTP/1.1 connection of a client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiohttp import HttpVersion11, web
from aiohttp.web_protocol import RequestHandler

from esaws.data_plane.load_balancer import responses

if TYPE_CHECKING:
    from esaws.data_plane.load_balancer.entrance import Entrance

_MAX_LINE = 64 * 1024
"""The parser's limit, above AWS's limits, so that a longer line or header is answered as AWS does."""

_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Http1Connection(RequestHandler):
    """The connection of a client; anything but HTTP/1.1 is answered as AWS does."""

    __slots__ = ("_began", "_entrance", "_is_http2", "source_ip")

    def __init__(self, entrance: Entrance, server: web.Server, idle: float, source_ip: str) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=idle,
            access_log=None,  # type: ignore[arg-type]
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
            max_headers=1000,
            lingering_time=0.0,
            auto_decompress=False,
        )
        self._entrance = entrance
        self.source_ip = source_ip
        self._began = time.monotonic()
        self._is_http2 = False

    def age(self) -> float:
        return time.monotonic() - self._began

    def send_continue(self) -> None:
        if self.transport is not None:
            self.transport.write(_CONTINUE)

    def end_with(self, trailers: Sequence[tuple[str, str]]) -> None:
        """Do nothing: a client with HTTP/1.1 reaches no target that sends trailers."""

    def break_off(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._request_count == 0 and data.startswith(_HTTP2_PREFACE):
            self._is_http2 = True
        super().data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return what AWS answers to a request that can't be parsed, or where the proxy itself fails."""
        if status >= 500:
            self.log_exception("the load balancer failed", exc_info=exc)
            return responses.error_response(500, close=True)
        request._version = HttpVersion11
        status = 505 if self._is_http2 else 400
        self._entrance.proxy.record_malformed(self._entrance, request, status)
        return responses.error_response(status, close=True)
