"""The path of one connection, step by step: addresses, routes, network ACLs and security groups."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from esaws.inspect.account import name_tag
from esaws.inspect.answers import NO, YES, Answer, unknown
from esaws.inspect.network import acls, route_tables
from esaws.inspect.network.addresses import Address, family_of, is_public, parse_address
from esaws.inspect.network.endpoints import Endpoint, as_peer, unfiltered_service
from esaws.inspect.network.interface_types import accepts_connections
from esaws.inspect.network.interfaces import Interface, Peer
from esaws.inspect.network.network import Network
from esaws.inspect.network.route_tables import Route
from esaws.inspect.network.security_groups import Direction, GroupVerdict, evaluate_groups
from esaws.inspect.network.traffic import ICMP, TCP, UDP, Traffic

StepKind = Literal["address", "route", "acl", "group"]
_NAT_PROTOCOLS = {TCP, UDP, ICMP}
"""https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html"""
_PREPOSITIONS: dict[Direction, tuple[str, str]] = {"egress": ("out", "to"), "ingress": ("in", "from")}


@dataclass(frozen=True)
class GroupCheck:
    """The evaluation of one side's groups: direction, interface, peer, and the endpoint on the other side."""

    direction: Direction
    interface: Interface
    peer: Peer
    other: Endpoint
    verdict: GroupVerdict


@dataclass(frozen=True)
class Step:
    """One step of a path: whether traffic passes it, and a sentence. A group step has its evaluation as well."""

    kind: StepKind
    answer: Answer
    description: str
    route: Route | None = None
    group_check: GroupCheck | None = None


