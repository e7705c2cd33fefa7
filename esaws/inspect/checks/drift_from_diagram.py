"""What was declared or drawn, held against what stands there."""

from __future__ import annotations

from collections.abc import Iterator

from esaws.architecture import Architecture
from esaws.inspect.checks.context import CheckContext, name_of
from esaws.inspect.checks.finding import Finding, Fix
from esaws.inspect.checks.registry import check
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.load_balancer import LoadBalancer
from esaws.resources.route import Route
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.subnet import Subnet
from esaws.resources.target_registration import TargetRegistration

_REDRAW = Fix("draw what is there: `esaws draw --live`; or deploy what was drawn")
_AN_ALB_NEEDS = 2


@check(
    *("Instances", "Subnets", "TargetGroups", "TargetHealth"),
    DRAWN_OTHERWISE="what was declared or drawn is not what stands there",
    DRAWN_IMPOSSIBLE="what was declared or drawn could not work on AWS",
)
def drawings(seen: CheckContext) -> Iterator[Finding]:
    """Only where an architecture was given to compare with."""
    if seen.declared is None:
        return
    yield from _zones(seen, seen.declared)
    yield from _behind_the_load_balancer(seen, seen.declared)
    yield from _impossible(seen.declared)


def _zones(seen: CheckContext, declared: Architecture) -> Iterator[Finding]:
    """Each group of machines by the zones that it was drawn in."""
    for group in declared.of(AutoScalingGroup):
        drawn = sorted({f"{seen.account.region}{subnet.zone}" for subnet in group.subnets})
        live = sorted({zone for name, zone in _running(seen) if name.endswith(group.template.name)})
        if live and live != drawn:
            detail = f"drawn in {' and '.join(drawn)}, it runs in {' and '.join(live)}"
            yield Finding("DRAWN_OTHERWISE", "info", group.template.name, detail, _REDRAW)


def _running(seen: CheckContext) -> Iterator[tuple[str, str]]:
    for raw in seen.account["Instances"]:
        if raw["State"]["Name"] == "running":
            yield name_of(raw, raw["InstanceId"]), raw["Placement"]["AvailabilityZone"]


def _behind_the_load_balancer(seen: CheckContext, declared: Architecture) -> Iterator[Finding]:
    """Who is drawn behind the load balancer and is in no target group."""
    names = {raw["InstanceId"]: name_of(raw, raw["InstanceId"]) for raw in seen.account["Instances"]}
    targets = {names.get(each["Target"]["Id"], "") for each in seen.account["TargetHealth"]}
    for registration in declared.of(TargetRegistration):
        name = registration.group.template.name
        runs = any(running.endswith(name) for running, _ in _running(seen))
        if runs and not any(target.endswith(name) for target in targets):
            detail = "drawn behind the load balancer, it is in no target group: it is reached on its own address"
            yield Finding("DRAWN_OTHERWISE", "info", name, detail, _REDRAW)


def _impossible(declared: Architecture) -> Iterator[Finding]:
    for one in declared.of(LoadBalancer):
        if len({subnet.zone for subnet in one.subnets}) < _AN_ALB_NEEDS:
            detail = "drawn in one zone: AWS wants subnets in two"
            yield Finding("DRAWN_IMPOSSIBLE", "info", one.name, detail, _REDRAW)
    leading_out = {route.table.key for route in declared.of(Route)}
    public = {each.subnet.key for each in declared.of(RouteTableAssociation) if each.table.key in leading_out}
    hosts = [subnet for group in declared.of(AutoScalingGroup) for subnet in group.subnets]
    for subnet in dict.fromkeys(hosts):
        if isinstance(subnet, Subnet) and subnet.key not in public:
            detail = "machines of ECS are drawn in it, without a way out: they could reach neither ECS nor ECR"
            yield Finding("DRAWN_IMPOSSIBLE", "info", subnet.name, detail, _REDRAW)
