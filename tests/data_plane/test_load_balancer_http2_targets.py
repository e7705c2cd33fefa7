"""Targets that receive HTTP/2 or gRPC: one connection, streams both ways, trailers, and what goes wrong."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from h2.errors import ErrorCodes

from esaws.data_plane.desired import HealthCheck
from esaws.data_plane.load_balancer import http2_engine, http2_targets
from esaws.data_plane.load_balancer.certificate import offer, server_context
from esaws.data_plane.load_balancer.client_connection import connection_of
from esaws.data_plane.load_balancer.http2_connection import Http2Connection
from esaws.data_plane.probes import probe
from tests.data_plane.http2_client import Http2Client
from tests.data_plane.load_balancer_world import DNS_NAME, Described, Handler, Site, forward
from tests.data_plane.test_load_balancer_http2 import echo, run, until

GRPC = [("content-type", "application/grpc"), ("te", "trailers")]


def shop(version: str = "HTTP2", protocol: str = "HTTP") -> Described:
    """Return one target that receives a version of the protocol, behind an HTTPS listener."""
    described = Described().group("web").target("web", "i-1").listener(443, forward("web"), "HTTPS")
    described.raw["TargetGroups"][0] |= {"ProtocolVersion": version, "Protocol": protocol}
    return described


@asynccontextmanager
async def target(
    running: Site, handler: Handler, tls: ssl.SSLContext | None = None
) -> AsyncIterator[set[Http2Connection]]:
    """Let a process with HTTP/2 answer behind the target, and yield its open connections."""
    connections: set[Http2Connection] = set()

    def connection() -> Http2Connection:
        return Http2Connection(handler, lambda _: False, idle=60, source_ip="", connections=connections)

    await running.stop("i-1")
    place = running.addresses.place(running.described.address_of("i-1"), 8000)
    server = await asyncio.get_running_loop().create_server(connection, *place, ssl=tls)
    try:
        yield connections
    finally:
        server.close()
        await asyncio.gather(*(each.shutdown(0.01) for each in connections))


async def version_and_headers(request: web.BaseRequest) -> web.StreamResponse:
    text = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    return web.Response(text=f"{request.version} {request.method} {request.raw_path}\n{text}", headers={"X-One": "1"})


@pytest.mark.parametrize("protocol", ["HTTP", "HTTPS"])
def test_a_target_receives_http2(protocol: str) -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        async with target(running, version_and_headers, tls) as connections:
            answers = [await client.request("/a%2Fb?c", headers=[("cookie", "a=1")]) for _ in range(3)]
            line, *headers = answers[0].text.splitlines()
            assert line.endswith("major=2, minor=0) GET /a%2Fb?c")
            assert headers[0] == f"Host: {DNS_NAME}" and "cookie: a=1" in headers and "te: trailers" in headers
            assert "X-Forwarded-For: 203.0.113.80" in headers and "X-Forwarded-Proto: https" in headers
            assert answers[0].header("x-one") == "1" and len(connections) == 1
            assert [(each.type, each.target_status) for each in running.records] == [("h2", 200)] * 3

    tls = None
    if protocol == "HTTPS":
        tls = server_context(["localhost"])
        offer(tls, http2=True)
    run(shop(protocol=protocol), scenario)


def test_bodies_larger_than_the_windows_pass_both_ways_at_once() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        async with target(running, echo):
            parts = [bytes([number]) * 300_000 for number in range(3)]
            ids = [await client.send(method="POST", end=False) for _ in parts]
            await asyncio.gather(*(client.send_data(id, part, end=True) for id, part in zip(ids, parts, strict=True)))
            assert [(await client.answer(id)).body for id in ids] == parts

    run(shop(), scenario)


def test_a_grpc_call_streams_both_ways_and_ends_with_its_trailers() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        async def call(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "application/grpc"})
            await response.prepare(request)
            async for chunk in request.content.iter_any():
                await response.write(chunk.upper())
            connection_of(request).end_with([("grpc-status", "0"), ("grpc-message", "fine")])
            return response

        async with target(running, call):
            id = await client.send("/shop.Shop/Buy", method="POST", headers=GRPC, end=False)
            for number, part in enumerate((b"one", b"two"), 1):
                await client.send_data(id, part)
                await until(lambda number=number: len(client.answers[id].body) == 3 * number)  # type: ignore[misc]
            client.engine.end_stream(id)
            client.flush()
            answer = await client.answer(id)
            assert (answer.text, answer.trailers) == ("ONETWO", [("grpc-status", "0"), ("grpc-message", "fine")])
            assert [record.type for record in running.records] == ["grpcs"]

    run(shop("GRPC"), scenario)


def test_a_grpc_call_that_fails_at_once_has_its_status_in_the_headers() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        async def call(request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(headers={"Content-Type": "application/grpc", "grpc-status": "12"})

        async with target(running, call):
            answer = await client.request("/shop.Shop/Sell", method="POST", headers=GRPC, body=b"\0\0\0\0\0")
            assert (answer.status, answer.header("grpc-status"), answer.trailers) == (200, "12", [])

    run(shop("GRPC"), scenario)


def test_more_requests_than_a_connection_takes_use_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        waiting, release = Counter[str](), asyncio.Event()

        async def waits(request: web.BaseRequest) -> web.StreamResponse:
            waiting[request.raw_path] += 1
            await release.wait()
            return web.Response(text=request.raw_path)

        monkeypatch.setattr(http2_targets, "_MOST_STREAMS", 4)
        async with target(running, waits) as connections:
            ids = [await client.send(f"/{number}") for number in range(10)]
            await until(lambda: len(waiting) == 10)
            assert len(connections) == 3
            release.set()
            assert [(await client.answer(id)).text for id in ids] == [f"/{number}" for number in range(10)]

    run(shop(), scenario)


def test_a_stream_that_has_ended_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        release = asyncio.Event()

        async def lingers(request: web.BaseRequest) -> web.StreamResponse:
            response = web.Response(text="here")
            await response.prepare(request)
            await response.write_eof()
            await release.wait()
            return response

        async with target(running, lingers) as connections:
            assert [(await client.request()).text for _ in range(10)] == ["here"] * 10
            assert [len(each.streams) for each in connections] == [10], "none of them was reset"
            release.set()

    monkeypatch.setattr(http2_engine, "MOST_STREAMS", 4)
    run(shop(), scenario)


def test_a_target_that_closes_its_connections_gets_new_ones() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        async with target(running, version_and_headers) as connections:
            for _ in range(2):
                assert (await client.request()).status == 200
                await asyncio.gather(*(each.shutdown(1) for each in connections))
                await until(lambda: not connections)
            assert (await client.request()).status == 200

    run(shop(), scenario)


def test_targets_that_refuse_break_off_or_speak_http_1_1_are_502() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        assert (await client.request()).status == 502  # it speaks HTTP/1.1

        async def breaks(request: web.BaseRequest) -> web.StreamResponse:
            if request.raw_path == "/begun":
                response = web.StreamResponse()
                await response.prepare(request)
                await response.write(b"half")
            assert request.transport is not None
            request.transport.abort()
            await asyncio.sleep(10)
            raise AssertionError("it is cancelled")

        async with target(running, breaks):
            assert (await client.request()).status == 502
            begun = await client.request("/begun")
            assert (begun.status, begun.reset) == (200, ErrorCodes.INTERNAL_ERROR)
        assert (await client.request()).status == 502  # nothing listens
        assert [record.elb_status for record in running.records] == [502, 502, 200, 502]

    run(shop(), scenario)


def test_a_silent_target_is_504_and_a_slow_client_408() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        async def waits(request: web.BaseRequest) -> web.StreamResponse:
            while await request.content.readany():
                pass
            await asyncio.sleep(10)
            raise AssertionError("it is cancelled")

        async with target(running, waits):
            ids = [await client.send(), await client.send(method="POST", body=b"all of it")]
            ids.append(await client.send(method="POST", body=b"begin", end=False))
            assert [(await client.answer(id)).status for id in ids] == [504, 504, 408]

    run(shop().attribute("idle_timeout.timeout_seconds", "0.3"), scenario)


def test_a_client_that_listens_need_not_talk() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        async def ticks(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(15):
                await response.write(b"tick")
                await asyncio.sleep(0.1)
            await response.write(await request.content.readany())
            return response

        async with target(running, ticks):
            id = await client.send("/shop.Shop/Watch", method="POST", headers=GRPC, end=False)
            await until(lambda: len(client.answers[id].body) == 60)
            await client.send_data(id, b"bye", end=True)
            assert (await client.answer(id)).text == "tick" * 15 + "bye"

    run(shop("GRPC").attribute("idle_timeout.timeout_seconds", "1"), scenario)


def test_a_cancelled_request_is_cancelled_at_the_target() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        waiting, ended, release = Counter[str](), Counter[str](), asyncio.Event()

        async def waits(request: web.BaseRequest) -> web.StreamResponse:
            waiting[request.raw_path] += 1
            try:
                await release.wait()
            except asyncio.CancelledError:
                ended[request.raw_path] += 1
                raise
            return web.Response(text="here")

        async with target(running, waits) as connections:
            one, other = [await client.send(where) for where in ("/one", "/other")]
            await until(lambda: waiting == {"/one": 1, "/other": 1})
            client.engine.reset_stream(one, ErrorCodes.CANCEL)
            client.flush()
            await until(lambda: ended == {"/one": 1})
            release.set()
            assert (await client.answer(other)).text == "here" and len(connections) == 1

    run(shop(), scenario)


def test_a_client_with_http_1_1_is_464() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        async with target(running, version_and_headers):
            for _ in range(2):
                async with running.client.get(running.url(port=443), ssl=False) as response:
                    assert response.status == 464
            with pytest.raises(aiohttp.ClientConnectorError):
                await running.client.get(running.url(port=443), ssl=True)

    run(shop(), scenario)


def check(version: str, path: str = "/", protocol: str = "HTTP") -> HealthCheck:
    where = {"target_group": "g", "id": "i-1", "port": 8000, "task": "t", "address": "10.80.0.20", "check_port": 8000}
    return HealthCheck(**where, protocol=protocol, version=version, path=path, interval=10, timeout=5)  # type: ignore[arg-type]


def test_health_checks_speak_the_version_of_the_group() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        async def answers(request: web.BaseRequest) -> web.StreamResponse:
            assert request.version.major == 2 and request.headers["User-Agent"] == "ELB-HealthChecker/2.0"
            if request.method == "GET":
                return web.Response(status=204)
            is_known = request.raw_path == "/shop.Shop/Check" and await request.content.readany() == b"\0" * 5
            response = web.Response(body=b"\0" * 5 if is_known else b"", headers={"Content-Type": "application/grpc"})
            status = [("grpc-status", "0" if is_known else "12")]
            if is_known:
                connection_of(request).end_with(status)
            elif request.raw_path != "/silent":
                response.headers.update(status)
            return response

        place = running.addresses.place(running.described.address_of("i-1"), 8000)
        assert (await probe(check("HTTP1"), *place))["status"] == 200
        assert await probe(check("HTTP2"), *place) == {"error": "refused"}, "it speaks HTTP/1.1 alone"
        async with target(running, answers) as connections:
            assert (await probe(check("HTTP2"), *place))["status"] == 204
            paths = {"/shop.Shop/Check": 0, "/AWS.ALB/healthcheck": 12, "/silent": 2}
            assert {path: (await probe(check("GRPC", path), *place))["status"] for path in paths} == paths
            assert await probe(check("HTTP2", protocol="HTTPS"), *place) == {"error": "refused"}
            await until(lambda: not connections)
        assert await probe(check("GRPC"), *place) == {"error": "refused"}, "nothing listens"

    run(shop(), scenario)
