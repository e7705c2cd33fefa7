"""Validate load balancers, listeners, rules, targets and health checks, and refuse protected deletions."""

import re
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="Names, zones, security groups, ports, conditions and priorities of load balancers, listeners and "
        "rules are validated; protected load balancers and default rules cannot be deleted.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteRule.html",
        ),
    ),
    Behaviour(
        service="Elastic Load Balancing",
        statement="The interval, timeout, thresholds, port and success codes of a health check must be within AWS's "
        "bounds.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html",
        ),
    ),
)

_MAX_RULES_PER_LOAD_BALANCER = 100
_MAX_VALUES_PER_RULE = 5
_MAX_WILDCARDS_PER_RULE = 6
_MAX_PRIORITY = 50_000

_HEALTH_CHECK_BOUNDS = {
    "HealthCheckIntervalSeconds": (5, 300),
    "HealthCheckTimeoutSeconds": (2, 120),
    "HealthyThresholdCount": (2, 10),
    "UnhealthyThresholdCount": (2, 10),
}
_CODES = re.compile(r"\d{3}(-\d{3})?(,\s*\d{3}(-\d{3})?)*")
_MIN_CODE = 200
_MAX_CODE_OF_PROTOCOL = {"HTTP": 499, "HTTPS": 499}
"""For target groups of an Application Load Balancer."""
_MAX_CODE = 599


# --- load balancers


@before("elbv2", "CreateLoadBalancer")
def validate_load_balancer_name(call: Call) -> None:
    name = call.params["Name"]
    if len(name) > 32:
        raise _invalid(f"The load balancer name '{name}' cannot be longer than '32' characters")
    if not re.fullmatch(r"[A-Za-z0-9-]*", name):
        allowed = "can only contain characters that are alphanumeric characters and hyphens(-)"
        raise _invalid(f"The load balancer name '{name}' {allowed}")
    if name.startswith("-") or name.endswith("-"):
        raise _invalid(f"The load balancer name '{name}' cannot begin or end with '-'")
    if name.startswith("internal-"):
        raise _invalid(f"The load balancer name '{name}' cannot begin with 'internal-'")


@before("elbv2", "CreateLoadBalancer", "SetSubnets")
def validate_zones(call: Call) -> None:
    """Require subnets in at least two zones, one in each."""
    if _load_balancer_type(call) != "application":
        return
    known, requested = _known_subnets(call), _requested_subnets(call)
    for subnet in requested:
        if subnet not in known:
            raise AwsError("SubnetNotFound", f"The subnet ID '{subnet}' does not exist")
    zones = [known[subnet].availability_zone for subnet in dict.fromkeys(requested)]
    if len(zones) > len(set(zones)):
        message = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        raise AwsError("InvalidConfigurationRequest", message)
    if len(zones) < 2:
        raise _invalid("At least two subnets in two different Availability Zones must be specified")


@before("elbv2", "CreateLoadBalancer")
def require_internet_gateway(call: Call) -> None:
    """Refuse an internet-facing load balancer in a VPC without an internet gateway."""
    if call.params.get("Scheme", "internet-facing") != "internet-facing" or _load_balancer_type(call) == "gateway":
        return
    ec2, known = call.backends.backend("ec2"), _known_subnets(call)
    attached = {gateway.vpc.id for gateway in ec2.internet_gateways.values() if gateway.vpc is not None}
    for vpc in sorted({known[subnet].vpc_id for subnet in _requested_subnets(call) if subnet in known} - attached):
        raise AwsError("InvalidSubnet", f"VPC {vpc} has no internet gateway")


@before("elbv2", "CreateLoadBalancer")
def validate_security_groups(call: Call) -> None:
    ec2 = call.backends.backend("ec2")
    if any(ec2.get_security_group_from_id(group) is None for group in call.params.get("SecurityGroups") or []):
        raise AwsError("InvalidSecurityGroup", "One or more security groups are invalid")


