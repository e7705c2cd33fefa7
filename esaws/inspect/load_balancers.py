"""Application Load Balancers of an account: listeners, rules, and the health behind each target group."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esaws.cloud import Cloud
from esaws.errors import NotDeployed, UsageError
from esaws.inspect.account import Account, account_of
from esaws.inspect.fetch import Raw
from esaws.inspect.routing.actions import describe_action, forward_weights
from esaws.inspect.routing.rules import RoutingRule, parse_rules

if TYPE_CHECKING:
    import pandas

KEYS = ("LoadBalancers", "Listeners", "Rules", "TargetGroups", "TargetGroupAttributes", "TargetHealth")
"""What a snapshot needs for load balancers."""

_DNS_NAME = re.compile(r".+\.elb(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?")
"""The DNS name that AWS gives a load balancer: of a network one, the region is behind `elb`."""


@dataclass(frozen=True)
class LiveLoadBalancer:
    """One load balancer of an account."""

    account: Account
    raw: Raw

    @property
    def name(self) -> str:
        return str(self.raw["LoadBalancerName"])

    @property
    def type(self) -> str:
        """AWS's type: application, network or gateway."""
        return str(self.raw.get("Type", "application"))

    @property
    def is_public(self) -> bool:
        return bool(self.raw.get("Scheme") == "internet-facing")

    def listeners(self) -> list[Raw]:
        """Return its listeners from describe_listeners by port."""
        arn = self.raw["LoadBalancerArn"]
        own = (listener for listener in self.account["Listeners"] if listener["LoadBalancerArn"] == arn)
        return sorted(own, key=lambda listener: int(listener["Port"]))

    def listener(self, port: int) -> Raw | None:
        return next((listener for listener in self.listeners() if listener["Port"] == port), None)

    def described_rules(self, listener: Raw) -> list[Raw]:
        """Return the rules of a listener as describe_rules does."""
        return [rule for rule in self.account["Rules"] if rule["ListenerArn"] == listener["ListenerArn"]]

    def rules(self, listener: Raw) -> list[RoutingRule]:
        """Return the rules of a listener in the order in which AWS evaluates them."""
        return parse_rules(self.described_rules(listener))


def list_load_balancers(account: Account, *types: str) -> list[LiveLoadBalancer]:
    """Return all load balancers of the given types by name, without types the Application Load Balancers."""
    found = [LiveLoadBalancer(account, raw) for raw in account["LoadBalancers"]]
    of_types = [load_balancer for load_balancer in found if load_balancer.type in (types or ("application",))]
    return sorted(of_types, key=lambda load_balancer: load_balancer.name)


def find_load_balancer(account: Account, name: str | None = None, *, host: str = "") -> LiveLoadBalancer:
    """Return the load balancer of a name or ARN, with or without its deployment; else of a host; else the only one.

    Raises:
        NotDeployed: the account has none.
        UsageError: none has the name, or several are possible.
    """
    load_balancers = list_load_balancers(account)
    names = ", ".join(load_balancer.name for load_balancer in load_balancers)
    if not load_balancers:
        raise NotDeployed(
            f"account {account.id} has no Application Load Balancer in {account.region}; name the account and the "
            "region that have one"
        )
    if name:
        matches = [lb for lb in load_balancers if name in (lb.name, lb.raw["LoadBalancerArn"])] or [
            lb for lb in load_balancers if lb.name.endswith(f"-{name}")
        ]
        if not matches:
            raise UsageError(f"{name}: no such load balancer. Choose from {names}")
        if len(matches) > 1:
            candidates = " or ".join(lb.name for lb in matches)
            raise UsageError(f"{name}: several load balancers match, {candidates}. Use the name with its deployment")
        return matches[0]
    own_name = host.lower().removeprefix("dualstack.")
    of_host = [lb for lb in load_balancers if host and lb.raw.get("DNSName", "").lower() == own_name]
    if not of_host and _DNS_NAME.fullmatch(own_name):
        raise UsageError(f"{host}: not the DNS name of an Application Load Balancer. Choose one with --alb: {names}")
    if of_host or len(load_balancers) == 1:
        return (of_host or load_balancers)[0]
    raise UsageError(f"several load balancers exist ({names}). Choose one with --alb, or use its DNS name as host")


