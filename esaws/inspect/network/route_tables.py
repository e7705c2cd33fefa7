"""Route tables: the longest matching prefix decides, and a blackhole route drops the traffic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from esaws.inspect.network.addresses import Address, Range, is_public, parse_cidr
from esaws.inspect.network.network import Network

Kind = Literal[
    "local",
    "internet gateway",
    "NAT gateway",
    "egress-only internet gateway",
    "gateway endpoint",
    "elsewhere",
    "none",
    "unknown",
]

_TARGETS = (
    "NatGatewayId",
    "EgressOnlyInternetGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
    "GatewayId",
)
_ONE_IN_A_VPC = {"internet gateway", "egress-only internet gateway"}
_KINDS: dict[str, Kind] = {
    "local": "local",
    "igw-": "internet gateway",
    "nat-": "NAT gateway",
    "eigw-": "egress-only internet gateway",
}


@dataclass(frozen=True)
class Route:
    """The route for a destination. `target` is AWS's id; the kind `elsewhere` is any target that is not followed."""

    target: str | None
    kind: Kind
    state: str | None
    reason: str = ""

    def __str__(self) -> str:
        """Its target; without an id where a VPC has only one of the kind."""
        return f"the {self.kind}" if self.kind in _ONE_IN_A_VPC else str(self.target)

    @property
    def active(self) -> bool:
        return self.state == "active"

    @property
    def appliance(self) -> bool:
        """Whether it leads through an interface, instance or endpoint, behind which group references don't match."""
        return (self.target or "").startswith(("eni-", "i-", "vpce-"))

    @property
    def peering(self) -> bool:
        return (self.target or "").startswith("pcx-")


NO_ROUTE = Route(None, "none", None)


@dataclass(frozen=True)
class RankedRoute:
    """One destination range of a route; `destination` is None for a prefix list whose entries are unknown."""

    destination: Range | None
    rank: tuple[int, int, int]
    route: Route
    may_contain_private: bool = True

    def may_contain(self, address: Address) -> bool:
        if self.destination is None:
            return self.may_contain_private or is_public(address)
        return self.destination.version == address.version and address in self.destination


def table_of_subnet(network: Network, subnet: str, vpc: str) -> Mapping[str, Any] | None:
    """Return a subnet's own route table, else its VPC's main one; None where neither was described."""
    if not subnet:
        return None
    tables = network.route_tables or ()
    for table in tables:
        if any(association.get("SubnetId") == subnet for association in table.get("Associations", [])):
            return table
    mains = [table for table in tables if any(association.get("Main") for association in table.get("Associations", []))]
    candidates = [table for table in mains if not vpc or table.get("VpcId") == vpc]
    return candidates[0] if len(candidates) == 1 else None


def target_of(raw: Mapping[str, Any]) -> str | None:
    return next((raw[key] for key in _TARGETS if raw.get(key)), None)


def _route(raw: Mapping[str, Any]) -> Route:
    target = target_of(raw)
    kind: Kind = next((kind for prefix, kind in _KINDS.items() if (target or "").startswith(prefix)), "elsewhere")
    return Route(target, "gateway endpoint" if _of_gateway_endpoint(raw) else kind, raw.get("State", "active"))


def _of_gateway_endpoint(raw: Mapping[str, Any]) -> bool:
    """Return whether a route leads to a gateway endpoint.

    Only the prefix list of a service (S3, DynamoDB) does; a range with such a target leads to a Gateway Load Balancer.
    """
    return "DestinationPrefixListId" in raw and str(raw.get("GatewayId", "")).startswith("vpce-")


def ranked_routes(table: Mapping[str, Any], prefixes: Mapping[str, tuple[Range, ...]]) -> list[RankedRoute]:
    """Return the ranges of a table's routes by rank; the highest-ranked one that contains an address decides.

    Rank: the longest prefix (a list without entries may contain the single address), then a static route before one to
    a prefix list before a propagated one. A propagated route never beats the local one, however long it is. Source:
    https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
    """
    ranked = []
    local_ranges = [
        parse_cidr(raw.get("DestinationCidrBlock") or raw["DestinationIpv6CidrBlock"])
        for raw in table.get("Routes", [])
        if raw.get("GatewayId") == "local"
    ]
    for order, raw in enumerate(table.get("Routes", [])):
        propagated = raw.get("Origin") == "EnableVgwRoutePropagation"
        prefix_list = raw.get("DestinationPrefixListId")
        for destination in _destinations(raw, prefixes):
            if propagated and destination is not None and any(_inside(destination, local) for local in local_ranges):
                continue
            width = 0 if destination is None else destination.max_prefixlen - destination.prefixlen
            precedence = 0 if propagated else 1 if prefix_list else 2
            ranked.append(
                RankedRoute(destination, (-width, precedence, -order), _route(raw), not _of_gateway_endpoint(raw))
            )
    return sorted(ranked, key=lambda route: route.rank)


def _destinations(raw: Mapping[str, Any], prefixes: Mapping[str, tuple[Range, ...]]) -> tuple[Range, ...] | tuple[None]:
    if prefix_list := raw.get("DestinationPrefixListId"):
        return prefixes.get(prefix_list, (None,))
    cidr = raw.get("DestinationCidrBlock") or raw.get("DestinationIpv6CidrBlock")
    return (parse_cidr(cidr),) if cidr else (None,)


def _inside(destination: Range, local: Range) -> bool:
    return destination.version == local.version and destination.subnet_of(local)  # type: ignore[arg-type]


def lookup_route(network: Network, subnet: str, vpc: str, address: Address) -> Route:
    """Return the route that a subnet uses for an address.

    A gateway endpoint's prefix list contains only public addresses. Any other list without entries makes the route
    unknown.
    """
    if network.route_tables is None:
        return Route(None, "unknown", None, "the route tables are unknown")
    table = table_of_subnet(network, subnet, vpc)
    if table is None:
        return Route(None, "unknown", None, f"the route table of {subnet or 'its subnet'} is unknown")
    matching = [route for route in ranked_routes(table, network.prefixes) if route.may_contain(address)]
    if not matching:
        return NO_ROUTE
    best = matching[-1]
    if best.destination is None:
        reason = f"a route to {best.route.target} is for a prefix list whose entries are unknown"
        return Route(None, "unknown", None, reason)
    return best.route


def nat_routes_onwards(network: Network, route: Route) -> bool:
    """Return whether the subnet of a NAT gateway has a route to another network, such as by a transit gateway.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-scenarios.html
    """
    for raw in network.nat_gateways or ():
        if raw["NatGatewayId"] == route.target:
            table = table_of_subnet(network, raw.get("SubnetId", ""), raw.get("VpcId", ""))
            return table is None or any(_route(item).kind == "elsewhere" for item in table.get("Routes", []))
    return False
