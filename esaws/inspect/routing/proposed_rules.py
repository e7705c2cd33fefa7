"""Proposed rules of a load balancer: the listeners that they are for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from esaws.errors import UsageError
from esaws.inspect.load_balancers import LiveLoadBalancer
from esaws.inspect.routing.rules import parse_rules

DescribedRules = Sequence[Mapping[str, Any]]
"""The rules of one listener from describe_rules."""


def proposed_by_port(
    load_balancer: LiveLoadBalancer, proposed: DescribedRules | Mapping[int, DescribedRules], port: int | None = None
) -> dict[int, DescribedRules]:
    """Return the rules of each listener, by its port, as they would be with the proposed ones.

    A rule belongs to the listener that its ListenerArn or RuleArn names; one without either, to the listener of the
    others, or to the only one. `port` overrides all that. Listeners without proposed rules stay as they are, and so
    does a default rule that is not given, because it can't be deleted.

    Raises:
        UsageError: the listener of a rule is unknown, or a rule has an invalid priority.
    """
    live = {int(raw["Port"]): load_balancer.described_rules(raw) for raw in load_balancer.listeners()}
    given = dict(proposed) if isinstance(proposed, Mapping) else _by_port(load_balancer, proposed, port)
    if unknown := given.keys() - live.keys():
        raise UsageError(f"{load_balancer.name}: no listener on port {min(unknown)}. It listens on {_ports(live)}")
    return {**live, **{number: _with_default(rules, live[number]) for number, rules in given.items()}}


def _by_port(load_balancer: LiveLoadBalancer, rules: DescribedRules, port: int | None) -> dict[int, DescribedRules]:
    if port is not None:
        return {port: rules}
    if not rules:
        raise UsageError("no rule is proposed. Choose the listener that keeps only its default rule: --listener PORT")
    ports = {raw["ListenerArn"]: int(raw["Port"]) for raw in load_balancer.listeners()}
    listeners = [_listener_arn(rule) for rule in rules]
    named = {arn for arn in listeners if arn in ports}
    only = next(iter(ports if len(ports) == 1 else named), None) if len(ports) == 1 or len(named) == 1 else None
    grouped: dict[int, list[Mapping[str, Any]]] = {}
    for arn, rule in zip(listeners, rules, strict=True):
        listener = arn if arn in ports else only
        if listener is None or (arn and arn not in ports and len(ports) > 1):
            what = (
                f"rule {rule.get('Priority', '')} is of {arn}" if arn else "a rule has neither RuleArn nor ListenerArn"
            )
            raise UsageError(
                f"{load_balancer.name} has listeners on {_ports(ports.values())}, and {what}. "
                "Choose the listener of the proposed rules by its port: --listener PORT"
            )
        grouped.setdefault(ports[listener], []).append(rule)
    for number, own in grouped.items():
        _check_priorities(number, own)
    return dict(grouped)


def _listener_arn(rule: Mapping[str, Any]) -> str:
    """Return the ARN of a rule's listener: the ARN of the rule is `…:listener-rule/app/NAME/ID/LISTENER/RULE`."""
    if arn := rule.get("ListenerArn"):
        return str(arn)
    return str(rule.get("RuleArn", "")).replace(":listener-rule/", ":listener/").rpartition("/")[0]


def _check_priorities(port: int, rules: DescribedRules) -> None:
    counts = Counter(rule.priority for rule in parse_rules(rules))
    if twice := [priority for priority, count in counts.items() if count > 1]:
        raise UsageError(f"port {port}: two proposed rules have the priority {twice[0]}. AWS refuses the second")


def _with_default(proposed: DescribedRules, live: DescribedRules) -> DescribedRules:
    if any(rule.is_default for rule in parse_rules(proposed)):
        return proposed
    return [*proposed, *(rule for rule in live if rule.get("IsDefault"))]


def _ports(ports: Any) -> str:
    return ", ".join(map(str, sorted(ports))) or "no port"
