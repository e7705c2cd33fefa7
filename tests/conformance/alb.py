"""Conformance cases about load balancers: one function for each kind."""

from collections.abc import Callable
from typing import Any

from esaws.inspect.routing.analyze import analyze_rules
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.targets import eligible_targets, in_slow_start, matcher_accepts
from esaws.inspect.routing.trace import trace_request
from esaws.inspect.routing.validate import validate_rules

Json = dict[str, Any]

VALIDATION_CODES = {
    "REDIRECT_HTTPS_TO_HTTP",
    "REDIRECT_LOOP",
    "FIXED_STATUS_NOT_2XX_4XX_5XX",
    "DUPLICATE_SINGLETON_CONDITION",
    "TOO_MANY_CONDITION_VALUES",
    "TOO_MANY_WILDCARDS",
    "HOST_IN_HTTP_HEADER_CONDITION",
    "HOST_WITHOUT_DOT",
    "UNSUPPORTED_REGEX",
    "SOURCE_IP_BROADCAST",
    "TRANSFORM_ON_DEFAULT",
    "AUTH_ON_HTTP_LISTENER",
}
"""The codes of the cases; `validate_rules` has more."""


def route(case: Json) -> Json:
    return trace_request(case["rules"], Request.from_dict(case["request"])).to_dict()


def validation(case: Json) -> Json:
    results = validate_rules(case["rules"], case["listener"])
    codes = {problem.code for problem in results if problem.severity == "error"}
    return {"findings": sorted(codes & VALIDATION_CODES)}


def analysis(case: Json) -> Json:
    results = analyze_rules(case["rules"])
    return {"findings": [finding.to_dict() for finding in results if finding.code in ("SHADOWED", "DEAD_VALUE")]}


def health(case: Json) -> Json:
    return eligible_targets(case["TargetHealthDescriptions"], case.get("Attributes", ())).to_dict()


def matcher(case: Json) -> Json:
    return {str(code): matcher_accepts(case["Matcher"], code) for code in range(600)}


def slow_start(case: Json) -> Json:
    return {"in_slow_start": in_slow_start(case["slow_start_seconds"], case["healthy_before"], case["registered"])}


KINDS: dict[str, Callable[[Json], Json]] = {
    "route": route,
    "redirect": route,
    "validate": validation,
    "analyze": analysis,
    "health": health,
    "matcher": matcher,
    "slow_start": slow_start,
}
