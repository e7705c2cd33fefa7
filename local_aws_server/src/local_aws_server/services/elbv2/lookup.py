"""Find load balancers, listeners, rules and target groups in moto's backend by their ARNs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local_aws_server.backends import Backends


def load_balancers(backends: Backends) -> list[Any]:
    return list(backends.backend("elbv2").load_balancers.values())


def find_load_balancer(backends: Backends, arn: str | None) -> Any | None:
    return backends.backend("elbv2").load_balancers.get(arn)


def find_target_group(backends: Backends, arn: str | None) -> Any | None:
    return backends.backend("elbv2").target_groups.get(arn)


def find_listener(backends: Backends, arn: str | None) -> tuple[Any, Any] | None:
    """Return (load balancer, listener) of a listener's ARN."""
    for load_balancer in load_balancers(backends):
        if arn in load_balancer.listeners:
            return load_balancer, load_balancer.listeners[arn]
    return None


def listener_of_rule(backends: Backends, arn: str | None) -> tuple[Any, Any] | None:
    """Return (load balancer, listener) of a rule's ARN."""
    for load_balancer in load_balancers(backends):
        for listener in load_balancer.listeners.values():
            if any(rule.arn == arn for rule in listener.rules.values()):
                return load_balancer, listener
    return None


def find_rules(backends: Backends) -> dict[str, Any]:
    """Return the rules by ARN, default rules included."""
    return {
        rule.arn: rule
        for load_balancer in load_balancers(backends)
        for listener in load_balancer.listeners.values()
        for rule in listener.rules.values()
    }


def find_rule(backends: Backends, arn: str) -> Any | None:
    return find_rules(backends).get(arn)


def target_groups_of(load_balancer: Any) -> Iterator[str]:
    """Yield the ARN of each target group that a rule of a load balancer forwards to, in some repeatedly."""
    for listener in load_balancer.listeners.values():
        for rule in listener.rules.values():
            for action in rule.actions:
                yield from target_groups_of_action(action.data)


def target_groups_of_action(action: dict[str, Any]) -> list[str]:
    """Return the ARNs of the target groups of an action in boto3's shape."""
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
    arns = [each["TargetGroupArn"] for each in (action, *groups) if each.get("TargetGroupArn")]
    return list(dict.fromkeys(arns))
