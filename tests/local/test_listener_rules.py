"""Regular expressions and rewrites of listener rules, as simulated requests meet them."""

from types import SimpleNamespace
from typing import Any

import pytest

from local_aws_server.errors import AwsError
from local_aws_server.services.elbv2.routing import Request, TrafficShare, route
from local_aws_server.services.elbv2.rule_regexes import check_regex, rewrite


def listener(condition: dict[str, Any], *transforms: dict[str, Any]) -> Any:
    """A listener with a rule that forwards to `x`, and the default 404."""
    rule = SimpleNamespace(
        priority="1",
        conditions=[condition],
        actions=[{"Type": "forward", "TargetGroupArn": "x"}],
        is_default=False,
        _esaws={"transforms": list(transforms)},
    )
    default = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    return SimpleNamespace(rules={"1": rule}, default_actions=default)


PATH = {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/api/v[12]/"]}}
HOST = {"Field": "host-header", "HostHeaderConfig": {"RegexValues": [r"^(www\.)?example\.com$"]}}


@pytest.mark.parametrize(
    ("condition", "request_", "matches"),
    [
        (PATH, Request("/api/v2/users", "h"), True),
        (PATH, Request("/api/v3/users", "h"), False),
        (HOST, Request("/", "WWW.example.com"), True),
        (HOST, Request("/", "www.example.org"), False),
    ],
)
def test_a_regular_expression_matches_the_path_or_the_host(
    condition: dict[str, Any], request_: Request, matches: bool
) -> None:
    shares, _ = route(listener(condition), request_)
    assert (shares == [TrafficShare(1.0, "x")]) is matches


def test_a_rewrite_changes_the_path_at_the_target() -> None:
    rewriting = {
        "Type": "url-rewrite",
        "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/api/v([12])/", "Replace": "/$1/"}]},
    }
    shares, _ = route(listener(PATH, rewriting), Request("/api/v2/users", "h"))
    assert shares == [TrafficShare(1.0, "x", path="/2/users")]


@pytest.mark.parametrize(
    ("regex", "replacement", "text", "result"),
    [
        ("^/a/(.*)$", "/b/$1", "/a/c", "/b/c"),
        ("^/a", "/b", "/c", "/c"),
        ("(x)?/a", "$1/b", "/a", "/b"),
        ("a", "$9", "a", ""),
    ],
)
def test_a_rewrite_replaces_the_first_match(regex: str, replacement: str, text: str, result: str) -> None:
    assert rewrite(text, [{"Regex": regex, "Replace": replacement}]) == result


@pytest.mark.parametrize("regex", ["(", "(?=a)", r"(a)\1", "", "a" * 129])
def test_an_expression_that_aws_does_not_support_is_refused(regex: str) -> None:
    with pytest.raises(AwsError):
        check_regex(regex, 128)
