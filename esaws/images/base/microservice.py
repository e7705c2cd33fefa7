"""What the images of SecCom share: an HTTP server with routes, a log line a request, and a clean end at SIGTERM.

It reads the environment of its container:

- `PORT` and `HOST`: where it listens, by default port 8000 of every address
- `ALB_PREFIX`: the URL prefix of all routes, empty by default, since the load balancer does not remove it
- `ESAWS_TASK` and `ESAWS_ZONE`: which task it is, and where; without them ECS's metadata endpoint has both
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import sys
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

LONGEST_BODY = 4 << 20
LONGEST_WAIT = 25.0
"""Seconds that requests in flight have at SIGTERM; ECS kills the container after 30."""


@dataclass
class Response:
    """An answer: bytes and text are sent as they are, anything else as JSON."""

    body: Any = b""
    status: int = 200
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[bytes, str]:
        """Return the body as bytes, and its content type."""
        if isinstance(self.body, bytes):
            return self.body, self.content_type or "application/octet-stream"
        if isinstance(self.body, str):
            return self.body.encode(), self.content_type or "text/plain; charset=utf-8"
        return json.dumps(self.body, default=_iso).encode() + b"\n", "application/json"


def _iso(value: Any) -> str:
    return str(value.isoformat())  # dates and times are all that JSON has no form for


class HTTPError(Exception):
    """A request that fails with a status, and a reason that its client may read."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Request:
    """A request without the prefix: `parts` has the named parts of the route's path."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    parts: dict[str, str] = field(default_factory=dict)
    target: str = ""
    """Path and query as the client sent them."""

    def json(self) -> dict[str, Any]:
        """Return the object in the body. Raises HTTPError 400 if there is none."""
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise HTTPError(400, f"the body is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise HTTPError(400, "the body is not a JSON object")
        return value


Handler = Callable[[Request], Any]


class Microservice:
    """An HTTP server. `routes` maps `"GET /sites/{id}"` to a function of a Request.

    A function returns a Response, or what its JSON is. `GET /` answers health checks.
    """

    def __init__(self, name: str, routes: Mapping[str, Handler], *, health: bool = True) -> None:
        self.name = name
        self.prefix = os.environ.get("ALB_PREFIX", "").rstrip("/")
        self.task, self.zone = _placement()
        known = {"GET /": self._health} if health else {}
        self._routes = [
            (method, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))), function)
            for route, function in {**known, **routes}.items()
            for method, _, path in [route.partition(" ")]
        ]
        self._fallback: Handler | None = None
        self._active = 0
        self._quiet = threading.Condition()
        self.is_stopping = False

    @property
    def served_by(self) -> str:
        """The service, its task and its zone, as in the header X-Served-By."""
        return f"{self.name} {self.task} {self.zone}"

    def otherwise(self, function: Handler) -> None:
        """Call a function for the requests that no route takes."""
        self._fallback = function

    def answer(self, request: Request) -> Response:
        """Return the response to a request."""
        try:
            found = self._find(request)
            return found if isinstance(found, Response) else Response(found)
        except HTTPError as error:
            return Response({"error": str(error)}, error.status)
        except Exception:
            traceback.print_exc(file=sys.stdout)
            return Response({"error": "internal error; the log of the task has its traceback"}, 500)

    def _find(self, request: Request) -> Any:
        path = request.path
        if path.startswith(f"{self.prefix}/"):
            path = path.removeprefix(self.prefix)
            matches = [
                (method, match, function)
                for method, pattern, function in self._routes
                if (match := pattern.fullmatch(path))
            ]
            for method, match, function in matches:
                if method == request.method:
                    parts = {name: unquote(value) for name, value in match.groupdict().items()}
                    return function(_with_parts(request, parts))
            if matches:
                allowed = ", ".join(sorted(method for method, _, _ in matches))
                error = {"error": f"{request.method} is not allowed here; {allowed} is"}
                return Response(error, 405, headers={"Allow": allowed})
        if self._fallback is not None:
            return self._fallback(request)
        raise HTTPError(404, f"{self.name} has no {request.path}")

    def _health(self, request: Request) -> dict[str, Any]:
        return {"service": self.name, "task": self.task, "zone": self.zone}

    # -- the process -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until SIGTERM. Requests in flight are answered before the process exits with 0."""
        threading.stack_size(512 << 10)  # many connections within the memory of a small container
        address = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8000"))
        server = _Server(address, _handler(self))
        stop = stop_event()
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        log(f"{self.name} listens on {address[0]}:{server.server_port}, prefix {self.prefix or '/'}, {self.served_by}")
        stop.wait()
        self.is_stopping = True
        server.shutdown()
        server.socket.close()
        with self._quiet:
            ended = self._quiet.wait_for(lambda: not self._active, timeout=LONGEST_WAIT)
        log(f"{self.name} has ended" if ended else f"{self.name} ends with {self._active} requests unanswered")
        sys.stdout.flush()
        os._exit(0)  # threads of idle connections wait for their clients

    def begin(self) -> None:
        """Count a request in flight."""
        with self._quiet:
            self._active += 1

    def end(self) -> None:
        """Count a request that was answered."""
        with self._quiet:
            self._active -= 1
            self._quiet.notify_all()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception() if hasattr(sys, "exception") else None
        if not isinstance(error, ConnectionError | TimeoutError):  # a client that left is not an error
            traceback.print_exc(file=sys.stdout)


