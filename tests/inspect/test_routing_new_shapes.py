"""Unsupported shapes of rules from a newer API give unknown, neither a crash nor a certain answer."""

from typing import Any

import pytest

from esaws.inspect.routing.request import Request
from esaws.inspect.routing.trace import trace_request
from tests.inspect.routing_worlds import rule

REQUEST = Request(path="/a", query="a=b", source_ip="10.0.0.1")
SHAPES: list[Any] = [
    {"Field": "http-request-method", "HttpRequestMethodConfig": {"RegexValues": ["^G.*"]}},
    {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST"], "RegexValues": ["^G.*"]}},
    {"Field": "query-string", "QueryStringConfig": {"RegexValues": ["^a$"]}},
    {"Field": "source-ip", "SourceIpConfig": {"RegexValues": ["^10"]}},
    {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"], "Negate": True}},
    {"Field": "path-pattern", "Negate": True, "Values": ["/b"]},
    {"Field": "path-pattern", "PathPatternConfig": "/a"},
    {"Field": "time-of-day", "TimeOfDayConfig": {"Values": ["noon"]}},
    "/a",
]


@pytest.mark.parametrize("condition", SHAPES)
def test_an_unsupported_condition_is_unknown(condition: Any) -> None:
    found = trace_request([rule("1", [condition]), rule("default", [])], REQUEST)
    assert (found.outcome, found.candidates) == ("unknown", ("1", "default"))


def test_a_rewrite_with_a_missing_regex_group_is_unknown() -> None:
    rewrite = {"Rewrites": [{"Regex": "^/a", "Replace": "/$1"}]}
    forward = {"Type": "forward", "TargetGroupArn": "tg"}
    described = rule("1", []) | {"Transforms": [{"Type": "url-rewrite", "UrlRewriteConfig": rewrite}]}
    found = trace_request([described | {"Actions": [forward]}], REQUEST)
    assert (found.outcome, found.candidates) == ("unknown", ("1",))


def test_the_last_hop_of_a_fixed_response_is_the_response() -> None:
    respond = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    found = trace_request([rule("default", []) | {"Actions": [respond]}], REQUEST)
    assert found.hops == ("the default rule matches", "the load balancer responds itself: answer 404")
