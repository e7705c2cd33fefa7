"""HTTP/2 at the HTTPS listeners of a load balancer: many streams on one connection, and what ends them."""

import asyncio
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from h2.errors import ErrorCodes

from esaws.data_plane.load_balancer import exchange, http2_connection, http2_engine
from tests.data_plane.http2_client import Http2Client, connected
from tests.data_plane.load_balancer_world import (
    DNS_NAME,
    Described,
    Handler,
    Site,
    forward,
    group_arn,
    security_group,
    site,
)
from tests.data_plane.test_load_balancer import path
from tests.data_plane.test_load_balancer_connections import send

TEA = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418", "MessageBody": "tea"}}]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


def shop() -> Described:
    """Return one target behind an HTTPS listener."""
    return Described().group("web").target("web", "i-1").listener(443, forward("web"), "HTTPS")


def run(described: Described, scenario: Callable[[Site, Http2Client], Awaitable[None]], **options: Any) -> None:
    """Run a scenario with a client of a site, and expect that nothing of either is left over."""

    async def main() -> None:
        async with site(described, **options) as running:
            async with connected(running) as client:
                await scenario(running, client)
            await until(lambda: not running.proxy.exchanges)
            assert not any(running.proxy.chooser.open.values())

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


async def replace(running: Site, handler: Handler) -> None:
    await running.stop("i-1")
    await running.serve("i-1", handler)


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    async for chunk in request.content.iter_any():
        await response.write(chunk)
    return response


def test_a_client_that_offers_http2_gets_it_and_is_answered_by_the_same_rules() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        assert client.protocol == "h2"
        assert [(await client.request(where)).text for where in ("/", "/tea")] == ["i-1:8000", "tea"]
        redirect = await client.request("/cup?a=b")
        assert (redirect.status, redirect.header("location")) == (302, f"https://{DNS_NAME}:443/tea?a=b")
        error = await client.request("/none")
        assert (error.status, error.header("server")) == (503, "awselb/2.0")
        assert "<h1>503 Service Temporarily Unavailable</h1>" in error.text
        await running.stop("i-1")
        assert (await client.request()).status == 502
        assert [record.elb_status for record in running.records] == [200, 418, 302, 503, 502]

    moved = [{"Type": "redirect", "RedirectConfig": {"Path": "/tea", "StatusCode": "HTTP_302"}}]
    described = shop().group("none").rule("1", TEA, path("/tea"), port=443).rule("2", moved, path("/cup"), port=443)
    run(described.rule("3", forward("none"), path("/none"), port=443), scenario)


def test_without_the_attribute_clients_get_http_1_1() -> None:
    async def main() -> None:
        described = shop()
        async with site(described) as running:
            for value, chosen in (("true", "h2"), ("false", "http/1.1"), ("true", "h2")):
                described.attribute("routing.http2.enabled", value)
                await running.update()
                async with connected(running) as client:
                    assert client.protocol == chosen
            async with connected(running, offers=["http/1.1"]) as client:
                assert client.protocol == "http/1.1"
            async with running.client.get(running.url(port=443), ssl=False) as response:
                assert await response.text() == "i-1:8000"

    asyncio.run(main())


def test_http2_without_tls_is_answered_with_505() -> None:
    async def main() -> None:
        async with site(Described().group("web").target("web", "i-1").listener(80, forward("web"))) as running:
            answer = await send(running, PREFACE + SETTINGS)
            assert answer.startswith(b"HTTP/1.1 505 HTTP Version Not Supported\r\n")
            upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\r\n"
            assert (await send(running, upgrade)).startswith(b"HTTP/1.1 200 OK\r\n")
            assert [record.elb_status for record in running.records] == [505, 200]

    asyncio.run(main())


def test_a_hundred_streams_at_once_are_answered_by_the_right_rule() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        waiting, release = Counter[str](), asyncio.Event()

        async def waits(request: web.BaseRequest) -> web.StreamResponse:
            waiting[request.raw_path] += 1
            await release.wait()
            return web.Response(text=f"target {request.raw_path}")

        await replace(running, waits)
        ids = {await client.send(f"/{number}"): number for number in range(100)}
        await until(lambda: len(waiting) == 80)
        teas = [id for id, number in ids.items() if number % 5 == 0]
        assert [(await client.answer(id)).text for id in teas] == ["tea"] * 20
        release.set()
        for id, number in ids.items():
            assert (await client.answer(id)).text == ("tea" if number % 5 == 0 else f"target /{number}")
        assert set(waiting.values()) == {1}

    run(shop().rule("1", TEA, path("/*0", "/*5"), port=443), scenario)


