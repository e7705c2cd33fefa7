"""A proxy before a local AWS: tests see each request that a run makes, and act before it or after its answer."""

import http.client
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from esaws.local_aws import control

_READS = re.compile(r"Describe|Get|List|Lookup|BatchGet|GET|HEAD|.* /_esaws/")
_OF_ONE_CONNECTION = {"connection", "content-length", "transfer-encoding"}


@dataclass(frozen=True)
class Request:
    """A request: the operation, such as CreateVpc, or method and path where only they say it."""

    operation: str
    body: bytes

    @property
    def changes(self) -> bool:
        """Whether it changes something; the lock of the deployment is not counted."""
        return not _READS.match(self.operation) and b"/lock" not in self.body


@dataclass(frozen=True)
class Answer:
    """What is answered: the status, the headers and the body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Proxy:
    """What happens to each request: `before` may answer it itself, `after` sees it once AWS has answered."""

    def __init__(self) -> None:
        self.url = ""
        self.before: Callable[[Request], Answer | None] = lambda request: None
        self.after: Callable[[Request], None] = lambda request: None


@contextmanager
def proxy(endpoint: str) -> Iterator[Proxy]:
    """Forward every request to an endpoint, until the end of the block."""
    hooks = Proxy()
    host = urlsplit(endpoint).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(_operation(self.command, self.path, self.headers.get("X-Amz-Target") or "", body), body)
            answer = hooks.before(request)
            if answer is None:
                connection = http.client.HTTPConnection(host, timeout=300)
                token = control.headers(endpoint) if self.path.startswith("/_esaws/") else {}
                connection.request(self.command, self.path, body, {**self.headers, **token})
                response = connection.getresponse()
                headers = [pair for pair in response.getheaders() if pair[0].lower() not in _OF_ONE_CONNECTION]
                answer = Answer(response.status, headers, response.read())
                connection.close()
            hooks.after(request)
            try:
                self.send_response_only(answer.status)
                for pair in [*answer.headers, ("Content-Length", str(len(answer.body)))]:
                    self.send_header(*pair)
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:  # the caller was killed
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A caller that was killed closes its connections."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    hooks.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hooks
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _operation(method: str, path: str, target: str, body: bytes) -> str:
    if target:
        return target.rpartition(".")[2]
    if named := parse_qs(body.decode(errors="replace")).get("Action"):
        return named[0]
    return path.rpartition("/operation/")[2] if "/operation/" in path else f"{method} {path}"
