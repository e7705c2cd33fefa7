"""Checks of drift: the declared or drawn architecture against what is deployed."""

from __future__ import annotations

from collections.abc import Iterator

from esaws.architecture import Architecture
from esaws.inspect.account import name_tag
from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import Finding
from esaws.inspect.checks.registry import check
from esaws.inspect.fixes import Fix
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.load_balancer import LoadBalancer
from esaws.resources.route import Route
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.subnet import Subnet
from esaws.resources.target_registration import TargetRegistration

_REDRAW = Fix("draw the deployed system with `esaws draw --live`, or deploy the drawn one")
_ALB_ZONES = 2


@check(
    *("Instances", "Subnets", "TargetGroups", "TargetHealth"),
    DRAWN_OTHERWISE="the deployed system differs from the declared or drawn one",
    DRAWN_IMPOSSIBLE="the declared or drawn architecture cannot work on AWS",
)
def drift_from_declaration(context: CheckContext) -> Iterator[Finding]:
    """Only where an architecture is given to compare with."""
    if context.declared is None:
        return
    yield from _zones(context, context.declared)
    yield from _behind_the_load_balancer(context, context.declared)
    yield from _impossible(context.declared)


def _zones(context: CheckContext, declared: Architecture) -> Iterator[Finding]:
    """Compare the zones of each Auto Scaling group."""
    for group in declared.of(AutoScalingGroup):
        declared_zones = sorted({f"{context.account.region}{subnet.zone}" for subnet in group.subnets})
        running_zones = sorted({zone for name, zone in _running(context) if name.endswith(group.template.name)})
        if running_zones and running_zones != declared_zones:
            detail = f"drawn in {' and '.join(declared_zones)}, but runs in {' and '.join(running_zones)}"
            yield Finding("DRAWN_OTHERWISE", "info", group.template.name, detail, _REDRAW)


def _running(context: CheckContext) -> Iterator[tuple[str, str]]:
    for raw in context.account["Instances"]:
        if raw["State"]["Name"] == "running":
            yield name_tag(raw, raw["InstanceId"]), raw["Placement"]["AvailabilityZone"]


def _behind_the_load_balancer(context: CheckContext, declared: Architecture) -> Iterator[Finding]:
    """Find services that are drawn behind the load balancer and are in no target group."""
    names = {raw["InstanceId"]: name_tag(raw, raw["InstanceId"]) for raw in context.account["Instances"]}
    targets = {names.get(raw["Target"]["Id"], "") for raw in context.account["TargetHealth"]}
    for registration in declared.of(TargetRegistration):
        name = registration.group.template.name
        is_running = any(running.endswith(name) for running, _ in _running(context))
        if is_running and not any(target.endswith(name) for target in targets):
            detail = "drawn behind the load balancer, but in no target group: clients reach it on its own address"
            yield Finding("DRAWN_OTHERWISE", "info", name, detail, _REDRAW)


def _impossible(declared: Architecture) -> Iterator[Finding]:
    for load_balancer in declared.of(LoadBalancer):
        if len({subnet.zone for subnet in load_balancer.subnets}) < _ALB_ZONES:
            detail = "drawn in one zone: AWS requires subnets in two"
            yield Finding("DRAWN_IMPOSSIBLE", "info", load_balancer.name, detail, _REDRAW)
    with_route = {route.table.key for route in declared.of(Route)}
    public = {
        association.subnet.key
        for association in declared.of(RouteTableAssociation)
        if association.table.key in with_route
    }
    hosts = [subnet for group in declared.of(AutoScalingGroup) for subnet in group.subnets]
    for subnet in dict.fromkeys(hosts):
        if isinstance(subnet, Subnet) and subnet.key not in public:
            detail = "ECS instances are drawn in it, without a route to the internet: they could not reach ECS and ECR"
            yield Finding("DRAWN_IMPOSSIBLE", "info", subnet.name, detail, _REDRAW)
