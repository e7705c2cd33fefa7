"""Which target receives a request: weights, stickiness, algorithms, slow start, zones, ports."""

import asyncio
from collections import Counter
from typing import Any

from aiohttp import web

from tests.data_plane.load_balancer_world import Described, Site, forward, group_arn, site


async def answers(running: Site, count: int, **options: Any) -> Counter[str]:
    return Counter([(await running.get(**options))[1] for _ in range(count)])


def test_target_groups_share_requests_by_weight_and_one_of_weight_0_gets_none() -> None:
    async def scenario() -> None:
        described = Described().group("blue").group("green").group("off")
        described.target("blue", "i-1").target("green", "i-2").target("off", "i-3")
        described.listener(80, forward("blue 9", "green 1", "off 0"))
        async with site(described) as running:
            assert await answers(running, 20) == {"i-1:8000": 18, "i-2:8000": 2}
            described.raw["Rules"][0]["Actions"] = forward("blue 0", "green 0")
            await running.update()
            assert (await running.get())[0] == 503

    asyncio.run(scenario())


def test_a_group_without_targets_keeps_its_share() -> None:
    async def scenario() -> None:
        described = Described().group("blue").group("green").target("blue", "i-1")
        described.listener(80, forward("blue 1", "green 1"))
        async with site(described) as running:
            assert Counter([(await running.get())[0] for _ in range(4)]) == {200: 2, 503: 2}

    asyncio.run(scenario())


def test_duration_based_stickiness_keeps_a_client_at_its_target_until_that_is_unhealthy() -> None:
    async def scenario() -> None:
        described = Described().group("web", stickiness__enabled="true", stickiness__lb_cookie__duration_seconds="60")
        for number in (1, 2, 3):
            described.target("web", f"i-{number}")
        described.listener(80, forward("web"))
        async with site(described) as running:
            async with running.client.get(running.url()) as response:
                first, set_cookies = await response.text(), response.headers.getall("Set-Cookie")
            assert [cookie.partition("=")[0] for cookie in set_cookies] == ["AWSALB", "AWSALBCORS"]
            assert "SameSite=None" in set_cookies[1] and "Path=/" in set_cookies[0] and "Expires=" in set_cookies[0]
            cookie = {"Cookie": f"theme=dark; {set_cookies[0].partition(';')[0]}"}
            assert await answers(running, 5, headers=cookie) == {first: 5}
            forged = {"Cookie": "AWSALB=" + "A" * 60}
            assert len(await answers(running, 6, headers=forged)) == 3
            described.health(first.partition(":")[0], "draining")
            await running.update()
            assert first not in await answers(running, 6, headers=cookie)

    asyncio.run(scenario())


def test_an_expired_cookie_no_longer_decides() -> None:
    async def scenario() -> None:
        described = Described().group("web", stickiness__enabled="true", stickiness__lb_cookie__duration_seconds="1")
        described.target("web", "i-1").target("web", "i-2").listener(80, forward("web"))
        async with site(described, seconds=0.01) as running:
            _, _, headers = await running.get()
            await asyncio.sleep(0.02)
            cookie = {"Cookie": headers["Set-Cookie"].partition(";")[0]}
            assert len(await answers(running, 4, headers=cookie)) == 2

    asyncio.run(scenario())


def test_application_based_stickiness_begins_with_the_applications_cookie() -> None:
    async def scenario() -> None:
        described = Described().group(
            "web", stickiness__enabled="true", stickiness__type="app_cookie", stickiness__app_cookie__cookie_name="SID"
        )
        described.target("web", "i-1").target("web", "i-2").listener(80, forward("web"))
        async with site(described) as running:

            async def signs_in(request: web.BaseRequest) -> web.StreamResponse:
                response = web.Response(text=request.raw_path)
                if request.raw_path == "/in":
                    response.set_cookie("SID", "1")
                return response

            await running.stop("i-1")
            await running.serve("i-1", signs_in)
            _, _, headers = await running.get("/")
            assert "Set-Cookie" not in headers
            await running.get("/")
            async with running.client.get(running.url("/in")) as response:
                assert await response.text() == "/in"
                names = [cookie.partition("=") for cookie in response.headers.getall("Set-Cookie")]
            assert [name for name, _, _ in names] == ["SID", "AWSALBAPP-0", "AWSALBAPPCORS-0"]
            cookie = {"Cookie": f"AWSALBAPP-0={names[1][2].partition(';')[0]}"}
            assert await answers(running, 3, headers=cookie) == {"/": 3}

    asyncio.run(scenario())


