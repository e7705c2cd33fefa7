"""Load balancers: prefixes that take too much, rules that nothing reaches, zones, and paths that can't answer."""

from __future__ import annotations

from collections.abc import Iterator

from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import Finding, Fix, Severity
from esaws.inspect.checks.registry import check
from esaws.inspect.fetch import Raw
from esaws.inspect.load_balancers import list_load_balancers, target_group_name
from esaws.inspect.routing import analyze
from esaws.inspect.routing.validate import validate_rules
from esaws.inspect.target_health import health

_KEYS = ("LoadBalancers", "Listeners", "Rules")


@check(
    *_KEYS,
    PREFIX_TRAP="a path takes other words that begin alike, or leaves out the bare prefix",
    SHADOWED="no request reaches the rule",
    DEAD_VALUE="no request reaches a value of the rule",
    NEVER_MATCHES="no request can meet the conditions of the rule",
)
def rules_that_take_too_much_or_nothing(seen: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html"""
    for one in list_load_balancers(seen.account):
        for listener in one.listeners():
            described = [each for each in seen.account["Rules"] if each["ListenerArn"] == listener["ListenerArn"]]
            for found in analyze.analyze_rules(described):
                if found.code == "UNDECIDED":
                    continue
                rule = next(each for each in described if str(each["Priority"]) == found.priority)
                yield _about_rule(f"{one.name}:{listener['Port']} rule {found.priority}", rule, found)


def _about_rule(resource: str, rule: Raw, found: analyze.RuleFinding) -> Finding:
    by = f" by rule {' and '.join(found.by)}" if found.by else ""
    if found.code == "PREFIX_TRAP":
        conditions = [_with_values(each, found.fix) for each in rule["Conditions"]]
        call = ("elbv2", "ModifyRule", {"RuleArn": rule["RuleArn"], "Conditions": conditions})
        fix = Fix(f"let its path be {' or '.join(found.fix)}", (call,))
        return Finding("PREFIX_TRAP", "medium", resource, found.detail, fix)
    if found.code == "DEAD_VALUE":
        return Finding(
            "DEAD_VALUE", "low", resource, f"{found.value} is taken{by}", Fix("take the value out of the rule")
        )
    call = ("elbv2", "DeleteRule", {"RuleArn": rule["RuleArn"]})
    detail = f"all its requests are taken{by}" if by else "its conditions exclude each other"
    return Finding(found.code, "medium", resource, detail, Fix("delete the rule, or move it up", (call,)))


def _with_values(condition: Raw, values: tuple[str, ...]) -> Raw:
    """A path condition with other values; any other one as describe_rules gives it, without its old form."""
    if condition["Field"] == "path-pattern":
        return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}
    has_config = any(key.endswith("Config") for key in condition)
    return {key: value for key, value in condition.items() if key != "Values" or not has_config}


@check(*_KEYS, INVALID_RULE="AWS would refuse the rule, or nearly")
def rules_at_their_limits(seen: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html"""
    for one in list_load_balancers(seen.account):
        for listener in one.listeners():
            described = [each for each in seen.account["Rules"] if each["ListenerArn"] == listener["ListenerArn"]]
            for found in validate_rules(described, listener):
                resource = f"{one.name}:{listener['Port']} rule {found.priority}"
                severity: Severity = "low" if found.severity == "warning" else "medium"
                yield Finding(
                    "INVALID_RULE", severity, resource, f"{found.code}: {found.detail}", Fix("change the rule")
                )


@check("LoadBalancers", ALB_IN_ONE_ZONE="a load balancer has a node in one zone only")
def load_balancers_in_one_zone(seen: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"""
    for one in list_load_balancers(seen.account):
        zones = sorted(each["ZoneName"] for each in one.raw.get("AvailabilityZones", ()))
        if len(zones) == 1:
            detail = f"it is in {zones[0]} alone, and gone with it"
            yield Finding("ALB_IN_ONE_ZONE", "medium", one.name, detail, Fix("add a subnet of another zone"))


@check(
    *_KEYS,
    *("TargetGroups", "TargetHealth", "Instances", "tasks", "taskDefinitions", "containerInstances"),
    *("SecurityGroups", "NetworkInterfaces", "Subnets", "RouteTables", "NetworkAcls", "Vpcs"),
    TARGET_OUTSIDE_ZONES="a target is in a zone in which its load balancer is not",
    HEALTH_PATH_UNANSWERED="a health check asks for a path that its containers can't answer",
    UNHEALTHY_TARGET="a target is not healthy",
    UNUSED_TARGET_GROUP="no rule forwards to a target group",
)
def targets_that_get_nothing(seen: CheckContext) -> Iterator[Finding]:
    """What `esaws health` finds, and groups that nobody forwards to."""
    codes = {"ZONE_NOT_ENABLED": "TARGET_OUTSIDE_ZONES", "PATH_NOT_SERVED": "HEALTH_PATH_UNANSWERED"}
    for each in health(seen.account):
        if each.cause and each.code != "GROUP_NOT_USED":
            code = codes.get(each.code, "UNHEALTHY_TARGET")
            resource = f"{each.target_group} {each.to_dict()['resource']}"
            yield Finding(code, "high", resource, each.cause.detail, Fix(each.cause.fix))
    for group in seen.account["TargetGroups"]:
        if not group.get("LoadBalancerArns"):
            call = ("elbv2", "DeleteTargetGroup", {"TargetGroupArn": group["TargetGroupArn"]})
            detail, fix = "no rule of a load balancer forwards to it", Fix("delete it", (call,), destructive=True)
            yield Finding("UNUSED_TARGET_GROUP", "info", target_group_name(group["TargetGroupArn"]), detail, fix)
