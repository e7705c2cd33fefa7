"""Random requests over random rules: what answers is what `esaws trace` names."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from esaws.inspect.request_path import trace
from tests.data_plane.http2_client import connected
from tests.data_plane.load_balancer_world import DNS_NAME, Described, Handler, Raw, Site, forward, group_arn
from tests.inspect.routing_worlds import requests, rules

EXAMPLES = 300 if "SOAK" in os.environ else 25
SOURCES = ["203.0.113.80", "192.0.2.7", "198.51.100.9", "10.0.0.1"]
GROUPS = {"one": ["i-1:8000"], "two": ["i-1:8001", "i-2:8000"], "none": [], "dead": []}
ANSWERS: list[list[Raw]] = [
    forward("one"),
    forward("two"),
    forward("one 1", "two 3"),
    forward("one 0", "none 1"),
    forward("dead"),
    [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418", "MessageBody": "tea"}}],
    [
        {
            "Type": "redirect",
            "RedirectConfig": {"Path": "/new/#{path}", "Query": "was=#{host}", "StatusCode": "HTTP_302"},
        }
    ],
]
MORE_PATHS = ["/a%2Fb", "//a", "/a/../img/x.png", "/%61", "/a/b?", "/a;x=1"]
MORE_HOSTS = ["example.com:80", "www.example.com:80", "example.com."]
SENDABLE = {"GET", "HEAD", "POST"}


def identified(name: str) -> Handler:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=name, headers={"X-Target": name})

    return handler


class World:
    """One site in one loop for all examples; the rules change with each."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.source = SOURCES[0]
        self.described = Described().listener(80, forward("one")).listener(443, forward("one"), "HTTPS")
        for name in GROUPS:
            self.described.group(name)
        self.described.target("one", "i-1").target("two", "i-1", 8001).target("two", "i-2").target("dead", "i-3")
        self.described.target("two", "i-3", state="unhealthy").target("none", "i-1", state="draining")
        self.loop.run_until_complete(self.begin())

    async def begin(self) -> None:
        self.site = Site(self.described, find_source=lambda client, here: self.source)
        for name in [*GROUPS["one"], *GROUPS["two"]]:
            instance, _, port = name.partition(":")
            await self.site.serve(instance, identified(name), int(port))

    def ask(self, request: Raw, *, dropped: bool = False) -> tuple[int, str, str]:
        """Return status, the target that answered, and the location; status 0 where nothing answered.

        That is waited for shortly where the client's packets should be dropped.
        """
        self.source = request["source_ip"]
        ask = self._ask_over_http2 if request["is_http2"] else self._ask
        return self.loop.run_until_complete(ask(request, 0.2 if dropped else 60))

    async def _ask_over_http2(self, request: Raw, seconds: float) -> tuple[int, str, str]:
        query = f"?{request['query']}" if request["query"] else ""
        options = {"method": request["method"], "host": request["host"], "headers": request["headers"]}
        try:
            async with asyncio.timeout(seconds), connected(self.site) as client:
                answer = await client.request(request["path"] + query, **options)
        except TimeoutError:
            return 0, "", ""
        return answer.status, answer.header("x-target"), answer.header("location").lower()

    async def _ask(self, request: Raw, seconds: float) -> tuple[int, str, str]:
        query = f"?{request['query']}" if request["query"] else ""
        headers = [("Host", request["host"]), *map(tuple, request["headers"])]
        url = URL(self.site.url(request["path"] + query), encoded=True)
        options: dict[str, Any] = {"headers": headers, "skip_auto_headers": ("User-Agent", "Accept"), "data": None}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds)) as client,
                client.request(request["method"], url, allow_redirects=False, **options) as response,
            ):
                return (
                    response.status,
                    response.headers.get("X-Target", ""),
                    response.headers.get("Location", "").lower(),
                )
        except TimeoutError:
            return 0, "", ""

    def close(self) -> None:
        self.loop.run_until_complete(self.site.close())
        self.loop.close()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@st.composite
def listeners(draw: st.DrawFn) -> list[Raw]:
    return [rule | {"Actions": draw(st.sampled_from(ANSWERS))} for rule in draw(rules())]


def any_request() -> st.SearchStrategy[Raw]:
    """Return requests, some of which AWS's documentation leaves open."""
    more = st.fixed_dictionaries(
        {"source_ip": st.sampled_from(SOURCES), "is_http2": st.integers(0, 3).map(lambda number: number == 0)},
        optional={"path": st.sampled_from(MORE_PATHS), "host": st.sampled_from(MORE_HOSTS)},
    )
    plain = requests().filter(lambda request: request["method"] in SENDABLE)
    return st.tuples(plain, more).map(lambda both: once(both[0] | both[1]))


