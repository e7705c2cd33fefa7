"""Traces, replays and analyses agree with a plain matcher that shares no code with them."""

from itertools import combinations, product

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from esaws.inspect.routing.access_log import read_access_logs
from esaws.inspect.routing.analyze import analyze_rules
from esaws.inspect.routing.replay import LOG_REQUEST_FIELDS, replay_rules
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.trace import trace_request
from tests.inspect.access_logs import line
from tests.inspect.routing_worlds import PATHS, Raw, conditions, meets, requests, rule, rules, which


@settings(deadline=None, max_examples=40)
@given(rules(), requests())
def test_a_trace_is_what_a_plain_matcher_finds(described: list[Raw], request: Raw) -> None:
    found = trace_request(described, Request.from_dict(request))
    assert (found.outcome, found.to_dict()["priority"]) == ("match", which(described, request))


@settings(deadline=None, max_examples=50)
@given(rules(), requests(), conditions())
def test_a_rule_that_nothing_reaches_changes_no_decision(described: list[Raw], request: Raw, more: list[Raw]) -> None:
    numbers = [int(each["Priority"]) for each in described if not each["IsDefault"]]
    assume(50_000 not in numbers)
    before_all = rule("50000", more)
    shadow = rule("49999", [{"Field": "path-pattern", "Values": ["*"]}])
    assume(49_999 not in numbers)
    reached = trace_request([*described, shadow], Request.from_dict(request)).to_dict()
    assert trace_request([*described, shadow, before_all], Request.from_dict(request)).to_dict() == reached


@settings(deadline=None, max_examples=30)
@given(rules(), rules(), st.lists(requests(), min_size=1, max_size=12))
def test_a_replay_is_a_trace_of_each_line(live: list[Raw], proposed: list[Raw], asked: list[Raw]) -> None:
    text = "".join(line(request, logged="-") for request in asked)
    found = replay_rules(read_access_logs([("log", text.encode())]), live, proposed)
    assert found.malformed == ()
    for told, request in zip(found.lines.itertuples(), asked, strict=True):
        agents = tuple(value for name, value in request["headers"] if name.lower() == "user-agent")
        in_a_log = Request.from_dict(request | {"headers": [["User-Agent", agents[0]]] if agents else []})
        seen = Request(**(vars(in_a_log) | LOG_REQUEST_FIELDS))
        for described, priority in ((live, told.live), (proposed, told.proposed)):
            traced = trace_request(described, seen)
            assert priority == (traced.to_dict()["priority"] or "unknown")


@settings(deadline=None, max_examples=30)
@given(rules(most=4))
def test_what_is_called_shadowed_is_reached_by_no_request_of_a_small_world(described: list[Raw]) -> None:
    numbered = {each["Priority"]: each for each in described}
    shadowed = {found.priority: found.by for found in analyze_rules(described) if found.code == "SHADOWED"}
    for request in small_world():
        assert which(described, request) not in shadowed
        for priority, by in shadowed.items():
            if all(meets(one, request) for one in numbered[priority]["Conditions"]):
                assert any(all(meets(one, request) for one in numbered[other]["Conditions"]) for other in by)


def small_world() -> list[Raw]:
    """A request of each kind that the random rules can tell apart, without headers."""
    hosts, methods = ("example.com", "www.example.com", "a.b.example.com"), ("GET", "HEAD", "get")
    queries, addresses = ("", "k=v", "k=*", "j="), ("10.0.0.1", "192.0.2.7", "2001:db8::1")
    each = product(PATHS, hosts, methods, queries, addresses)
    names = ("path", "host", "method", "query", "source_ip")
    return [dict(zip(names, one, strict=True), headers=[]) for one in each]


PATTERNS = ["/a", "/b", "/?", "/a*", "/*", "/ab", "/*b", "/??"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2, unique=True), min_size=2, max_size=4))
def test_shadowed_rules_and_the_fewest_that_shadow_them_are_those_of_all_short_paths(values: list[list[str]]) -> None:
    """Of paths of up to four characters over a and b and one more, which tells all these patterns apart."""
    described = [rule(str(n + 1), [{"Field": "path-pattern", "Values": some}]) for n, some in enumerate(values)]
    alphabet = ["/" + "".join(some) for size in range(4) for some in product("abz", repeat=size)] + ["/a/b"]
    taken = [{path for path in alphabet if meets(each["Conditions"][0], {"path": path})} for each in described]
    expected = {}
    for place, mine in enumerate(taken):
        for size in range(1, place + 1):
            covers = [
                some for some in combinations(range(place), size) if mine <= set().union(*(taken[n] for n in some))
            ]
            if covers:
                expected[str(place + 1)] = tuple(str(n + 1) for n in covers[0])
                break
    found = {each.priority: each.by for each in analyze_rules(described) if each.code == "SHADOWED"}
    assert found == expected
