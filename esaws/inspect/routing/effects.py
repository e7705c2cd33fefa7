"""Compare what two rules do with a request: their actions and transforms, not their priorities or names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from esaws.inspect.load_balancers import target_group_name
from esaws.inspect.routing.actions import (
    FIXED_RESPONSE_DEFAULTS,
    REDIRECT_DEFAULTS,
    ROUTING,
    UnsupportedAction,
    action_result,
    describe_action,
    forward_weights,
)
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.rules import RoutingRule

Difference = Literal["no", "yes", "unknown"]
"""Whether two rules do something else with a request."""

_AUTHENTICATION_DEFAULTS = {
    "OnUnauthenticatedRequest": "authenticate",
    "SessionCookieName": "AWSELBAuthSessionCookie",
    "SessionTimeout": 604800,
    "Scope": "openid",
    "AuthenticationRequestExtraParams": {},
}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AuthenticateOidcActionConfig.html"""

_SECRETS = {"ClientSecret", "UseExistingClientSecret"}
"""AWS describes neither, so they are not compared."""


def difference(live: RoutingRule, proposed: RoutingRule, request: Request) -> Difference:
    """Return whether two rules do something else with a request that both match."""
    if is_same(live, proposed):
        return "no"
    one, other = _effect(live), _effect(proposed)
    if one is None or other is None:
        return "unknown"
    if one == other:
        return _by_transforms(live, proposed, request)
    if not one[-1][0] == other[-1][0] == "redirect" or one[:-1] != other[:-1]:
        return "yes"
    return "no" if _location(live, request) == _location(proposed, request) else "yes"


def is_same(live: RoutingRule, proposed: RoutingRule) -> bool:
    """Return whether two rules do the same with every request: their actions and transforms are alike."""
    return live.transforms == proposed.transforms and (
        live.actions == proposed.actions or ((effect := _effect(live)) is not None and effect == _effect(proposed))
    )


def same_rules(live: Sequence[RoutingRule], proposed: Sequence[RoutingRule]) -> bool:
    """Return whether two listeners do the same with every request, whatever the priorities of their rules."""
    return len(live) == len(proposed) and all(
        one.conditions == other.conditions and is_same(one, other) for one, other in zip(live, proposed, strict=True)
    )


def possible_difference(live: Sequence[RoutingRule], proposed: Sequence[RoutingRule], request: Request) -> Difference:
    """Return the difference where one of several rules matches on either side; empty if even they are unknown."""
    if same_rules(live, proposed) and live:
        return "no"
    found = {difference(one, other, request) for one in live for other in proposed}
    return found.pop() if len(found) == 1 else "unknown"


def depends_on_request(rule: RoutingRule) -> bool:
    """Return whether what a rule does depends on the request, as a redirect or a transform does."""
    return bool(rule.transforms) or _type(rule) == "redirect"


def describe_effect(rule: RoutingRule) -> str:
    """Return what a rule does in a few words, such as `forward to web 9/10, api 1/10`."""
    return ", then ".join(_describe(action) for action in rule.actions) or "nothing"


def _type(rule: RoutingRule) -> str:
    return str(rule.actions[-1].get("Type")) if rule.actions else ""


def _effect(rule: RoutingRule) -> tuple[Any, ...] | None:
    """Return what each action of a rule does as a value to compare, or None where esaws does not support one."""
    try:
        effect = tuple((str(action["Type"]), _EFFECTS[action["Type"]](action)) for action in rule.actions)
    except (AttributeError, LookupError, TypeError, ValueError):
        return None
    return effect if effect and effect[-1][0] in ROUTING else None


def _forward(action: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the shares of the target groups, and the stickiness among several of them."""
    weights = forward_weights(action)
    total = sum(weights.values())
    shares = {arn: Fraction(weight, total) for arn, weight in weights.items() if weight} if total else weights
    sticky = (action.get("ForwardConfig") or {}).get("TargetGroupStickinessConfig") or {}
    seconds = sticky.get("DurationSeconds") if sticky.get("Enabled") and len(weights) > 1 else None
    return shares, seconds, sorted(weights) if seconds is not None else None


def _redirect(action: Mapping[str, Any]) -> dict[str, Any]:
    return REDIRECT_DEFAULTS | action["RedirectConfig"]


def _fixed_response(action: Mapping[str, Any]) -> dict[str, Any]:
    return FIXED_RESPONSE_DEFAULTS | action["FixedResponseConfig"]


def _authentication(action: Mapping[str, Any]) -> dict[str, Any]:
    configs = [value for key, value in action.items() if key.endswith("Config") and isinstance(value, Mapping)]
    config = _AUTHENTICATION_DEFAULTS | {key: value for config in configs for key, value in config.items()}
    session = {"SessionTimeout": int(config["SessionTimeout"])}
    return {key: value for key, value in config.items() if key not in _SECRETS} | session


def _jwt_validation(action: Mapping[str, Any]) -> Any:
    return action["JwtValidationConfig"]


_EFFECTS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "forward": _forward,
    "redirect": _redirect,
    "fixed-response": _fixed_response,
    "jwt-validation": _jwt_validation,
    **dict.fromkeys(("authenticate-oidc", "authenticate-cognito"), _authentication),
}


def _location(rule: RoutingRule, request: Request) -> tuple[Any, ...] | None:
    try:
        result = action_result(rule, request)
    except UnsupportedAction:
        return None
    return result["status"], result["location_components"]


def _by_transforms(live: RoutingRule, proposed: RoutingRule, request: Request) -> Difference:
    """Return whether the request that reaches the target differs."""
    if live.transforms == proposed.transforms or _type(live) != "forward":
        return "no"
    keys = ("forwarded_host", "forwarded_path", "forwarded_query")
    try:
        forwarded = [[action_result(rule, request)[key] for key in keys] for rule in (live, proposed)]
    except (UnsupportedAction, LookupError):
        return "unknown"
    if "unknown" in [*forwarded[0], *forwarded[1]]:
        return "unknown"
    return "no" if forwarded[0] == forwarded[1] else "yes"


def _describe(action: Mapping[str, Any]) -> str:
    try:
        if action.get("Type") == "forward":
            weights = forward_weights(action)
            names = {arn: target_group_name(arn) for arn in weights}
            if len(weights) == 1:
                return f"forward to {next(iter(names.values()))}"
            shares = [f"{names[arn]} {weight}/{sum(weights.values())}" for arn, weight in weights.items()]
            return f"forward to {', '.join(shares)}"
        body = action.get("FixedResponseConfig", {}).get("MessageBody", "")
        return describe_action(action) + (f" {body[:40]!r}" if body else "")
    except (AttributeError, LookupError, TypeError):
        return f"{action.get('Type')} of an unknown shape"
