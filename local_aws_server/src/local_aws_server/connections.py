"""Limits of what clients can make the server hold: connections, the size of a request, and the time that it takes."""

from __future__ import annotations

import io
import socket
from contextlib import suppress
from http import HTTPStatus
from threading import BoundedSemaphore, Thread
from time import monotonic
from typing import Any

from werkzeug.serving import ThreadedWSGIServer

MAX_CONNECTIONS = 500
"""More are answered with 503. Each has a thread; a process may have about 1,000 files open by default."""
MAX_BODY = 256 << 20
"""Bytes of a request; a larger one is answered with 413. The services hold a body in memory."""
IDLE_SECONDS = 10
"""An idle connection is closed after this time, and its thread ends. A client that sends just then has to retry."""
WAIT_SECONDS = 60
"""The time that the server waits for the bytes of one request, all pauses taken together."""

_MAX_REFUSING = 50
_REFUSAL_SECONDS = 1.0


class LimitedServer(ThreadedWSGIServer):
    """A server with a thread for each connection, and at most `MAX_CONNECTIONS` of them."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._free = BoundedSemaphore(MAX_CONNECTIONS)
        self._refusing = BoundedSemaphore(_MAX_REFUSING)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            try:
                super().process_request(request, client_address)
            except BaseException:
                self._free.release()
                raise
        elif self._refusing.acquire(blocking=False):
            Thread(target=self._refuse, args=(request,), daemon=True).start()
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def _refuse(self, request: socket.socket) -> None:
        """Answer with 503. The request is read first: to close a connection with unread bytes drops the answer."""
        message = f"The local AWS has {MAX_CONNECTIONS} connections already. Close some, or try again later."
        try:
            with suppress(OSError):
                request.settimeout(_REFUSAL_SECONDS)
                request.recv(1 << 16)
                request.sendall(plain_response(HTTPStatus.SERVICE_UNAVAILABLE, message))
        finally:
            self.shutdown_request(request)
            self._refusing.release()


class PatientReader(io.RawIOBase):
    """Reads from a socket, and waits `WAIT_SECONDS` for one request in total. Raises TimeoutError then.

    A limit for each pause alone would let a client hold a connection forever, with a byte now and then. The wait for
    the first bytes is the connection's, not the request's: it may have lasted as long as the machine was suspended.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.start_request()

    def start_request(self) -> None:
        """Begin with the whole time again."""
        self._left, self._has_begun = float(WAIT_SECONDS), False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        began = monotonic()
        self._connection.settimeout(max(0.01, min(IDLE_SECONDS, self._left)))
        try:
            return self._connection.recv_into(buffer)
        finally:
            if self._has_begun:
                self._left -= monotonic() - began
            self._has_begun = True
            self._connection.settimeout(IDLE_SECONDS)


def plain_response(status: HTTPStatus, message: str) -> bytes:
    """A response after which the connection is closed."""
    body = f"{message}\n".encode()
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body
