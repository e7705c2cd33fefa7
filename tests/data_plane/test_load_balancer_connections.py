"""Connections through the load balancer: streams, WebSockets, time-outs, deregistration, TLS, what is refused."""

import asyncio
import errno
import socket
import ssl

import aiohttp
import pytest
from aiohttp import web

from esaws.data_plane.load_balancer.entrance import Entrance
from tests.data_plane.load_balancer_world import DNS_NAME, Described, Handler, Site, forward, named, site


def one_target(**attributes: str) -> Described:
    return Described().group("web", **attributes).target("web", "i-1").listener(80, forward("web"))


async def replace(running: Site, handler: Handler) -> None:
    """Let another process answer behind the target."""
    await running.stop("i-1")
    await running.serve("i-1", handler)


async def send(running: Site, message: bytes, port: int = 80) -> bytes:
    """Return what the load balancer answers to these bytes until it closes the connection."""
    entrance = next(each for each in running.proxy.listeners() if each["port"] == port)
    reader, writer = await asyncio.open_connection(entrance["host"], entrance["local_port"])
    writer.write(message)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()


def test_bodies_are_streamed_both_ways() -> None:
    async def scenario() -> None:
        async with site(one_target()) as running:

            async def echo(request: web.BaseRequest) -> web.StreamResponse:
                response = web.StreamResponse()
                await response.prepare(request)
                async for chunk in request.content.iter_any():
                    await response.write(chunk)
                return response

            await replace(running, echo)
            continued, received = asyncio.Event(), []

            async def body():  # type: ignore[no-untyped-def]
                yield b"first"
                await continued.wait()
                yield b"x" * 3_000_000

            async with running.client.post(running.url(), data=body()) as response:
                received.append(await response.content.read(5))
                continued.set()
                received.append(await response.content.read())
            assert received[0] == b"first" and len(received[1]) == 3_000_000
            await asyncio.sleep(0)
            (record,) = running.records
            assert record.received_bytes > 3_000_000 and record.sent_bytes > 3_000_000

    asyncio.run(scenario())


def test_a_websocket_passes_messages_both_ways() -> None:
    async def scenario() -> None:
        async with site(one_target()) as running:

            async def chat(request: web.BaseRequest) -> web.StreamResponse:
                socket = web.WebSocketResponse()
                await socket.prepare(request)
                await socket.send_str(request.headers["X-Forwarded-For"])
                async for message in socket:
                    await socket.send_bytes(message.data * 2)
                return socket

            await replace(running, chat)
            async with running.client.ws_connect(running.url()) as socket:
                assert await socket.receive_str() == "203.0.113.80"
                for size in (1, 1_500_000):
                    await socket.send_bytes(b"a" * size)
                    assert len(await socket.receive_bytes()) == 2 * size
            await asyncio.sleep(0.1)
            (record,) = running.records
            assert (record.type, record.elb_status, record.target_status) == ("ws", 101, 101)
            assert record.sent_bytes > 3_000_000

    asyncio.run(scenario())


def test_a_silent_websocket_ends_with_the_idle_timeout() -> None:
    async def scenario() -> None:
        described = one_target().attribute("idle_timeout.timeout_seconds", "0.2")
        async with site(described) as running:

            async def silent(request: web.BaseRequest) -> web.StreamResponse:
                socket = web.WebSocketResponse()
                await socket.prepare(request)
                await socket.receive()
                return socket

            await replace(running, silent)
            async with asyncio.timeout(3), running.client.ws_connect(running.url()) as socket:
                assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE)

    asyncio.run(scenario())


def test_an_idle_connection_is_closed_and_a_slow_body_is_408() -> None:
    async def scenario() -> None:
        described = one_target().attribute("idle_timeout.timeout_seconds", "0.2")
        async with site(described) as running:
            assert await send(running, b"") == b""

            async def reads(request: web.BaseRequest) -> web.StreamResponse:
                return web.Response(body=await request.read())

            await replace(running, reads)
            head = f"POST / HTTP/1.1\r\nHost: {DNS_NAME}\r\nContent-Length: 10\r\n\r\n".encode()
            assert b" 408 Request Time-out" in await send(running, head + b"half")

    asyncio.run(scenario())


def test_a_client_that_leaves_is_460() -> None:
    async def scenario() -> None:
        async with site(one_target()) as running:
            left = asyncio.Event()

            async def waits(request: web.BaseRequest) -> web.StreamResponse:
                await left.wait()
                return web.Response()

            await replace(running, waits)
            with pytest.raises(TimeoutError):
                await running.get(timeout=aiohttp.ClientTimeout(total=0.2))
            await asyncio.sleep(0.1)
            left.set()
            assert [record.elb_status for record in running.records] == [460]

    asyncio.run(scenario())


def test_a_draining_target_finishes_its_requests_and_a_deregistered_one_breaks_them() -> None:
    async def scenario() -> None:
        described = one_target().target("web", "i-2")
        async with site(described) as running:
            release = asyncio.Event()

            async def slow(request: web.BaseRequest) -> web.StreamResponse:
                await release.wait()
                return web.Response(text="slow")

            await replace(running, slow)
            waiting = [asyncio.create_task(running.get()) for _ in range(4)]
            await asyncio.sleep(0.1)
            described.health("i-1", "draining")
            await running.update()
            assert [(await running.get())[1] for _ in range(3)] == ["i-2:8000"] * 3
            assert sum(not task.done() for task in waiting) == 2
            release.set()
            assert sorted([(await task)[1] for task in waiting]) == ["i-2:8000"] * 2 + ["slow"] * 2

            release.clear()
            described.health("i-1", "healthy")
            await running.update()
            waiting = [asyncio.create_task(running.get()) for _ in range(2)]
            await asyncio.sleep(0.1)
            described.health("i-1", None)
            await running.update()
            assert sorted([(await task)[0] for task in waiting]) == [200, 502]

    asyncio.run(scenario())