def test_group_stickiness_keeps_a_client_at_its_target_group() -> None:
    async def scenario() -> None:
        described = Described().group("blue").group("green").target("blue", "i-1").target("green", "i-2")
        sticky = {"TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60}}
        described.listener(80, forward("blue 1", "green 1", **sticky))
        async with site(described) as running:
            _, first, headers = await running.get()
            assert headers["Set-Cookie"].startswith("AWSALBTG=")
            cookie = {"Cookie": headers["Set-Cookie"].partition(";")[0]}
            assert await answers(running, 4, headers=cookie) == {first: 4}
            assert len(await answers(running, 4)) == 2

    asyncio.run(scenario())


def test_least_outstanding_requests_avoids_a_busy_target() -> None:
    async def scenario() -> None:
        described = Described().group("web", load_balancing__algorithm__type="least_outstanding_requests")
        described.target("web", "i-1").target("web", "i-2").listener(80, forward("web"))
        async with site(described) as running:
            release = asyncio.Event()

            async def busy(request: web.BaseRequest) -> web.StreamResponse:
                await release.wait()
                return web.Response(text="i-1")

            await running.stop("i-1")
            await running.serve("i-1", busy)
            waiting = [asyncio.create_task(running.get()) for _ in range(2)]
            await asyncio.sleep(0.1)
            assert await answers(running, 6) == {"i-2:8000": 6}
            release.set()
            assert "i-1" in [(await task)[1] for task in waiting]

    asyncio.run(scenario())


def test_a_target_in_slow_start_gets_a_growing_share() -> None:
    async def scenario() -> None:
        described = Described().group("web", slow_start__duration_seconds="30").target("web", "i-1")
        described.listener(80, forward("web"))
        async with site(described, seconds=0.05) as running:
            described.target("web", "i-2", state="initial")
            await running.serve("i-2", running_name("i-2"))
            await running.update()
            described.health("i-2", "healthy")
            await running.update()
            early = await answers(running, 20)
            await asyncio.sleep(1.6)
            late = await answers(running, 20)
            assert early["i-2"] < 8 and late["i-2"] == 10

    asyncio.run(scenario())


def running_name(name: str) -> Any:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=name)

    return handler


def test_only_the_healthy_port_of_an_instance_gets_requests() -> None:
    async def scenario() -> None:
        described = Described().group("web").target("web", "i-1", 8001).target("web", "i-1", 8002, state="unhealthy")
        described.listener(80, forward("web"))
        async with site(described) as running:
            assert await answers(running, 4) == {"i-1:8001": 4}

    asyncio.run(scenario())


def test_all_targets_get_requests_where_none_is_healthy() -> None:
    async def scenario() -> None:
        described = Described().group("web").target("web", "i-1", state="unhealthy")
        described.target("web", "i-2", state="unhealthy").target("web", "i-3", state="draining")
        described.listener(80, forward("web"))
        async with site(described) as running:
            assert await answers(running, 4) == {"i-1:8000": 2, "i-2:8000": 2}

    asyncio.run(scenario())


def test_without_cross_zone_load_balancing_a_node_keeps_to_its_zone() -> None:
    async def scenario() -> None:
        described = Described().group("web", load_balancing__cross_zone__enabled="false")
        described.target("web", "i-1").target("web", "i-2", zone="eu-west-3b").listener(80, forward("web"))
        async with site(described) as running:
            assert await answers(running, 3, zone="eu-west-3a") == {"i-1:8000": 3}
            assert await answers(running, 3, zone="eu-west-3b") == {"i-2:8000": 3}
            described.health("i-2", None)
            await running.update()
            assert (await running.get(zone="eu-west-3b"))[0] == 503
            assert group_arn("web") in {record.target_group_arn for record in running.records}

    asyncio.run(scenario())
