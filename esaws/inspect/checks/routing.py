"""Checks of load balancers: prefix traps, unreachable rules, zones, unhealthy and absent targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import Finding, Severity
from esaws.inspect.checks.registry import check
from esaws.inspect.fetch import Raw
from esaws.inspect.fixes import Fix
from esaws.inspect.load_balancers import KEYS as LOAD_BALANCER_KEYS
from esaws.inspect.load_balancers import (
    health_by_target_group,
    list_load_balancers,
    target_group_name,
    target_group_weights,
)
from esaws.inspect.routing import analyze
from esaws.inspect.routing.targets import eligible_targets
from esaws.inspect.routing.validate import validate_rules
from esaws.inspect.target_health import health

_KEYS = ("LoadBalancers", "Listeners", "Rules")
_UNAVAILABLE = 503


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
    detail = f"all its requests are matched{by}" if by else "its conditions exclude each other"
    if rule.get("IsDefault") or finding.priority == "default":
        return Finding(finding.code, "info", resource, detail, Fix("nothing: AWS does not delete a default rule"))
    call = ("elbv2", "DeleteRule", {"RuleArn": rule["RuleArn"]})
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
        if state.code != "GROUP_NOT_USED" and (state.cause or state.code == "UNEXPLAINED"):
            detail = (
                state.cause.detail if state.cause else f"{state.reason or state.state}: {state.to_dict()['detail']}"
            )
            code = codes.get(state.code, "UNHEALTHY_TARGET")
            yield Finding(code, "high", f"{state.target_group} {state.resource}", detail, state.fix)
    users = _target_group_users(context)
    for group in context.account["TargetGroups"]:
        if not group.get("LoadBalancerArns"):
            arn = group["TargetGroupArn"]
            detail, calls = (
                "no listener rule forwards to it",
                (("elbv2", "DeleteTargetGroup", {"TargetGroupArn": arn}),),
            )
            fix = Fix(f"add a rule: {users[arn]} uses it") if arn in users else Fix("delete it", calls)
            yield Finding("UNUSED_TARGET_GROUP", "info", target_group_name(arn), detail, fix)


def _target_group_users(context: CheckContext) -> dict[str, str]:
    """Return the service or Auto Scaling group that registers targets with each target group, by its ARN."""
    users = {}
    for service in context.account.get("services") or ():
        for item in service.get("loadBalancers", ()):
            users[item.get("targetGroupArn", "")] = f"service {service['serviceName']}"
    for raw in context.account.get("AutoScalingGroups") or ():
        users |= dict.fromkeys(raw.get("TargetGroupARNs", ()), f"Auto Scaling group {raw['AutoScalingGroupName']}")
    return users


@check(*LOAD_BALANCER_KEYS, EMPTY_TARGET_GROUP="a rule forwards to a group without targets in use, so it answers 503")
def rules_to_empty_target_groups(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"""
    targets = health_by_target_group(context.account)
    stopped = {arn for arn in _target_group_users(context) if _is_stopped(context, arn)}
    for load_balancer in list_load_balancers(context.account):
        for listener in load_balancer.listeners():
            for rule in load_balancer.rules(listener):
                weights = target_group_weights(rule.actions[-1]) if rule.actions else {}
                total = sum(weights.values())
                for arn, weight in weights.items():
                    state = targets.get(arn)
                    if not weight or state is None or _answers(state) != _UNAVAILABLE:
                        continue
                    share = "" if weight == total else f" for {weight} of {total} requests"
                    detail = (
                        f"it forwards to {target_group_name(arn)}, which has no target in use: it answers 503{share}"
                    )
                    severity: Severity = "low" if arn in stopped else "high"
                    fix = Fix("start its service" if arn in stopped else "register targets, or forward elsewhere")
                    resource = f"{load_balancer.name}:{listener['Port']} rule {rule.priority}"
                    yield Finding("EMPTY_TARGET_GROUP", severity, resource, detail, fix)


def _answers(target_group: dict[str, Any]) -> int | None:
    health = target_group["TargetHealthDescriptions"]
    return eligible_targets(health, target_group.get("Attributes", ())).elb_status


def _is_stopped(context: CheckContext, arn: str) -> bool:
    """Return whether a service with a desired count of 0 registers the targets of a group."""
    return any(
        service.get("desiredCount") == 0
        for service in context.account.get("services") or ()
        for item in service.get("loadBalancers", ())
        if item.get("targetGroupArn") == arn
    )