@dataclass(frozen=True)
class PacketPath:
    """The path of one connection between two endpoints."""

    network: Network
    source: Endpoint
    destination: Endpoint
    traffic: Traffic

    def steps(self) -> list[Step]:
        """Return every step of the path; the traffic arrives if it passes all of them.

        The Reachability Analyzer evaluates the same components:
        https://docs.aws.amazon.com/vpc/latest/reachability/how-reachability-analyzer-works.html
        """
        source, destination = self.source, self.destination
        if source.interface and source.interface == destination.interface and not destination.external:
            return [Step("address", YES, "the traffic never leaves the interface")]
        missing = [endpoint.name for endpoint in (source, destination) if endpoint.address is None]
        if missing:
            return [Step("address", NO, f"{' and '.join(missing)} has no address of this family")]
        if service := unfiltered_service(self.network, source, destination):
            return [Step("group", YES, f"{service} is not filtered by security groups or network ACLs")]
        attachment = [*self._attachment()]
        if destination.external or source.external:
            return [*attachment, *self._over_the_internet()]
        return [*attachment, *self._inside_vpcs()]

    def seen_source(self) -> Address | None:
        """Return the source address that the destination sees; None where it is unknown, or nothing leaves."""
        destination = self.destination.address
        if self.source.interface and self.destination.external and destination:
            return self._way_out(self.source.interface, destination)[0]
        return self.source.address

    def _attachment(self) -> Iterator[Step]:
        """Check that both endpoints can send and answer, and that the destination takes connections."""
        if self.destination.interface:
            accepts = accepts_connections(self.destination.interface.type)
            if not accepts.is_yes:
                yield Step("address", accepts, f"{self.destination.name}: {accepts.reason}")
        for endpoint in (self.source, self.destination):
            if endpoint.interface and not endpoint.interface.attached:
                yield Step("address", NO, f"{endpoint.name} is not attached to anything")
            elif not endpoint.interface and not endpoint.external and not endpoint.address_class:
                description = f"no known interface has {endpoint.name}; its host is assumed to filter nothing"
                yield Step("address", YES, description)

    # Inside a VPC, or from one private network to another

    def _inside_vpcs(self) -> Iterator[Step]:
        source, destination = self.source, self.destination
        vpc = source.vpc or destination.vpc
        subnets = [self._subnet(endpoint, vpc) for endpoint in (source, destination)]
        direct = True
        if not subnets[0] or acls.acl_applies(*subnets):
            pairs = [(source, subnets[0], destination), (destination, subnets[1], source)]
            steps = [step for here, subnet, there in pairs for step in self._private_route(here, subnet, there, vpc)]
            direct = not any(step.route and step.route.appliance for step in steps)
            yield from self._over_a_peering(steps) or steps
            yield from self._acl(source, subnets[0], "egress", destination.address, vpc)
            yield from self._acl(destination, subnets[1], "ingress", source.address, vpc)
        yield from self._group("egress", source, as_peer(destination, direct), destination)
        yield from self._group("ingress", destination, as_peer(source, direct), source)

    def _subnet(self, endpoint: Endpoint, vpc: str) -> str:
        if endpoint.interface or endpoint.address is None:
            return endpoint.subnet
        return self.network.subnet_at(endpoint.address, vpc)

    def _private_route(self, here: Endpoint, subnet: str, there: Endpoint, vpc: str) -> Iterator[Step]:
        """Check the route from one endpoint to the other. An address outside the VPC has no route table of ours."""
        if here.address is None or there.address is None:
            return
        own_vpc = here.vpc or vpc
        if not here.interface and not self.network.in_vpc(here.address, vpc):
            return
        if not subnet:
            reason = f"the subnet of {here.name} is unknown"
            yield Step("route", unknown(reason), reason)
            return
        route = route_tables.lookup_route(self.network, subnet, own_vpc, there.address)
        label = f"{here.name} to {there.name}"
        same_vpc = there.vpc == own_vpc if there.interface else self.network.in_vpc(there.address, own_vpc)
        if route.kind == "local" and same_vpc and route.active:
            yield Step("route", YES, f"{label}: the VPC's local route")
        elif route.kind == "local" and route.active:
            yield Step("route", NO, f"{label}: no route, because {there.address} is in the range of its own VPC")
        elif route.active and route.kind != "elsewhere" and is_public(there.address):
            reason = f"{label}: the route leads over the internet by {route}; ask again with the address as destination"
            yield Step("route", unknown(reason), reason)
        else:
            yield self._other_route(route, label)

    def _over_a_peering(self, steps: list[Step]) -> list[Step]:
        """Return the steps of both routes where they use one peering between the VPCs of the endpoints."""
        peerings = [step.route.target for step in steps if step.route and step.route.peering]
        two_vpcs = self.source.interface and self.destination.interface and self.source.vpc != self.destination.vpc
        if len(peerings) < 2 or peerings[0] != peerings[1] or not two_vpcs:
            return []
        pairs = [(self.source, self.destination), (self.destination, self.source)]
        return [
            Step("route", YES, f"{here.name} to {there.name}: over the peering {peerings[0]}") for here, there in pairs
        ]

    def _other_route(self, route: Route, label: str) -> Step:
        if route.kind == "unknown":
            return Step("route", unknown(f"{label}: {route.reason}"), f"{label}: {route.reason}")
        if route.kind == "none":
            return Step("route", NO, f"{label}: no route")
        if not route.active:
            return Step("route", NO, f"{label}: the route to {route} is a blackhole")
        if route.kind in {"elsewhere", "local"}:
            reason = f"{label}: the route leads through {route}, which esaws does not evaluate"
            return Step("route", unknown(reason), reason, route)
        if route.kind == "NAT gateway" and route_tables.nat_routes_onwards(self.network, route):
            reason = f"{label}: {route} may route it on to another network, which esaws does not evaluate"
            return Step("route", unknown(reason), reason)
        return Step("route", NO, f"{label}: the route leads to {route}, which does not route private addresses")

    # Over an internet gateway

    def _over_the_internet(self) -> Iterator[Step]:
        source, destination = self.source, self.destination
        source_address = source.address if not source.interface or source.external else None
        if source.interface and destination.address:
            source_address, steps = self._way_out(source.interface, destination.address)
            yield from steps
            yield from self._acl(source, source.subnet, "egress", destination.address, source.vpc)
            yield from self._group("egress", source, Peer(destination.address), destination)
        if destination.interface:
            yield from self._way_in(destination.interface, source_address)
            yield from self._acl(destination, destination.subnet, "ingress", source_address, destination.vpc)
            yield from self._group("ingress", destination, Peer(source_address), source)

    def _way_out(self, interface: Interface, destination: Address) -> tuple[Address | None, list[Step]]:
        """Return the source address that the destination sees, and the steps to the internet."""
        name = self.source.name
        route = route_tables.lookup_route(self.network, interface.subnet, interface.vpc, destination)
        if not route.active or route.kind in {"unknown", "none", "elsewhere", "local"}:
            return None, [self._other_route(route, f"{name} to {self.destination.name}")]
        if route.kind == "NAT gateway":
            return self._through_nat(route, interface, destination)
        if route.kind == "gateway endpoint":
            description = f"{name} leaves by the gateway endpoint {route.target}"
            return interface.private_address(4), [Step("route", YES, description)]
        source_address = interface.source_on_internet(family_of(destination))
        if source_address is None:
            return None, [Step("address", NO, f"{name} has no public address, so {route} forwards nothing")]
        return source_address, [Step("route", YES, f"{name} leaves by {route} as {source_address}")]

    def _through_nat(
        self, route: Route, interface: Interface, destination: Address
    ) -> tuple[Address | None, list[Step]]:
        """Check a NAT gateway: its own subnet needs a route to an internet gateway, and ACLs that allow the traffic."""
        nat = next((raw for raw in self.network.nat_gateways or () if raw["NatGatewayId"] == route.target), None)
        name = name_tag(nat or {}, str(route))
        if nat and nat.get("ConnectivityType") == "private" and destination.version == 4:
            onward = route_tables.lookup_route(self.network, nat.get("SubnetId", ""), nat["VpcId"], destination)
            if onward.kind == "internet gateway":
                reason = f"{name} is a private NAT gateway, and {onward} drops what comes from one"
                return None, [Step("route", NO, reason)]
        if nat is None or nat.get("ConnectivityType", "public") != "public" or destination.version == 6:
            reason = f"the route leads through {name}, which is not described as a public IPv4 NAT gateway"
            return None, [Step("route", unknown(reason), reason)]
        public = [item["PublicIp"] for item in nat.get("NatGatewayAddresses", []) if item.get("PublicIp")]
        source_address = parse_address(public[0]) if len(public) == 1 else None
        if nat.get("State", "available") != "available":
            return source_address, [Step("route", NO, f"{name} is {nat['State']}")]
        shown = source_address or "a public address"
        steps = [Step("route", YES, f"{self.source.name} leaves by {name} as {shown}")]
        if self.traffic.protocol not in _NAT_PROTOCOLS:
            steps.append(Step("route", NO, f"{name} forwards only TCP, UDP and ICMP, not {self.traffic}"))
        subnet, vpc = nat.get("SubnetId", ""), nat.get("VpcId", interface.vpc)
        onward = route_tables.lookup_route(self.network, subnet, vpc, destination)
        if onward.kind == "internet gateway" and onward.active:
            steps.append(Step("route", YES, f"{name} leaves by {onward}"))
        else:
            steps.append(self._nat_without_internet(name, onward))
        nat_endpoint = Endpoint(name, destination)
        if subnet != interface.subnet:
            steps += self._acl(nat_endpoint, subnet, "ingress", interface.private_address(4), vpc)
        return source_address, [*steps, *self._acl(nat_endpoint, subnet, "egress", destination, vpc)]

    def _nat_without_internet(self, nat: str, onward: Route) -> Step:
        label = f"{nat} to {self.destination.name}"
        if onward.kind in {"unknown", "none", "elsewhere"} or not onward.active:
            return self._other_route(onward, label)
        return Step("route", NO, f"{label}: {onward} is not an internet gateway")

    def _way_in(self, interface: Interface, source_address: Address | None) -> Iterator[Step]:
        """Check the entry from the internet: a public address, and a route to an internet gateway for replies."""
        name, address = self.destination.name, self.destination.address
        if not self.destination.external:
            yield Step("address", NO, f"{name} has no public address, so the internet can't reach it")
            return
        if source_address is None:
            reason = f"the address by which {name} sees {self.source.name} is unknown"
            yield Step("route", unknown(reason), reason)
            return
        route = route_tables.lookup_route(self.network, interface.subnet, interface.vpc, source_address)
        if route.kind == "internet gateway" and route.active:
            yield Step("route", YES, f"{name} is {address} on the internet, by {route}")
        elif route.kind in {"unknown", "none", "elsewhere"} or not route.active:
            yield self._other_route(route, f"{name} to {self.source.name}")
        else:
            yield Step("route", NO, f"{name} to {self.source.name}: {route} does not accept incoming connections")

    # Filters on both kinds of path

    def _acl(self, endpoint: Endpoint, subnet: str, direction: Direction, peer: Address | None, vpc: str) -> list[Step]:
        """Check a subnet's ACL for the traffic in one direction and its replies in the other."""
        outside_vpc = endpoint.address is not None and not self.network.in_vpc(endpoint.address, vpc)
        if not subnet and endpoint.interface is None and outside_vpc:
            return []
        acl = acls.acl_of_subnet(self.network.network_acls, subnet)
        if acl is None:
            reason = f"the network ACL of the subnet of {endpoint.name} is unknown"
            return [Step("acl", unknown(reason), reason)]
        request = acls.evaluate_acl(acl, direction == "egress", peer, self.traffic)
        replies = acls.replies_pass(acl, direction != "egress", peer, self.traffic)
        name, out = self.network.acl_name(acl), _PREPOSITIONS[direction][0]
        entry = f"entry {request.rule_number}" if request.rule_number else request.reason
        verb = {"allow": "allows", "deny": "does not allow", "unknown": "may allow"}[request.action]
        steps = [Step("acl", request.answer, f"{name} {verb} {self.traffic} {out} ({entry}) at {endpoint.name}")]
        if not replies.is_yes:
            back = _PREPOSITIONS["ingress" if direction == "egress" else "egress"][0]
            description = replies.reason or f"{name} does not allow the replies {back} at {endpoint.name}"
            steps.append(Step("acl", replies, description))
        return steps

    def _group(self, direction: Direction, endpoint: Endpoint, peer: Peer, other: Endpoint) -> Iterator[Step]:
        if endpoint.interface is None:
            return
        verdict = evaluate_groups(self.network, direction, endpoint.interface, peer, self.traffic)
        if verdict is None:
            yield Step("group", YES, f"{endpoint.name} has no security group, so nothing filters it")
            return
        check = GroupCheck(direction, endpoint.interface, peer, other, verdict)
        description = f"{direction} of {endpoint.name}: {self._describe(check)}"
        yield Step("group", verdict.answer, description, group_check=check)

    def _describe(self, check: GroupCheck) -> str:
        name, verdict = self.network.group_name, check.verdict
        if verdict.answer.is_unknown:
            return verdict.answer.reason
        traffic = f"{self.traffic} {_PREPOSITIONS[check.direction][1]} {check.other.name}"
        if verdict.answer.is_yes:
            rules = sorted({f"{name(rule.group)} ({name(rule.peer)})" for rule in verdict.rules})
            return f"{' and '.join(rules)} {'allows' if len(rules) == 1 else 'allow'} {traffic}"
        groups = " or ".join(sorted(name(group) for group in check.interface.groups or ()))
        is_translated = (
            check.peer.interface is None and not check.other.address_class and str(check.peer) != check.other.name
        )
        return f"no rule of {groups} allows {traffic}" + (f", seen as {check.peer}" if is_translated else "")
