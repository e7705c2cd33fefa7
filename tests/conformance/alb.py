"""The cases on load balancers: each kind as a function from input to actual."""

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
"""The codes that the cases know; validate finds more."""


def route(given: Json) -> Json:
    return trace_request(given["rules"], Request.from_dict(given["request"])).to_dict()


def validation(given: Json) -> Json:
    found = validate_rules(given["rules"], given["listener"])
    codes = {problem.code for problem in found if problem.severity == "error"}
    return {"findings": sorted(codes & VALIDATION_CODES)}


def analysis(given: Json) -> Json:
    found = analyze_rules(given["rules"])
    return {"findings": [one.to_dict() for one in found if one.code in ("SHADOWED", "DEAD_VALUE")]}


def health(given: Json) -> Json:
    return eligible_targets(given["TargetHealthDescriptions"], given.get("Attributes", ())).to_dict()


def matcher(given: Json) -> Json:
    return {str(code): matcher_accepts(given["Matcher"], code) for code in range(600)}


def slow_start(given: Json) -> Json:
    return {"in_slow_start": in_slow_start(given["slow_start_seconds"], given["healthy_before"], given["registered"])}


KINDS: dict[str, Callable[[Json], Json]] = {
    "route": route,
    "redirect": route,
    "validate": validation,
    "analyze": analysis,
    "health": health,
    "matcher": matcher,
    "slow_start": slow_start,
}
