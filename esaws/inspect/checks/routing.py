"""Checks of load balancers: prefix traps, unreachable rules, zones, and unhealthy targets."""

from __future__ import annotations

from collections.abc import Iterator

from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import Finding, Severity
from esaws.inspect.checks.registry import check
from esaws.inspect.fetch import Raw
from esaws.inspect.fix import Fix
from esaws.inspect.load_balancers import list_load_balancers, target_group_name
from esaws.inspect.routing import analyze
from esaws.inspect.routing.validate import validate_rules
from esaws.inspect.target_health import health

_KEYS = ("LoadBalancers", "Listeners", "Rules")


@check(
    *_KEYS,
    PREFIX_TRAP="a path pattern also matches longer words, or does not match the bare prefix",
    SHADOWED="no request reaches the rule",
    DEAD_VALUE="no request reaches a value of the rule",
    NEVER_MATCHES="no request can match the conditions of the rule",
)
def unreachable_rules_and_prefix_traps(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html"""
    for load_balancer in list_load_balancers(context.account):
        for listener in load_balancer.listeners():
            described = load_balancer.described_rules(listener)
            for finding in analyze.analyze_rules(described):
                if finding.code == "UNDECIDED":
                    continue
                rule = next(raw for raw in described if str(raw["Priority"]) == finding.priority)
                yield _rule_finding(f"{load_balancer.name}:{listener['Port']} rule {finding.priority}", rule, finding)


def _rule_finding(resource: str, rule: Raw, finding: analyze.RuleFinding) -> Finding:
    by = f" by rule {' and '.join(finding.by)}" if finding.by else ""
    if finding.code == "PREFIX_TRAP":
        conditions = [_with_path_values(condition, finding.fix) for condition in rule["Conditions"]]
        call = ("elbv2", "ModifyRule", {"RuleArn": rule["RuleArn"], "Conditions": conditions})
        fix = Fix(f"change its path to {' or '.join(finding.fix)}", (call,))
        return Finding("PREFIX_TRAP", "medium", resource, finding.detail, fix)
    if finding.code == "DEAD_VALUE":
        return Finding(
            "DEAD_VALUE",
            "low",
            resource,
            f"requests for {finding.value} are matched{by}",
            Fix("remove the value from the rule"),
        )
    call = ("elbv2", "DeleteRule", {"RuleArn": rule["RuleArn"]})
    detail = f"all its requests are matched{by}" if by else "its conditions exclude each other"
    return Finding(finding.code, "medium", resource, detail, Fix("delete the rule, or move it up", (call,)))


def _with_path_values(condition: Raw, values: tuple[str, ...]) -> Raw:
    """Return a path condition with other values; other conditions unchanged, without the legacy `Values`."""
    if condition["Field"] == "path-pattern":
        return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}
    has_config = any(key.endswith("Config") for key in condition)
    return {key: value for key, value in condition.items() if key != "Values" or not has_config}


@check(*_KEYS, INVALID_RULE="AWS refuses the rule, or it is at a limit")
def invalid_rules(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html"""
    for load_balancer in list_load_balancers(context.account):
        for listener in load_balancer.listeners():
            described = load_balancer.described_rules(listener)
            for problem in validate_rules(described, listener):
                resource = f"{load_balancer.name}:{listener['Port']} rule {problem.priority}"
                severity: Severity = "low" if problem.severity == "warning" else "medium"
                yield Finding(
                    "INVALID_RULE", severity, resource, f"{problem.code}: {problem.detail}", Fix("change the rule")
                )


@check("LoadBalancers", ALB_IN_ONE_ZONE="a load balancer has nodes in one zone only")
def load_balancers_in_one_zone(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"""
    for load_balancer in list_load_balancers(context.account):
        zones = sorted(zone["ZoneName"] for zone in load_balancer.raw.get("AvailabilityZones", ()))
        if len(zones) == 1:
            detail = f"it is only in {zones[0]}, and fails with that zone"
            yield Finding("ALB_IN_ONE_ZONE", "medium", load_balancer.name, detail, Fix("add a subnet of another zone"))


@check(
    *_KEYS,
    *("TargetGroups", "TargetHealth", "Instances", "tasks", "taskDefinitions", "containerInstances"),
    *("SecurityGroups", "NetworkInterfaces", "Subnets", "RouteTables", "NetworkAcls", "Vpcs"),
    TARGET_OUTSIDE_ZONES="a target is in a zone that its load balancer does not serve",
    HEALTH_PATH_UNANSWERED="a health check requests a path that the containers do not serve",
    UNHEALTHY_TARGET="a target is not healthy",
    UNUSED_TARGET_GROUP="no rule forwards to a target group",
)
def unhealthy_and_unused_targets(context: CheckContext) -> Iterator[Finding]:
    """The causes of `esaws health`, and target groups that no rule forwards to."""
    codes = {"ZONE_NOT_ENABLED": "TARGET_OUTSIDE_ZONES", "PATH_NOT_SERVED": "HEALTH_PATH_UNANSWERED"}
    for state in health(context.account):
        if state.cause and state.code != "GROUP_NOT_USED":
            code = codes.get(state.code, "UNHEALTHY_TARGET")
            resource = f"{state.target_group} {state.resource}"
            yield Finding(code, "high", resource, state.cause.detail, state.cause.fix)
    for group in context.account["TargetGroups"]:
        if not group.get("LoadBalancerArns"):
            call = ("elbv2", "DeleteTargetGroup", {"TargetGroupArn": group["TargetGroupArn"]})
            detail, fix = "no listener rule forwards to it", Fix("delete it", (call,))
            yield Finding("UNUSED_TARGET_GROUP", "info", target_group_name(group["TargetGroupArn"]), detail, fix)