def test_a_stream_too_many_is_refused_and_the_others_go_on() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        release = asyncio.Event()

        async def waits(request: web.BaseRequest) -> web.StreamResponse:
            await release.wait()
            return web.Response(text="late")

        await replace(running, waits)
        await until(lambda: client.engine.remote_settings.max_concurrent_streams == 128)
        client.engine.remote_settings.max_concurrent_streams = 200  # as a client that does not know the limit yet
        client.engine.remote_settings.acknowledge()
        ids = [await client.send() for _ in range(130)]
        for id in ids[128:]:
            assert (await client.answer(id)).reset == ErrorCodes.REFUSED_STREAM
        release.set()
        assert {(await client.answer(id)).text for id in ids[:128]} == {"late"}

    run(shop(), scenario)


def test_bodies_larger_than_the_windows_pass_both_ways_at_once() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        await replace(running, echo)
        parts = [bytes([number]) * 500_000 for number in range(3)]
        ids = [await client.send("/", method="POST", end=False) for _ in parts]
        await asyncio.gather(*(client.send_data(id, part, end=True) for id, part in zip(ids, parts, strict=True)))
        for id, part in zip(ids, parts, strict=True):
            assert (await client.answer(id)).body == part
        assert all(record.received_bytes > 500_000 < record.sent_bytes for record in running.records)

    run(shop(), scenario)


def test_a_response_is_streamed_as_it_comes() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        await replace(running, echo)
        id = await client.send(method="POST", end=False)
        for number, part in enumerate((b"one", b"two"), 1):
            await client.send_data(id, part)
            await until(lambda number=number: len(client.answers[id].body) == 3 * number)  # type: ignore[misc]
        client.engine.end_stream(id)
        client.flush()
        assert (await client.answer(id)).text == "onetwo"

    run(shop(), scenario)


def test_bodies_that_nothing_reads_stop_no_other_stream() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        await replace(running, echo)
        stuck = [await client.send("/closed", method="POST", body=b"x" * 65_535, end=False) for _ in range(20)]
        body = b"y" * 200_000
        assert (await client.request(method="POST", body=body)).body == body
        assert not any(client.answers[id].ended.is_set() for id in stuck)

    described = shop().group("closed").target("closed", "i-2", 9000)  # packets to it are dropped
    described.raw["SecurityGroups"][1] = security_group("sg-web", 8000, 8000)
    run(described.rule("1", forward("closed"), path("/closed"), port=443), scenario)


def test_a_cancelled_stream_ends_its_request_and_leaves_the_others_alone() -> None:
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

        await running.stop("i-1")
        await running.serve("i-1", waits, handler_cancellation=True)
        one, other = [await client.send(where) for where in ("/one", "/other")]
        await until(lambda: waiting == {"/one": 1, "/other": 1})
        client.engine.reset_stream(one, ErrorCodes.CANCEL)
        client.flush()
        await until(lambda: ended == {"/one": 1})
        release.set()
        assert (await client.answer(other)).text == "here"
        assert sorted(record.elb_status for record in running.records) == [200, 460]

    run(shop(), scenario)


def test_a_client_that_leaves_ends_its_requests() -> None:
    async def main() -> None:
        async with site(shop()) as running:
            waiting = Counter[str]()

            async def waits(request: web.BaseRequest) -> web.StreamResponse:
                waiting[request.raw_path] += 1
                return await asyncio.Event().wait()  # type: ignore[return-value]

            await replace(running, waits)
            async with connected(running) as client:
                for _ in range(3):
                    await client.send()
                await until(lambda: waiting["/"] == 3)
            await until(lambda: len(running.records) == 3)
            assert [record.elb_status for record in running.records] == [460] * 3

    asyncio.run(main())


