"""Route a request of an Application Load Balancer: the matching rule with the lowest priority decides.

Conditions on the path, the host and the method are evaluated, by patterns or regular expressions. A rule with another
condition (a header, the query, the source address) does not match any simulated request. Simulated requests pass
actions that authenticate users. A rewrite of the URL changes the path that targets get.

`esaws.inspect.routing` implements the same rules independently, and a test holds the two against each other. Keep them
separate: if both used the same code, an error in it would go unnoticed (docs/adr/0008).

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from local_aws_server.services.elbv2 import transforms
from local_aws_server.services.elbv2.rule_regexes import compile_regex


@dataclass(frozen=True)
class TrafficShare:
    """A fraction of the requests that goes to one target group, or that the load balancer answers itself."""

    fraction: float
    target_group: str | None = None
    status: int = 0
    """The load balancer's response if there is no target group: of a redirect or fixed response, or 503."""
    path: str = ""
    """The path that the target gets, if a transform has rewritten it."""


@dataclass(frozen=True)
class Request:
    """The properties of a request that rules are evaluated on."""

    path: str
    host: str
    method: str = "GET"


def route(listener: Any, request: Request) -> tuple[list[TrafficShare], int]:
    """Return the shares of such requests, and how many rules were evaluated; `listener` is moto's."""
    rules = sorted(
        (rule for rule in listener.rules.values() if not rule.is_default), key=lambda rule: int(rule.priority)
    )
    for number, rule in enumerate(rules, 1):
        if conditions_match(rule.conditions, request):
            rewritten = transforms.path_at_target(rule, request.path)
            shares = _shares(rule.actions)
            if rewritten != request.path:
                shares = [replace(share, path=rewritten) for share in shares]
            return shares, number
    return _shares(listener.default_actions), len(rules)


def conditions_match(conditions: Iterable[Mapping[str, Any]], request: Request) -> bool:
    """Return whether all conditions of a rule match, each by one of its values."""
    for condition in conditions:
        evaluator = _CONDITIONS.get(condition.get("Field", ""))
        if evaluator is None:
            return False
        config, value_matches, text = evaluator
        described = condition.get(config) or {}
        values = described.get("Values") or condition.get("Values") or ()
        regexes = described.get("RegexValues") or condition.get("RegexValues") or ()
        if not any(value_matches(value, request) for value in values) and not any(
            compile_regex(regex).search(text(request)) for regex in regexes
        ):
            return False
    return True


_CONDITIONS: dict[str, tuple[str, Callable[[str, Request], bool], Callable[[Request], str]]] = {
    "path-pattern": (
        "PathPatternConfig",
        lambda value, request: _pattern_matches(value, request.path.split("?")[0]),
        lambda request: request.path.split("?")[0],
    ),
    "host-header": (
        "HostHeaderConfig",
        lambda value, request: _pattern_matches(value.lower(), request.host.lower()),
        lambda request: request.host.lower(),
    ),
    "http-request-method": (
        "HttpRequestMethodConfig",
        lambda value, request: value == request.method,
        lambda request: request.method,
    ),
}
"""Field → its member of a condition, whether a value matches, and the text that regular expressions match."""


def _pattern_matches(pattern: str, text: str) -> bool:
    return _compile(pattern).fullmatch(text) is not None


@lru_cache(maxsize=1000)
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern), re.DOTALL)


def _shares(actions: Iterable[Any]) -> list[TrafficShare]:
    """Return the shares of the last action, which produces the response; authentication actions precede it."""
    described = [getattr(action, "data", action) for action in actions]
    action: Mapping[str, Any] = max(described, key=lambda each: int(each.get("Order") or 0), default={})
    if action.get("Type") == "fixed-response":
        return [TrafficShare(1.0, status=int(action["FixedResponseConfig"]["StatusCode"]))]
    if action.get("Type") == "redirect":
        return [TrafficShare(1.0, status=int(action["RedirectConfig"]["StatusCode"].removeprefix("HTTP_")))]
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or [action]
    weights = {group["TargetGroupArn"]: int(group.get("Weight") or 0) for group in groups if "TargetGroupArn" in group}
    if len(weights) == 1:
        weights = dict.fromkeys(weights, 1)
    total = sum(weights.values())
    if not total:
        return [TrafficShare(1.0, status=503)]
    return [TrafficShare(weight / total, arn) for arn, weight in weights.items() if weight]
