"""Conformance cases about security groups, network ACLs, routes and findings: one function for each kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from esaws.inspect.answers import all_of
from esaws.inspect.checks.group_findings import network_group_findings
from esaws.inspect.network import acls, route_tables
from esaws.inspect.network.addresses import Address, family_of, is_public, parse_address
from esaws.inspect.network.endpoints import Endpoint, as_peer, endpoint_at, unfiltered_service
from esaws.inspect.network.interfaces import Interface, Peer
from esaws.inspect.network.network import Network
from esaws.inspect.network.security_groups import (
    PERMISSIONS,
    Direction,
    GroupRule,
    GroupVerdict,
    evaluate_groups,
)
from esaws.inspect.network.traffic import Traffic

Json = dict[str, Any]


def reach(case: Json) -> Json:
    network, query, context = Network.of(case), case["query"], case.get("context", {})
    nat = context.get("nat_public_ip")
    source, destination = _endpoints(network, query["from"], query["to"])
    verdicts = _evaluate_both_sides(
        network,
        source,
        destination,
        _traffic(query),
        middlebox=bool(context.get("middlebox")),
        nat_public_ip=parse_address(nat) if nat else None,
    )
    return {
        "sg_decision": verdicts.decision,
        "blocked_by": verdicts.blocked_by,
        "ingress_rules": [rule_reference(rule) for rule in verdicts.rules("ingress")],
        "egress_rules": [rule_reference(rule) for rule in verdicts.rules("egress")],
    }


@dataclass(frozen=True)
class _Verdicts:
    """The verdicts of the source's egress and the destination's ingress, as far as groups filter there."""

    decision: str
    sides: tuple[GroupVerdict, ...] = ()

    @property
    def blocked_by(self) -> list[Direction]:
        return [side.direction for side in self.sides if side.answer.is_no]

    def rules(self, direction: Direction) -> tuple[GroupRule, ...]:
        return next((side.rules for side in self.sides if side.direction == direction), ())


def _evaluate_both_sides(
    network: Network,
    source: Endpoint,
    destination: Endpoint,
    traffic: Traffic,
    *,
    middlebox: bool,
    nat_public_ip: Address | None,
) -> _Verdicts:
    """Evaluate only the groups, whatever routes and network ACLs do.

    With `middlebox` the routes lead through an appliance, so references don't match. `nat_public_ip` is the source
    address on the internet. Source: https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
    """
    if source.address is None or destination.address is None:
        return _Verdicts("deny")
    if unfiltered_service(network, source, destination):
        return _Verdicts("not_filtered")
    to, sender = as_peer(destination, not middlebox), as_peer(source, not middlebox)
    if source.external or destination.external:
        to = Peer(destination.address)
        if source.interface:
            sender = Peer(nat_public_ip or source.interface.source_on_internet(family_of(destination.address)))
    sides = [
        evaluate_groups(network, direction, endpoint.interface, peer, traffic)
        for direction, endpoint, peer in (("egress", source, to), ("ingress", destination, sender))
        if endpoint.interface
    ]
    verdicts = tuple(side for side in sides if side)
    decision = all_of(side.answer for side in verdicts).decision if verdicts else "not_filtered"
    return _Verdicts(decision, verdicts)


def rule_reference(rule: GroupRule) -> Json:
    """Return {GroupId, IpPermissionsIndex, source}, or IpPermissionsEgressIndex and destination."""
    side = "source" if rule.direction == "ingress" else "destination"
    return {"GroupId": rule.group, f"{PERMISSIONS[rule.direction]}Index": rule.index, side: rule.peer}


def _traffic(query: Json) -> Traffic:
    icmp = query.get("icmp")
    return Traffic.of(query["protocol"], query.get("port"), (icmp[0], icmp[1]) if icmp else None)


def _endpoints(network: Network, source: Json, destination: Json) -> tuple[Endpoint, Endpoint]:
    vpcs = [network.interface(end["eni"]).vpc for end in (source, destination) if "eni" in end]
    vpc = vpcs[0] if vpcs else ""
    return _endpoint(network, source, destination, vpc), _endpoint(network, destination, source, vpc)


def _endpoint(network: Network, end: Json, other: Json, vpc: str) -> Endpoint:
    if "ip" in end:
        return endpoint_at(network, parse_address(end["ip"]), vpc)
    interface = network.interface(end["eni"])
    over_ipv6 = other.get("address") == "ipv6" or ":" in other.get("ip", "")
    kind = end.get("address", "ipv6" if over_ipv6 else "private")
    return Endpoint(interface.id, _address(interface, kind), interface, kind == "public")


def _address(interface: Interface, kind: str) -> Address | None:
    if kind == "public":
        return interface.public_address(4)
    return interface.private_address(6 if kind == "ipv6" else 4)


def nacl(case: Json) -> Json:
    query = case["query"]
    subnet = query.get("subnet")
    acl = acls.acl_of_subnet(case["NetworkAcls"], subnet) if subnet else None
    verdict = acls.evaluate_acl(
        acl or case["NetworkAcls"][0], query["egress"], parse_address(query["peer_ip"]), _traffic(query)
    )
    return {"action": verdict.action, "rule_number": verdict.rule_number}


def path(case: Json) -> Json:
    query = case["query"]
    same = case.get("same_subnet", False)
    return {"nacl_evaluated": not same and acls.acl_applies(query["from_subnet"], query["to_subnet"])}


def route(case: Json) -> Json:
    network, query = Network.of(case), case["query"]
    destination = parse_address(query["destination"])
    interfaces = [interface for interface in network.interfaces.values() if interface.subnet == query["subnet"]]
    vpcs = [network.subnet_ranges.get(query["subnet"], ("", ()))[0], *(interface.vpc for interface in interfaces)]
    found = route_tables.lookup_route(network, query["subnet"], next(filter(None, vpcs), ""), destination)
    interfaces = interfaces or [*network.interfaces.values()]
    return {
        "target": found.target,
        "state": found.state,
        "egress_reachable": _egress_reachable(found, interfaces, destination),
        "internet_reachable": _internet_reachable(found, interfaces, destination),
    }


def _egress_reachable(route: route_tables.Route, interfaces: list[Interface], destination: Address) -> bool | str:
    if route.kind == "unknown":
        return "unknown"
    if route.kind == "none" or not route.active:
        return False
    if route.kind == "elsewhere":
        return "unknown"
    return _has_public_address(interfaces, destination) if route.kind == "internet gateway" and interfaces else True


def _internet_reachable(route: route_tables.Route, interfaces: list[Interface], destination: Address) -> bool | str:
    if route.kind == "unknown":
        return "unknown"
    if route.kind != "internet gateway" or not route.active or not is_public(destination):
        return False
    return _has_public_address(interfaces, destination) if interfaces else "unknown"


def _has_public_address(interfaces: list[Interface], destination: Address) -> bool:
    return any(interface.public_address(family_of(destination)) for interface in interfaces)


def findings(case: Json) -> Json:
    return {"findings": [finding.to_dict() for finding in network_group_findings(Network.of(case))]}


KINDS: dict[str, Callable[[Json], Json]] = {
    "reach": reach,
    "nacl": nacl,
    "path": path,
    "route": route,
    "findings": findings,
}
