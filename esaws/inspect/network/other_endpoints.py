"""What has interfaces but no name of a service, load balancer or store: instances, and what AWS manages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from esaws.inspect.account import name_tag
from esaws.inspect.network.endpoint_catalog import EndpointCatalog
from esaws.inspect.network.interfaces import Interface, InterfaceSet
from esaws.inspect.network.resolve import ResolvedEndpoint
from esaws.inspect.network.services import primary_interfaces
from esaws.inspect.network.traffic import PORT_NAMES, PORTS

_TYPES = {
    "nat_gateway": "NAT gateway",
    "network_load_balancer": "Network Load Balancer",
    "gateway_load_balancer": "Gateway Load Balancer",
    "gateway_load_balancer_endpoint": "Gateway Load Balancer endpoint",
    "vpc_endpoint": "VPC endpoint",
    "transit_gateway": "transit gateway attachment",
    "lambda": "Lambda function",
    "efs": "EFS mount target",
}
_DESCRIPTIONS = {
    "EFS mount target": "EFS mount target",
    "VPC Endpoint Interface": "VPC endpoint",
    "Amazon EKS": "EKS control plane",
    "RDSNetworkInterface": "RDS, of no described database",
    "ElastiCache": "ElastiCache, of no described cluster",
    "ELB app/": "Application Load Balancer that is not described",
    "ELB ": "Classic Load Balancer",
}


def other_instances(catalog: EndpointCatalog, covered: Sequence[str]) -> list[InterfaceSet]:
    """Return the instances none of whose interfaces is covered, by name; those alike in name and groups together."""
    seen, network = {*covered}, catalog.network
    alike: dict[tuple[str, tuple[str, ...] | None], list[str]] = {}
    primary = primary_interfaces(catalog.account)
    for raw in catalog.account.get("Instances") or ():
        interfaces = primary.get(raw["InstanceId"], ())
        if interfaces and not seen.intersection(interfaces) and raw["State"]["Name"] == "running":
            groups = network.interface(interfaces[0]).groups
            alike.setdefault((name_tag(raw, raw["InstanceId"]), groups), []).extend(interfaces)
    names = Counter(name for name, _ in alike)
    labels = {
        key: f"instance/{key[0]}" if names[key[0]] == 1 else f"instance/{key[0]} ({_groups(catalog, key[1])})"
        for key in alike
    }
    return [InterfaceSet(labels[key], tuple(alike[key])) for key in sorted(alike, key=lambda key: labels[key])]


def _groups(catalog: EndpointCatalog, groups: tuple[str, ...] | None) -> str:
    return ", ".join(sorted(map(catalog.network.group_name, groups or ()))) or "groups unknown"


def left_out(
    catalog: EndpointCatalog,
    endpoints: Sequence[ResolvedEndpoint],
    shown: Sequence[ResolvedEndpoint],
    destinations: Collection[str],
) -> Iterator[str]:
    """Yield what a matrix of some endpoints says nothing about, counted by kind, as phrases.

    `endpoints` are all, `shown` those that are in it; `destinations` are the names that have rows of their own.
    """
    names = {endpoint.name for endpoint in shown}
    yield from (endpoint.absence for endpoint in endpoints if endpoint.name not in names and endpoint.absence)
    states = Counter(raw["State"]["Name"] for raw in catalog.account.get("Instances") or ())
    for state, count in sorted(states.items()):
        if state not in ("running", "terminated"):
            yield f"{count} {'instance' if count == 1 else 'instances'} in state {state}"
    own = {id for endpoint in catalog.endpoints for id in endpoint.interfaces}
    own |= {id for endpoint in shown for id in endpoint.interfaces}
    stopped = {*catalog.not_running(catalog.network.interfaces)}
    others = [item for item in catalog.network.interfaces.values() if item.id not in own | stopped and item.attached]
    counts = Counter(_kind(item) for item in others)
    for kind, count in sorted(counts.items()):
        yield f"{count} {'interface' if count == 1 else 'interfaces'} of kind {kind}"
    if ranges := _port_ranges(catalog, shown):
        yield f"{ranges} {'rule that opens a range' if ranges == 1 else 'rules that open ranges'} of ports"
    if without := [endpoint.name for endpoint in shown if endpoint.name not in destinations]:
        yield f"{len(without)} without a port, as destination: {', '.join(without)}"


def _kind(interface: Interface) -> str:
    if named := _TYPES.get(interface.type):
        return named
    by_description = (kind for start, kind in _DESCRIPTIONS.items() if interface.description.startswith(start))
    return next(by_description, interface.type)


def _port_ranges(catalog: EndpointCatalog, shown: Sequence[ResolvedEndpoint]) -> int:
    """Return how many rules open more than one port into endpoints: rows are for single ports."""
    network = catalog.network
    known = [network.interfaces[id] for endpoint in shown for id in endpoint.interfaces if id in network.interfaces]
    groups = {group for interface in known for group in interface.groups or ()}
    wide = {
        (rule.group, rule.index)
        for group in groups
        for rule in network.rules(group, "ingress")
        if rule.protocol not in PORT_NAMES or (rule.low, rule.high) == PORTS or rule.low != rule.high
    }
    return len(wide)
