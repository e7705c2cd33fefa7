"""HTTP/2 as it should not be spoken: what breaks the protocol ends its own connection, and nothing else."""

import asyncio
import os
import struct
from collections.abc import Iterator

import pytest
from h2.errors import ErrorCodes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data_plane.http2_client import Http2Client, connected, tls_streams
from tests.data_plane.load_balancer_world import Site, forward, site
from tests.data_plane.test_load_balancer import path
from tests.data_plane.test_load_balancer_http2 import run, shop, until

EXAMPLES = 1000 if "SOAK" in os.environ else 15
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
REQUEST = b"\x82\x87\x84\x41\x01a"
"""GET https://a/ compressed."""


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame: https://www.rfc-editor.org/rfc/rfc9113#section-4.1"""
    return struct.pack(">LBBL", len(payload), kind, flags, stream)[1:] + payload


BROKEN = {
    "a frame that is too long": (frame(0, 0, 1, b"x" * 16_385), ErrorCodes.FRAME_SIZE_ERROR),
    "data without a stream": (frame(0, 0, 1, b"x"), ErrorCodes.PROTOCOL_ERROR),
    "headers that can't be decompressed": (frame(1, 5, 1, b"\xff" * 20), ErrorCodes.PROTOCOL_ERROR),
    "a stream of the server's": (frame(1, 5, 2, b"\x82"), ErrorCodes.PROTOCOL_ERROR),
    "a window of nothing": (frame(8, 0, 0, b"\0\0\0\0"), ErrorCodes.PROTOCOL_ERROR),
    "a push": (frame(5, 4, 1, b"\0\0\0\2\x82"), ErrorCodes.PROTOCOL_ERROR),
}


def test_a_client_that_breaks_the_protocol_is_cut_off_with_the_reason() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        for name, (data, code) in BROKEN.items():
            answer = await send_tls(running, PREFACE + SETTINGS + data)
            goaways = [payload for kind, payload in frames(answer) if kind == 7]
            assert [struct.unpack(">LL", payload[:8])[1] for payload in goaways] == [code], name
        assert (await client.request()).status == 200

    run(shop(), scenario)


def test_another_protocol_than_the_negotiated_one_is_not_answered() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        answer = await send_tls(running, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"HTTP/1.1" not in answer and not running.records
        assert (await client.request()).status == 200

    run(shop(), scenario)


class World:
    """One site and one client in one loop, for all examples."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self.begin())

    async def begin(self) -> None:
        described = shop().group("http2").target("http2", "i-2")
        described.raw["TargetGroups"][-1]["ProtocolVersion"] = "HTTP2"
        self.site = site(described.rule("1", forward("http2"), path("/http2"), port=443))
        self.running = await self.site.__aenter__()
        await self.running.stop("i-2")
        self.connected = connected(self.running)
        self.client = await self.connected.__aenter__()
        assert (await self.client.request()).status == 200
        self.tasks = len(asyncio.all_tasks())

    async def end(self) -> None:
        await self.connected.__aexit__(None, None, None)
        await self.site.__aexit__(None, None, None)

    def close(self) -> None:
        self.loop.run_until_complete(self.end())
        self.loop.close()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def any_frame() -> st.SearchStrategy[bytes]:
    """Return frames, most of which make no sense where they come."""
    numbers = st.sampled_from([0, 1, 2, 2**31 - 1]).map(lambda number: struct.pack(">L", number))
    setting = st.builds(struct.pack, st.just(">HL"), st.integers(0, 9), st.sampled_from([0, 1, 16_384, 2**31]))
    block = st.sampled_from([REQUEST, REQUEST[:3], REQUEST + b"\x40\x01X\x01y", b"\x3f\xe1\xff\x03"])
    payload = st.one_of(block, numbers, setting, st.just(b"x" * 16_384), st.binary(max_size=24))
    flags = st.sampled_from([0, 1, 4, 5, 8]) | st.integers(0, 255)
    return st.builds(frame, st.integers(0, 11), flags, st.sampled_from([0, 1, 1, 2, 3, 5, 2**31 - 1]), payload)


def sensible_frame() -> st.SearchStrategy[bytes]:
    return st.sampled_from(
        [frame(4, 0, 0, b""), *(frame(1, flags, id, REQUEST) for id in (1, 3, 5) for flags in (4, 5))]
        + [frame(0, flags, id, b"body") for id in (1, 3) for flags in (0, 1)]
        + [frame(3, 0, id, b"\0\0\0\x08") for id in (1, 3)]
    )


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(any_frame() | sensible_frame(), max_size=16), cut=st.integers(0, 12), waits=st.booleans())
def test_no_frames_disturb_other_connections_or_leave_anything(
    world: World, caplog: pytest.LogCaptureFixture, sent: list[bytes], cut: int, waits: bool
) -> None:
    async def scenario() -> None:
        reader, writer = await tls_streams(world.running)
        data = PREFACE + b"".join(sent)
        writer.write(data[: len(data) - cut])
        if waits:
            await reader.read(1)
            assert (await world.client.request()).status == 200
        writer.close()
        assert (await world.client.request()).status == 200
        await until(lambda: len(asyncio.all_tasks()) <= world.tasks + 1)  # this one
        assert not world.running.proxy.exchanges

    world.loop.run_until_complete(scenario())
    assert [record.getMessage() for record in caplog.records if record.name.startswith("esaws")] == []


RESPONSE = b"\x88"
"""Status 200 compressed."""


def frame_of_a_target() -> st.SearchStrategy[bytes]:
    sensible = [frame(4, 0, 0, b""), frame(1, 5, 1, b"\x08\x03abc"), frame(7, 0, 0, b"\0\0\0\1\0\0\0\0")]
    for id in (1, 3):
        sensible += [frame(1, flags, id, RESPONSE) for flags in (4, 5)]
        sensible += [frame(0, flags, id, b"body") for flags in (0, 1)] + [frame(3, 0, id, b"\0\0\0\x08")]
    return st.sampled_from(sensible) | any_frame()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(frame_of_a_target(), max_size=10), cut=st.integers(0, 12), greets=st.booleans())
def test_no_frames_of_a_target_disturb_other_requests_or_leave_anything(
    world: World, caplog: pytest.LogCaptureFixture, sent: list[bytes], cut: int, greets: bool
) -> None:
    data = SETTINGS * greets + b"".join(sent)

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(data[: len(data) - cut])
        writer.close()

    async def scenario() -> None:
        place = world.running.addresses.place(world.running.described.address_of("i-2"), 8000)
        async with await asyncio.start_server(answers, *place):
            statuses = [(await world.client.request("/http2")).status for _ in range(2)]
            assert set(statuses) <= {200, 502}
        assert (await world.client.request()).status == 200
        await until(lambda: len(asyncio.all_tasks()) <= world.tasks + 1)  # this one
        assert not world.running.proxy.exchanges

    world.loop.run_until_complete(scenario())
    assert [record.getMessage() for record in caplog.records if record.name.startswith("esaws")] == []


async def send_tls(running: Site, data: bytes) -> bytes:
    """Return what the load balancer answers to these bytes, until it closes the connection."""
    reader, writer = await tls_streams(running)
    writer.write(data)
    try:
        async with asyncio.timeout(30):
            return await reader.read()
    finally:
        writer.close()


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """Return the kind and the payload of each frame."""
    found = []
    while data:
        length = int.from_bytes(data[:3])
        found.append((data[3], data[9 : 9 + length]))
        data = data[9 + length :]
    return found
