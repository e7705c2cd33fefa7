"""Connections of clients, which stay open from one request to the next, as those to AWS do.

werkzeug's server closes each after its answer, because what an application has left unread of a request would be taken
for the next one. Here the rest is read, so that a call costs neither a connection nor a thread of its own.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import IO, Any, cast
from wsgiref.handlers import SimpleHandler

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import LimitedStream

IDLE_SECONDS = 5
"""After how long a connection on which nothing is asked is closed, and its thread ends."""


class KeepAliveHandler(MotoRequestHandler):
    """Answers one request after the other on a connection."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1  # head and body of an answer leave together: the body would wait 40 ms for the head to be confirmed

    def handle_expect_100(self) -> bool:
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def log_error(self, format: str, *args: Any) -> None:
        if not any(isinstance(each, TimeoutError) for each in args):  # nothing was asked any more, which is no error
            super().log_error(format, *args)

    def run_wsgi(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal():  # where the next request begins is anybody's guess
            self.send_error(HTTPStatus.BAD_REQUEST, f"Content-Length {length} is no number")
            return
        environ, asked, answered = self.make_environ(), cast(IO[bytes], self.rfile), cast(IO[bytes], self.wfile)
        if not environ.get("wsgi.input_terminated"):
            environ["wsgi.input"] = LimitedStream(asked, int(length))
        answer = _Answer(environ["wsgi.input"], answered, sys.stderr, environ)
        answer.run(self.server.app)
        if not answer.says_its_length or not _read_to_its_end(environ["wsgi.input"]):
            self.close_connection = True


def _read_to_its_end(body: IO[bytes]) -> bool:
    """Whether all of a request has come; not if the client has hung up meanwhile."""
    try:
        return all(iter(lambda: body.read(65536), b""))
    except (OSError, ClientDisconnected):
        return False


class _Answer(SimpleHandler):
    http_version = "1.1"
    os_environ: dict[str, Any] = {}  # noqa: RUF012 (a request's environment is not that of this process)
    headers: Any
    status: Any
    says_its_length = False

    def cleanup_headers(self) -> None:
        super().cleanup_headers()
        self.says_its_length = "Content-Length" in self.headers or self.status[:3] in ("204", "304")
        if not self.says_its_length:
            self.headers["Connection"] = "close"
