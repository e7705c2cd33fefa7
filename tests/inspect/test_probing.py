"""Probes of paths: which requests are sent, what the trace lets expect, and how what answers compares with it."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

pytest.importorskip("aiohttp", reason="the packages of esaws[run] are not installed")

from esaws.cloud import Cloud
from esaws.data_plane.load_balancer import INTERNET_CLIENT
from esaws.data_plane.load_balancer.certificate import server_context
from esaws.errors import UsageError
from esaws.inspect.load_balancers import LiveLoadBalancer, find_load_balancer
from esaws.inspect.metrics import Points
from esaws.inspect.probing import nodes, request_counts
from esaws.inspect.probing import probe as probe_module
from esaws.inspect.probing.comparison import Finding, combine, compare
from esaws.inspect.probing.expectation import Expectation, expectation
from esaws.inspect.probing.nodes import LOCAL_CLIENT, Node, Nodes, Unreachable
from esaws.inspect.probing.probe import PathProbe, PathProbes, probe_paths
from esaws.inspect.probing.questions import Question, questions
from esaws.inspect.probing.request_counts import count_requests
from esaws.inspect.probing.sending import Reply, send
from esaws.inspect.request_path import path_of
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.trace import trace_rules
from esaws.local_aws import supervision
from esaws.local_aws.state import Server
from esaws.operations import verify_paths
from tests.data_plane.load_balancer_world import DNS_NAME, Described, Raw, forward, group_arn, security_group
from tests.inspect.routing_worlds import rules

NODES = (Node("192.0.2.1", 80, "eu-west-3a"), Node("192.0.2.2", 80, "eu-west-3b"))


def path(*values: str) -> Raw:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": [*values]}}


def host(*values: str) -> Raw:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": [*values]}}


def header(name: str, *values: str) -> Raw:
    return {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": [*values]}}


def query(key: str, value: str) -> Raw:
    return {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": key, "Value": value}]}}


def method(*values: str) -> Raw:
    return {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": [*values]}}


def source(*values: str) -> Raw:
    return {"Field": "source-ip", "SourceIpConfig": {"Values": [*values]}}


def regex(value: str) -> Raw:
    return {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": [value]}}


def load_balancer(described: Described) -> LiveLoadBalancer:
    return find_load_balancer(described.account())


# -- which requests are sent

ASKED: dict[str, tuple[list[list[Raw]], dict[str, Any], list[str]]] = {
    "the default rule": ([], {}, ["GET /"]),
    "each path of a rule": ([[path("/shop", "/shop/*")]], {}, ["GET /shop", "GET /shop/", "GET /"]),
    "a path that goes on": ([[path("/shop*")]], {}, ["GET /shop/", "GET /"]),
    "a path with wildcards": ([[path("/v?/*.png")]], {}, ["GET /vx/.png", "GET /"]),
    "a host": ([[host("*.example.com")]], {}, ["GET / at www.example.com", "GET /"]),
    "each path at each host": (
        [[path("/a", "/b"), host("x.example.com", "y.example.com")]],
        {},
        [
            *("GET /a at x.example.com", "GET /a at y.example.com"),
            *("GET /b at x.example.com", "GET /b at y.example.com", "GET /"),
        ],
    ),
    "a header": ([[header("X-Beta", "yes*")]], {}, ["GET /; X-Beta: yes", "GET /"]),
    "any value of a header": ([[header("X-Beta", "*")]], {}, ["GET /; X-Beta: x", "GET /"]),
    "a query": ([[query("page", "?")]], {}, ["GET /?page=x", "GET /"]),
    "a method": ([[method("POST", "HEAD")]], {}, ["HEAD /", "GET /"]),
    "the rest that a rule before leaves": ([[path("/*")]], {}, ["GET /", "not: no request was found that takes it"]),
    "another path where a rule takes the first": ([[path("/")]], {}, ["GET /", "GET /x"]),
    "a rule in the shadow": (
        [[path("/a*")], [path("/ab")]],
        {},
        ["GET /a/", "not: no request was found that takes it: rule 1 takes /ab", "GET /"],
    ),
    "a method that changes something": ([[method("POST")]], {}, ["not: it takes POST alone", "GET /"]),
    "a regex": ([[regex("^/v[0-9]+")]], {}, ["not: no text is made up for the regex", "GET /"]),
    "another source": (
        [[source("10.0.0.0/8")]],
        {"source_ip": INTERNET_CLIENT},
        ["not: it takes requests from 10.0.0.0/8 alone", "GET /"],
    ),
    "its own source": ([[source("203.0.113.0/24"), path("/in")]], {"source_ip": INTERNET_CLIENT}, ["GET /in", "GET /"]),
    "an unknown source": ([[source("203.0.113.0/24")]], {}, ["GET /", "GET /"]),
    "the host of the caller": (
        [[host("a.example.com")], [host("b.example.com")]],
        {"host": "b.example.com"},
        ["not: the rule matches other hosts", "GET / at b.example.com", "not: no request was found that takes it"],
    ),
    "a path of the caller": ([], {"paths": ["/x/y?z=1"]}, ["GET /", "GET /x/y?z=1"]),
    "a header of the caller": ([], {"headers": ["User-Agent: curl"]}, ["GET /; User-Agent: curl"]),
}


@pytest.mark.parametrize("what", ASKED)
def test_each_path_of_each_rule_is_asked_for_or_it_is_said_why_not(what: str) -> None:
    conditions, given, expected = ASKED[what]
    described = Described().group("one").listener(80, forward("one"))
    for number, each in enumerate(conditions, start=1):
        described.rule(str(number), forward("one"), *each)
    found = [
        each.text if each.request else f"not: {each.not_asked}" for each in questions(load_balancer(described), **given)
    ]
    assert len(found) == len(expected)
    assert all(
        text == each or (each.startswith("not: ") and text.startswith(each))
        for text, each in zip(found, expected, strict=True)
    ), found


UNSENDABLE: dict[str, tuple[dict[str, Any], str]] = {
    "a path without a slash": ({"paths": ["shop"]}, "is not a path"),
    "a path with a space": ({"paths": ["/shop and"]}, "with %20 for a space"),
    "a host among the headers": ({"headers": ["Host: a.example.com"]}, "give it as host"),
    "a body": ({"headers": ["Content-Length: 5"]}, "leave it out"),
    "no header": ({"headers": ["curl"]}, "is not a header"),
    "a header in another alphabet": ({"headers": ["X-Name: Łódź"]}, "write it in ASCII"),
    "a header of two lines": ({"headers": ["X-Name: a\rHost: b"]}, "write it in ASCII"),
}


@pytest.mark.parametrize("what", UNSENDABLE)
def test_what_can_not_be_sent_is_refused(what: str) -> None:
    given, message = UNSENDABLE[what]
    with pytest.raises(UsageError, match=message):
        questions(load_balancer(Described().group("one").listener(80, forward("one"))), **given)


@settings(max_examples=30, deadline=None)
@given(described_rules=rules())
def test_a_request_takes_the_rule_that_it_is_made_for(described_rules: list[Raw]) -> None:
    described = Described().group("one").listener(80, forward("one"))
    listener = described.raw["Listeners"][0]["ListenerArn"]
    described.raw["Rules"] = [rule | {"ListenerArn": listener, "Actions": forward("one")} for rule in described_rules]
    balancer = load_balancer(described)
    parsed = balancer.rules(balancer.listeners()[0])
    asked = questions(balancer, source_ip=INTERNET_CLIENT)
    assert {each.rule for each in asked} == {rule.priority for rule in parsed}
    for each in asked:
        assert (each.request is None) is bool(each.not_asked)
        if each.request:
            trace = trace_rules(parsed, each.request)
            taken = {trace.rule.priority} if trace.rule else {*trace.candidates}
            assert each.rule in taken, str(trace)


# -- what a trace lets expect

REDIRECT = [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}]
MOVE = [{"Type": "redirect", "RedirectConfig": {"Path": "/new/#{path}", "StatusCode": "HTTP_302"}}]
FIXED = [
    {
        "Type": "fixed-response",
        "FixedResponseConfig": {"StatusCode": "418", "MessageBody": "tea", "ContentType": "text/plain"},
    }
]
SIGN_IN = [{"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {"OnUnauthenticatedRequest": "deny"}}]


def closed(described: Described) -> None:
    described.raw["SecurityGroups"][0] = security_group("sg-alb", 443, 443)


def closed_targets(described: Described) -> None:
    described.raw["SecurityGroups"][1] = security_group("sg-web", 22, 22)


def no_change(described: Described) -> None:
    pass


EXPECTED: dict[str, tuple[list[Raw], Callable[[Described], None], tuple[str, str, int | None, set[int]]]] = {
    "a healthy target": (forward("one"), no_change, ("target", "one, 1 target", None, set())),
    "two groups": (forward("one", "two"), no_change, ("target", "one or two, 2 targets", None, set())),
    "a group without share": (forward("one", "none 0"), no_change, ("target", "one, 1 target", None, set())),
    "a group without targets beside one": (forward("one", "none"), no_change, ("target", "one or none", None, {503})),
    "no targets": (forward("none"), no_change, ("error", "503 from the load balancer", 503, set())),
    "no weights": (forward("one 0"), no_change, ("error", "503 from the load balancer", 503, set())),
    "no healthy target": (forward("ill"), no_change, ("target", "ill, 1 target", None, {502, 504})),
    "closed targets": (forward("one"), closed_targets, ("error", "504 from the load balancer", 504, set())),
    "a closed load balancer": (forward("one"), closed, ("nothing", "no answer", None, set())),
    "first health checks": (forward("new"), no_change, ("target", "new, 1 target", None, {502, 503, 504})),
    "a redirect on the same host": (MOVE, no_change, ("redirect", "302 to /new/", 302, set())),
    "a redirect": (REDIRECT, no_change, ("redirect", f"301 to https://{DNS_NAME}:443/", 301, set())),
    "a fixed response": (FIXED, no_change, ("fixed response", "418 from the load balancer", 418, set())),
    "a sign-in": ([*SIGN_IN, {**forward("one")[0], "Order": 2}], no_change, ("sign-in", "401 from the", 401, set())),
    "an unknown action": ([{"Type": "dance"}], no_change, ("unknown", "unknown: rule default", None, set())),
}


@pytest.mark.parametrize("what", EXPECTED)
def test_what_a_trace_lets_expect(what: str) -> None:
    actions, change, (outcome, text, status, failures) = EXPECTED[what]
    described = Described().listener(80, actions)
    for name in ("one", "two", "none", "ill", "new"):
        described.group(name)
    described.target("one", "i-1").target("two", "i-2", zone="eu-west-3b").target("ill", "i-3", state="unhealthy")
    described.target("new", "i-4", state="initial")
    change(described)
    account = described.account()
    request = Request(host=DNS_NAME, source_ip=INTERNET_CLIENT)
    found = expectation(path_of(account, find_load_balancer(account), request), request)
    assert (found.outcome, found.status, set(found.failures)) == (outcome, status, failures), found
    assert found.text.startswith(text)


# -- the comparison

TARGET = Expectation(outcome="target", text="shop, 2 targets", services=frozenset({"shop"}))
ANONYMOUS = Expectation(outcome="target", text="tg, 2 targets")
ILL = Expectation(outcome="target", text="shop, 1 target", failures={502: "no target is healthy"})
SLOW = Expectation(outcome="target", text="shop, 1 target", failures={504: "packets are dropped"})
EMPTY = Expectation(outcome="error", text="503 from the load balancer", status=503, reason="no target is registered")
MOVED = Expectation(
    outcome="redirect",
    text="301 to https://a:443/x",
    status=301,
    location={"protocol": "https", "host": "a", "port": 443, "path": "/x", "query": ""},
)
TEA = Expectation(outcome="fixed response", text="418", status=418, content_type="text/plain", body="tea")
CLOSED = Expectation(outcome="nothing", text="no answer", reason="no rule lets it in")
OPEN = Expectation(outcome="unknown", text="unknown", reason="the source is not known")
DENIED = Expectation(outcome="sign-in", text="401", status=401)


def reply(status: int, body: bytes = b"", node: Node = NODES[0], **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(node=node, stage="answered", status=status, headers=named, body=body)


def own(status: int, body: bytes = b"", **headers: str) -> Reply:
    """An answer of the load balancer itself."""
    return reply(status, body, server="awselb/2.0", **headers)


SERVED = reply(200, server="app", x_served_by="shop 1234 eu-west-3a")
REFUSED = Reply(node=NODES[0], stage="not connected", error="connection refused")
SILENT = Reply(node=NODES[0], stage="no answer", error="no answer in 15 s")
TLS = Reply(node=NODES[0], stage="not connected", error="TLS handshake failed: alert")
AWS, HERE, INTERNAL = {"is_local": False}, {"is_local": True}, {"is_local": False, "is_internal": True}

COMPARED: dict[str, tuple[Expectation, Reply, dict[str, bool], str, str]] = {
    "the service that the trace names": (TARGET, SERVED, AWS, "agrees", "200 from shop"),
    "a service that names itself in the body": (TARGET, reply(200, b"shop\n"), AWS, "agrees", "200 from shop"),
    "a target without a name": (TARGET, reply(200, b"hello"), AWS, "agrees", "200 from a target"),
    "nothing but a status": (ANONYMOUS, reply(204), AWS, "agrees", "204 from a target"),
    "a page that is not there": (TARGET, reply(404, server="app"), AWS, "agrees", "404 from a target"),
    "a name where no task is known": (ANONYMOUS, SERVED, AWS, "agrees", "200 from shop"),
    "another service": (
        TARGET,
        reply(200, server="app", x_served_by="till 1 z"),
        AWS,
        "differs",
        "till answers, not shop",
    ),
    "an error of the application": (TARGET, reply(503, server="app"), AWS, "fails", "an error of its own"),
    "an error of a service with a name": (TARGET, reply(500, x_served_by="shop 1 z"), AWS, "fails", "of its own"),
    "an error without a signature": (TARGET, reply(502), AWS, "fails", "no header says which of them"),
    "a refusal without a signature": (TARGET, reply(403), AWS, "unclear", "no header says which of them"),
    "a task that drops the connection": (
        TARGET,
        own(502),
        HERE,
        "differs",
        "a target closed the connection",
    ),
    "a task that hangs": (TARGET, own(504), AWS, "differs", "did not answer, or not in time"),
    "a firewall of the load balancer": (TARGET, own(403), AWS, "differs", "AWS WAF may block"),
    "an answer that another load balancer passed on": (TARGET, own(200), AWS, "agrees", "200 from the load balancer"),
    "a foreseen error": (ILL, own(502), AWS, "fails", "no target is healthy"),
    "an error that is not foreseen": (ILL, own(503), AWS, "differs", "no target is registered"),
    "a target that is called unhealthy": (ILL, SERVED, AWS, "agrees", "200 from shop"),
    "silence": (TARGET, SILENT, AWS, "differs", "nothing came back"),
    "foreseen silence": (SLOW, SILENT, AWS, "fails", "packets are dropped"),
    "silence of who knows": (OPEN, SILENT, AWS, "unclear", "the source is not known"),
    "no targets": (EMPTY, own(503), AWS, "fails", "no target is registered"),
    "no targets, and an answer": (EMPTY, SERVED, AWS, "differs", "the trace says 503"),
    "no targets, and an error of a target": (EMPTY, reply(503, server="app"), AWS, "differs", "the trace says 503"),
    "a redirect": (MOVED, own(301, location="https://a:443/x"), AWS, "agrees", "301 to https://a:443/x"),
    "a redirect without its port": (MOVED, own(301, location="https://A/x"), AWS, "agrees", "301 to"),
    "a redirect elsewhere": (MOVED, own(301, location="https://b/x"), AWS, "differs", "the location is https://b/x"),
    "a redirect without a location": (MOVED, own(301), AWS, "differs", "the location is missing"),
    "a redirect to no URL": (MOVED, own(301, location="https://a:x/"), AWS, "differs", "the location is https://a:x/"),
    "another kind of redirect": (MOVED, own(302, location="https://a/x"), AWS, "differs", "the status is 302, not 301"),
    "a fixed response": (TEA, own(418, b"tea", content_type="text/plain; charset=utf-8"), AWS, "agrees", "418"),
    "a fixed response of another type": (
        TEA,
        own(418, b"tea", content_type="text/html"),
        AWS,
        "differs",
        "content type",
    ),
    "a fixed response with another body": (TEA, own(418, b"", content_type="text/plain"), AWS, "differs", "the body"),
    "a target in place of a fixed response": (TEA, SERVED, AWS, "differs", "the status is 200, not 418"),
    "a refusal to sign in": (DENIED, own(401), AWS, "agrees", "401"),
    "an application in place of a sign-in": (DENIED, SERVED, AWS, "differs", "the status is 200, not 401"),
    "closed, on AWS": (
        CLOSED,
        Reply(node=NODES[0], stage="not connected", error="x"),
        AWS,
        "not reached",
        "lets it in",
    ),
    "closed, on this machine": (CLOSED, SILENT, HERE, "not reached", "no rule lets it in"),
    "closed, and an answer on this machine": (CLOSED, SERVED, HERE, "differs", "no answer was expected"),
    "closed for others, and an answer on AWS": (CLOSED, SERVED, AWS, "unclear", "not every client"),
    "no connection on AWS": (TARGET, REFUSED, AWS, "not reached", "a firewall between here and AWS"),
    "no connection to an internal one": (TARGET, REFUSED, INTERNAL, "not reached", "is internal"),
    "no TLS on AWS": (TARGET, TLS, AWS, "not reached", "a certificate of the client"),
    "no connection on this machine": (TARGET, REFUSED, HERE, "differs", "does not listen"),
    "an unknown trace": (OPEN, SERVED, AWS, "unclear", "the source is not known"),
    "what does not run here": (TARGET, own(501, b"NotSimulated: tokens\n"), HERE, "not probed", "NotSimulated: tokens"),
    "a fixed 501 on AWS": (TEA, own(501, b"NotSimulated: tea"), AWS, "differs", "the status is 501"),
    "HTTP/2 alone": (TARGET, own(464), AWS, "not probed", "HTTP/2"),
}


@pytest.mark.parametrize("what", COMPARED)
def test_what_answers_is_compared_with_the_trace(what: str) -> None:
    expected, answer, where, verdict, text = COMPARED[what]
    found = compare(expected, answer, **where)
    assert found.verdict == verdict, found
    assert text in f"{found.answered} {found.why}"
    assert bool(found.why) is bool(found.next_step) is (verdict != "agrees"), found


def test_the_worst_of_several_answers_counts_and_the_zone_is_named() -> None:
    good, bad = Finding("agrees", "200 from shop"), Finding("differs", "502 from the load balancer", "it broke", "look")
    replies = [reply(200, node=NODES[0]), reply(200, node=NODES[0]), reply(502, node=NODES[1])]
    found = combine([good, good, bad], replies)
    assert found == Finding(
        "differs", "2 × 200 from shop, 1 × 502 from the load balancer", "in eu-west-3b: it broke", "look"
    )
    assert combine([bad, bad], [replies[0], replies[2]]).why == "it broke"


# -- sending


@contextmanager
def serving(answer: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> Iterator[Node]:
    """A server that reads a request and answers with a function."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                with suppress(OSError):
                    client, _ = server.accept()
                    with tls.wrap_socket(client, server_side=True) if tls else client as connection:
                        connection.recv(4096)
                        answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield Node("127.0.0.1", server.getsockname()[1])
        finally:
            ended.set()
            with suppress(OSError):
                socket.create_connection(server.getsockname(), timeout=1).close()
            thread.join(5)


