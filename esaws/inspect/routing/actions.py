"""Rule actions: authenticate a request, then forward it, redirect it or return a fixed response.

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

REDIRECT_DEFAULTS = {
    "Protocol": "#{protocol}",
    "Host": "#{host}",
    "Port": "#{port}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
FIXED_RESPONSE_DEFAULTS = {"ContentType": "text/plain", "MessageBody": ""}

_COOKIES = {"AWSALBTG", "AWSALBTGCORS"}


class UnsupportedAction(EsawsError):
    """A rule has an action that esaws does not support."""


def action_result(rule: RoutingRule, request: Request) -> dict[str, Any]:
    """Return what a rule does with a matching request, as keys of a trace.

    `action` and `action_order` always; for a forward `target_groups`, `shares` and what reaches the target
    (`forwarded_host`, `forwarded_path`, `forwarded_query`; `unknown` where a transform leaves it open); for a redirect
    `status` and `location_components`; for a fixed response `status`, `content_type` and `body`; with authentication
    `unauthenticated_response`, an HTTP status.

    Raises:
        NotKnown: an action has a type or a shape that esaws does not support.
    """
    types = [str(action.get("Type")) for action in rule.actions]
    for type_ in types:
        if type_ not in ROUTING + AUTHENTICATION:
            raise UnsupportedAction(f"{rule.name} has the action {type_}, which esaws does not support")
    if [type_ for type_ in types if type_ in ROUTING] != types[-1:]:
        raise UnsupportedAction(f"{rule.name} does not end with exactly one forward, redirect or fixed-response")
    result = {"action": types[-1], "action_order": types, "target_groups": []}
    for action in rule.actions[:-1]:
        result |= _unauthenticated(action)
    try:
        return result | _ACTIONS[types[-1]](rule, request)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise UnsupportedAction(f"{rule.name} has a {types[-1]} action of an unknown shape: {error!r}") from error


def forward_weights(action: Mapping[str, Any]) -> dict[str, int]:
    """Return the weight of each target group of a forward action, by ARN."""
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups")
    if not groups:
        return {action["TargetGroupArn"]: 1}
    return {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in groups}


def describe_action(action: Mapping[str, Any]) -> str:
    """Return an action in a few words; of a forward, only its type."""
    match action.get("Type"):
        case "fixed-response":
            return f"answer {action['FixedResponseConfig']['StatusCode']}"
        case "redirect":
            config = REDIRECT_DEFAULTS | action["RedirectConfig"]
            protocol, host, port, path, query = (config[part] for part in REDIRECT_DEFAULTS)
            status = config["StatusCode"].removeprefix("HTTP_")
            location = f"{protocol.lower()}://{host}:{port}{path}"
            return f"redirect {status} to {location}" + (f"?{query}" if query not in ("", "#{query}") else "")
        case other:
            return str(other)


def expand_redirect(template: str, request: Request) -> str:
    """Fill in the `#{…}` of a part of a redirect from the request; `#{path}` has no leading slash.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
    """
    parts = {
        "protocol": request.protocol,
        "host": request.host_name,
        "port": str(request.port),
        "path": request.path.removeprefix("/"),
        "query": request.query,
    }
    return re.sub(r"#\{(protocol|host|port|path|query)\}", lambda match: parts[match[1]], template)


def _forward(rule: RoutingRule, request: Request) -> dict[str, Any]:
    action = rule.actions[-1]
    weights = forward_weights(action)
    result: dict[str, Any] = {"target_groups": list(weights), "shares": _shares(weights)}
    sticky = (action.get("ForwardConfig") or {}).get("TargetGroupStickinessConfig") or {}
    if sticky.get("Enabled"):
        result["stickiness_seconds"] = sticky.get("DurationSeconds")
        if request.cookies() & _COOKIES:
            result["shares"] = "cookie-decides"
        elif not request.all_headers:
            result["shares"] = "unknown"
    return result | _transformed(rule, request)


def _shares(weights: Mapping[str, int]) -> dict[str, str]:
    """Return the share of each target group as a fraction; if all weights are 0, every share is 0."""
    total = sum(weights.values())
    return {arn: str(Fraction(weight, total or 1)) for arn, weight in weights.items()}


def _redirect(rule: RoutingRule, request: Request) -> dict[str, Any]:
    config = REDIRECT_DEFAULTS | rule.actions[-1]["RedirectConfig"]
    parts = {part.lower(): expand_redirect(config[part], request) for part in REDIRECT_DEFAULTS}
    location = parts | {"protocol": parts["protocol"].lower(), "port": int(parts["port"])}
    return {"status": int(config["StatusCode"].removeprefix("HTTP_")), "location_components": location}


def _fixed_response(rule: RoutingRule, request: Request) -> dict[str, Any]:
    config = FIXED_RESPONSE_DEFAULTS | rule.actions[-1]["FixedResponseConfig"]
    response = {"content_type": config["ContentType"], "body": config["MessageBody"]}
    return {"status": int(config["StatusCode"])} | response


def _unauthenticated(action: Mapping[str, Any]) -> dict[str, Any]:
    """Return the status for an unauthenticated request; None where the request continues."""
    if action["Type"] == "jwt-validation":
        return {"unauthenticated_response": 401}
    config = action.get("AuthenticateOidcConfig") or action.get("AuthenticateCognitoConfig") or {}
    statuses = {"deny": 401, "authenticate": 302, "allow": None}
    return {"unauthenticated_response": statuses.get(config.get("OnUnauthenticatedRequest", "authenticate"))}


def _transformed(rule: RoutingRule, request: Request) -> dict[str, str]:
    """Return the request after transforms; unchanged where a pattern does not match, `unknown` where AWS is unclear.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-transforms.html
    """
    forwarded = {"forwarded_host": request.host, "forwarded_path": request.path, "forwarded_query": request.query}
    for transform in rule.transforms:
        match transform.get("Type"):
            case "host-header-rewrite":
                host = _rewritten(transform["HostHeaderRewriteConfig"], request.host)
                forwarded["forwarded_host"] = "unknown" if host is None else host
            case "url-rewrite":
                forwarded |= _rewritten_url(transform["UrlRewriteConfig"], request)
            case _:
                forwarded |= dict.fromkeys(forwarded, "unknown")
    return forwarded


def _rewritten_url(config: Mapping[str, Any], request: Request) -> dict[str, str]:
    """Return path and query after a rewrite; AWS does not document whether the pattern includes the query."""
    query = f"?{request.query}" if request.query else ""
    of_path, of_url = _rewritten(config, request.path), _rewritten(config, request.path + query)
    if of_path is not None and "?" not in of_path:
        of_path += query
    if of_path is None or of_path != of_url:
        return {"forwarded_path": "unknown", "forwarded_query": "unknown"}
    path, _, rest = of_path.partition("?")
    return {"forwarded_path": path, "forwarded_query": rest}


def _rewritten(config: Mapping[str, Any], text: str) -> str | None:
    """Return a text after the rewrites; `$1` is the first group. None where AWS does not support the pattern."""
    for rewrite in config["Rewrites"]:
        regex = rewrite["Regex"]
        if regexes.unsupported_syntax(regex):
            return None
        match = re.search(regex, text)
        if match:
            text = text[: match.start()] + _replaced(rewrite.get("Replace", ""), match) + text[match.end() :]
    return text


def _replaced(replacement: str, match: re.Match[str]) -> str:
    def group(number: re.Match[str]) -> str:
        return match[int(number[1])] or ""

    return re.sub(r"\$(\d)", group, replacement)


_ACTIONS: dict[str, Callable[[RoutingRule, Request], dict[str, Any]]] = {
    "forward": _forward,
    "redirect": _redirect,
    "fixed-response": _fixed_response,
}