def once(request: Raw) -> Raw:
    """Return a request with one User-Agent, as a parser of HTTP wants it, and the port of its listener."""
    agents = [header for header in request["headers"] if header[0] == "user-agent"]
    host = request["host"].replace(":80", ":443") if request["is_http2"] else request["host"]
    headers = [header for header in request["headers"] if header not in agents] + agents[:1]
    return request | {"host": host, "headers": headers}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(described=listeners(), sent=st.lists(any_request(), min_size=1, max_size=4))
def test_what_answers_is_what_the_trace_names(world: World, described: list[Raw], sent: list[Raw]) -> None:
    listeners = [listener["ListenerArn"] for listener in world.described.raw["Listeners"]]
    world.described.raw["Rules"] = [rule | {"ListenerArn": arn} for arn in listeners for rule in described]
    account = world.described.account()
    world.loop.run_until_complete(world.site.proxy.update(account))
    for request in sent:
        query = f"?{request['query']}" if request["query"] else ""
        path = trace(
            account,
            f"{'https' if request['is_http2'] else 'http'}://{request['host']}{request['path']}{query}",
            alb="shop",
            method=request["method"],
            headers=[tuple(header) for header in request["headers"]],
            source_ip=request["source_ip"],
        )
        dropped = path.to_dict()["outcome"] == "elb_response" and "status" not in path.to_dict()
        answer = world.ask(request, dropped=dropped)
        assert answer in possible(path.to_dict(), described, request), (answer, str(path))


def possible(traced: dict[str, Any], described: list[Raw], request: Raw) -> set[tuple[int, str, str]]:
    """Return what may answer according to a trace."""
    if traced["outcome"] == "elb_response":
        return {(traced.get("status", 0), "", "")}
    if traced["outcome"] == "unknown":
        actions = [rule["Actions"][0] for rule in described if rule["Priority"] in traced["candidates"]]
        return {answer for action in actions for answer in of_action(action, request)}
    if traced["action"] == "forward":
        named = {f"{hop['id']}:{hop['port']}" for hop in traced["targets"] if hop["eligible"]}
        statuses = {502 if name.startswith("i-3") else 200 for name in named}
        answers = {(200, name, "") for name in named if not name.startswith("i-3")}
        answers |= {(502, "", "")} if 502 in statuses else set()
        shares = traced["shares"]
        without = [arn for arn in traced["target_groups"] if shares[arn] != "0" and arn == group_arn("none")]
        return answers | ({(503, "", "")} if without else set())
    if traced["action"] == "redirect":
        part = traced["location_components"]
        location = f"{part['protocol']}://{part['host']}:{part['port']}{part['path']}?{part['query']}"
        return {(traced["status"], "", location.lower())}
    return {(traced["status"], "", "")}


def of_action(action: Raw, request: Raw) -> set[tuple[int, str, str]]:
    """Return what may answer for one of several candidates."""
    if action["Type"] == "fixed-response":
        return {(418, "", "")}
    if action["Type"] == "redirect":
        host = request["host"].partition(":")[0]
        origin = f"https://{host}:443" if request["is_http2"] else f"http://{host}:80"
        location = f"{origin}/new{request['path'].partition('?')[0]}?was={host}"
        return {(302, "", location.lower())}
    weights = {group["TargetGroupArn"]: group["Weight"] for group in action["ForwardConfig"]["TargetGroups"]}
    names = [name for name in GROUPS if weights.get(group_arn(name))]
    answers = {(200, target, "") for name in names for target in GROUPS[name]}
    return (
        answers
        | {(502, "", "") for name in names if name == "dead"}
        | {(503, "", "") for name in names if name == "none"}
    )


def test_the_dns_name_is_a_host_like_any_other(world: World) -> None:
    world.described.raw["Rules"] = Described().listener(80, forward("one")).listener(443, forward("one")).raw["Rules"]
    world.loop.run_until_complete(world.site.update())
    request = {"method": "GET", "host": DNS_NAME, "path": "/", "query": "", "headers": [], "source_ip": SOURCES[0]}
    for is_http2 in (False, True):
        assert world.ask(request | {"is_http2": is_http2}) == (200, "i-1:8000", "")
