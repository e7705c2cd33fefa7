"""A forwarder lets through what the network of AWS would, and a forbidden connection is never answered."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from esaws.data_plane.client_source import Place, source_of
from esaws.data_plane.forwarder import Forwarder

LOOPBACK = "127.0.0.1"
TASK = "10.0.1.5"
CLIENT = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
    client.settimeout(float(sys.argv[2]))
    client.sendall(b"hello")
    try:
        print(client.recv(100).decode())
    except TimeoutError:
        print("no answer")
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back in capitals all that comes, once the client has sent its last byte."""
    writer.write((await reader.read()).upper())
    writer.write_eof()
    await writer.drain()
    writer.close()


@asynccontextmanager
async def forwarding(decision: bool | None, tasks: dict[int, str] | None = None) -> AsyncIterator[tuple[Place, list]]:
    """A forwarder with this decision on tasks, or on all where there are none; and the sources that it asked about."""
    asked: list[str | None] = []

    def may_connect(source: str | None) -> bool | None:
        asked.append(source)
        return True if tasks is not None and source is None else decision

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    to = server.sockets[0].getsockname()
    place = (LOOPBACK, free_port())
    forwarder = Forwarder(place, to, may_connect, lambda client, here: source_of(client, here, tasks or {}))
    await forwarder.start()
    try:
        yield place, asked
    finally:
        await forwarder.close()
        server.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*place)


@pytest.mark.parametrize("decision", [True, None])
def test_a_connection_that_is_not_forbidden_is_carried_both_ways_to_its_end(decision: bool | None) -> None:
    async def scenario() -> None:
        async with forwarding(decision) as (place, _):
            reader, writer = await asyncio.open_connection(*place)
            writer.write(b"x" * 1_000_000)
            writer.write_eof()
            assert await reader.read() == b"X" * 1_000_000
            writer.close()

    asyncio.run(scenario())


def test_a_forbidden_connection_waits_until_its_client_gives_up_or_the_forwarder_ends() -> None:
    async def scenario() -> None:
        async with forwarding(False) as (place, _):
            reader, writer = await asyncio.open_connection(*place)
            writer.write(b"hello")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.5)
            with pytest.raises(psycopg.errors.ConnectionTimeout, match="timeout expired"):
                await psycopg.AsyncConnection.connect(host=place[0], port=place[1], user="x", connect_timeout=2)
        assert await reader.read(1) == b""
        writer.close()

    asyncio.run(scenario())


def test_a_server_that_refuses_ends_the_connection() -> None:
    async def scenario() -> None:
        place = (LOOPBACK, free_port())
        forwarder = Forwarder(place, (LOOPBACK, free_port()), lambda source: True, lambda client, here: None)
        await forwarder.start()
        reader, writer = await asyncio.open_connection(*place)
        assert await reader.read(1) == b""
        writer.close()
        await forwarder.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("command", [["-c", CLIENT], ["-c", "import subprocess, sys; subprocess.run(sys.argv[1:])"]])
def test_a_task_is_known_by_its_processes_and_the_operator_by_none(command: list[str]) -> None:
    async def scenario() -> None:
        tasks: dict[int, str] = {}
        async with forwarding(False, tasks) as (place, asked):
            child = [sys.executable, "-c", CLIENT] if command[-1] != CLIENT else []
            arguments = [sys.executable, *command, *child, str(place[1]), "1.5"]
            task = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, start_new_session=True)
            tasks[task.pid] = TASK
            assert (await asyncio.to_thread(task.communicate))[0] == "no answer\n"
            reader, writer = await asyncio.open_connection(*place)
            writer.write(b"hello")
            writer.write_eof()
            assert await reader.read() == b"HELLO"
            writer.close()
        assert asked == [TASK, None]

    asyncio.run(scenario())
