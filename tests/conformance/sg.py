"""The cases on security groups, network ACLs, routes and findings: each kind as a function from input to actual."""

from collections.abc import Callable
from typing import Any

from esaws.inspect.network import acls, route_tables
from esaws.inspect.network.addresses import Address, is_public, parse_address
from esaws.inspect.network.endpoints import Endpoint, endpoint_at
from esaws.inspect.network.group_findings import network_group_findings
from esaws.inspect.network.group_rules import GroupRule
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.network import Network
from esaws.inspect.network.security_groups import BothVerdicts, evaluate_both_sides
from esaws.inspect.network.traffic import Traffic

Json = dict[str, Any]


def reach(given: Json) -> Json:
    network, query, context = Network.of(given), given["query"], given.get("context", {})
    nat = context.get("nat_public_ip")
    source, destination = _ends(network, query["from"], query["to"])
    said = evaluate_both_sides(
        network,
        source,
        destination,
        _traffic(query),
        middlebox=bool(context.get("middlebox")),
        nat_public_ip=parse_address(nat) if nat else None,
    )
    return {
        "sg_decision": said.decision,
        "blocked_by": said.blocked_by,
        "ingress_rules": [rule.reference() for rule in _rules(said, "ingress")],
        "egress_rules": [rule.reference() for rule in _rules(said, "egress")],
    }


def _rules(said: BothVerdicts, direction: str) -> tuple[GroupRule, ...]:
    side = said.ingress if direction == "ingress" else said.egress
    return side.rules if side else ()


def _traffic(query: Json) -> Traffic:
    icmp = query.get("icmp")
    return Traffic.of(query["protocol"], query.get("port"), (icmp[0], icmp[1]) if icmp else None)


def _ends(network: Network, source: Json, destination: Json) -> tuple[Endpoint, Endpoint]:
    vpcs = [network.interface(end["eni"]).vpc for end in (source, destination) if "eni" in end]
    vpc = vpcs[0] if vpcs else ""
    return _end(network, source, destination, vpc), _end(network, destination, source, vpc)


def _end(network: Network, end: Json, other: Json, vpc: str) -> Endpoint:
    if "ip" in end:
        return endpoint_at(network, parse_address(end["ip"]), vpc)
    interface = network.interface(end["eni"])
    over_ipv6 = other.get("address") == "ipv6" or ":" in other.get("ip", "")
    which = end.get("address", "ipv6" if over_ipv6 else "private")
    return Endpoint(interface.id, _address(interface, which), interface, which == "public")


def _address(interface: Interface, which: str) -> Address | None:
    if which == "public":
        return interface.public_address(4)
    return interface.private_address(6 if which == "ipv6" else 4)


def nacl(given: Json) -> Json:
    query = given["query"]
    named = query.get("subnet")
    acl = acls.acl_of_subnet(given["NetworkAcls"], named) if named else None
    verdict = acls.evaluate_acl(
        acl or given["NetworkAcls"][0], query["egress"], parse_address(query["peer_ip"]), _traffic(query)
    )
    return {"action": verdict.action, "rule_number": verdict.rule_number}


def path(given: Json) -> Json:
    query = given["query"]
    same = given.get("same_subnet", False)
    return {"nacl_evaluated": not same and acls.acl_applies(query["from_subnet"], query["to_subnet"])}


def route(given: Json) -> Json:
    network, query = Network.of(given), given["query"]
    destination = parse_address(query["destination"])
    interfaces = [each for each in network.interfaces.values() if each.subnet == query["subnet"]]
    vpcs = [network.subnet_ranges.get(query["subnet"], ("", ()))[0], *(each.vpc for each in interfaces)]
    found = route_tables.lookup_route(network, query["subnet"], next(filter(None, vpcs), ""), destination)
    interfaces = interfaces or [*network.interfaces.values()]
    return {
        "target": found.target,
        "state": found.state,
        "egress_reachable": _leaves(found, interfaces, destination),
        "internet_reachable": _enters(found, interfaces, destination),
    }


def _leaves(found: route_tables.Route, interfaces: list[Interface], destination: Address) -> bool | str:
    through = route_tables.allows_egress(found)
    if through and found.kind == "internet gateway" and interfaces:
        return _has_public(interfaces, destination)
    return "unknown" if through is None else through


def _enters(found: route_tables.Route, interfaces: list[Interface], destination: Address) -> bool | str:
    if found.kind == "unknown":
        return "unknown"
    if found.kind != "internet gateway" or not found.active or not is_public(destination):
        return False
    return _has_public(interfaces, destination) if interfaces else "unknown"


def _has_public(interfaces: list[Interface], destination: Address) -> bool:
    return any(interface.public_address(4 if destination.version == 4 else 6) for interface in interfaces)


def group_findings(given: Json) -> Json:
    return {"findings": [found.to_dict() for found in network_group_findings(Network.of(given))]}


KINDS: dict[str, Callable[[Json], Json]] = {
    "reach": reach,
    "nacl": nacl,
    "path": path,
    "route": route,
    "findings": group_findings,
}
