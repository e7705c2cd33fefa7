"""Connections stay open, and the unread rest of a request is not taken for the next one."""

import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from local_aws_server.connections import IDLE_SECONDS
from tests.local.conftest import Account, Program


@pytest.fixture
def connection(server: str) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection(urlsplit(server).netloc, timeout=30)) as connection:
        yield connection


def send(connection: HTTPConnection, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, response.read()


def test_one_connection_carries_many_calls(connection: HTTPConnection) -> None:
    assert send(connection, "GET", "/")[0] == 200
    first = connection.sock
    assert [send(connection, "GET", "/")[0] for _ in range(3)] == [200] * 3
    assert connection.sock is first


@pytest.mark.parametrize("size", [1, 100_000, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_unread_body_is_not_taken_for_the_next_request(connection: HTTPConnection, size: int, chunked: bool) -> None:
    body = b"GET /_esaws/nothing HTTP/1.1\r\n\r\n" * size
    content: Any = iter([body[:5000], body[5000:]]) if chunked and len(body) > 5000 else body
    assert send(connection, "POST", "/_esaws/not-there", content)[0] == 401
    first = connection.sock
    assert send(connection, "GET", "/")[0] == 200
    assert connection.sock is first


def test_a_response_to_head_has_the_length_of_the_body(account: Account, connection: HTTPConnection) -> None:
    s3, name = account.client("s3"), "kept-alive"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.put_object(Bucket=name, Key="key", Body=b"x" * 5000)
    url = s3.generate_presigned_url("head_object", {"Bucket": name, "Key": "key"})
    path = url.removeprefix(account.url)
    connection.request("HEAD", path)
    response = connection.getresponse()
    assert (response.status, response.getheader("Content-Length"), response.read()) == (200, "5000", b"")
    assert send(connection, "GET", "/")[0] == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 200), ("POST", "/_esaws/not-there", 401)])
def test_a_response_has_an_age_so_that_clients_do_not_set_their_clock_by_its_date(
    connection: HTTPConnection, method: str, path: str, status: int
) -> None:
    connection.request(method, path)
    response = connection.getresponse()
    response.read()
    assert (response.status, response.getheader("Age")) == (status, "0")


def exchange(server: str, text: str) -> bytes:
    """Everything that the server sends until it closes the connection."""
    parts = urlsplit(server)
    with socket.create_connection((parts.hostname, parts.port), timeout=IDLE_SECONDS * 4) as plain:
        plain.sendall(text.encode())
        return b"".join(iter(lambda: plain.recv(65536), b""))


def test_the_server_closes_a_connection_on_request(server: str) -> None:
    for request in ("GET / HTTP/1.0\r\n", "GET / HTTP/1.1\r\nConnection: close\r\n"):
        assert exchange(server, f"{request}\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("length", ["many", "-5", "1e3"])
def test_an_invalid_content_length_is_refused_and_the_connection_closed(server: str, length: str) -> None:
    response = exchange(server, f"POST /_esaws/not-there HTTP/1.1\r\nContent-Length: {length}\r\n\r\nhello")
    assert response.startswith(b"HTTP/1.1 400 ") and response.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    ("head", "status"),
    [("Content-Length: 500\r\n\r\nhello", b"401"), ("Transfer-Encoding: chunked\r\n\r\n5\r\nhel", b"400")],
)
def test_a_client_that_disconnects_during_a_request_leaves_no_traceback(
    program: Program, head: str, status: bytes
) -> None:
    parts = urlsplit(program.json("start")["url"])
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as plain:
        plain.sendall(f"POST /_esaws/not-there HTTP/1.1\r\n{head}".encode())
        plain.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: plain.recv(65536), b"")).startswith(b"HTTP/1.1 " + status)
    assert (program.state / "server.log").read_text() == ""


def test_the_server_asks_for_a_body_with_100_continue(server: str) -> None:
    parts = urlsplit(server)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as plain, plain.makefile("rb") as response:
        plain.sendall(b"POST /_esaws/not-there HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert (response.readline(), response.readline()) == (b"HTTP/1.1 100 Continue\r\n", b"\r\n")
        plain.sendall(b"{}")
        assert response.readline().startswith(b"HTTP/1.1 401")


def test_an_idle_connection_is_closed_without_a_log_entry(program: Program) -> None:
    server = program.json("start")["url"]
    assert exchange(server, "GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert (program.state / "server.log").read_text() == ""
