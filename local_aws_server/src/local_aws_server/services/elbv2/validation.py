"""What a load balancer and its listeners, rules and targets may not be, and what of them may not be deleted.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
"""

import re
from typing import Any

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before

BEHAVIOURS = (
    Behaviour(
        service="Elastic Load Balancing",
        statement="What a load balancer and its listeners, rules and targets may not be, and what of them may not "
        "be deleted.",
        documentation=(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html",
        ),
    ),
)

_RULES_PER_BALANCER = 100
_VALUES_PER_RULE = 5
_WILDCARDS_PER_RULE = 6
_LAST_PRIORITY = 50_000


@before("elbv2", "CreateLoadBalancer")
def names_of_balancers(call: Call) -> None:
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
def zones_of_balancers(call: Call) -> None:
    if _type(call) != "application":
        return
    known, asked = _known_subnets(call), _asked_subnets(call)
    for subnet in asked:
        if subnet not in known:
            raise AwsError("SubnetNotFound", f"The subnet ID '{subnet}' does not exist")
    zones = [known[subnet].availability_zone for subnet in dict.fromkeys(asked)]
    if len(zones) > len(set(zones)):
        message = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        raise AwsError("InvalidConfigurationRequest", message)
    if len(zones) < 2:
        raise _invalid("At least two subnets in two different Availability Zones must be specified")


@before("elbv2", "CreateLoadBalancer")
def gateways_of_internet_facing_balancers(call: Call) -> None:
    if call.params.get("Scheme", "internet-facing") != "internet-facing" or _type(call) == "gateway":
        return
    ec2, known = call.backends.backend("ec2"), _known_subnets(call)
    attached = {gateway.vpc.id for gateway in ec2.internet_gateways.values() if gateway.vpc is not None}
    for vpc in sorted({known[subnet].vpc_id for subnet in _asked_subnets(call) if subnet in known} - attached):
        if not ec2.get_vpc(vpc).is_default:  # a default VPC has one, though moto shows none
            raise AwsError("InvalidSubnet", f"VPC {vpc} has no internet gateway")


@before("elbv2", "CreateLoadBalancer")
def groups_of_balancers(call: Call) -> None:
    ec2 = call.backends.backend("ec2")
    if any(ec2.get_security_group_from_id(group) is None for group in call.params.get("SecurityGroups") or []):
        raise AwsError("InvalidSecurityGroup", "One or more security groups are invalid")


@before("elbv2", "CreateListener", "ModifyListener")
def one_listener_a_port(call: Call) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html"""
    asked, port = call.params.get("ListenerArn"), call.params.get("Port")
    for balancer in _balancers(call):
        if (asked in balancer.listeners) if asked else (balancer.arn == call.params["LoadBalancerArn"]):
            others = [listener for arn, listener in balancer.listeners.items() if arn != asked]
            if port is not None and any(int(listener.port) == port for listener in others):
                message = f"A listener already exists on this port for this load balancer '{balancer.arn}'"
                raise AwsError("DuplicateListener", message)


@before("elbv2", "CreateRule", "ModifyRule")
def values_of_a_rule(call: Call) -> None:
    """Over all its conditions, whether they are written the old way or the new."""
    values: list[Any] = []
    for condition in call.params.get("Conditions") or []:
        config: dict[str, Any] = next((value for name, value in condition.items() if name.endswith("Config")), {})
        values += config.get("Values") or condition.get("Values") or []
    if len(values) > _VALUES_PER_RULE:
        raise _invalid(f"A rule can only have '{_VALUES_PER_RULE}' condition values")
    if sum(map(_wildcards, values)) > _WILDCARDS_PER_RULE:
        raise _invalid(f"A rule can only have '{_WILDCARDS_PER_RULE}' condition wildcards")


@before("elbv2", "CreateRule", "SetRulePriorities")
def priorities(call: Call) -> None:
    for asked in call.params.get("RulePriorities") or [call.params]:
        if not 1 <= asked["Priority"] <= _LAST_PRIORITY:
            raise _invalid(f"Priority '{asked['Priority']}' must be between 1 and {_LAST_PRIORITY}")


@before("elbv2", "CreateRule")
def rules_of_a_balancer(call: Call) -> None:
    for balancer in _balancers(call):
        # the default rules don't count
        rules = sum(len(listener.rules) - 1 for listener in balancer.listeners.values())
        if call.params["ListenerArn"] in balancer.listeners and rules >= _RULES_PER_BALANCER:
            message = f"The maximum number of rules on load balancer '{balancer.arn}' has been reached"
            raise AwsError("TooManyRules", message)


@before("elbv2", "RegisterTargets")
def instances_of_the_vpc(call: Call) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html"""
    group = call.backends.backend("elbv2").target_groups.get(call.params["TargetGroupArn"])
    if group is None or (group.target_type or "instance") != "instance":
        return
    asked = [target["Id"] for target in call.params["Targets"]]
    for target in asked:
        if not re.fullmatch(r"i-[0-9a-f]+", target):
            raise _invalid(f"Instance ID '{target}' is not valid")
    vpcs = {instance.id: instance.vpc_id for instance in call.backends.instances}
    if unknown := [target for target in asked if target not in vpcs]:
        raise AwsError("InvalidTarget", f"The following instances do not exist: {_listed(unknown)}")
    if elsewhere := [target for target in asked if vpcs[target] != group.vpc_id]:
        message = f"The following targets are not in the target group VPC '{group.vpc_id}': {_listed(elsewhere)}"
        raise AwsError("InvalidTarget", message)


@before("elbv2", "DeleteLoadBalancer")
def protected_balancers(call: Call) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html"""
    for balancer in _balancers(call):
        protected = balancer.attrs.get("deletion_protection.enabled") == "true"
        if protected and balancer.arn == call.params["LoadBalancerArn"]:
            message = f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is enabled"
            raise AwsError("OperationNotPermitted", message)


@before("elbv2", "DeleteRule")
def default_rules(call: Call) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteRule.html"""
    asked = call.params["RuleArn"]
    for balancer in _balancers(call):
        for listener in balancer.listeners.values():
            if any(rule.arn == asked and rule.is_default for rule in listener.rules.values()):
                raise AwsError("OperationNotPermitted", f"Default rule '{asked}' cannot be deleted")


def _balancers(call: Call) -> list[Any]:
    return list(call.backends.backend("elbv2").load_balancers.values())


def _type(call: Call) -> str | None:
    """Of the load balancer that is made or named; None where there is none of that name."""
    if arn := call.params.get("LoadBalancerArn"):
        return next((balancer.type for balancer in _balancers(call) if balancer.arn == arn), None)
    return str(call.params.get("Type", "application"))


def _known_subnets(call: Call) -> dict[str, Any]:
    return {subnet.id: subnet for zone in call.backends.backend("ec2").subnets.values() for subnet in zone.values()}


def _asked_subnets(call: Call) -> list[str]:
    mapped: list[str] = [mapping["SubnetId"] for mapping in call.params.get("SubnetMappings") or []]
    return call.params.get("Subnets") or mapped


def _wildcards(value: str | dict[str, str]) -> int:
    """In a value, or in the key and the value of a query string, where a backslash makes a wildcard a character."""
    texts = value.values() if isinstance(value, dict) else [value]
    return sum(len(re.findall(r"(?<!\\)[*?]", text)) for text in texts)


def _listed(targets: list[str]) -> str:
    return ", ".join(f"'{target}'" for target in targets)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
