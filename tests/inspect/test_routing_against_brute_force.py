"""Traces, replays and analyses agree with a plain matcher that shares no code with them."""

from itertools import combinations, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from esaws.inspect.routing.access_log import read_access_logs
from esaws.inspect.routing.analyze import analyze_rules
from esaws.inspect.routing.changes import LOG_REQUEST_FIELDS
from esaws.inspect.routing.replay import replay_rules
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.trace import trace_request
from tests.inspect.access_logs import line
from tests.inspect.routing_worlds import PATHS, Raw, conditions, meets, requests, rule, rules, which

pytestmark = pytest.mark.slow


@settings(deadline=None, max_examples=40)
@given(rules(), requests())
def test_a_trace_agrees_with_the_plain_matcher(described: list[Raw], request: Raw) -> None:
    result = trace_request(described, Request.from_dict(request))
    assert (result.outcome, result.to_dict()["priority"]) == ("match", which(described, request))


@settings(deadline=None, max_examples=50)
@given(rules(), requests(), conditions())
def test_an_unreachable_rule_changes_no_decision(described: list[Raw], request: Raw, more: list[Raw]) -> None:
    numbers = [int(raw["Priority"]) for raw in described if not raw["IsDefault"]]
    assume(50_000 not in numbers)
    before_all = rule("50000", more)
    shadow = rule("49999", [{"Field": "path-pattern", "Values": ["*"]}])
    assume(49_999 not in numbers)
    reached = trace_request([*described, shadow], Request.from_dict(request)).to_dict()
    assert trace_request([*described, shadow, before_all], Request.from_dict(request)).to_dict() == reached


@settings(deadline=None, max_examples=30)
@given(rules(), rules(), st.lists(requests(), min_size=1, max_size=12))
def test_a_replay_agrees_with_a_trace_of_each_line(live: list[Raw], proposed: list[Raw], requests_: list[Raw]) -> None:
    text = "".join(line(request, logged="-") for request in requests_)
    result = replay_rules(read_access_logs([("log", text.encode())]), live, proposed)
    assert result.malformed == ()
    for row, request in zip(result.lines.itertuples(), requests_, strict=True):
        agents = tuple(value for name, value in request["headers"] if name.lower() == "user-agent")
        in_a_log = Request.from_dict(request | {"headers": [["User-Agent", agents[0]]] if agents else []})
        logged_request = Request(**(vars(in_a_log) | LOG_REQUEST_FIELDS))
        for described, priority in ((live, row.live), (proposed, row.proposed)):
            traced = trace_request(described, logged_request)
            assert priority == (traced.to_dict()["priority"] or "unknown")


@settings(deadline=None, max_examples=30)
@given(rules(most=4))
def test_no_request_of_a_small_world_reaches_a_shadowed_rule(described: list[Raw]) -> None:
    numbered = {raw["Priority"]: raw for raw in described}
    shadowed = {result.priority: result.by for result in analyze_rules(described) if result.code == "SHADOWED"}
    for request in small_world():
        assert which(described, request) not in shadowed
        for priority, by in shadowed.items():
            if all(meets(condition, request) for condition in numbered[priority]["Conditions"]):
                assert any(
                    all(meets(condition, request) for condition in numbered[other]["Conditions"]) for other in by
                )


def small_world() -> list[Raw]:
    """Return a request of each kind that the random rules distinguish, without headers."""
    hosts, methods = ("example.com", "www.example.com", "a.b.example.com"), ("GET", "HEAD", "get")
    queries, addresses = ("", "k=v", "k=*", "j="), ("10.0.0.1", "192.0.2.7", "2001:db8::1")
    raw = product(PATHS, hosts, methods, queries, addresses)
    names = ("path", "host", "method", "query", "source_ip")
    return [dict(zip(names, condition, strict=True), headers=[]) for condition in raw]


PATTERNS = ["/a", "/b", "/?", "/a*", "/*", "/ab", "/*b", "/??"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2, unique=True), min_size=2, max_size=4))
def test_shadowed_rules_and_their_covers_agree_with_all_short_paths(values: list[list[str]]) -> None:
    """Paths of up to four characters over a, b and one more distinguish all these patterns."""
    described = [rule(str(n + 1), [{"Field": "path-pattern", "Values": values_}]) for n, values_ in enumerate(values)]
    alphabet = ["/" + "".join(values_) for size in range(4) for values_ in product("abz", repeat=size)] + ["/a/b"]
    taken = [{path for path in alphabet if meets(raw["Conditions"][0], {"path": path})} for raw in described]
    expected = {}
    for index, own in enumerate(taken):
        for size in range(1, index + 1):
            covers = [
                values_
                for values_ in combinations(range(index), size)
                if own <= set().union(*(taken[n] for n in values_))
            ]
            if covers:
                expected[str(index + 1)] = tuple(str(n + 1) for n in covers[0])
                break
    result = {raw.priority: raw.by for raw in analyze_rules(described) if raw.code == "SHADOWED"}
    assert result == expected
