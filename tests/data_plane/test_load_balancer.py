"""The load balancer carries requests as AWS's does: rules, targets, errors, headers."""

import asyncio
from collections import Counter

from esaws.data_plane.load_balancer import KEYS
from esaws.data_plane.load_balancer.configuration import Configuration
from esaws.inspect.account import Account
from tests.data_plane.load_balancer_world import ALB, DNS_NAME, Described, forward, security_group, site

GET = {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}


def path(*values: str) -> dict[str, object]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def shop() -> Described:
    """Return two healthy targets behind the default rule."""
    return (
        Described()
        .group("web")
        .target("web", "i-1")
        .target("web", "i-2", zone="eu-west-3b")
        .listener(80, forward("web"))
    )


def test_requests_alternate_between_the_healthy_targets() -> None:
    async def scenario() -> None:
        async with site(shop()) as running:
            answers = Counter([(await running.get())[1] for _ in range(10)])
            assert answers == {"i-1:8000": 5, "i-2:8000": 5}
            running.described.health("i-1", "unhealthy")
            await running.update()
            assert {(await running.get())[1] for _ in range(4)} == {"i-2:8000"}

    asyncio.run(scenario())


def test_without_a_target_the_load_balancer_answers_503_in_its_own_words() -> None:
    async def scenario() -> None:
        async with site(Described().group("web").listener(80, forward("web"))) as running:
            status, body, headers = await running.get()
            assert (status, len(body)) == (503, 162)
            assert headers["Server"] == "awselb/2.0" and headers["Content-Type"] == "text/html"
            assert "<h1>503 Service Temporarily Unavailable</h1>" in body

    asyncio.run(scenario())


def test_a_target_that_refuses_or_breaks_the_connection_is_502_and_a_silent_one_504() -> None:
    async def scenario() -> None:
        described = Described().group("web").target("web", "i-1").listener(80, forward("web"))
        described.attribute("idle_timeout.timeout_seconds", "0.2")
        async with site(described) as running:
            await running.stop("i-1")
            assert (await running.get())[0] == 502

            async def breaks(request):  # type: ignore[no-untyped-def]
                request.transport.abort()
                await asyncio.sleep(1)

            await running.serve("i-1", breaks)
            assert (await running.get())[0] == 502
            await running.stop("i-1")

            async def waits(request):  # type: ignore[no-untyped-def]
                await asyncio.sleep(5)

            await running.serve("i-1", waits)
            status, body, _ = await running.get()
            assert (status, "504 Gateway Time-out" in body) == (504, True)
            assert [record.elb_status for record in running.records] == [502, 502, 504]

    asyncio.run(scenario())


def test_a_closed_port_of_a_target_is_a_time_out() -> None:
    async def scenario() -> None:
        described = Described().group("web").target("web", "i-1").listener(80, forward("web"))
        described.raw["SecurityGroups"][1]["IpPermissions"] = []
        async with site(described, seconds=0.01) as running:
            assert (await running.get())[0] == 504
            described.raw["SecurityGroups"][1]["IpPermissions"] = described.raw["SecurityGroups"][0]["IpPermissions"]
            await running.update()
            assert (await running.get())[1] == "i-1:8000"

    asyncio.run(scenario())


def test_a_client_that_the_groups_do_not_admit_is_never_answered() -> None:
    async def scenario() -> None:
        described = shop()
        described.raw["SecurityGroups"][0]["IpPermissions"] = []
        async with site(described) as running:
            try:
                async with asyncio.timeout(0.3):
                    await running.get()
            except TimeoutError:
                return
            raise AssertionError("it was answered")

    asyncio.run(scenario())


def test_redirects_and_fixed_responses() -> None:
    async def scenario() -> None:
        redirect = [
            {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
        ]
        teapot = {"StatusCode": "418", "ContentType": "text/plain", "MessageBody": "short and stout"}
        described = Described().listener(80, redirect)
        described.rule("1", [{"Type": "fixed-response", "FixedResponseConfig": teapot}], path("/tea*"))
        async with site(described) as running:
            status, body, headers = await running.get("/a?b=c")
            assert (status, headers["Location"], len(body)) == (301, f"https://{DNS_NAME}:443/a?b=c", 134)
            status, body, headers = await running.get("/tea")
            assert (status, body, headers["Content-Type"]) == (418, "short and stout", "text/plain; charset=utf-8")

    asyncio.run(scenario())


def test_the_target_sees_the_client_in_x_forwarded_headers() -> None:
    async def scenario() -> None:
        described = Described().group("web").target("web", "i-1").listener(8080, forward("web"))
        seen = {}

        async def handler(request):  # type: ignore[no-untyped-def]
            from aiohttp import web

            seen.update(request.headers)
            seen["path"] = request.raw_path
            return web.Response(headers={"X-One": "1"})

        async with site(described) as running:
            await running.stop("i-1")
            await running.serve("i-1", handler)
            sent = {"Host": "shop.example.com", "X-Forwarded-For": "192.0.2.7", "Connection": "x-hop", "X-Hop": "1"}
            status, _, headers = await running.get("/a%2Fb//c?d=%20", port=8080, headers=sent)
            assert status == 200 and "Server" in headers
            assert seen["path"] == "/a%2Fb//c?d=%20"
            assert (seen["Host"], seen["X-Forwarded-For"]) == ("shop.example.com:8080", "192.0.2.7, 203.0.113.80")
            assert (seen["X-Forwarded-Proto"], seen["X-Forwarded-Port"]) == ("http", "8080")
            assert seen["X-Amzn-Trace-Id"].startswith("Root=1-") and "X-Hop" not in seen

    asyncio.run(scenario())


def test_what_the_snapshot_leaves_out_decides_nothing() -> None:
    described = Described().group("web").target("web", "i-1").listener(80, forward("web"))
    closed = security_group("sg-web", 22, 22)
    for groups in ([security_group("sg-web", 1, 65535)], [closed]):
        described.raw["SecurityGroups"][1:] = groups
        whole = described.account()
        part = Account(
            whole.id, whole.region, {key: whole.descriptions[key] for key in KEYS if key in whole.descriptions}
        )
        decisions = []
        for account in (whole, part):
            configuration = Configuration.of(account, ALB)
            assert configuration is not None
            (group,) = configuration.groups.values()
            (target,) = group.targets.values()
            arrivals = [configuration.arrival(client, configuration.nodes[0], 80) for client in (None, target.address)]
            decisions.append((arrivals, configuration.reaches(group, target)))
        assert decisions[0] == decisions[1]
