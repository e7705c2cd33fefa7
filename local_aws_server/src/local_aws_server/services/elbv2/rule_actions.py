"""Validate the actions of listeners and rules: one routing action, last, with target groups that fit the listener."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, patch
from local_aws_server.services.elbv2 import lookup
from local_aws_server.services.elbv2.lookup import target_groups_of_action

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="The actions of listeners and rules are validated: one routing action, at the end; redirects that "
        "loop, weights, stickiness and the protocol of target groups. A target group belongs to one load balancer.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html",
        ),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        fidelity=NOT_SIMULATED,
        statement="Users who sign in: actions that authenticate users or validate tokens are kept, and simulated "
        "requests pass them.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-verify-jwt.html",
        ),
    ),
)

_ROUTING = ("forward", "redirect", "fixed-response")
_CONFIG_OF_TYPE = {
    "forward": "ForwardConfig",
    "redirect": "RedirectConfig",
    "fixed-response": "FixedResponseConfig",
    "authenticate-oidc": "AuthenticateOidcConfig",
    "authenticate-cognito": "AuthenticateCognitoConfig",
    "jwt-validation": "JwtValidationConfig",
}
_GROUP_PROTOCOLS = {
    "HTTP": ("HTTP", "HTTPS", None),
    "HTTPS": ("HTTP", "HTTPS", None),
    "TCP": ("TCP", "TCP_UDP"),
    "TLS": ("TCP", "TLS"),
    "UDP": ("UDP", "TCP_UDP"),
    "TCP_UDP": ("TCP_UDP",),
    "": ("GENEVE",),
}
"""Protocol of a listener → protocols of target groups that it forwards to; a Lambda function has none."""
_CONTENT_TYPES = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")
_REDIRECT_DEFAULTS = {
    "Protocol": "#{protocol}",
    "Host": "#{host}",
    "Port": "#{port}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
_MAX_GROUPS_PER_ACTION = {"application": 5, "network": 1, "gateway": 1}
_MAX_GROUPS_PER_LOAD_BALANCER = 100
_MAX_WEIGHT = 999
_MAX_STICKINESS = 604_800


@dataclass(frozen=True)
class _Listener:
    """The listener that actions are for, as the call leaves it."""

    load_balancer: Any
    protocol: str
    port: int | None


@before("elbv2", "CreateListener", "ModifyListener", "CreateRule", "ModifyRule")
def validate_actions(call: Call) -> None:
    actions = call.params.get("DefaultActions") or call.params.get("Actions") or []
    if not actions:
        if call.operation.startswith("Create"):
            raise _invalid("An action must be specified")
        return
    _validate_types(actions)
    for action in actions:
        _validate_fixed_response(action.get("FixedResponseConfig"))
        _validate_forward(action)
    if (listener := _listener_of(call)) is not None:
        _validate_on_listener(call, listener, actions)


@patch("moto.elbv2.models", "ELBv2Backend._validate_actions")
def require_target_groups(self: Any, actions: list[Any]) -> None:
    """Require the target groups of actions; moto knows no JWT validation."""
    from moto.elbv2.exceptions import ActionTargetGroupNotFoundError

    for action in actions:
        for arn in target_groups_of_action(action.data):
            if arn not in self.target_groups:
                raise ActionTargetGroupNotFoundError(arn)


def _validate_types(actions: list[dict[str, Any]]) -> None:
    for action in actions:
        type_ = action["Type"]
        for other, config in _CONFIG_OF_TYPE.items():
            if other != type_ and config in action:
                raise _invalid(f"The '{config}' field is not compatible with an action of type '{type_}'")
        if type_ == "forward" and not target_groups_of_action(action):
            raise _invalid("A target group ARN must be specified")
        if type_ != "forward" and _CONFIG_OF_TYPE[type_] not in action:
            raise _invalid(f"A '{_CONFIG_OF_TYPE[type_]}' must be specified with an action of type '{type_}'")
    orders = [action.get("Order") for action in actions]
    if len(actions) > 1 and (None in orders or len(set(orders)) < len(orders)):
        raise _invalid("Each of several actions must have an order of its own")
    types = [action["Type"] for action in sorted(actions, key=lambda action: action.get("Order") or 0)]
    if [type_ for type_ in types if type_ in _ROUTING] != types[-1:]:
        message = "The last action must be the only one of type 'forward', 'fixed-response' or 'redirect'"
        raise AwsError("InvalidLoadBalancerAction", message)
    if len(types) > 2:
        raise AwsError("TooManyActions", "A rule can have one authentication action and one routing action")


def _validate_fixed_response(config: Mapping[str, Any] | None) -> None:
    content_type = (config or {}).get("ContentType")
    if content_type and content_type not in _CONTENT_TYPES:
        listed = ",".join(f"'{each}'" for each in _CONTENT_TYPES)
        raise AwsError("InvalidLoadBalancerAction", f"The ContentType must be one of:{listed}")


def _validate_forward(action: Mapping[str, Any]) -> None:
    config = action.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or []
    arns = [group.get("TargetGroupArn") for group in groups]
    if "TargetGroupArn" in action and groups and arns != [action["TargetGroupArn"]]:
        raise _invalid("The target group ARN must be that of the only target group in the forward configuration")
    if len(set(arns)) < len(arns):
        raise _invalid("A target group can be specified once in a forward action")
    for group in groups:
        if not 0 <= group.get("Weight", 1) <= _MAX_WEIGHT:
            raise _invalid(f"Target group weight '{group['Weight']}' must be between 0 and {_MAX_WEIGHT}")
    sticky = config.get("TargetGroupStickinessConfig") or {}
    seconds = sticky.get("DurationSeconds")
    if sticky.get("Enabled") and seconds is None:
        raise _invalid("The duration of target group stickiness must be specified when it is enabled")
    if seconds is not None and not 1 <= seconds <= _MAX_STICKINESS:
        raise _invalid(f"Target group stickiness duration '{seconds}' must be between 1 and {_MAX_STICKINESS}")


def _listener_of(call: Call) -> _Listener | None:
    """Return the listener that the actions are for; None if the call names one that does not exist."""
    params = call.params
    if call.operation == "CreateListener":
        load_balancer = lookup.find_load_balancer(call.backends, params["LoadBalancerArn"])
        if load_balancer is None:
            return None
        return _Listener(load_balancer, params.get("Protocol", ""), params.get("Port"))
    if call.operation == "ModifyRule":
        found = lookup.listener_of_rule(call.backends, params["RuleArn"])
    else:
        found = lookup.find_listener(call.backends, params["ListenerArn"])
    if found is None:
        return None
    load_balancer, listener = found
    changed = params if call.operation == "ModifyListener" else {}
    return _Listener(
        load_balancer, changed.get("Protocol") or listener.protocol, changed.get("Port") or int(listener.port or 0)
    )


def _validate_on_listener(call: Call, listener: _Listener, actions: list[dict[str, Any]]) -> None:
    balancer, protocol = listener.load_balancer, listener.protocol
    for action in actions:
        if action["Type"] != "forward" and balancer.type != "application":
            message = f"Actions of type '{action['Type']}' are not supported on listeners of type '{balancer.type}'"
            raise AwsError("InvalidLoadBalancerAction", message)
        if action["Type"] not in _ROUTING and protocol != "HTTPS":
            message = f"Actions of type '{action['Type']}' are supported only on HTTPS listeners"
            raise AwsError("InvalidLoadBalancerAction", message)
        _refuse_redirect_loop(action.get("RedirectConfig"), listener)
        limit = _MAX_GROUPS_PER_ACTION[balancer.type]
        if len(target_groups_of_action(action)) > limit:
            raise AwsError("TooManyTargetGroups", f"A forward action can have at most '{limit}' target groups")
    arns = [arn for action in actions for arn in target_groups_of_action(action)]
    for arn in arns:
        group = lookup.find_target_group(call.backends, arn)
        if group is not None:
            _require_fitting_group(group, balancer, protocol)
    _require_one_load_balancer(call, balancer, arns)


def _refuse_redirect_loop(config: Mapping[str, Any] | None, listener: _Listener) -> None:
    if config is None:
        return
    parts = {**_REDIRECT_DEFAULTS, **config}
    is_same_protocol = parts["Protocol"] in (_REDIRECT_DEFAULTS["Protocol"], listener.protocol)
    is_same_port = parts["Port"] in (_REDIRECT_DEFAULTS["Port"], str(listener.port))
    if is_same_protocol and is_same_port and all(parts[name] == _REDIRECT_DEFAULTS[name] for name in ("Host", "Path")):
        message = "The redirect configuration is not valid because it creates a loop"
        raise AwsError("InvalidLoadBalancerAction", message)
    if listener.protocol == "HTTPS" and parts["Protocol"] == "HTTP":
        raise AwsError("InvalidLoadBalancerAction", "A redirect cannot change the protocol from HTTPS to HTTP")


def _require_fitting_group(group: Any, balancer: Any, protocol: str) -> None:
    if group.protocol not in _GROUP_PROTOCOLS.get(protocol, ()):
        message = f"Target group '{group.arn}' with protocol '{group.protocol}' does not fit listener '{protocol}'"
        raise AwsError("IncompatibleProtocols", message)
    if group.vpc_id and group.vpc_id != balancer.vpc_id:
        message = f"Target group '{group.arn}' is not in the VPC '{balancer.vpc_id}' of the load balancer"
        raise AwsError("InvalidConfigurationRequest", message)


def _require_one_load_balancer(call: Call, balancer: Any, arns: list[str]) -> None:
    elsewhere = {
        arn
        for other in lookup.load_balancers(call.backends)
        if other.arn != balancer.arn
        for arn in lookup.target_groups_of(other)
    }
    if shared := [arn for arn in arns if arn in elsewhere]:
        message = f"The following target groups cannot be associated with more than one load balancer: {shared[0]}"
        raise AwsError("TargetGroupAssociationLimit", message)
    if len({*lookup.target_groups_of(balancer), *arns}) > _MAX_GROUPS_PER_LOAD_BALANCER:
        message = f"The maximum number of target groups on load balancer '{balancer.arn}' has been reached"
        raise AwsError("TooManyUniqueTargetGroupsPerLoadBalancer", message)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
