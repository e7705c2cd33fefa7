"""What AWS would refuse in the rules of a listener, or nearly."""

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
_MOST_VALUES, _MOST_WILDCARDS, _MOST_RULES, _MOST_GROUPS = 5, 6, 100, 5
_MOST_WEIGHT, _LONGEST_STICKINESS, _LONGEST_BODY = 999, 604_800, 1024
_LONGEST_VALUE, _LONGEST_NAME = 128, 40


@dataclass(frozen=True)
class RuleProblem:
    """One thing that is wrong with a rule."""

    code: str
    priority: str
    detail: str
    severity: Literal["error", "warning"] = "error"

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


Found = Iterator[tuple[str, str]]


def validate_rules(described: Iterable[Mapping[str, Any]], listener: Mapping[str, Any]) -> list[RuleProblem]:
    """What is wrong with the rules of a listener; `listener` has Protocol and Port, as describe_listeners gives them.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
    """
    rules = parse_rules(described)
    found = []
    for rule in rules:
        for check in (_conditions, _wildcards, _regexes, _actions, _transforms):
            found += [RuleProblem(code, rule.priority, detail) for code, detail in check(rule)]
        found += [RuleProblem(code, rule.priority, detail) for code, detail in _on_listener(rule, listener)]
        if wildcards(rule) == _MOST_WILDCARDS:
            detail = "6 wildcards: one page of AWS's documentation allows 6, another 5"
            found.append(RuleProblem("TOO_MANY_WILDCARDS", rule.priority, detail, "warning"))
    if sum(not rule.is_default for rule in rules) > _MOST_RULES:
        detail = f"more than {_MOST_RULES} rules; the quota can be raised"
        found.append(RuleProblem("TOO_MANY_RULES", "default", detail, "warning"))
    return found


def wildcards(rule: RoutingRule) -> int:
    """How many `*` and `?` its values have that are wildcards."""
    texts = [
        text if isinstance(condition, QueryString) else text.replace("\\", "")  # only a query can escape a wildcard
        for condition in rule.conditions
        if isinstance(condition, PathPattern | HostHeader | HttpHeader | QueryString)
        for text in [*condition.values, *(condition.keys if isinstance(condition, QueryString) else ())]
        if text is not None
    ]
    return sum(len(re.findall(r"(?<!\\)[*?]", text)) for text in texts)


def _conditions(rule: RoutingRule) -> Found:
    counted = Counter(condition.field for condition in rule.conditions)
    for name in _ONCE:
        if counted[name] > 1:
            yield "DUPLICATE_SINGLETON_CONDITION", f"{counted[name]} conditions {name}; one is allowed"
    if (values := sum(len(one.values) + len(one.regexes) for one in rule.conditions)) > _MOST_VALUES:
        yield "TOO_MANY_CONDITION_VALUES", f"{values} values; at most {_MOST_VALUES} are allowed"
    for condition in rule.conditions:
        yield from _condition(condition)


def _condition(condition: Condition) -> Found:
    if isinstance(condition, HttpHeader):
        if condition.name.lower() == "host":
            yield "HOST_IN_HTTP_HEADER_CONDITION", "the Host header has a condition of its own, host-header"
        if len(condition.name) > _LONGEST_NAME:
            yield "VALUE_TOO_LONG", f"the header name {condition.name} is longer than {_LONGEST_NAME} characters"
    for value in condition.values:
        if isinstance(condition, HostHeader) and "." not in value:
            yield "HOST_WITHOUT_DOT", f"the host {value} has no dot"
        if isinstance(condition, SourceIp) and value == "255.255.255.255/32":
            yield "SOURCE_IP_BROADCAST", f"{value} is not allowed"
        if len(value) > _LONGEST_VALUE:
            yield "VALUE_TOO_LONG", f"{value} is longer than {_LONGEST_VALUE} characters"


def _wildcards(rule: RoutingRule) -> Found:
    if (many := wildcards(rule)) > _MOST_WILDCARDS:
        yield "TOO_MANY_WILDCARDS", f"{many} wildcards; at most {_MOST_WILDCARDS} are allowed"