@before("elbv2", "DeleteLoadBalancer")
def refuse_protected_load_balancer(call: Call) -> None:
    for load_balancer in _load_balancers(call):
        is_protected = load_balancer.attrs.get("deletion_protection.enabled") == "true"
        if is_protected and load_balancer.arn == call.params["LoadBalancerArn"]:
            message = f"Load balancer '{load_balancer.arn}' cannot be deleted because deletion protection is enabled"
            raise AwsError("OperationNotPermitted", message)


# --- listeners and rules


@before("elbv2", "CreateListener", "ModifyListener")
def require_unused_port(call: Call) -> None:
    listener_arn, port = call.params.get("ListenerArn"), call.params.get("Port")
    for load_balancer in _load_balancers(call):
        listeners = load_balancer.listeners
        if (listener_arn in listeners) if listener_arn else (load_balancer.arn == call.params["LoadBalancerArn"]):
            others = [listener for arn, listener in listeners.items() if arn != listener_arn]
            if port is not None and any(int(listener.port) == port for listener in others):
                message = f"A listener already exists on this port for this load balancer '{load_balancer.arn}'"
                raise AwsError("DuplicateListener", message)


@before("elbv2", "CreateRule", "ModifyRule")
def validate_conditions(call: Call) -> None:
    """Limit the values and wildcards of a rule, over all its conditions in either notation."""
    values: list[Any] = []
    for condition in call.params.get("Conditions") or []:
        config: dict[str, Any] = next((value for name, value in condition.items() if name.endswith("Config")), {})
        values += config.get("Values") or condition.get("Values") or []
    if len(values) > _MAX_VALUES_PER_RULE:
        raise _invalid(f"A rule can only have '{_MAX_VALUES_PER_RULE}' condition values")
    if sum(map(_count_wildcards, values)) > _MAX_WILDCARDS_PER_RULE:
        raise _invalid(f"A rule can only have '{_MAX_WILDCARDS_PER_RULE}' condition wildcards")


@before("elbv2", "CreateRule", "SetRulePriorities")
def validate_priorities(call: Call) -> None:
    for rule in call.params.get("RulePriorities") or [call.params]:
        if not 1 <= rule["Priority"] <= _MAX_PRIORITY:
            raise _invalid(f"Priority '{rule['Priority']}' must be between 1 and {_MAX_PRIORITY}")


@before("elbv2", "CreateRule")
def limit_rules(call: Call) -> None:
    for load_balancer in _load_balancers(call):
        # default rules do not count
        rules = sum(len(listener.rules) - 1 for listener in load_balancer.listeners.values())
        if call.params["ListenerArn"] in load_balancer.listeners and rules >= _MAX_RULES_PER_LOAD_BALANCER:
            message = f"The maximum number of rules on load balancer '{load_balancer.arn}' has been reached"
            raise AwsError("TooManyRules", message)


@before("elbv2", "DeleteRule")
def refuse_default_rule(call: Call) -> None:
    arn = call.params["RuleArn"]
    for load_balancer in _load_balancers(call):
        for listener in load_balancer.listeners.values():
            if any(rule.arn == arn and rule.is_default for rule in listener.rules.values()):
                raise AwsError("OperationNotPermitted", f"Default rule '{arn}' cannot be deleted")


# --- targets and health checks


@before("elbv2", "RegisterTargets")
def validate_instances(call: Call) -> None:
    """Require that instances exist and are in the VPC of the target group."""
    group = call.backends.backend("elbv2").target_groups.get(call.params["TargetGroupArn"])
    if group is None or (group.target_type or "instance") != "instance":
        return
    ids = [target["Id"] for target in call.params["Targets"]]
    for id in ids:
        if not re.fullmatch(r"i-[0-9a-f]+", id):
            raise _invalid(f"Instance ID '{id}' is not valid")
    vpcs = {instance.id: instance.vpc_id for instance in call.backends.instances}
    if unknown := [id for id in ids if id not in vpcs]:
        raise AwsError("InvalidTarget", f"The following instances do not exist: {_quoted(unknown)}")
    if elsewhere := [id for id in ids if vpcs[id] != group.vpc_id]:
        message = f"The following targets are not in the target group VPC '{group.vpc_id}': {_quoted(elsewhere)}"
        raise AwsError("InvalidTarget", message)


