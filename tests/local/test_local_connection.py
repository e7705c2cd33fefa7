"""Connections stay open, and no request is taken for another."""

import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from local_aws_server.keep_alive import IDLE_SECONDS
from tests.local.conftest import Account, Program


@pytest.fixture
def connection(server: str) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection(urlsplit(server).netloc, timeout=30)) as connection:
        yield connection


def asked(connection: HTTPConnection, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_one_connection_carries_many_calls(connection: HTTPConnection) -> None:
    assert asked(connection, "GET", "/_esaws/status")[0] == 200
    first = connection.sock
    assert [asked(connection, "GET", "/_esaws/status")[0] for _ in range(3)] == [200] * 3
    assert connection.sock is first


@pytest.mark.parametrize("size", [1, 100_000, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_what_nobody_read_of_a_request_is_not_taken_for_the_next(
    connection: HTTPConnection, size: int, chunked: bool
) -> None:
    body = b"GET /_esaws/nothing HTTP/1.1\r\n\r\n" * size
    content: Any = iter([body[:5000], body[5000:]]) if chunked and len(body) > 5000 else body
    assert asked(connection, "POST", "/_esaws/not-there", content)[0] == 404
    first = connection.sock
    assert asked(connection, "GET", "/_esaws/status")[0] == 200
    assert connection.sock is first


def test_a_head_has_the_length_of_what_it_does_not_send(account: Account, connection: HTTPConnection) -> None:
    s3, name = account.client("s3"), "kept-alive"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.put_object(Bucket=name, Key="key", Body=b"x" * 5000)
    url = s3.generate_presigned_url("head_object", {"Bucket": name, "Key": "key"})
    path = url.removeprefix(account.url)
    connection.request("HEAD", path)
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Content-Length"), answer.read()) == (200, "5000", b"")
    assert asked(connection, "GET", "/_esaws/status")[0] == 200


def spoken(server: str, text: str) -> bytes:
    """All that comes back until the server closes."""
    parts = urlsplit(server)
    with socket.create_connection((parts.hostname, parts.port), timeout=IDLE_SECONDS * 4) as plain:
        plain.sendall(text.encode())
        return b"".join(iter(lambda: plain.recv(65536), b""))


def test_whoever_wants_it_closed_has_it_closed(server: str) -> None:
    for request in ("GET /_esaws/status HTTP/1.0\r\n", "GET /_esaws/status HTTP/1.1\r\nConnection: close\r\n"):
        assert spoken(server, f"{request}\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("length", ["many", "-5", "1e3"])
def test_a_length_that_is_no_number_is_refused_and_the_connection_closed(server: str, length: str) -> None:
    told = spoken(server, f"POST /_esaws/not-there HTTP/1.1\r\nContent-Length: {length}\r\n\r\nhello")
    assert told.startswith(b"HTTP/1.1 400 ") and told.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("head", ["Content-Length: 500\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"])
def test_whoever_hangs_up_in_the_middle_leaves_no_traceback(program: Program, head: str) -> None:
    parts = urlsplit(program.json("start")["url"])
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as plain:
        plain.sendall(f"POST /_esaws/not-there HTTP/1.1\r\n{head}".encode())
        plain.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: plain.recv(65536), b"")).startswith(b"HTTP/1.1 404")
    assert (program.state / "server.log").read_text() == ""


def test_a_body_is_sent_once_it_is_asked_for(server: str) -> None:
    parts = urlsplit(server)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as plain, plain.makefile("rb") as answer:
        plain.sendall(b"POST /_esaws/not-there HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert (answer.readline(), answer.readline()) == (b"HTTP/1.1 100 Continue\r\n", b"\r\n")
        plain.sendall(b"{}")
        assert answer.readline().startswith(b"HTTP/1.1 404")


def test_a_connection_on_which_nothing_is_asked_ends_and_no_word_of_it_is_in_the_log(program: Program) -> None:
    server = program.json("start")["url"]
    assert spoken(server, "GET /_esaws/status HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert (program.state / "server.log").read_text() == ""