def writes(*parts: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(b"".join(parts))


REQUEST = Request(host="shop.example.com", path="/x", query="y=1", headers=(("User-Agent", "esaws"),))
HELLO = b"HTTP/1.1 200 OK\r\nServer: app\r\nContent-Length: 5\r\n\r\nhello"


def test_an_answer_has_its_status_headers_and_body() -> None:
    with serving(writes(HELLO)) as node:
        answer = send(node, REQUEST, 30)
    assert (answer.stage, answer.status, answer.headers["server"], answer.body) == ("answered", 200, "app", b"hello")


def test_a_request_is_sent_as_it_is_and_once() -> None:
    received: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                received.append(client.recv(4096))
                answer(client)

        thread = threading.Thread(target=serve)
        thread.start()
        assert send(Node("127.0.0.1", server.getsockname()[1]), REQUEST, 30).status == 302
        thread.join()
    assert received == [b"GET /x?y=1 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: esaws\r\n\r\n"]


def test_certificates_are_not_verified() -> None:
    with serving(writes(HELLO), server_context(["other.example.com"])) as node:
        assert send(node, Request(protocol="HTTPS", host="shop.example.com"), 30).status == 200


def wait_for_the_client(connection: socket.socket) -> None:
    connection.recv(1)


def stops_in_the_body(connection: socket.socket) -> None:
    connection.sendall(HELLO[:-3])
    wait_for_the_client(connection)


BROKEN: dict[str, tuple[Callable[[socket.socket], None], float, str, str]] = {
    "closes": (lambda connection: None, 30, "no answer", "connection closed without an answer"),
    "says nothing": (wait_for_the_client, 0.2, "no answer", "no answer in 0.2 s"),
    "stops in its body": (
        stops_in_the_body,
        0.2,
        "no answer",
        "no answer in 0.2 s",
    ),
    "speaks no HTTP": (writes(b"220 mail.example.com\r\n"), 30, "no answer", "no HTTP answer"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_server_that_is_not_answering_is_told_from_one_that_is_not_there(what: str) -> None:
    answer, seconds, stage, error = BROKEN[what]
    with serving(answer) as node:
        found = send(node, REQUEST, seconds)
    assert found.stage == stage and error in found.error


def test_a_closed_port_and_a_failed_handshake_are_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        node = Node("127.0.0.1", server.getsockname()[1])
    assert send(node, REQUEST, 5) == Reply(node=node, stage="not connected", error="connection refused")
    with serving(writes(HELLO)) as node:
        assert send(node, Request(protocol="HTTPS", host="a"), 5).error.startswith("TLS handshake failed")


# -- where they are sent

RUNNING = {
    "accounts": [
        {
            "account": account,
            "region": "eu-west-3",
            "load_balancers": [
                {"name": DNS_NAME, "port": 80, "host": host, "local_port": 8080, "tls": False, "zone": zone}
                for host, zone in hosts.items()
            ],
        }
        for account, hosts in {
            "123456789012": {"127.80.1.10": "eu-west-3b", "127.80.0.10": "eu-west-3a"},
            "600000000000": {"127.99.0.1": "eu-west-3a"},
        }.items()
    ]
}


@pytest.fixture
def on_this_machine(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A cloud at the local AWS of this user, which is not asked anything."""
    url = "http://127.0.0.1:4747"
    monkeypatch.setattr(nodes, "read_server", lambda: Server(1, 0.0, url, 4747))
    cloud = Cloud.at(url)
    cloud._caller = {"Account": "123456789012"}
    return cloud


BALANCER = load_balancer(Described())


def test_what_runs_is_asked_where_it_listens(on_this_machine: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "running", lambda: RUNNING)
    found = Nodes(on_this_machine)
    assert found.of(BALANCER, 80) == [
        Node("127.80.0.10", 8080, "eu-west-3a"),
        Node("127.80.1.10", 8080, "eu-west-3b"),
    ]
    missing = found.of(BALANCER, 443)
    assert isinstance(missing, Unreachable) and not missing.is_simulated


def test_where_nothing_runs_nothing_is_asked(on_this_machine: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "running", lambda: None)
    nothing = Nodes(on_this_machine).of(BALANCER, 80)
    assert isinstance(nothing, Unreachable) and nothing.is_simulated
    assert "nothing runs" in nothing.reason and "esaws local start --run" in nothing.next_step
    other = Nodes(Cloud.at("http://192.0.2.1:4747")).nothing_runs
    assert other and other.is_simulated and "is not known here" in other.reason


def test_on_aws_each_address_of_the_name_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(name: str, port: int, **_: Any) -> list[Any]:
        if name != DNS_NAME:
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, 0, 0, "", (address, port)) for address in ("192.0.2.2", "192.0.2.1", "192.0.2.2")]

    monkeypatch.setattr(nodes.socket, "getaddrinfo", resolve)
    found = Nodes(Cloud.aws("123456789012"))
    assert found.of(BALANCER, 80) == [Node("192.0.2.1", 80), Node("192.0.2.2", 80)]
    described = Described()
    described.raw["LoadBalancers"][0]["DNSName"] = "gone.example.com"
    gone = found.of(load_balancer(described), 80)
    assert isinstance(gone, Unreachable) and not gone.is_simulated
    assert "does not resolve here (Name or service not known)" in gone.reason


def test_a_client_of_this_machine_has_the_address_that_the_load_balancer_sees() -> None:
    assert LOCAL_CLIENT == INTERNET_CLIENT


# -- all together


class At:
    """Stands for Nodes: every listener is at one node."""

    def __init__(self, node: Node) -> None:
        self.node, self.nothing_runs = node, None

    def of(self, load_balancer: LiveLoadBalancer, port: int) -> list[Node]:
        return [self.node]


UNAVAILABLE = b"HTTP/1.1 503 Service Temporarily Unavailable\r\nServer: awselb/2.0\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(("afterwards", "verdict"), [("none", "fails"), ("one", "differs")])
def test_a_path_that_differs_is_compared_with_the_account_after_the_requests(
    afterwards: str, verdict: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def described(group: str) -> Any:
        return Described().group("one").group("none").target("one", "i-1").listener(80, forward(group)).account()

    accounts = iter([described("one"), described(afterwards)])
    monkeypatch.setattr(probe_module, "snapshot", lambda *_: next(accounts))
    with serving(writes(UNAVAILABLE)) as node:
        monkeypatch.setattr(probe_module, "Nodes", lambda _: At(node))
        report = probe_paths(cloud, "shop", requests=3, seconds=30)
    assert [(each.verdict, each.to_dict()["requests"]) for each in report] == [(verdict, 3)]
    assert report.began is not None


# -- the report


def probe(finding: Finding, expected: Expectation | None = TARGET, *replies: Reply) -> PathProbe:
    described = Described().listener(80, forward("one"))
    balancer = load_balancer(described)
    question = Question(balancer, balancer.listeners()[0], "1", "/x", Request(host=DNS_NAME, path="/x"))
    return PathProbe(question, expected, finding, replies)


AGREES, BLIND = probe(Finding("agrees", "200"), TARGET, SERVED), probe(Finding("agrees", "200"), TARGET, reply(200))
DIFFERS = probe(Finding("differs", "502", "it broke", "read the log"), TARGET, own(502))
UNASKED = probe(Finding("not probed", "", "POST alone", "send it yourself"), None)

REPORTS: dict[str, tuple[PathProbes, str, dict[str, list[bool | None]]]] = {
    "all agree": (PathProbes((AGREES, AGREES)), "2 paths answer as traced", {"bad": [True], "unknown": [True, True]}),
    "one agrees": (PathProbes((AGREES,)), "1 path answers as traced", {"bad": [True], "unknown": [True, True]}),
    "one differs": (
        PathProbes((AGREES, DIFFERS, UNASKED)),
        "3 paths: 1 as traced, 1 otherwise, 1 not probed",
        {"bad": [False], "unknown": [False, None]},
    ),
    "one is not asked": (
        PathProbes((AGREES, UNASKED)),
        "2 paths: 1 as traced, 1 not probed",
        {"bad": [True], "unknown": [True, None]},
    ),
    "none is asked": (PathProbes((UNASKED,)), "1 path: 1 not probed", {"bad": [None], "unknown": [None, None]}),
    "nothing runs": (PathProbes((UNASKED,), "nothing runs"), "not probed: nothing runs", {"bad": [None]}),
    "no listener": (PathProbes(()), "not probed: no listener was found", {"bad": [None], "unknown": [None, None]}),
    "a gap": (PathProbes((AGREES,), "", ("Functions: denied",)), "1 path answers", {"unknown": [True, None]}),
}


@pytest.mark.parametrize("what", REPORTS)
def test_a_report_is_green_only_where_something_answered_as_traced(what: str, cloud: Cloud) -> None:
    report, verdict, checks = REPORTS[what]
    assert report.verdict.startswith(verdict)
    assert verify_paths(cloud, report, "never") == []
    for fail_on, expected in checks.items():
        found = verify_paths(cloud, report, fail_on)
        assert [check.ok for check in found] == expected
        assert all(check.ok or check.found for check in found)


def test_a_report_lists_what_is_open_and_what_can_not_be_seen() -> None:
    report = PathProbes((AGREES, UNASKED, BLIND, DIFFERS))
    assert list(report.to_frame()["verdict"]) == ["agrees", "not probed", "agrees", "differs"]
    assert list(report.open_frame()["why"]) == ["it broke", "POST alone"]
    (gap,) = report.blind_spots
    assert gap.startswith("which target group answered") and gap.endswith("(GET /x)")
    assert "it broke" in report._repr_html_() and "not seen" in report._repr_html_()
    assert report.to_dict()["probes"][3]["next_step"] == "read the log"


def test_counts_confirm_and_never_contradict(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    to_one = Expectation(outcome="target", text="one", groups=(group_arn("one"),))
    to_two = Expectation(outcome="target", text="two", groups=(group_arn("two"),))
    to_both = Expectation(outcome="target", text="both", groups=(group_arn("one"), group_arn("two")))
    agrees = Finding("agrees", "200")
    probes = PathProbes(
        (
            probe(agrees, to_one, SERVED, SERVED, SILENT, own(503)),
            probe(agrees, to_two, SERVED),
            probe(agrees, to_both, SERVED),
        ),
        began=datetime(2026, 11, 29, 12, 0, 30, tzinfo=UTC),
    )

    def read(cloud: Cloud, queries: Any, *, start: datetime, end: datetime) -> Any:
        assert start == datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
        return {
            key: Points((start,), (3.0,), 60) if "/one/" in query.dimensions["TargetGroup"] else Points((), (), 60)
            for key, query in queries.items()
        }

    moments = iter([0.0, 30.0, 61.0])
    monkeypatch.setattr(request_counts, "read_metrics", read)
    monkeypatch.setattr(request_counts.time, "monotonic", lambda: next(moments))
    monkeypatch.setattr(request_counts.time, "sleep", lambda seconds: None)
    counts = count_requests(cloud, probes, minutes=1)
    assert [(each.target_group, each.sent, each.counted, each.arrived) for each in counts.groups] == [
        ("one", 2, 3, "yes"),
        ("two", 1, None, "unknown"),
    ]
    assert list(counts.to_frame()["arrived"]) == ["yes", "unknown"]
    assert count_requests(cloud, probes, minutes=0).groups == ()
    assert "nothing to count" in count_requests(cloud, PathProbes(()), minutes=5).note
