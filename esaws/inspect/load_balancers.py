"""The load balancers of an account by name, their listeners, their rules, and the health behind each target group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esaws.cloud import Cloud
from esaws.errors import NotDeployed, UsageError
from esaws.inspect.account import Account, snapshot
from esaws.inspect.fetch import Raw
from esaws.inspect.routing.rules import RoutingRule, parse_rules

if TYPE_CHECKING:
    import pandas

KEYS = ("LoadBalancers", "Listeners", "Rules", "TargetGroups", "TargetGroupAttributes", "TargetHealth")
"""What has to be looked at."""


@dataclass(frozen=True)
class LiveLoadBalancer:
    """One Application Load Balancer of an account."""

    account: Account
    raw: Raw

    @property
    def name(self) -> str:
        return str(self.raw["LoadBalancerName"])

    @property
    def is_public(self) -> bool:
        return bool(self.raw.get("Scheme") == "internet-facing")

    def listeners(self) -> list[Raw]:
        """Its listeners by port, as describe_listeners gives them."""
        mine = (each for each in self.account["Listeners"] if each["LoadBalancerArn"] == self.raw["LoadBalancerArn"])
        return sorted(mine, key=lambda each: int(each["Port"]))

    def listener(self, port: int) -> Raw | None:
        return next((each for each in self.listeners() if each["Port"] == port), None)

    def rules(self, listener: Raw) -> list[RoutingRule]:
        """The rules of a listener in the order in which they are asked."""
        return parse_rules(each for each in self.account["Rules"] if each["ListenerArn"] == listener["ListenerArn"])


def list_load_balancers(account: Account) -> list[LiveLoadBalancer]:
    """All Application Load Balancers, by name."""
    found = [
        LiveLoadBalancer(account, raw)
        for raw in account["LoadBalancers"]
        if raw.get("Type", "application") == "application"
    ]
    return sorted(found, key=lambda each: each.name)


def find_load_balancer(account: Account, name: str | None = None, *, host: str = "") -> LiveLoadBalancer:
    """The load balancer of a name, with or without its deployment; else the one that a host is; else the only one.

    Raises:
        NotDeployed: there is none.
        UsageError: there is none of that name, or several and nothing tells which.
    """
    found = list_load_balancers(account)
    names = ", ".join(each.name for each in found)
    if not found:
        raise NotDeployed(f"account {account.id} has no Application Load Balancer in {account.region}")
    if name:
        named = [each for each in found if each.name == name] or [
            each for each in found if each.name.endswith(f"-{name}")
        ]
        if len(named) != 1:
            raise UsageError(
                f"there is no load balancer {name}; there are {names}" if not named else _several(name, named)
            )
        return named[0]
    of_host = [each for each in found if host and each.raw.get("DNSName", "").lower() == host.lower()]
    if of_host or len(found) == 1:
        return (of_host or found)[0]
    raise UsageError(f"there are several load balancers, {names}: say which with --alb, or with its DNS name as host")


def _several(name: str, named: list[LiveLoadBalancer]) -> str:
    return f"{name} may be {' or '.join(each.name for each in named)}: say it with its deployment"


def target_group_name(arn: str) -> str:
    """A target group by its name; its ARN holds it."""
    return arn.rpartition(":targetgroup/")[2].split("/")[0]


def health_by_target_group(account: Account) -> dict[str, dict[str, Any]]:
    """By target group ARN what a trace wants: TargetHealthDescriptions, and Attributes where they are known."""
    found: dict[str, dict[str, Any]] = {
        each["TargetGroupArn"]: {"TargetHealthDescriptions": []} for each in account["TargetGroups"]
    }
    for each in account["TargetHealth"]:
        found[each["TargetGroupArn"]]["TargetHealthDescriptions"].append(each)
    for each in account.get("TargetGroupAttributes") or ():
        found[each["TargetGroupArn"]]["Attributes"] = each["Attributes"]
    return found


def rules(cloud: Cloud, alb: str | None = None) -> pandas.DataFrame:
    """The rules of a load balancer, of all its listeners; `alb` may be left out where there is only one.

    One row for each rule and target group, by port and in the order in which they are asked. Columns: port, priority,
    conditions, action, target_group (its name, with its share where there are several), healthy, registered (how many
    targets; NaN where it forwards to none).

    Raises:
        NotDeployed, UsageError: there is no such load balancer.
    """
    return rules_of_balancer(find_load_balancer(snapshot(cloud, *KEYS), alb))


def rules_of_balancer(one: LiveLoadBalancer) -> pandas.DataFrame:
    """The same, of a load balancer that was looked at."""
    import pandas

    health = health_by_target_group(one.account)
    rows = [
        row for listener in one.listeners() for rule in one.rules(listener) for row in _rows(listener, rule, health)
    ]
    columns = ["port", "priority", "conditions", "action", "target_group", "healthy", "registered"]
    frame = pandas.DataFrame(rows, columns=columns)
    return frame.astype({"healthy": "Int64", "registered": "Int64"})


def _rows(listener: Raw, rule: RoutingRule, health: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    conditions = " and ".join(f"{each.field} {each.description}" for each in rule.conditions) or "otherwise"
    last = rule.actions[-1] if rule.actions else {}
    told = {
        "port": listener["Port"],
        "priority": rule.priority,
        "conditions": conditions,
        "action": describe_actions(rule),
    }
    shares = target_group_weights(last)
    for arn, share in shares.items():
        states = [each["TargetHealth"]["State"] for each in health.get(arn, {}).get("TargetHealthDescriptions", ())]
        name = target_group_name(arn) + (f" ({share})" if len(shares) > 1 else "")
        yield told | {"target_group": name, "healthy": states.count("healthy"), "registered": len(states)}
    if not shares:
        yield told | {"target_group": "", "healthy": None, "registered": None}


def target_group_weights(action: Raw | Any) -> dict[str, int]:
    """The target groups that an action forwards to, by ARN, with their weights; none for other actions."""
    from esaws.inspect.routing.actions import forward_weights

    return forward_weights(action) if action.get("Type") == "forward" else {}


def describe_actions(rule: RoutingRule) -> str:
    """What a rule does, each of its actions in a word or two."""
    return ", then ".join(_one_action(action) for action in rule.actions) or "nothing"


def _one_action(action: Any) -> str:
    match action.get("Type"):
        case "fixed-response":
            return f"answer {action['FixedResponseConfig']['StatusCode']}"
        case "redirect":
            config = action["RedirectConfig"]
            parts = {"Protocol": "#{protocol}", "Host": "#{host}", "Port": "#{port}", "Path": "/#{path}"}
            protocol, host, port, path = (config.get(part, same) for part, same in parts.items())
            return f"redirect {config['StatusCode'].removeprefix('HTTP_')} to {protocol.lower()}://{host}:{port}{path}"
        case other:
            return str(other)
