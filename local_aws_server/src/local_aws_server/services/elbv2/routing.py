"""Where an Application Load Balancer sends a request: the first of its listener's rules that matches it.

Rules are looked at by priority, the default last. Conditions on the path, the host and the method are known; a rule
with another condition (a header, the query, the source's address) matches nothing that is simulated.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Share:
    """What becomes of a part of the requests: a target group's, or an answer of the load balancer itself."""

    part: float
    target_group: str | None = None
    status: int = 0
    """Where no target group gets them: 503 where nobody answers, 301 and the like for a redirect."""


@dataclass(frozen=True)
class Request:
    """As much of a request as rules look at."""

    path: str
    host: str
    method: str = "GET"


def route(listener: Any, request: Request) -> tuple[list[Share], int]:
    """(who gets requests like this, how many rules have been looked at), by moto's listener."""
    rules = sorted(
        (rule for rule in listener.rules.values() if not rule.is_default), key=lambda rule: int(rule.priority)
    )
    for number, rule in enumerate(rules, 1):
        if matches(rule.conditions, request):
            return _shares(rule.actions), number
    return _shares(listener.default_actions), len(rules)


def matches(conditions: Iterable[Mapping[str, Any]], request: Request) -> bool:
    """Whether each of a rule's conditions holds: one of its values does."""
    for condition in conditions:
        known = _CONDITIONS.get(condition.get("Field", ""))
        if known is None:
            return False
        config, holds = known
        values = (condition.get(config) or {}).get("Values") or condition.get("Values") or ()
        if not any(holds(value, request) for value in values):
            return False
    return True


_CONDITIONS: dict[str, tuple[str, Callable[[str, Request], bool]]] = {
    "path-pattern": ("PathPatternConfig", lambda value, asked: _like(value, asked.path.split("?")[0])),
    "host-header": ("HostHeaderConfig", lambda value, asked: _like(value.lower(), asked.host.lower())),
    "http-request-method": ("HttpRequestMethodConfig", lambda value, asked: value == asked.method),
}


def _like(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern), re.DOTALL)


def _shares(actions: Iterable[Any]) -> list[Share]:
    """By the last action, which is the one that answers; what signs in goes before it."""
    described = [getattr(action, "data", action) for action in actions]
    action: Mapping[str, Any] = max(described, key=lambda each: int(each.get("Order") or 0), default={})
    if action.get("Type") == "fixed-response":
        return [Share(1.0, status=int(action["FixedResponseConfig"]["StatusCode"]))]
    if action.get("Type") == "redirect":
        return [Share(1.0, status=int(action["RedirectConfig"]["StatusCode"].removeprefix("HTTP_")))]
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or [action]
    weights = {each["TargetGroupArn"]: int(each.get("Weight") or 0) for each in groups if "TargetGroupArn" in each}
    if len(weights) == 1:
        weights = dict.fromkeys(weights, 1)
    whole = sum(weights.values())
    if not whole:
        return [Share(1.0, status=503)]
    return [Share(weight / whole, arn) for arn, weight in weights.items() if weight]
