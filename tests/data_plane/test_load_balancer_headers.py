"""The headers and the path that a target receives, by the attributes of the load balancer and the rule's transforms."""

import asyncio

import pytest
from aiohttp import web

from tests.data_plane.load_balancer_world import Described, Site, forward, site
from tests.data_plane.test_load_balancer import path

XFF = "routing.http.xff_header_processing.mode"


async def seen_by_target(running: Site, where: str = "/", **headers: str) -> dict[str, str]:
    """Return what the target receives: its headers, and the path as `path`."""
    seen: dict[str, str] = {}

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        seen.update({name.title(): value for name, value in request.headers.items()} | {"path": request.raw_path})
        return web.Response()

    await running.stop("i-1")
    await running.serve("i-1", handler)
    sent = {"Host": "shop.example.com:99", "X-Forwarded-For": "192.0.2.7"} | headers
    assert (await running.get(where, headers=sent))[0] == 200
    return seen


@pytest.mark.parametrize(
    ("attribute", "value", "header", "expected"),
    [
        (XFF, "append", "X-Forwarded-For", "192.0.2.7, 203.0.113.80"),
        (XFF, "preserve", "X-Forwarded-For", "192.0.2.7"),
        (XFF, "remove", "X-Forwarded-For", None),
        ("routing.http.preserve_host_header.enabled", "true", "Host", "shop.example.com:99"),
        ("routing.http.preserve_host_header.enabled", "false", "Host", "shop.example.com"),
        ("routing.http.drop_invalid_header_fields.enabled", "true", "X_Odd", None),
        ("routing.http.drop_invalid_header_fields.enabled", "false", "X_Odd", "1"),
    ],
)
def test_attributes_decide_about_headers(attribute: str, value: str, header: str, expected: str | None) -> None:
    async def scenario() -> None:
        described = Described().group("web").target("web", "i-1").listener(80, forward("web"))
        async with site(described.attribute(attribute, value)) as running:
            assert (await seen_by_target(running, **{"X_Odd": "1"})).get(header) == expected

    asyncio.run(scenario())


def test_a_received_trace_id_is_kept_with_a_new_self() -> None:
    async def scenario() -> None:
        described = Described().group("web").target("web", "i-1").listener(80, forward("web"))
        async with site(described) as running:
            root = "Root=1-67891233-abcdef012345678912345678"
            received = (await seen_by_target(running, **{"X-Amzn-Trace-Id": f"Self=1-1-1;{root}"}))["X-Amzn-Trace-Id"]
            own, kept = received.split(";")
            assert own.startswith("Self=1-") and own != "Self=1-1-1" and kept == root
            assert running.records[0].trace_id == received

    asyncio.run(scenario())


def test_the_clients_port_is_sent_where_the_attribute_asks_for_it() -> None:
    async def scenario() -> None:
        described = Described().group("web").target("web", "i-1").listener(80, forward("web"))
        async with site(described.attribute("routing.http.xff_client_port.enabled", "true")) as running:
            received = (await seen_by_target(running))["X-Forwarded-For"]
            assert received.startswith("192.0.2.7, 203.0.113.80:") and received.rpartition(":")[2].isdigit()

    asyncio.run(scenario())


def test_a_transform_changes_the_path_that_the_target_sees() -> None:
    async def scenario() -> None:
        described = Described().group("web").target("web", "i-1").listener(80, forward("web"))
        rewrite = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/api/(.+)", "Replace": "/$1"}]}}
        described.rule("1", forward("web"), path("/api/*"), Transforms=[rewrite])
        async with site(described) as running:
            assert (await seen_by_target(running, "/api/sites?page=2"))["path"] == "/sites?page=2"
            assert (await seen_by_target(running, "/other?page=2"))["path"] == "/other?page=2"

    asyncio.run(scenario())


def test_a_target_that_declines_a_websocket_answers_in_http_and_the_connection_goes_on() -> None:
    async def scenario() -> None:
        described = Described().group("web").target("web", "i-1").listener(80, forward("web"))
        async with site(described) as running:
            handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
            for _ in range(2):
                status, body, _ = await running.get(headers=handshake | {"Sec-WebSocket-Key": "dGhlIHNhbXBsZQ=="})
                assert (status, body) == (200, "i-1:8000")
            assert (await running.get())[1] == "i-1:8000"

    asyncio.run(scenario())


def test_headers_arrive_before_a_body_that_takes_its_time() -> None:
    async def scenario() -> None:
        described = Described().group("web").target("web", "i-1").listener(80, forward("web"))
        async with site(described) as running:
            release = asyncio.Event()

            async def events(request: web.BaseRequest) -> web.StreamResponse:
                response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
                await response.prepare(request)
                for number in range(3):
                    await response.write(b"data: %d\n\n" % number)
                    await release.wait()
                return response

            await running.stop("i-1")
            await running.serve("i-1", events)
            async with asyncio.timeout(10), running.client.get(running.url()) as response:
                assert await response.content.readany() == b"data: 0\n\n"
                release.set()
                assert await response.content.read() == b"data: 1\n\ndata: 2\n\n"

    asyncio.run(scenario())
