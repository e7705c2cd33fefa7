"""Return load balancers, listeners, rules and target groups as AWS does: ARNs, both notations, defaults."""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch, reconciler
from local_aws_server.services.elbv2 import lookup

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Rules, listeners and load balancers are described in full: conditions and forward actions in both "
        "notations, redirects with their defaults. Creating the same resource again returns it.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html",
        ),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        statement="The ARN of a load balancer contains its type: `app`, `net` or `gwy`.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/load-balancer-authentication-access-control.html",
        ),
    ),
)

_TYPE_IN_ARN = {"network": "net", "gateway": "gwy"}
_CONFIG_OF_FIELD = {"path-pattern": "PathPatternConfig", "host-header": "HostHeaderConfig"}
_ENCRYPTED = ("HTTPS", "TLS")
_REDIRECT_DEFAULTS = {
    "Protocol": "#{protocol}",
    "Host": "#{host}",
    "Port": "#{port}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
_AUTHENTICATION_DEFAULTS = {
    "OnUnauthenticatedRequest": "authenticate",
    "Scope": "openid",
    "SessionCookieName": "AWSELBAuthSessionCookie",
    "SessionTimeout": 604_800,
}


# --- ARNs


@after("elbv2", "CreateLoadBalancer")
def correct_load_balancer_arn(call: Call) -> None:
    """Put the type into the ARN; moto writes `app` for all types."""
    load_balancer = call.backends.load_balancer(call.params["Name"])
    if load_balancer is None or load_balancer.type not in _TYPE_IN_ARN:
        return
    elbv2, old = call.backends.backend("elbv2"), load_balancer.arn
    new = old.replace(":loadbalancer/app/", f":loadbalancer/{_TYPE_IN_ARN[load_balancer.type]}/")
    if new != old:
        load_balancer.arn = new
        elbv2.load_balancers[new] = elbv2.load_balancers.pop(old)
        elbv2.tagging_service.copy_tags(old, new)
        elbv2.tagging_service.delete_all_tags_for_resource(old)
    call.result["LoadBalancers"][0]["LoadBalancerArn"] = new


@patch("moto.elbv2.models", "FakeRule.__init__")
def initialize_rule(
    self: Any, listener_arn: str, conditions: list[Any], priority: Any, actions: list[Any], is_default: bool
) -> None:
    """Initialize a rule; the ARN that moto makes ends in a memory address."""
    from moto.moto_api._internal import mock_random

    self.listener_arn = listener_arn
    self.arn = f"{listener_arn.replace(':listener/', ':listener-rule/')}/{mock_random.get_random_hex(16)}"
    self.conditions = conditions
    self.priority = priority
    self.actions = actions
    self.is_default = is_default


# --- descriptions


@after("elbv2", "CreateRule", "DescribeRules", "ModifyRule", "SetRulePriorities")
def complete_rules(call: Call) -> None:
    """Describe conditions and actions in both notations."""
    for rule in call.result.get("Rules", []):
        rule["Actions"] = [_complete_action(action) for action in rule.get("Actions", [])]
        for condition in rule.get("Conditions", []):
            if config := _CONFIG_OF_FIELD.get(condition["Field"]):
                described = condition.get(config) or {
                    name: condition[name] for name in ("Values", "RegexValues") if condition.get(name)
                }
                condition[config] = described
                if described.get("Values"):
                    condition["Values"] = described["Values"]


@after("elbv2", "CreateListener", "DescribeListeners", "ModifyListener")
def complete_listeners(call: Call) -> None:
    for listener in call.result.get("Listeners", []):
        listener["DefaultActions"] = [_complete_action(action) for action in listener.get("DefaultActions", [])]
        if listener.get("Protocol") in _ENCRYPTED:
            listener["MutualAuthentication"] = {"Mode": "off"}
        else:
            listener.pop("SslPolicy", None)
        for name in ("AlpnPolicy", "Protocol"):  # a listener of a Gateway Load Balancer has no protocol
            if not listener.get(name):
                listener.pop(name, None)


@reconciler("elbv2", order=2)
def assign_load_balancers(backends: Backends) -> None:
    """Set the load balancers of each target group; moto only ever adds some."""
    users: dict[str, list[str]] = {}
    for load_balancer in lookup.load_balancers(backends):
        for arn in dict.fromkeys(lookup.target_groups_of(load_balancer)):
            users.setdefault(arn, []).append(load_balancer.arn)
    for group in backends.backend("elbv2").target_groups.values():
        group.load_balancer_arns = users.get(group.arn, [])


@after("elbv2", "CreateLoadBalancer")
def set_defaults(call: Call) -> None:
    """Set the scheme, and for an Application Load Balancer the default security group of its VPC."""
    load_balancer = call.backends.load_balancer(call.params["Name"])
    if load_balancer is None:
        return
    described = call.result["LoadBalancers"][0]
    load_balancer.scheme = load_balancer.scheme or "internet-facing"
    described["Scheme"] = load_balancer.scheme
    if load_balancer.type == "application" and not load_balancer.security_groups:
        default = call.backends.backend("ec2").get_default_security_group(load_balancer.vpc_id)
        load_balancer.security_groups = described["SecurityGroups"] = [default.id]


def _complete_action(action: dict[str, Any]) -> dict[str, Any]:
    """Return an action with the defaults of its type, and a forward action in both notations."""
    match action.get("Type"):
        case "forward":
            return _complete_forward(action)
        case "redirect":
            return {**action, "RedirectConfig": {**_REDIRECT_DEFAULTS, **action["RedirectConfig"]}}
        case "authenticate-oidc" | "authenticate-cognito":
            name = "AuthenticateOidcConfig" if action["Type"] == "authenticate-oidc" else "AuthenticateCognitoConfig"
            config = {**_AUTHENTICATION_DEFAULTS, **action[name]}
            config.pop("ClientSecret", None)
            return {**action, name: config}
    return action


def _complete_forward(action: dict[str, Any]) -> dict[str, Any]:
    """Return a forward action with both `TargetGroupArn` (for a single group) and `ForwardConfig`."""
    config = action.get("ForwardConfig") or {
        "TargetGroups": [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]
    }
    config.setdefault("TargetGroupStickinessConfig", {"Enabled": False})
    groups = [{"Weight": 1, **group} for group in config["TargetGroups"]]
    single = {"TargetGroupArn": groups[0]["TargetGroupArn"]} if len(groups) == 1 else {}
    return {**action, **single, "ForwardConfig": {**config, "TargetGroups": groups}}


# --- idempotency


@before("elbv2", "CreateLoadBalancer")
def return_existing_load_balancer(call: Call) -> None:
    """Return a load balancer of the same name and settings; refuse other settings."""
    load_balancer = call.backends.load_balancer(call.params["Name"])
    if load_balancer is None:
        return
    params = call.params
    subnets = set(params.get("Subnets") or [mapping["SubnetId"] for mapping in params.get("SubnetMappings", [])])
    has_same_settings = (
        {subnet.id for subnet in load_balancer.subnets} == subnets
        and params.get("Scheme", "internet-facing") == (load_balancer.scheme or "internet-facing")
        and params.get("Type", "application") == load_balancer.type
        and set(params.get("SecurityGroups") or load_balancer.security_groups) == set(load_balancer.security_groups)
        and params.get("IpAddressType", load_balancer.ip_address_type) == load_balancer.ip_address_type
    )
    if not has_same_settings:
        raise AwsError(
            "DuplicateLoadBalancerName",
            f"A load balancer with the same name '{load_balancer.name}' exists, but with different settings",
        )
    call.result = {"LoadBalancers": [load_balancer]}


@before("elbv2", "CreateTargetGroup")
def return_existing_target_group(call: Call) -> None:
    """Return a target group of the same name and settings; refuse other settings."""
    group = call.backends.target_group(call.params["Name"])
    if group is None:
        return
    settings = {
        "Protocol": group.protocol,
        "Port": int(group.port or 0),
        "VpcId": group.vpc_id,
        "TargetType": group.target_type or "instance",
        "ProtocolVersion": group.protocol_version,
        "HealthCheckPath": group.health_check_path,
        "HealthCheckIntervalSeconds": int(group.health_check_interval_seconds or 0),
        "HealthCheckTimeoutSeconds": int(group.health_check_timeout_seconds or 0),
        "HealthyThresholdCount": int(group.healthy_threshold_count or 0),
        "UnhealthyThresholdCount": int(group.unhealthy_threshold_count or 0),
        "Matcher": group.matcher,
    }
    if any(call.params[name] != value for name, value in settings.items() if name in call.params):
        raise AwsError(
            "DuplicateTargetGroupName",
            f"A target group with the same name '{group.name}' exists, but with different settings",
        )
    call.result = {"TargetGroups": [group]}
