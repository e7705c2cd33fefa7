"""Connections: HTTP requests to a program of this machine are calls of its WSGI application."""

from __future__ import annotations

import http.client
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import botocore
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from werkzeug.test import EnvironBuilder, run_wsgi_app

from browser_machine import programs

Headers = list[tuple[str, str]]

_OF_CONNECTION = ("content-length", "connection")


def exchange(method: str, url: str, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
    """Send a request to the program that listens at the port of `url`: (status, headers, body).

    Raises:
        ConnectionRefusedError: no program listens there, or it is on another machine.
    """
    parts = urlsplit(url)
    program = programs.listening_at(parts.hostname, parts.port)
    environ = EnvironBuilder(
        method=method,
        path=parts.path or "/",
        query_string=parts.query,
        base_url=f"{parts.scheme}://{parts.netloc}",
        headers=headers,
        data=body,
        environ_base={"REMOTE_ADDR": "127.0.0.1"},
    ).get_environ()
    environ["REQUEST_URI"] = environ["RAW_URI"] = url.removeprefix(f"{parts.scheme}://{parts.netloc}") or "/"
    with program.running():
        chunks, status, answered = run_wsgi_app(program.application, environ, buffered=True)
        return int(status.split()[0]), list(answered.items()), b"".join(chunks)


class _Body(io.BytesIO):
    """The body of a response, as botocore reads it."""

    def stream(self, amount: int = 65536, **options: Any) -> Iterator[bytes]:
        while chunk := self.read(amount):
            yield chunk


def _before_send(request: AWSPreparedRequest, **event: Any) -> AWSResponse:
    """The response to a request of botocore."""
    headers = [
        (name, value.decode() if isinstance(value, bytes) else str(value)) for name, value in request.headers.items()
    ]
    body = request.body.read() if hasattr(request.body, "read") else request.body or b""
    content = body.encode() if isinstance(body, str) else bytes(body)
    try:
        status, answered, answer = exchange(request.method, request.url, headers, content)
    except ConnectionRefusedError as error:
        from botocore.exceptions import EndpointConnectionError

        raise EndpointConnectionError(endpoint_url=request.url, error=error) from error
    from botocore.compat import HTTPHeaders

    return AWSResponse(request.url, status, HTTPHeaders.from_pairs(answered), _Body(answer))


class _Connection:
    """The part of a socket that `http.client` uses: the answer is there as soon as the request is."""

    def __init__(self, origin: str) -> None:
        self._origin, self._sent = origin, b""

    def sendall(self, data: bytes) -> None:
        self._sent += data

    def makefile(self, mode: str) -> io.BytesIO:
        request = io.BytesIO(self._sent)
        self._sent = b""
        method, path, _ = request.readline().decode("latin-1").split(" ", 2)
        headers = list(http.client.parse_headers(request).items())
        status, answered, body = exchange(method, self._origin + path, headers, request.read())
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"]
        lines += [f"{name}: {value}" for name, value in answered if name.lower() not in _OF_CONNECTION]
        lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
        return io.BytesIO("\r\n".join(lines).encode("latin-1") + (b"" if method == "HEAD" else body))

    def settimeout(self, seconds: float | None) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """There is nothing to close."""


def _connect(connection: http.client.HTTPConnection) -> None:
    programs.listening_at(connection.host, connection.port)
    connection.sock = _Connection(f"http://{connection.host}:{connection.port}")  # type: ignore[assignment]


def install() -> None:
    """Let boto3, the AWS CLI and `http.client` reach the programs of this machine, and nothing else."""
    botocore.register_initializer(lambda session: session.register("before-send", _before_send))
    http.client.HTTPConnection.connect = _connect  # type: ignore[method-assign]
