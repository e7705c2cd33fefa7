"""Route tables: the longest prefix that holds the destination decides, and a blackhole drops."""

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
    """Where a route table sends a destination; `target` is AWS's id, `elsewhere` any target not followed here."""

    target: str | None
    kind: Kind
    state: str | None
    reason: str = ""

    def __str__(self) -> str:
        """Its target; a VPC has only one internet gateway of each kind, so its id would tell nothing."""
        return f"the {self.kind}" if self.kind in _ONE_IN_A_VPC else str(self.target)

    @property
    def active(self) -> bool:
        return self.state == "active"

    @property
    def appliance(self) -> bool:
        """Whether it leads through an interface, an instance or an endpoint, behind which references don't match."""
        return (self.target or "").startswith(("eni-", "i-", "vpce-"))

    @property
    def peering(self) -> bool:
        return (self.target or "").startswith("pcx-")


NO_ROUTE = Route(None, "none", None)


@dataclass(frozen=True)
class RankedRoute:
    """One range of a route, None where it is a prefix list whose entries are not known."""

    destination: Range | None
    rank: tuple[int, int, int]
    route: Route
    may_contain_private: bool = True

    def may_contain(self, address: Address) -> bool:
        if self.destination is None:
            return self.may_contain_private or is_public(address)
        return self.destination.version == address.version and address in self.destination


def table_of_subnet(network: Network, subnet: str, vpc: str) -> Mapping[str, Any] | None:
    """A subnet's own route table, or else its VPC's main one; None where neither was described."""
    if not subnet:
        return None
    tables = network.route_tables or ()
    for table in tables:
        if any(each.get("SubnetId") == subnet for each in table.get("Associations", [])):
            return table
    mains = [table for table in tables if any(each.get("Main") for each in table.get("Associations", []))]
    near = [table for table in mains if not vpc or table.get("VpcId") == vpc]
    return near[0] if len(near) == 1 else None


def target_of(raw: Mapping[str, Any]) -> str | None:
    return next((raw[key] for key in _TARGETS if raw.get(key)), None)


def _route(raw: Mapping[str, Any]) -> Route:
    target = target_of(raw)
    kind: Kind = next((kind for begin, kind in _KINDS.items() if (target or "").startswith(begin)), "elsewhere")
    return Route(target, "gateway endpoint" if _of_gateway_endpoint(raw) else kind, raw.get("State", "active"))


def _of_gateway_endpoint(raw: Mapping[str, Any]) -> bool:
    """Only the prefix list of a service (S3, DynamoDB) leads to one; ranges lead to a Gateway Load Balancer's."""
    return "DestinationPrefixListId" in raw and str(raw.get("GatewayId", "")).startswith("vpce-")


def ranked_routes(table: Mapping[str, Any], prefixes: Mapping[str, tuple[Range, ...]]) -> list[RankedRoute]:
    """The ranges of a table's routes; the one of the highest rank that holds a destination decides.

    Rank: the longest prefix (a list without entries may hold the single address), then a static route before one to a
    prefix list before a propagated one. A propagated route never beats the local one, however long it is. Source:
    https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
    """
    found = []
    locals_ = [
        parse_cidr(raw.get("DestinationCidrBlock") or raw["DestinationIpv6CidrBlock"])
        for raw in table.get("Routes", [])
        if raw.get("GatewayId") == "local"
    ]
    for order, raw in enumerate(table.get("Routes", [])):
        propagated = raw.get("Origin") == "EnableVgwRoutePropagation"
        list_ = raw.get("DestinationPrefixListId")
        for some in _destinations(raw, prefixes):
            if propagated and some is not None and any(_inside(some, local) for local in locals_):
                continue
            wider = 0 if some is None else some.max_prefixlen - some.prefixlen
            kind = 0 if propagated else 1 if list_ else 2
            found.append(RankedRoute(some, (-wider, kind, -order), _route(raw), not _of_gateway_endpoint(raw)))
    return sorted(found, key=lambda each: each.rank)


def _destinations(raw: Mapping[str, Any], prefixes: Mapping[str, tuple[Range, ...]]) -> tuple[Range, ...] | tuple[None]:
    if list_ := raw.get("DestinationPrefixListId"):
        return prefixes.get(list_, (None,))
    cidr = raw.get("DestinationCidrBlock") or raw.get("DestinationIpv6CidrBlock")
    return (parse_cidr(cidr),) if cidr else (None,)


def _inside(some: Range, local: Range) -> bool:
    return some.version == local.version and some.subnet_of(local)  # type: ignore[arg-type]


def lookup_route(network: Network, subnet: str, vpc: str, destination: Address) -> Route:
    """Where a subnet's route table sends a destination.

    A gateway endpoint's prefix list holds public addresses alone; any other list without entries makes it unknown.
    """
    if network.route_tables is None:
        return Route(None, "unknown", None, "the route tables are not known")
    table = table_of_subnet(network, subnet, vpc)
    if table is None:
        return Route(None, "unknown", None, f"the route table of {subnet or 'its subnet'} is not known")
    holding = [each for each in ranked_routes(table, network.prefixes) if each.may_contain(destination)]
    if not holding:
        return NO_ROUTE
    best = holding[-1]
    if best.destination is None:
        reason = f"a route to {best.route.target} is for a prefix list whose entries are not known"
        return Route(None, "unknown", None, reason)
    return best.route


def allows_egress(route: Route) -> bool | None:
    """Whether a route lets packets go on; None where its target is not followed here."""
    if route.kind == "unknown":
        return None
    if route.kind == "none" or not route.active:
        return False
    return None if route.kind == "elsewhere" else True
