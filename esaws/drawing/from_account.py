"""The scene of an account: everything in its main VPC, owned or not, with health, open ports and prices."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from esaws.architecture import Architecture
from esaws.drawing.account_edges import account_edges
from esaws.drawing.account_fleets import account_fleets
from esaws.drawing.account_nodes import (
    endpoint_nodes,
    gateway_fleets,
    gateway_node,
    load_balancer_nodes,
    other_vpc_nodes,
    peering_nodes,
    regional_nodes,
    store_nodes,
)
from esaws.drawing.account_view import AccountView
from esaws.drawing.comparison import compare_scenes
from esaws.drawing.edges import merge_edges, sort_fleets
from esaws.drawing.from_architecture import architecture_scene
from esaws.drawing.scene import USERS, Scene, SubnetArea
from esaws.errors import UsageError
from esaws.inspect.account import Account
from esaws.inspect.recurring_costs import ALL_KEYS as COST_KEYS
from esaws.inspect.target_health import KEYS as HEALTH_KEYS
from esaws.pricelist import PriceList, bundled

KEYS = tuple(
    dict.fromkeys(
        [
            *HEALTH_KEYS,
            *("LoadBalancerAttributes", "Rules", "InternetGateways", "AutoScalingGroups", "Volumes"),
            *("Buckets", "UserPools", "repositories", "MetricAlarms", "DBSubnetGroups"),
            *("VpcPeeringConnections", *COST_KEYS),
        ]
    )
)
"""The keys of an account that a drawing needs."""

OVERLAYS = ("health", "ports", "costs")


def account_scene(
    account: Account,
    declared: Architecture | None = None,
    overlays: Collection[str] = OVERLAYS,
    prices: PriceList | None = None,
) -> Scene:
    """The scene of the VPC with the most resources; other VPCs are only named.

    `overlays` are any of health (healthy targets), ports (open to the internet) and costs (monthly list price). With
    `declared`, missing and undeclared resources are marked.

    Raises:
        UsageError: there is no such overlay.
    """
    if unknown := set(overlays) - set(OVERLAYS):
        raise UsageError(f"unknown overlay {', '.join(sorted(unknown))}; choose from {', '.join(OVERLAYS)}")
    scene = _scene(AccountView(account, frozenset(overlays), prices or bundled()))
    return compare_scenes(scene, architecture_scene(declared, account.region)) if declared else scene


def _scene(view: AccountView) -> Scene:
    fleets, gateway = account_fleets(view), gateway_node(view)
    edges = list(account_edges(view, gateway))
    load_balancers = load_balancer_nodes(view)
    fleets += gateway_fleets(view)
    stores = (*store_nodes(view), *endpoint_nodes(view))
    regional = (*regional_nodes(view), *peering_nodes(view), *other_vpc_nodes(view))
    drawn = {fleet.key for fleet in fleets} | {node.key for node in (*load_balancers, *stores)} | {USERS}
    drawn |= {gateway.key} if gateway else set()
    used_subnets = {subnet for fleet in fleets for subnet in fleet.subnets}
    used_subnets |= {subnet for load_balancer in load_balancers for subnet in load_balancer.subnets}
    return Scene(
        name=f"account {view.account.id}" if not view.prefix else view.prefix.removesuffix("-"),
        region=view.account.region,
        vpc=_vpc_title(view),
        vpc_notes=_vpc_notes(view),
        subnets=tuple(_subnets(view, used_subnets)),
        gateway=gateway,
        load_balancers=tuple(load_balancers),
        fleets=tuple(sort_fleets(fleets, edges)),
        stores=stores,
        regional=regional,
        edges=tuple(edge for edge in merge_edges(edges) if {edge.source, edge.target} <= drawn),
        footnotes=tuple(_footnotes(view)),
        total=view.total if "costs" in view.overlays else None,
    )


def _vpc_title(view: AccountView) -> str:
    vpc = next((vpc for vpc in view.items("Vpcs") if vpc["VpcId"] == view.vpc_id), None)
    if vpc is None:
        return ""
    name = view.name(vpc, "")
    return " ".join(filter(None, ("VPC", "" if name == "vpc" else name, vpc.get("CidrBlock", ""))))


def _vpc_notes(view: AccountView) -> tuple[str, ...]:
    groups = [
        group
        for group in view.items("SecurityGroups")
        if group.get("VpcId") == view.vpc_id and group.get("GroupName") != "default"
    ]
    return (f"{len(groups)} security group{'s' * (len(groups) != 1)}",) if groups else ()


def _subnets(view: AccountView, used: Collection[str]) -> Iterator[SubnetArea]:
    """The used subnets of the VPC, or all of them if none is used."""
    of_vpc = [subnet for id, subnet in view.subnets.items() if view.is_drawn(id)]
    shown = [subnet for subnet in of_vpc if view.subnet_name(subnet["SubnetId"]) in used] or of_vpc
    routed = _public_subnets(view)
    for subnet in sorted(shown, key=lambda subnet: (view.zone(subnet), subnet.get("CidrBlock", ""))):
        public = bool(subnet.get("MapPublicIpOnLaunch")) or subnet["SubnetId"] in routed
        name = view.subnet_name(subnet["SubnetId"])
        yield SubnetArea(name, view.zone(subnet), subnet.get("CidrBlock", ""), public)


def _public_subnets(view: AccountView) -> set[str]:
    """The subnets whose route table, their own or the main one, has a route to an internet gateway."""
    tables: dict[str, bool] = {}
    by_main = False
    for table in view.items("RouteTables"):
        is_public = any(str(route.get("GatewayId", "")).startswith("igw-") for route in table.get("Routes", ()))
        for association in table.get("Associations", ()):
            if "SubnetId" in association:
                tables[association["SubnetId"]] = is_public
            elif association.get("Main") and table.get("VpcId") == view.vpc_id:
                by_main = is_public
    return {subnet_id for subnet_id in view.subnets if tables.get(subnet_id, by_main)}


def _footnotes(view: AccountView) -> Iterator[str]:
    if "costs" in view.overlays:
        yield view.total.text
    for key, reason in sorted(view.account.missing.items()):
        yield f"{key} are not drawn: {reason}"