def test_a_client_that_says_goodbye_still_gets_its_responses() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        release = asyncio.Event()

        async def waits(request: web.BaseRequest) -> web.StreamResponse:
            await release.wait()
            return web.Response(text="late")

        await replace(running, waits)
        id = await client.send()
        client.write(struct.pack(">HBBBLLL", 0, 8, 7, 0, 0, 0, ErrorCodes.NO_ERROR))
        await until(lambda: client.goaway == ErrorCodes.NO_ERROR)
        release.set()
        assert (await client.answer(id)).text == "late"
        await client.wait_closed()

    run(shop(), scenario)


def test_a_body_that_is_not_read_is_no_longer_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        await replace(running, echo)
        for _ in range(10):  # more than all windows together hold
            id = await client.send("/tea", method="POST", body=b"x" * 50_000, end=False)
            answer = await client.answer(id)
            await until(lambda answer=answer: answer.reset is not None)  # type: ignore[misc]
            assert (answer.text, answer.reset) == ("tea", ErrorCodes.NO_ERROR)
        assert len((await client.request(method="POST", body=b"x" * 200_000)).body) == 200_000

    monkeypatch.setattr(http2_engine, "MOST_STREAMS", 4)
    run(shop().rule("1", TEA, path("/tea"), port=443), scenario)


def test_a_client_that_takes_no_response_loses_its_stream() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        await replace(running, big)
        client.takes_data = False
        answer = await client.request()
        assert (answer.status, answer.reset) == (200, ErrorCodes.CANCEL)
        assert len(answer.body) == 65_535

    async def big(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"x" * 200_000)

    run(shop().attribute("idle_timeout.timeout_seconds", "0.2"), scenario)


def test_a_target_that_breaks_off_its_response_resets_the_stream_alone() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        async def breaks(request: web.BaseRequest) -> web.StreamResponse:
            if request.raw_path == "/":
                return web.Response(text="whole")
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b"half")
            request.transport.abort()  # type: ignore[union-attr]
            return response

        await replace(running, breaks)
        broken = await client.request("/broken")
        assert (broken.status, broken.reset) == (200, ErrorCodes.INTERNAL_ERROR)
        assert (await client.request()).text == "whole"

    run(shop(), scenario)


def test_a_target_that_changes_the_protocol_unasked_is_502() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        async def switches(request: web.BaseRequest) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
            return web.Response()

        await replace(running, switches)
        assert (await client.request()).status == 502
        assert (await running.get())[0] == 502

    run(shop().listener(80, forward("web")), scenario)


def test_a_failure_of_the_load_balancer_itself_is_500_and_ends_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(exchange, "chosen_rule", fail)
            assert (await client.request()).status == 500
        assert (await client.request()).text == "i-1:8000"
        assert [record.elb_status for record in running.records] == [500, 200]

    def fail(*_: object) -> None:
        raise RuntimeError("a fault of its own")

    run(shop(), scenario)


def test_an_idle_connection_is_closed_and_a_slow_body_is_408() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        await replace(running, echo_all)
        id = await client.send(method="POST", body=b"begin", end=False)
        assert (await client.answer(id)).status == 408
        await client.wait_closed()
        assert client.goaway == ErrorCodes.NO_ERROR

    async def echo_all(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=await request.read())

    run(shop().attribute("idle_timeout.timeout_seconds", "0.2"), scenario)


def test_a_connection_ends_after_its_longest_time_and_after_its_last_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        answers = [(await client.request()).text for _ in range(last)]
        await client.wait_closed()
        assert (answers, client.goaway) == (["i-1:8000"] * last, ErrorCodes.NO_ERROR)

    last = 1
    run(shop().attribute("client_keep_alive.seconds", "0"), scenario)
    last = 3
    monkeypatch.setattr(http2_connection, "MOST_REQUESTS", last)
    run(shop(), scenario)


def test_a_deleted_listener_ends_its_connections_after_their_streams() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        assert (await client.request()).status == 200
        running.described.raw["Listeners"] = []
        await running.update()
        await client.wait_closed()
        assert client.goaway == ErrorCodes.NO_ERROR

    run(shop(), scenario)


