"""Checks of the way to a load balancer: listener ports that no group opens, subnets without a route to the internet."""

from __future__ import annotations

from collections.abc import Iterator

from esaws.inspect.account import name_tag
from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import Finding
from esaws.inspect.checks.registry import check
from esaws.inspect.fetch import Raw
from esaws.inspect.fixes import Fix
from esaws.inspect.network.addresses import parse_address
from esaws.inspect.network.route_tables import lookup_route
from esaws.inspect.network.traffic import ALL, TCP, UDP

_PROTOCOLS = {"UDP": (UDP,), "TCP_UDP": (TCP, UDP), "QUIC": (UDP,), "TCP_QUIC": (TCP, UDP)}
"""The transport protocols of a listener; TCP for any other, such as HTTP and TLS."""

_OUTSIDE = parse_address("198.51.100.1")


@check(
    *("LoadBalancers", "Listeners", "SecurityGroups", "NetworkInterfaces", "PrefixLists"),
    UNREACHED_PORT="no rule allows traffic to a listening port",
)
def closed_listeners(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-update-security-groups.html"""
    for raw in context.account["LoadBalancers"]:
        groups = raw.get("SecurityGroups", ())
        if not groups or not set(groups) <= context.network.groups.keys():
            continue  # a Network Load Balancer without groups filters nothing
        rules = [rule for group in groups for rule in context.network.rules(group, "ingress")]
        for listener in _listeners(context, raw):
            port = int(listener["Port"])
            protocols = _PROTOCOLS.get(listener.get("Protocol", ""), (TCP,))
            if not any(
                rule.protocol == ALL or (rule.protocol in protocols and (rule.low or 0) <= port <= (rule.high or 0))
                for rule in rules
            ):
                detail = f"it listens on port {port}, and no rule of its groups allows that"
                fix = Fix("open the port to its clients, or delete the listener")
                yield Finding("UNREACHED_PORT", "high", raw["LoadBalancerName"], detail, fix)


def _listeners(context: CheckContext, load_balancer: Raw) -> list[Raw]:
    arn = load_balancer["LoadBalancerArn"]
    own = (raw for raw in context.account["Listeners"] if raw["LoadBalancerArn"] == arn and "Port" in raw)
    return sorted(own, key=lambda raw: int(raw["Port"]))


@check(
    *("LoadBalancers", "RouteTables", "Subnets", "SecurityGroups", "NetworkInterfaces", "Vpcs"),
    NO_ROUTE="an internet-facing load balancer is in a subnet without a route to the internet",
)
def load_balancers_without_route(context: CheckContext) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"""
    subnets = {raw["SubnetId"]: raw for raw in context.account["Subnets"]}
    for raw in context.account["LoadBalancers"]:
        for zone in raw.get("AvailabilityZones", ()) if raw.get("Scheme") == "internet-facing" else ():
            subnet = subnets.get(zone.get("SubnetId", ""))
            if subnet is None:
                continue
            route = lookup_route(context.network, subnet["SubnetId"], subnet.get("VpcId", ""), _OUTSIDE)
            leads_astray = route.kind in ("none", "NAT gateway") or not route.active
            if route.kind == "unknown" or not leads_astray:
                continue  # a firewall may be on the way
            leads = "has no route to the internet" if route.kind == "none" else f"routes the internet to {route}"
            name = name_tag(subnet, subnet["SubnetId"])
            detail = f"its subnet {name} in {zone.get('ZoneName', '')} {leads}: clients don't reach its node there"
            fix = Fix("route 0.0.0.0/0 of the subnet to an internet gateway, or choose a public subnet")
            yield Finding("NO_ROUTE", "high", raw["LoadBalancerName"], detail, fix)