def target_group_name(arn: str) -> str:
    """Return the name of a target group from its ARN."""
    return arn.rpartition(":targetgroup/")[2].split("/")[0]


def health_by_target_group(account: Account) -> dict[str, dict[str, Any]]:
    """Return TargetHealthDescriptions, and Attributes where they are known, for each target group ARN.

    An instance has the AvailabilityZone that AWS only describes of addresses.
    """
    placed = (raw for raw in account.get("Instances") or () if "Placement" in raw)
    zones = {raw["InstanceId"]: raw["Placement"]["AvailabilityZone"] for raw in placed}
    health: dict[str, dict[str, Any]] = {
        group["TargetGroupArn"]: {"TargetHealthDescriptions": []} for group in account["TargetGroups"]
    }
    for target in account["TargetHealth"]:
        zone = {"AvailabilityZone": zones[id]} if (id := target["Target"]["Id"]) in zones else {}
        located = dict(target) | {"Target": zone | dict(target["Target"])}
        health[target["TargetGroupArn"]]["TargetHealthDescriptions"].append(located)
    for group in account.get("TargetGroupAttributes") or ():
        health[group["TargetGroupArn"]]["Attributes"] = group["Attributes"]
    return health


@dataclass(frozen=True, eq=False, repr=False)
class ListenerRules:
    """The rules of a load balancer with the health of their targets, as a table."""

    load_balancer: LiveLoadBalancer

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each rule and target group, by port and in evaluation order.

        Columns: port, priority, conditions, action, target_group (its name, with its weight where there are several),
        healthy, registered (numbers of targets; NA where the rule does not forward).
        """
        import pandas

        health = health_by_target_group(self.load_balancer.account)
        rows = [
            row
            for listener in self.load_balancer.listeners()
            for rule in self.load_balancer.rules(listener)
            for row in _rows(listener, rule, health)
        ]
        columns = ["port", "priority", "conditions", "action", "target_group", "healthy", "registered"]
        frame = pandas.DataFrame(rows, columns=columns)
        return frame.astype({"healthy": "Int64", "registered": "Int64"})

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the rows for JSON, with None for NA."""
        rows: list[dict[str, Any]] = json.loads(self.to_frame().to_json(orient="records"))
        return rows

    def __repr__(self) -> str:
        return repr(self.to_frame())

    def _repr_html_(self) -> str | None:
        return self.to_frame()._repr_html_()


def rules(account: Account | Cloud, alb: str | None = None) -> ListenerRules:
    """Return the rules of all listeners of a load balancer; `alb` is its name, not needed where there is only one.

    Raises:
        NotDeployed, UsageError: the load balancer does not exist.
    """
    return ListenerRules(find_load_balancer(account_of(account, *KEYS), alb))


def _rows(listener: Raw, rule: RoutingRule, health: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    conditions = [f"{condition.field} {condition.description}" for condition in rule.conditions]
    last_action = rule.actions[-1] if rule.actions else {}
    row = {
        "port": listener["Port"],
        "priority": rule.priority,
        "conditions": " and ".join(conditions) or "otherwise",
        "action": describe_actions(rule),
    }
    weights = target_group_weights(last_action)
    for arn, weight in weights.items():
        targets = health.get(arn, {}).get("TargetHealthDescriptions", ())
        states = [target["TargetHealth"]["State"] for target in targets]
        name = target_group_name(arn) + (f" ({weight})" if len(weights) > 1 else "")
        yield row | {"target_group": name, "healthy": states.count("healthy"), "registered": len(states)}
    if not weights:
        yield row | {"target_group": "", "healthy": None, "registered": None}


def target_group_weights(action: Mapping[str, Any]) -> dict[str, int]:
    """Return the weight of each target group that an action forwards to, by ARN; empty for other actions."""
    return forward_weights(action) if action.get("Type") == "forward" else {}


def describe_actions(rule: RoutingRule) -> str:
    """Return the actions of a rule in a few words."""
    return ", then ".join(describe_action(action) for action in rule.actions) or "nothing"
