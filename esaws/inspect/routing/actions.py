"""What a rule does with a request: authenticate it, then forward, redirect or answer it.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from esaws.errors import EsawsError
from esaws.inspect.routing import regexes
from esaws.inspect.routing.request import Request
from esaws.inspect.routing.rules import RoutingRule

ROUTING = ("forward", "redirect", "fixed-response")
AUTHENTICATION = ("authenticate-oidc", "authenticate-cognito", "jwt-validation")

_COOKIES = {"AWSALBTG", "AWSALBTGCORS"}


class UnsupportedAction(EsawsError):
    """What a rule does cannot be said."""


def action_result(rule: RoutingRule, request: Request) -> dict[str, Any]:
    """What the rule does with a request that it took, as the keys of a trace that say so.

    `action` and `action_order` always; for a forward `target_groups`, `shares` and what reaches the target
    (`forwarded_host`, `forwarded_path`, `forwarded_query`; `unknown` where a transform leaves it open); for a redirect
    `status` and `location_components`; for a fixed response `status`, `content_type` and `body`; with authentication
    `unauthenticated_response`, an HTTP status.

    Raises:
        NotKnown: an action has a type or a shape that is not known here.
    """
    types = [str(action.get("Type")) for action in rule.actions]
    for one in types:
        if one not in ROUTING + AUTHENTICATION:
            raise UnsupportedAction(f"{rule.name} has an action {one}, which is not known here")
    if [one for one in types if one in ROUTING] != types[-1:]:
        raise UnsupportedAction(f"{rule.name} does not end in exactly one forward, redirect or fixed-response")
    done = {"action": types[-1], "action_order": types, "target_groups": []}
    for action in rule.actions[:-1]:
        done |= _unauthenticated(action)
    try:
        return done | _ACTIONS[types[-1]](rule, request)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise UnsupportedAction(
            f"{rule.name} has a {types[-1]} of a shape that is not known here: {error!r}"
        ) from error


def forward_weights(action: Mapping[str, Any]) -> dict[str, int]:
    """The target groups of a forward, by ARN, with their weights."""
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups")
    if not groups:
        return {action["TargetGroupArn"]: 1}
    return {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in groups}


def expand_redirect(template: str, request: Request) -> str:
    """A part of a redirect with its `#{…}` filled in from the request; `#{path}` has no leading slash.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
    """
    parts = {
        "protocol": request.protocol,
        "host": request.host_name,
        "port": str(request.port),
        "path": request.path.removeprefix("/"),
        "query": request.query,
    }
    return re.sub(r"#\{(protocol|host|port|path|query)\}", lambda found: parts[found[1]], template)


def _forward(rule: RoutingRule, request: Request) -> dict[str, Any]:
    action = rule.actions[-1]
    weights = forward_weights(action)
    done: dict[str, Any] = {"target_groups": list(weights), "shares": _shares(weights)}
    sticky = (action.get("ForwardConfig") or {}).get("TargetGroupStickinessConfig") or {}
    if sticky.get("Enabled"):
        done["stickiness_seconds"] = sticky.get("DurationSeconds")
        if request.cookies() & _COOKIES:
            done["shares"] = "cookie-decides"
        elif not request.all_headers:
            done["shares"] = "unknown"
    return done | _transformed(rule, request)


def _shares(weights: Mapping[str, int]) -> dict[str, str]:
    """The share of each target group as a fraction; weights of 0 alone give every group 0."""
    total = sum(weights.values())
    return {arn: str(Fraction(weight, total or 1)) for arn, weight in weights.items()}


def _redirect(rule: RoutingRule, request: Request) -> dict[str, Any]:
    config = rule.actions[-1]["RedirectConfig"]
    location = {
        "protocol": expand_redirect(config.get("Protocol", "#{protocol}"), request).lower(),
        "host": expand_redirect(config.get("Host", "#{host}"), request),
        "port": int(expand_redirect(config.get("Port", "#{port}"), request)),
        "path": expand_redirect(config.get("Path", "/#{path}"), request),
        "query": expand_redirect(config.get("Query", "#{query}"), request),
    }
    return {"status": int(config["StatusCode"].removeprefix("HTTP_")), "location_components": location}


def _fixed_response(rule: RoutingRule, request: Request) -> dict[str, Any]:
    config = rule.actions[-1]["FixedResponseConfig"]
    told = {"content_type": config.get("ContentType", "text/plain"), "body": config.get("MessageBody", "")}
    return {"status": int(config["StatusCode"])} | told


def _unauthenticated(action: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody gets who has not logged in; nothing where the request goes on all the same."""
    if action["Type"] == "jwt-validation":
        return {"unauthenticated_response": 401}
    config = action.get("AuthenticateOidcConfig") or action.get("AuthenticateCognitoConfig") or {}
    answers = {"deny": 401, "authenticate": 302, "allow": None}
    return {"unauthenticated_response": answers.get(config.get("OnUnauthenticatedRequest", "authenticate"))}


def _transformed(rule: RoutingRule, request: Request) -> dict[str, str]:
    """The request that the target sees; where a pattern does not match, the original one; `unknown` where it is open.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-transforms.html
    """
    seen = {"forwarded_host": request.host, "forwarded_path": request.path, "forwarded_query": request.query}
    for transform in rule.transforms:
        match transform.get("Type"):
            case "host-header-rewrite":
                host = _rewritten(transform["HostHeaderRewriteConfig"], request.host)
                seen["forwarded_host"] = "unknown" if host is None else host
            case "url-rewrite":
                seen |= _rewritten_url(transform["UrlRewriteConfig"], request)
            case _:
                seen |= dict.fromkeys(seen, "unknown")
    return seen


def _rewritten_url(config: Mapping[str, Any], request: Request) -> dict[str, str]:
    """The path and query after the rewrite; AWS does not document whether its pattern sees the query."""
    query = f"?{request.query}" if request.query else ""
    of_path, of_url = _rewritten(config, request.path), _rewritten(config, request.path + query)
    if of_path is not None and "?" not in of_path:
        of_path += query
    if of_path is None or of_path != of_url:
        return {"forwarded_path": "unknown", "forwarded_query": "unknown"}
    path, _, rest = of_path.partition("?")
    return {"forwarded_path": path, "forwarded_query": rest}


def _rewritten(config: Mapping[str, Any], text: str) -> str | None:
    """A text after the rewrites; `$1` is the first group. None where AWS would not take the pattern."""
    for rewrite in config["Rewrites"]:
        regex = rewrite["Regex"]
        if regexes.unsupported_syntax(regex):
            return None
        found = re.search(regex, text)
        if found:
            text = text[: found.start()] + _replaced(rewrite.get("Replace", ""), found) + text[found.end() :]
    return text


def _replaced(replacement: str, found: re.Match[str]) -> str:
    def group(number: re.Match[str]) -> str:
        return found[int(number[1])] or ""

    return re.sub(r"\$(\d)", group, replacement)


_ACTIONS: dict[str, Callable[[RoutingRule, Request], dict[str, Any]]] = {
    "forward": _forward,
    "redirect": _redirect,
    "fixed-response": _fixed_response,
}