def test_no_request_is_lost_while_targets_are_replaced() -> None:
    async def scenario() -> None:
        described = one_target().target("web", "i-2")
        async with site(described) as running:
            statuses: list[int] = []
            replaced = asyncio.Event()

            async def load() -> None:
                while not replaced.is_set():
                    statuses.append((await running.get())[0])

            clients = [asyncio.create_task(load()) for _ in range(4)]
            for old, new in (("i-1", "i-3"), ("i-2", "i-4")):
                described.target("web", new, state="initial")
                await running.update()
                await running.serve(new, named(new))
                for instance, state in ((new, "healthy"), (old, "draining"), (old, None)):
                    described.health(instance, state)
                    await running.update()
                    await asyncio.sleep(0.1)
                await running.stop(old)
            replaced.set()
            await asyncio.gather(*clients)
            assert set(statuses) == {200} and len(statuses) > 20

    asyncio.run(scenario())


def test_an_https_listener_has_a_self_signed_certificate_for_its_dns_name() -> None:
    async def scenario() -> None:
        described = Described().group("web").target("web", "i-1").listener(443, forward("web"), "HTTPS")
        async with site(described) as running:
            entrance = running.proxy.listeners()[0]
            assert entrance["tls"] and entrance["name"] == DNS_NAME
            certificate = ssl.get_server_certificate
            pem = await asyncio.to_thread(certificate, (entrance["host"], entrance["local_port"]))
            context = ssl.create_default_context(cadata=pem)
            async with running.client.get(running.url(port=443), ssl=context, server_hostname=DNS_NAME) as response:
                assert await response.text() == "i-1:8000"
            (record,) = running.records
            assert (record.type, record.ssl_protocol, record.host) == ("https", "TLSv1.3", "127.80.0.10")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \xff\r\n\r\n", 400),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 20_000), 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (b"a" * 20_000), 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: %b1.1.1.1\r\n\r\n" % (b"1.1.1.1," * 30), 463),
    ],
    ids=[
        "no HTTP",
        "no Host",
        "two lengths",
        "no UTF-8",
        "CONNECT",
        "TRACE",
        "long line",
        "long header",
        "many proxies",
    ],
)
def test_what_the_load_balancer_refuses_before_any_rule(message: bytes, status: int) -> None:
    async def scenario() -> None:
        async with site(one_target()) as running:
            answer = await send(running, message)
            assert answer.startswith(b"HTTP/1.1 %d" % status), answer[:200]
            assert b"Server: awselb/2.0\r\n" in answer and b"Connection: close\r\n" in answer
            assert [record.elb_status for record in running.records] == [status]
            assert "Traceback" not in answer.decode()

    asyncio.run(scenario())


def test_a_client_that_expects_100_is_told_to_continue() -> None:
    async def scenario() -> None:
        async with site(one_target()) as running:
            head = f"POST / HTTP/1.1\r\nHost: {DNS_NAME}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
            answer = await send(running, f"{head}Connection: close\r\n\r\nhi".encode())
            assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")

    asyncio.run(scenario())


def test_listeners_come_and_go_with_the_account() -> None:
    async def scenario() -> None:
        described = one_target()
        async with site(described) as running:
            described.listener(8080, forward("web"))
            await running.update()
            assert [entrance["port"] for entrance in running.proxy.listeners()] == [80, 80, 8080, 8080]
            assert (await running.get(port=8080))[1] == "i-1:8000"
            where = running.url()
            described.raw["Listeners"] = described.raw["Listeners"][1:]
            await running.update()
            with pytest.raises(aiohttp.ClientConnectorError):
                await running.client.get(where)
            described.raw["LoadBalancers"] = []
            await running.update()
            assert running.proxy.listeners() == []

    asyncio.run(scenario())


def test_a_listener_whose_port_is_taken_listens_elsewhere() -> None:
    async def scenario() -> None:
        async with site(one_target()) as running:
            place = running.addresses.place("10.80.0.10", 81)
            with socket.create_server(place):
                running.described.listener(81, forward("web"))
                await running.update()
                listeners = [each for each in running.proxy.listeners() if each["port"] == 81]
                assert place not in [(each["host"], each["local_port"]) for each in listeners]
                for each in listeners:
                    assert (await running.get(port=81, zone=each["zone"]))[0] == 200

    asyncio.run(scenario())


def test_a_listener_that_can_not_listen_stops_no_other_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with site(one_target()) as running:
            opened = Entrance.open

            async def refuse(entrance: Entrance) -> None:
                if entrance.port == 81:
                    raise OSError(errno.EADDRINUSE, "Address already in use")
                await opened(entrance)

            running.described.listener(81, forward("web")).listener(82, forward("web"))
            with monkeypatch.context() as patch, pytest.raises(OSError, match="in use"):
                patch.setattr(Entrance, "open", refuse)
                await running.update()
            assert {each["port"] for each in running.proxy.listeners()} == {80, 82}
            await running.update()
            assert {each["port"] for each in running.proxy.listeners()} == {80, 81, 82}

    asyncio.run(scenario())
