"""What a client can make the local AWS hold has limits, and beyond them it gets an error that says so."""

import itertools
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from local_aws_server import connections
from local_aws_server.connections import MAX_BODY, MAX_CONNECTIONS, PatientReader
from tests.local.conftest import Program

MEGABYTE = b"x" * (1 << 20)
TOO_LARGE = f"or more, and the local AWS takes at most {MAX_BODY}".encode()


@pytest.fixture
def address(program: Program) -> Any:
    """(host, port) of a server of its own."""
    parts = urlsplit(program.json("start")["url"])
    return parts.hostname, parts.port


def body(megabytes: int) -> Iterator[bytes]:
    return (MEGABYTE for _ in range(megabytes))


@pytest.mark.parametrize("headers", [{"Content-Length": str(MAX_BODY + (1 << 20))}, {}], ids=["length", "chunked"])
def test_a_body_that_is_too_large_is_refused_and_its_connection_answers_again(
    program: Program, address: Any, headers: dict[str, str]
) -> None:
    with closing(HTTPConnection(*address, timeout=60)) as connection:
        connection.request("PUT", "/bucket/key", body(MAX_BODY // len(MEGABYTE) + 1), headers)
        response = connection.getresponse()
        answered = response.read()
        assert (response.status, TOO_LARGE in answered, b"RequestEntityTooLarge" in answered) == (413, True, True)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
    assert (program.state / "server.log").read_text() == ""


def test_a_client_that_asks_first_does_not_send_a_body_that_is_too_large(address: Any) -> None:
    head = f"PUT /bucket/key HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n"
    with socket.create_connection(address, timeout=60) as client:
        client.sendall(head.encode())
        answered = b"".join(iter(lambda: client.recv(65536), b""))
    assert answered.startswith(b"HTTP/1.1 413 ") and TOO_LARGE in answered


def test_the_connection_after_the_last_is_refused_until_one_closes(address: Any) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(HTTPConnection(*address, timeout=60))) for _ in range(MAX_CONNECTIONS)]
        for client in clients:
            client.connect()
        refused = HTTPConnection(*address, timeout=60)
        refused.request("GET", "/")
        response = refused.getresponse()
        assert (response.status, f"has {MAX_CONNECTIONS} connections" in response.read().decode()) == (503, True)
        clients[0].close()
        while True:
            refused.close()
            refused.request("GET", "/")
            response = refused.getresponse()
            response.read()
            if response.status == 200:
                break
            time.sleep(0.05)
        refused.close()


class SlowClient:
    """A connection whose bytes come one by one, each after 25 seconds, the first after a time of its own."""

    def __init__(self, first: float = 25) -> None:
        self.now, self.timeouts = 0.0, list[float]()
        self._pauses = itertools.chain([first], itertools.repeat(25))

    def settimeout(self, seconds: float) -> None:
        self.timeouts.append(seconds)

    def recv_into(self, buffer: bytearray) -> int:
        self.now += next(self._pauses)
        return 1


def test_the_pauses_of_a_client_count_together_for_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = SlowClient()
    monkeypatch.setattr(connections, "monotonic", lambda: client.now)
    reader = PatientReader(client)
    for _ in range(5):
        reader.readinto(bytearray(1))
    reader.start_request()
    reader.readinto(bytearray(1))
    assert client.timeouts[::2] == [10, 10, 10, 10, 0.01, 10]
    assert set(client.timeouts[1::2]) == {10}


def test_the_wait_for_a_request_does_not_count_as_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = SlowClient(first=3600)  # the machine was suspended
    monkeypatch.setattr(connections, "monotonic", lambda: client.now)
    reader = PatientReader(client)
    reader.readinto(bytearray(1))
    reader.readinto(bytearray(1))
    assert client.timeouts == [10] * 4
