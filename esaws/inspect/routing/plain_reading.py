"""The one rule that a request takes where AWS's documentation leaves several open: it is read as it is written.

A trace names all candidates; a load balancer that answers has to choose one of them. A path and a query are compared
without decoding or normalisation, a host without its port and trailing dot; a regex is searched, case-sensitive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from esaws.inspect.routing import regexes
from esaws.inspect.routing.conditions import Condition, HostHeader, HttpHeader, PathPattern, QueryString
from esaws.inspect.routing.patterns import SEPARATOR
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.rules import RoutingRule, evaluate


def chosen_rule(rules: Iterable[RoutingRule], request: Request) -> RoutingRule | None:
    """Return the rule that a request takes, one of the candidates of its trace; None where no rule matches."""
    for rule, answer in evaluate(rules, request):
        if answer.is_yes or (answer.is_unknown and _matches_as_written(rule, request)):
            return rule
    return None


def _matches_as_written(rule: RoutingRule, request: Request) -> bool:
    answers = ((condition, condition.matches(request)) for condition in rule.conditions)
    return all(answer.is_yes or _as_written(condition, request) for condition, answer in answers if not answer.is_no)


def _as_written(condition: Condition, request: Request) -> bool:
    texts: tuple[str, ...]
    match condition:
        case PathPattern():
            texts, patterns = (request.path,), condition.patterns
        case HostHeader():
            texts, patterns = (request.host_name.removesuffix("."),), condition.patterns
        case HttpHeader():
            texts, patterns = request.values(condition.name), condition.patterns
        case QueryString():
            pairs = (parameter.partition("=") for parameter in request.query.split("&"))
            texts, patterns = tuple(f"{key}{SEPARATOR}{value}" for key, _, value in pairs), condition.patterns
        case _:
            return False
    return any(
        any(pattern.matches(text) for pattern in patterns)
        or any(not regexes.unsupported_syntax(regex) and re.search(regex, text) for regex in condition.regexes)
        for text in texts
    )