def _handler(service: Microservice) -> type[BaseHTTPRequestHandler]:
    class RequestHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 75  # longer than the idle timeout of the load balancer, so that it closes connections first
        disable_nagle_algorithm = True
        wbufsize = -1

        def version_string(self) -> str:
            return service.name

        def _respond(self) -> None:
            service.begin()
            try:
                began = time.perf_counter()
                response = self._response()
                body, content_type = response.encoded()
                self._log(response.status, len(body), began)  # first, so that no client is ahead of the log
                self._write(response, body, content_type)
            finally:
                service.end()

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _respond

        def _response(self) -> Response:
            try:
                body = self._body()
            except HTTPError as error:
                self.close_connection = True  # the rest of the body is not read
                return Response({"error": str(error)}, error.status)
            split = urlsplit(self.path)
            method = "GET" if self.command == "HEAD" else self.command
            query, headers = parse_qs(split.query, keep_blank_values=True), cast(Mapping[str, str], self.headers)
            return service.answer(Request(method, split.path, query, headers, body, target=self.path))

        def _body(self) -> bytes:
            if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                return self._chunks()
            text = self.headers.get("Content-Length") or "0"
            if not re.fullmatch("[0-9]{1,18}", text):
                raise HTTPError(400, "Content-Length is not a number")
            return self._read(int(text), 0)

        def _chunks(self) -> bytes:
            body = b""
            while True:
                line = self.rfile.readline(1024).split(b";")[0].strip()
                if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", line):
                    raise HTTPError(400, "the body is not chunked as Transfer-Encoding says")
                if size := int(line, 16):
                    body += self._read(size, len(body))
                if self.rfile.readline(1024).strip() or not size:
                    return body

        def _read(self, size: int, before: int) -> bytes:
            if before + size > LONGEST_BODY:
                for _ in range(min(size, 4 * LONGEST_BODY) >> 16):  # else its client might not read the response
                    self.rfile.read(1 << 16)
                raise HTTPError(413, f"the body has more than {LONGEST_BODY >> 20} MiB")
            body = self.rfile.read(size)
            if len(body) < size:
                raise HTTPError(400, "the body ended early")
            return body

        def _write(self, response: Response, body: bytes, content_type: str) -> None:
            self.send_response_only(response.status)
            sent = {"X-Served-By": service.served_by}
            if response.status not in (204, 304):
                sent |= {"Content-Type": content_type, "Content-Length": str(len(body))}
            for name, value in (sent | dict(response.headers)).items():
                self.send_header(name, value)
            if service.is_stopping:
                self.close_connection = True
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.wfile.flush()

        def _log(self, status: int, size: int, began: float) -> None:
            client = self.headers.get("X-Forwarded-For", self.client_address[0]).split(",")[-1].strip()
            trace = self.headers.get("X-Amzn-Trace-Id", "-")
            milliseconds = (time.perf_counter() - began) * 1000
            log(f'{client} "{self.requestline}" {status} {size} {milliseconds:.1f}ms {trace}')

        def log_message(self, format: str, *args: Any) -> None:
            """Log what the standard library rejects before it is a request."""
            log(f"{self.client_address[0]} {format % args}")

    return RequestHandler


def _with_parts(request: Request, parts: dict[str, str]) -> Request:
    return Request(
        request.method, request.path, request.query, request.headers, request.body, parts, target=request.target
    )


def log(line: str) -> None:
    """Write one line to standard output; control characters are escaped."""
    sys.stdout.write(re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda found: f"\\x{ord(found[0]):02x}", line) + "\n")
    sys.stdout.flush()


def stop_event() -> threading.Event:
    """Return the event that SIGTERM or SIGINT sets."""
    stop, arrived = threading.Event(), queue.SimpleQueue[int]()

    def set_after_signal() -> None:
        arrived.get()
        stop.set()

    # A handler runs in the main thread, wherever that is, and `Event.set` waits forever for a lock that it holds there.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: arrived.put(number))
    threading.Thread(target=set_after_signal, daemon=True).start()
    return stop


def call(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """Send a request to another service; its response, whatever the status.

    Raises:
        HTTPError: 502, it can't be reached or does not answer within ten seconds.
    """
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))
    opener = urllib.request.build_opener(_Unchanged, urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            names = ("X-Served-By", "Location")
            kept = {name: response.headers[name] for name in names if name in response.headers}
            return Response(response.read(), response.status, response.headers.get("Content-Type", ""), kept)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise HTTPError(int(HTTPStatus.BAD_GATEWAY), f"{urlsplit(url).netloc} does not answer: {reason}") from None


class _Unchanged(urllib.request.HTTPErrorProcessor):
    """Returns errors and redirects as responses."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response

    https_response = http_response


def _placement() -> tuple[str, str]:
    """Return the id of the task, and its zone."""
    task, zone = os.environ.get("ESAWS_TASK", ""), os.environ.get("ESAWS_ZONE", "")
    metadata = os.environ.get("ECS_CONTAINER_METADATA_URI_V4")
    if not (task and zone) and metadata:
        try:
            found = json.loads(call("GET", f"{metadata}/task").body)
            task = task or found.get("TaskARN", "").rpartition("/")[2]
            zone = zone or found.get("AvailabilityZone", "")
        except (HTTPError, ValueError, AttributeError):
            pass
    return task or socket.gethostname(), zone or "zone-unknown"