@before("elbv2", "CreateTargetGroup", "ModifyTargetGroup")
def validate_health_check_numbers(call: Call) -> None:
    for name, (lowest, highest) in _HEALTH_CHECK_BOUNDS.items():
        value = call.params.get(name)
        if value is not None and not lowest <= value <= highest:
            bound = f"greater than or equal to {lowest}" if value < lowest else f"less than or equal to {highest}"
            member = name[0].lower() + name[1:]
            message = f"Value '{value}' at '{member}' failed to satisfy constraint: Member must have value {bound}"
            raise _invalid(f"1 validation error detected: {message}")


@before("elbv2", "CreateTargetGroup", "ModifyTargetGroup")
def validate_health_check_port(call: Call) -> None:
    port = call.params.get("HealthCheckPort")
    if port is not None and port != "traffic-port" and not (port.isdecimal() and 1 <= int(port) <= 65535):
        raise _invalid(f"Health check port '{port}' must be 'traffic-port' or a number from 1 to 65535")


@before("elbv2", "CreateTargetGroup", "ModifyTargetGroup")
def validate_success_codes(call: Call) -> None:
    matcher = (call.params.get("Matcher") or {}).get("HttpCode")
    if matcher is None:
        return
    group = _modified_group(call)
    protocol = str(call.params.get("Protocol") or (group.protocol if group is not None else ""))
    highest = _MAX_CODE_OF_PROTOCOL.get(protocol, _MAX_CODE)
    codes = [int(code) for code in re.findall(r"\d+", matcher)] if _CODES.fullmatch(matcher) else []
    if not codes or not all(_MIN_CODE <= code <= highest for code in codes):
        message = f"Health check matcher HTTP code '{matcher}' must be within '{_MIN_CODE}-{highest}' inclusive"
        raise _invalid(message)


@before("elbv2", "ModifyTargetGroup")
def require_timeout_below_interval(call: Call) -> None:
    group = _modified_group(call)
    if group is None or group.protocol not in ("HTTP", "HTTPS"):
        return
    timeout = call.params.get("HealthCheckTimeoutSeconds", int(group.health_check_timeout_seconds))
    interval = call.params.get("HealthCheckIntervalSeconds", int(group.health_check_interval_seconds))
    if timeout >= interval:
        raise _invalid(f"Health check timeout '{timeout}' must be smaller than the interval '{interval}'")


# --- helpers


def _load_balancers(call: Call) -> list[Any]:
    return list(call.backends.backend("elbv2").load_balancers.values())


def _load_balancer_type(call: Call) -> str | None:
    """Return the type of the load balancer that a call creates or names; None if the named one does not exist."""
    if arn := call.params.get("LoadBalancerArn"):
        return next((load_balancer.type for load_balancer in _load_balancers(call) if load_balancer.arn == arn), None)
    return str(call.params.get("Type", "application"))


def _known_subnets(call: Call) -> dict[str, Any]:
    return {subnet.id: subnet for zone in call.backends.backend("ec2").subnets.values() for subnet in zone.values()}


def _requested_subnets(call: Call) -> list[str]:
    mapped: list[str] = [mapping["SubnetId"] for mapping in call.params.get("SubnetMappings") or []]
    return call.params.get("Subnets") or mapped


def _modified_group(call: Call) -> Any | None:
    return call.backends.backend("elbv2").target_groups.get(call.params.get("TargetGroupArn"))


def _count_wildcards(value: str | dict[str, str]) -> int:
    """Count the unescaped wildcards of a condition value, or of the key and the value of a query string."""
    texts = value.values() if isinstance(value, dict) else [value]
    return sum(len(re.findall(r"(?<!\\)[*?]", text)) for text in texts)


def _quoted(targets: list[str]) -> str:
    return ", ".join(f"'{target}'" for target in targets)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
