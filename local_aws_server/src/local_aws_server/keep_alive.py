"""HTTP connections that stay open between requests, as AWS's do.

werkzeug's server closes each connection after its response, because an unread rest of a request would be taken for the
next one. This handler reads the rest, so that a call costs neither a new connection nor a new thread. cheroot was
tried instead: a call took 58 ms on it and 13 ms here.
"""

from __future__ import annotations

import io
import sys
from http import HTTPStatus
from typing import IO, Any, cast
from wsgiref.handlers import SimpleHandler

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import LimitedStream

from local_aws_server.connections import IDLE_SECONDS, MAX_BODY, PatientReader, plain_response
from local_aws_server.peer_user import EVERY_USER, is_another_user
from local_aws_server.request_guard import error_response

_MAX_SKIPPED = 4 * MAX_BODY
"""The unread rest of a request is read up to this size, so that its client receives the response."""


_ANOTHER_USER = (
    "Refused: another user of this machine started this local AWS, and its content is private. Start your own with "
    f"`esaws local start --port 0`, or let its user start it with {EVERY_USER}=1."
)


class KeepAliveHandler(MotoRequestHandler):
    """Handle one request after the other on a connection."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1  # send head and body together: the body would wait 40 ms for the acknowledgement of the head

    def setup(self) -> None:
        super().setup()
        self._is_another_user = is_another_user(self.connection)
        self._reader = PatientReader(self.connection)
        self.rfile = io.BufferedReader(self._reader)

    def handle_one_request(self) -> None:
        self._reader.start_request()
        super().handle_one_request()

    def handle_expect_100(self) -> bool:
        length = self.headers.get("Content-Length") or "0"
        if length.isdecimal() and int(length) > MAX_BODY:
            self.wfile.write(plain_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large(int(length))))
            self.close_connection = True
            return False
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def log_error(self, format: str, *args: Any) -> None:
        if not any(isinstance(argument, TimeoutError) for argument in args):  # an idle connection is not an error
            super().log_error(format, *args)

    def run_wsgi(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal():  # the start of the next request is unknown
            self.send_error(HTTPStatus.BAD_REQUEST, f"Content-Length {length} is not a number")
            return
        environ = self.make_environ()
        size, application = int(length), self.server.app
        if environ.get("wsgi.input_terminated"):  # chunked: the size is unknown
            try:
                content = _read_chunked(environ["wsgi.input"])
            except OSError as error:
                self.wfile.write(plain_response(HTTPStatus.BAD_REQUEST, f"The body is not complete ({error})."))
                self.close_connection = True
                return
            size = len(content)
            if size <= MAX_BODY:
                environ["wsgi.input"] = io.BytesIO(content)
        else:
            environ["wsgi.input"] = LimitedStream(cast(IO[bytes], self.rfile), size)
        if self._is_another_user:
            application = error_response(environ, 403, "Forbidden", _ANOTHER_USER)
        elif size > MAX_BODY:
            application = error_response(environ, 413, "RequestEntityTooLarge", _too_large(size))
        response = _ResponseHandler(environ["wsgi.input"], cast(IO[bytes], self.wfile), sys.stderr, environ)
        response.run(application)
        if not response.has_known_length or not _skip_rest(environ["wsgi.input"]):
            self.close_connection = True


def _too_large(size: int) -> str:
    return f"The request has {size} bytes or more, and the local AWS takes at most {MAX_BODY}. Send it in parts."


def _read_chunked(body: IO[bytes]) -> bytes:
    """A body of unknown length, or its first `MAX_BODY` bytes and more. Raises OSError if it is not complete."""
    content = bytearray()
    while len(content) <= MAX_BODY and (read := body.read(1 << 20)):
        content += read
    return bytes(content)


def _skip_rest(body: IO[bytes]) -> bool:
    """Read the rest of a request; False if the client has disconnected, or if it is too large."""
    skipped = 0
    try:
        while read := body.read(1 << 16):
            skipped += len(read)
            if skipped > _MAX_SKIPPED:
                return False
    except (OSError, ClientDisconnected):
        return False
    return True


class _ResponseHandler(SimpleHandler):
    http_version = "1.1"
    os_environ: dict[str, Any] = {}  # noqa: RUF012 (a request's environment is not that of this process)
    headers: Any
    status: Any
    has_known_length = False

    def cleanup_headers(self) -> None:
        super().cleanup_headers()
        # Date is the account's time. AWS's SDK for JavaScript takes a difference for a wrong clock, and repeats each
        # call that AWS refuses, unless the response has an age.
        self.headers["Age"] = "0"
        self.has_known_length = "Content-Length" in self.headers or self.status[:3] in ("204", "304")
        if not self.has_known_length:
            self.headers["Connection"] = "close"
