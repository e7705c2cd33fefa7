"""Validation of listener rules: what AWS refuses, and what is at a limit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from esaws.inspect.routing import regexes
from esaws.inspect.routing.actions import AUTHENTICATION, ROUTING
from esaws.inspect.routing.conditions import Condition, HostHeader, HttpHeader, PathPattern, QueryString, SourceIp
from esaws.inspect.routing.rules import RoutingRule, parse_rules

_ONCE = ("host-header", "http-request-method", "path-pattern", "source-ip")
_MAX_VALUES, _MAX_WILDCARDS, _MAX_RULES, _MAX_TARGET_GROUPS = 5, 6, 100, 5
_MAX_WEIGHT, _MAX_STICKINESS, _MAX_BODY = 999, 604_800, 1024
_MAX_VALUE_LENGTH, _MAX_NAME_LENGTH = 128, 40


@dataclass(frozen=True)
class RuleProblem:
    """One problem of a rule."""

    code: str
    priority: str
    detail: str
    severity: Literal["error", "warning"] = "error"

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


Problems = Iterator[tuple[str, str]]


def validate_rules(described: Iterable[Mapping[str, Any]], listener: Mapping[str, Any]) -> list[RuleProblem]:
    """Return the problems of the rules of a listener; `listener` has Protocol and Port from describe_listeners.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
    """
    rules = parse_rules(described)
    problems = []
    for rule in rules:
        for check in (_conditions, _wildcards, _regexes, _actions, _transforms):
            problems += [RuleProblem(code, rule.priority, detail) for code, detail in check(rule)]
        problems += [RuleProblem(code, rule.priority, detail) for code, detail in _on_listener(rule, listener)]
        if count_wildcards(rule) == _MAX_WILDCARDS:
            detail = "6 wildcards: one page of the AWS documentation allows 6, another 5"
            problems.append(RuleProblem("TOO_MANY_WILDCARDS", rule.priority, detail, "warning"))
    if sum(not rule.is_default for rule in rules) > _MAX_RULES:
        detail = f"more than {_MAX_RULES} rules; the quota can be raised"
        problems.append(RuleProblem("TOO_MANY_RULES", "default", detail, "warning"))
    return problems


def count_wildcards(rule: RoutingRule) -> int:
    """Return the number of wildcards `*` and `?` in the values of a rule."""
    texts = [
        text if isinstance(condition, QueryString) else text.replace("\\", "")  # only a query can escape a wildcard
        for condition in rule.conditions
        if isinstance(condition, PathPattern | HostHeader | HttpHeader | QueryString)
        for text in [*condition.values, *(condition.keys if isinstance(condition, QueryString) else ())]
        if text is not None
    ]
    return sum(len(re.findall(r"(?<!\\)[*?]", text)) for text in texts)


def _conditions(rule: RoutingRule) -> Problems:
    counts = Counter(condition.field for condition in rule.conditions)
    for name in _ONCE:
        if counts[name] > 1:
            yield "DUPLICATE_SINGLETON_CONDITION", f"{counts[name]} conditions {name}; one is allowed"
    if (values := sum(len(condition.values) + len(condition.regexes) for condition in rule.conditions)) > _MAX_VALUES:
        yield "TOO_MANY_CONDITION_VALUES", f"{values} values; at most {_MAX_VALUES} are allowed"
    for condition in rule.conditions:
        yield from _condition(condition)


def _condition(condition: Condition) -> Problems:
    if isinstance(condition, HttpHeader):
        if condition.name.lower() == "host":
            yield "HOST_IN_HTTP_HEADER_CONDITION", "the Host header has a condition of its own, host-header"
        if len(condition.name) > _MAX_NAME_LENGTH:
            yield "VALUE_TOO_LONG", f"the header name {condition.name} is longer than {_MAX_NAME_LENGTH} characters"
    for value in condition.values:
        if isinstance(condition, HostHeader) and "." not in value:
            yield "HOST_WITHOUT_DOT", f"the host {value} has no dot"
        if isinstance(condition, SourceIp) and value == "255.255.255.255/32":
            yield "SOURCE_IP_BROADCAST", f"{value} is not allowed"
        if len(value) > _MAX_VALUE_LENGTH:
            yield "VALUE_TOO_LONG", f"{value} is longer than {_MAX_VALUE_LENGTH} characters"


def _wildcards(rule: RoutingRule) -> Problems:
    if (count := count_wildcards(rule)) > _MAX_WILDCARDS:
        yield "TOO_MANY_WILDCARDS", f"{count} wildcards; at most {_MAX_WILDCARDS} are allowed"


def _regexes(rule: RoutingRule) -> Problems:
    in_conditions = [regex for condition in rule.conditions for regex in condition.regexes]
    in_transforms = [rewrite.get("Regex", "") for transform in rule.transforms for rewrite in rewrites(transform)]
    for regex in in_conditions + in_transforms:
        if syntax := regexes.unsupported_syntax(regex):
            yield "UNSUPPORTED_REGEX", f"the regex {regex} has {syntax}"
    for regex in in_conditions:
        if len(regex) > regexes.MAX_CHARACTERS:
            yield "VALUE_TOO_LONG", f"the regex {regex} is longer than {regexes.MAX_CHARACTERS} characters"


def rewrites(transform: Any) -> list[Mapping[str, str]]:
    """Return the rewrites of a transform of either type."""
    if not isinstance(transform, Mapping):
        return []
    config = transform.get("UrlRewriteConfig") or transform.get("HostHeaderRewriteConfig") or {}
    return list(config.get("Rewrites") or ())


def _actions(rule: RoutingRule) -> Problems:
    types = [str(action.get("Type")) for action in rule.actions]
    if [type_ for type_ in types if type_ in ROUTING] != types[-1:]:
        yield "NOT_ONE_FINAL_ACTION", "the last action must be the only forward, redirect or fixed-response"
    for action in rule.actions:
        if fixed := action.get("FixedResponseConfig"):
            yield from _fixed_response(fixed)
        if forward := action.get("ForwardConfig"):
            yield from _forward(forward)


def _fixed_response(config: Mapping[str, Any]) -> Problems:
    status = str(config.get("StatusCode", ""))
    if len(status) != 3 or not status.isdecimal() or status[0] not in "245":
        yield "FIXED_STATUS_NOT_2XX_4XX_5XX", f"a fixed response can't have the status {status}"
    if len(config.get("MessageBody") or "") > _MAX_BODY:
        yield "BODY_TOO_LONG", f"the body is longer than {_MAX_BODY} characters"


def _forward(config: Mapping[str, Any]) -> Problems:
    groups = config.get("TargetGroups") or ()
    if len(groups) > _MAX_TARGET_GROUPS:
        yield "TOO_MANY_TARGET_GROUPS", f"{len(groups)} target groups; at most {_MAX_TARGET_GROUPS} are allowed"
    for group in groups:
        if not 0 <= (1 if group.get("Weight") is None else group["Weight"]) <= _MAX_WEIGHT:
            yield "WEIGHT_OUT_OF_RANGE", f"the weight {group['Weight']} is not from 0 to {_MAX_WEIGHT}"
    sticky = config.get("TargetGroupStickinessConfig") or {}
    if sticky.get("Enabled") and not 1 <= sticky.get("DurationSeconds", 0) <= _MAX_STICKINESS:
        yield "STICKINESS_OUT_OF_RANGE", f"stickiness lasts 1 to {_MAX_STICKINESS} seconds"


def _transforms(rule: RoutingRule) -> Problems:
    if rule.is_default and rule.transforms:
        yield "TRANSFORM_ON_DEFAULT", "the default rule can't have transforms"
    for name, times in Counter(
        str(transform.get("Type")) for transform in rule.transforms if isinstance(transform, Mapping)
    ).items():
        if times > 1:
            yield "DUPLICATE_TRANSFORM", f"{times} transforms {name}; one is allowed"


def _on_listener(rule: RoutingRule, listener: Mapping[str, Any]) -> Problems:
    for action in rule.actions:
        if action.get("Type") in AUTHENTICATION and listener.get("Protocol") == "HTTP":
            yield "AUTH_ON_HTTP_LISTENER", f"{action['Type']} needs an HTTPS listener"
        if redirect := action.get("RedirectConfig"):
            yield from _redirect(redirect, str(listener.get("Protocol")), str(listener.get("Port")))


def _redirect(config: Mapping[str, Any], protocol: str, port: str) -> Problems:
    if protocol == "HTTPS" and config.get("Protocol") == "HTTP":
        yield "REDIRECT_HTTPS_TO_HTTP", "HTTPS can't be redirected to HTTP"
    unchanged = {
        "Protocol": ("#{protocol}", protocol),
        "Port": ("#{port}", port),
        "Host": ("#{host}",),
        "Path": ("/#{path}",),
    }
    if all(config.get(part, defaults[0]) in defaults for part, defaults in unchanged.items()):
        yield "REDIRECT_LOOP", "the redirect changes nothing but the query"