def _regexes(rule: RoutingRule) -> Found:
    in_conditions = [regex for condition in rule.conditions for regex in condition.regexes]
    in_transforms = [rewrite.get("Regex", "") for transform in rule.transforms for rewrite in rewrites(transform)]
    for regex in in_conditions + in_transforms:
        if wrong := regexes.unsupported_syntax(regex):
            yield "UNSUPPORTED_REGEX", f"the regex {regex} has {wrong}"
    for regex in in_conditions:
        if len(regex) > regexes.MOST_CHARACTERS:
            yield "VALUE_TOO_LONG", f"the regex {regex} is longer than {regexes.MOST_CHARACTERS} characters"


def rewrites(transform: Any) -> list[Mapping[str, str]]:
    """The rewrites of a transform of either type."""
    if not isinstance(transform, Mapping):
        return []
    config = transform.get("UrlRewriteConfig") or transform.get("HostHeaderRewriteConfig") or {}
    return list(config.get("Rewrites") or ())


def _actions(rule: RoutingRule) -> Found:
    types = [str(action.get("Type")) for action in rule.actions]
    if [one for one in types if one in ROUTING] != types[-1:]:
        yield "NOT_ONE_FINAL_ACTION", "exactly one forward, redirect or fixed-response is needed, and it comes last"
    for action in rule.actions:
        if fixed := action.get("FixedResponseConfig"):
            yield from _fixed_response(fixed)
        if forward := action.get("ForwardConfig"):
            yield from _forward(forward)


def _fixed_response(config: Mapping[str, Any]) -> Found:
    status = str(config.get("StatusCode", ""))
    if len(status) != 3 or not status.isdecimal() or status[0] not in "245":
        yield "FIXED_STATUS_NOT_2XX_4XX_5XX", f"a fixed response can't have the status {status}"
    if len(config.get("MessageBody") or "") > _LONGEST_BODY:
        yield "BODY_TOO_LONG", f"the body is longer than {_LONGEST_BODY} characters"


def _forward(config: Mapping[str, Any]) -> Found:
    groups = config.get("TargetGroups") or ()
    if len(groups) > _MOST_GROUPS:
        yield "TOO_MANY_TARGET_GROUPS", f"{len(groups)} target groups; at most {_MOST_GROUPS} are allowed"
    for group in groups:
        if not 0 <= (1 if group.get("Weight") is None else group["Weight"]) <= _MOST_WEIGHT:
            yield "WEIGHT_OUT_OF_RANGE", f"the weight {group['Weight']} is not from 0 to {_MOST_WEIGHT}"
    sticky = config.get("TargetGroupStickinessConfig") or {}
    if sticky.get("Enabled") and not 1 <= sticky.get("DurationSeconds", 0) <= _LONGEST_STICKINESS:
        yield "STICKINESS_OUT_OF_RANGE", f"stickiness lasts 1 to {_LONGEST_STICKINESS} seconds"


def _transforms(rule: RoutingRule) -> Found:
    if rule.is_default and rule.transforms:
        yield "TRANSFORM_ON_DEFAULT", "the default rule can't have transforms"
    for name, times in Counter(str(each.get("Type")) for each in rule.transforms if isinstance(each, Mapping)).items():
        if times > 1:
            yield "DUPLICATE_TRANSFORM", f"{times} transforms {name}; one is allowed"


def _on_listener(rule: RoutingRule, listener: Mapping[str, Any]) -> Found:
    for action in rule.actions:
        if action.get("Type") in AUTHENTICATION and listener.get("Protocol") == "HTTP":
            yield "AUTH_ON_HTTP_LISTENER", f"{action['Type']} needs an HTTPS listener"
        if redirect := action.get("RedirectConfig"):
            yield from _redirect(redirect, str(listener.get("Protocol")), str(listener.get("Port")))


def _redirect(config: Mapping[str, Any], protocol: str, port: str) -> Found:
    if protocol == "HTTPS" and config.get("Protocol") == "HTTP":
        yield "REDIRECT_HTTPS_TO_HTTP", "HTTPS can't be redirected to HTTP"
    unchanged = {
        "Protocol": ("#{protocol}", protocol),
        "Port": ("#{port}", port),
        "Host": ("#{host}",),
        "Path": ("/#{path}",),
    }
    if all(config.get(part, same[0]) in same for part, same in unchanged.items()):
        yield "REDIRECT_LOOP", "the redirect changes nothing but the query"