def test_targets_get_names_in_lower_case_but_for_those_of_the_load_balancer() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        seen: list[tuple[str, str]] = []

        async def handler(request: web.BaseRequest) -> web.StreamResponse:
            seen.extend((name.decode(), value.decode()) for name, value in request.raw_headers)
            return web.Response(headers={"X-One": "1", "Connection": "x-hop", "X-Hop": "1"})

        await replace(running, handler)
        sent = [("x-mine", "1"), ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers")]
        own = [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "http"), ("x-amzn-trace-id", "Root=1-a-b")]
        answer = await client.request(headers=sent + own)
        assert answer.header("x-one") == "1" and not answer.header("connection") and not answer.header("x-hop")
        trace_id = dict(seen)["X-Amzn-Trace-Id"]
        seen.remove(("X-Amzn-Trace-Id", trace_id))
        assert trace_id.startswith("Self=1-") and trace_id.endswith(";Root=1-a-b")
        assert sorted(seen) == [
            ("Host", DNS_NAME),
            ("X-Forwarded-For", "192.0.2.7, 203.0.113.80"),
            ("X-Forwarded-Port", "443"),
            ("X-Forwarded-Proto", "https"),
            ("cookie", "a=1; b=2"),
            ("x-mine", "1"),
        ]

    run(shop(), scenario)


def test_stickiness_works_over_http2() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        first = await client.request()
        cookies = [("cookie", value.partition(";")[0]) for name, value in first.headers if name == "set-cookie"]
        assert len(cookies) == 2 and first.text in ("i-1:8000", "i-2:8000")
        assert {(await client.request(headers=cookies)).text for _ in range(6)} == {first.text}

    described = Described().group("web", stickiness__enabled="true").target("web", "i-1").target("web", "i-2")
    run(described.listener(443, forward("web"), "HTTPS"), scenario)


def test_a_client_that_expects_100_gets_it() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        id = await client.send(method="POST", headers=[("expect", "100-continue")], end=False)
        await until(lambda: client.answers[id].informational == [100])
        await client.send_data(id, b"hi", end=True)
        assert (await client.answer(id)).status == 200

    run(shop(), scenario)


def test_the_access_log_names_the_protocol() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        await client.request("/a?b=c", headers=[("user-agent", "test")])
        (record,) = running.records
        assert (record.type, record.ssl_protocol, record.elb_status) == ("h2", "TLSv1.3", 200)
        line = record.log_line()
        assert line.startswith("h2 ") and f'"GET https://{DNS_NAME}:443/a?b=c HTTP/2.0" "test" ' in line
        assert f'"{DNS_NAME}" "arn:aws:acm:1"' in line and group_arn("web") in line

    run(shop(), scenario)


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "TRACE": ({"method": "TRACE"}, 405),
    "CONNECT": ({"method": "CONNECT", "host": "a:443"}, 400),
    "a method of two words": ({"method": "GET /admin"}, 400),
    "a path of two words": ({"path": "/a HTTP/1.1"}, 400),
    "no path": ({"path": "*"}, 400),
    "a name that HTTP/1.1 does not allow": ({"headers": [("x(y)", "1")]}, 400),
    "no UTF-8": ({"headers": [("x", b"\xff")]}, 400),
    "a long header": ({"headers": [(f"x-{number}", "0" * 9_000) for number in range(8)]}, 400),
    "many proxies": ({"headers": [("x-forwarded-for", "1.1.1.1," * 30 + "1.1.1.1")]}, 463),
    "gRPC to HTTP/1.1": ({"method": "POST", "headers": [("content-type", "application/grpc")]}, 464),
    "gRPC that is no POST": ({"path": "/grpc"}, 464),
}


def test_what_is_refused_over_http2() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        for name, (request, status) in REFUSED.items():
            answer = await client.request(**request)
            assert (answer.status, answer.header("server")) == (status, "awselb/2.0"), name
            assert running.records[-1].elb_status == status, name
        assert (await client.request()).text == "i-1:8000"

    described = shop().group("grpc").target("grpc", "i-1").rule("1", forward("grpc"), path("/grpc"), port=443)
    described.raw["TargetGroups"][-1]["ProtocolVersion"] = "GRPC"
    run(described, scenario)


def test_a_field_that_is_long_when_compressed_ends_the_connection() -> None:
    async def scenario(running: Site, client: Http2Client) -> None:
        assert (await client.request("/tea", headers=[("x", "0" * 13_000)])).status == 418  # five bits each
        await client.request("/tea", headers=[("x", "0" * 13_200)])
        await client.wait_closed()
        assert client.goaway == ErrorCodes.ENHANCE_YOUR_CALM

    run(shop().rule("1", TEA, path("/tea"), port=443), scenario)
