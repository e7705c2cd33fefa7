"""One packet's way from end to end, step by step: routes, network ACLs, addresses and security groups."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from esaws.inspect.answers import NO, YES, Answer, unknown
from esaws.inspect.network import acls, route_tables
from esaws.inspect.network.addresses import Address, family_of, is_public, parse_address
from esaws.inspect.network.endpoints import Endpoint, as_peer, unfiltered_service
from esaws.inspect.network.group_rules import Direction, Peer
from esaws.inspect.network.interfaces import Interface
from esaws.inspect.network.network import Network, name_tag
from esaws.inspect.network.route_tables import Route
from esaws.inspect.network.security_groups import GroupVerdict, evaluate_groups
from esaws.inspect.network.traffic import Traffic

StepKind = Literal["address", "route", "acl", "group"]
_WAYS: dict[Direction, tuple[str, str]] = {"egress": ("out", "to"), "ingress": ("in", "from")}


@dataclass(frozen=True)
class Step:
    """One thing that lets the traffic on, or not, in a sentence; for a group also whose, and what it met."""

    kind: StepKind
    answer: Answer
    description: str
    route: Route | None = None
    group_check: "GroupCheck | None" = None


@dataclass(frozen=True)
class GroupCheck:
    """What a group step met: whose groups, in which direction, and who was on the other side."""

    direction: Direction
    interface: Interface
    peer: Peer
    far: Endpoint
    verdict: GroupVerdict


@dataclass(frozen=True)
class PacketPath:
    """The traffic between two ends."""

    network: Network
    source: Endpoint
    destination: Endpoint
    traffic: Traffic

    def steps(self) -> list[Step]:
        """Every step of the way; the traffic arrives if all of them let it on.

        The Reachability Analyzer looks at the same things:
        https://docs.aws.amazon.com/vpc/latest/reachability/how-reachability-analyzer-works.html
        """
        source, destination = self.source, self.destination
        if source.interface and source.interface == destination.interface and not destination.external:
            return [Step("address", YES, "the traffic never leaves the interface")]
        missing = [end.name for end in (source, destination) if end.address is None]
        if missing:
            return [Step("address", NO, f"{' and '.join(missing)} has no address of this family")]
        if service := unfiltered_service(self.network, source, destination):
            return [Step("group", YES, f"{service} is not filtered by security groups or network ACLs")]
        present = [*self._present()]
        if destination.external or source.external:
            return [*present, *self._over_the_internet()]
        return [*present, *self._inside()]

    def _present(self) -> Iterator[Step]:
        """Whether somebody is there to send and to answer."""
        for end in (self.source, self.destination):
            if end.interface and not end.interface.attached:
                yield Step("address", NO, f"{end.name} is attached to nothing")
            elif not end.interface and not end.external and not end.address_class:
                yield Step("address", YES, f"no known interface has {end.name}; whoever has it is taken as unfiltered")

    # Inside a VPC, or from one private network to another

    def _inside(self) -> Iterator[Step]:
        source, destination = self.source, self.destination
        here = source.vpc or destination.vpc
        subnets = [self._subnet(end, here) for end in (source, destination)]
        direct = True
        if not subnets[0] or subnets[0] != subnets[1]:
            ways = [(source, subnets[0], destination), (destination, subnets[1], source)]
            steps = [step for end, subnet, far in ways for step in self._private_route(end, subnet, far, here)]
            direct = not any(step.route and step.route.appliance for step in steps)
            yield from self._over_a_peering(steps) or steps
            yield from self._acl(source, subnets[0], "egress", destination.address, here)
            yield from self._acl(destination, subnets[1], "ingress", source.address, here)
        yield from self._group("egress", source, as_peer(destination, direct), destination)
        yield from self._group("ingress", destination, as_peer(source, direct), source)

    def _subnet(self, end: Endpoint, vpc: str) -> str:
        if end.interface or end.address is None:
            return end.subnet
        return self.network.subnet_at(end.address, vpc)

    def _private_route(self, end: Endpoint, subnet: str, far: Endpoint, here: str) -> Iterator[Step]:
        """The route from one end to the other; an address without an interface, and outside the VPC, is not ours."""
        if end.address is None or far.address is None:
            return
        vpc = end.vpc or here
        if not end.interface and not self.network.in_vpc(end.address, here):
            return
        if not subnet:
            reason = f"in which subnet {end.name} is, is not known"
            yield Step("route", unknown(reason), reason)
            return
        route = route_tables.lookup_route(self.network, subnet, vpc, far.address)
        told = f"{end.name} to {far.name}"
        same = far.vpc == vpc if far.interface else self.network.in_vpc(far.address, vpc)
        if route.kind == "local" and same and route.active:
            yield Step("route", YES, f"{told}: the VPC's local route")
        elif route.kind == "local" and route.active:
            yield Step("route", NO, f"{told}: no route, {far.address} is taken for an address of its own VPC")
        elif route.active and route.kind != "elsewhere" and is_public(far.address):
            reason = f"{told}: the way leads over the internet by {route}; ask for it by the address"
            yield Step("route", unknown(reason), reason)
        else:
            yield self._other_route(route, told)

    def _over_a_peering(self, steps: list[Step]) -> list[Step]:
        """Both routes, where they lead through one peering: it has two VPCs, and these are theirs."""
        names = [step.route.target for step in steps if step.route and step.route.peering]
        apart = self.source.interface and self.destination.interface and self.source.vpc != self.destination.vpc
        if len(names) < 2 or names[0] != names[1] or not apart:
            return []
        ways = [(self.source, self.destination), (self.destination, self.source)]
        return [Step("route", YES, f"{here.name} to {there.name}: over the peering {names[0]}") for here, there in ways]

    def _other_route(self, route: Route, told: str) -> Step:
        if route.kind == "unknown":
            return Step("route", unknown(f"{told}: {route.reason}"), f"{told}: {route.reason}")
        if route.kind == "none":
            return Step("route", NO, f"{told}: no route")
        if not route.active:
            return Step("route", NO, f"{told}: the route to {route} is a blackhole")
        if route.kind in {"elsewhere", "local"}:
            reason = f"{told}: the way leads through {route}, which is not looked into"
            return Step("route", unknown(reason), reason, route)
        return Step("route", NO, f"{told}: the route leads to {route}, where a private address has no meaning")

    # Over an internet gateway

    def _over_the_internet(self) -> Iterator[Step]:
        source, destination = self.source, self.destination
        seen = source.address if not source.interface or source.external else None
        if source.interface and destination.address:
            seen, steps = self._way_out(source.interface, destination.address)
            yield from steps
            yield from self._acl(source, source.subnet, "egress", destination.address, source.vpc)
            yield from self._group("egress", source, Peer(destination.address), destination)
        if destination.interface:
            yield from self._way_in(destination.interface, seen)
            yield from self._acl(destination, destination.subnet, "ingress", seen, destination.vpc)
            yield from self._group("ingress", destination, Peer(seen), source)

    def _way_out(self, interface: Interface, destination: Address) -> tuple[Address | None, list[Step]]:
        """The steps to the internet, and the address by which the destination knows the interface there."""
        name = self.source.name
        route = route_tables.lookup_route(self.network, interface.subnet, interface.vpc, destination)
        if not route.active or route.kind in {"unknown", "none", "elsewhere", "local"}:
            return None, [self._other_route(route, f"{name} to {self.destination.name}")]
        if route.kind == "NAT gateway":
            return self._through_nat(route, interface, destination)
        if route.kind == "gateway endpoint":
            return interface.private_address(4), [
                Step("route", YES, f"{name} leaves by the gateway endpoint {route.target}")
            ]
        seen = interface.source_on_internet(family_of(destination))
        if seen is None:
            return None, [Step("address", NO, f"{name} has no public address, so {route} passes nothing on")]
        return seen, [Step("route", YES, f"{name} leaves by {route} as {seen}")]

    def _through_nat(
        self, route: Route, interface: Interface, destination: Address
    ) -> tuple[Address | None, list[Step]]:
        """Through a NAT gateway, whose own subnet needs a route to an internet gateway and ACLs that let through."""
        nat = next((raw for raw in self.network.nat_gateways or () if raw["NatGatewayId"] == route.target), None)
        called = name_tag(nat or {}) or str(route)
        if nat is None or nat.get("ConnectivityType", "public") != "public" or destination.version == 6:
            reason = f"the way leads through {called}, of which too little is known"
            return None, [Step("route", unknown(reason), reason)]
        public = [each["PublicIp"] for each in nat.get("NatGatewayAddresses", []) if each.get("PublicIp")]
        seen = parse_address(public[0]) if len(public) == 1 else None
        if nat.get("State", "available") != "available":
            return seen, [Step("route", NO, f"{called} is {nat['State']}")]
        steps = [Step("route", YES, f"{self.source.name} leaves by {called} as {seen or 'a public address'}")]
        subnet, vpc = nat.get("SubnetId", ""), nat.get("VpcId", interface.vpc)
        onward = route_tables.lookup_route(self.network, subnet, vpc, destination)
        if onward.kind == "internet gateway" and onward.active:
            steps.append(Step("route", YES, f"{called} leaves by {onward}"))
        else:
            steps.append(self._onward(called, onward))
        middle = Endpoint(called, destination)
        if subnet != interface.subnet:
            steps += self._acl(middle, subnet, "ingress", interface.private_address(4), vpc)
        return seen, [*steps, *self._acl(middle, subnet, "egress", destination, vpc)]

    def _onward(self, nat: str, onward: Route) -> Step:
        told = f"{nat} to {self.destination.name}"
        if onward.kind in {"unknown", "none", "elsewhere"} or not onward.active:
            return self._other_route(onward, told)
        return Step("route", NO, f"{told}: {onward} is no internet gateway")

    def _way_in(self, interface: Interface, seen: Address | None) -> Iterator[Step]:
        """From the internet: a public address, and a route of its subnet to an internet gateway for the answers."""
        name, address = self.destination.name, self.destination.address
        if not self.destination.external:
            yield Step("address", NO, f"{name} has no public address, so the internet can't reach it")
            return
        if seen is None:
            reason = f"by which address {name} sees {self.source.name} is not known"
            yield Step("route", unknown(reason), reason)
            return
        route = route_tables.lookup_route(self.network, interface.subnet, interface.vpc, seen)
        if route.kind == "internet gateway" and route.active:
            yield Step("route", YES, f"{name} is {address} on the internet, by {route}")
        elif route.kind in {"unknown", "none", "elsewhere"} or not route.active:
            yield self._other_route(route, f"{name} to {self.source.name}")
        else:
            yield Step("route", NO, f"{name} to {self.source.name}: {route} lets nothing in")

    # What both have

    def _acl(self, end: Endpoint, subnet: str, way: Direction, peer: Address | None, vpc: str) -> list[Step]:
        """A subnet's ACL for the traffic in one direction and its answers in the other."""
        private = end.interface is None and end.address is not None and not self.network.in_vpc(end.address, vpc)
        if not subnet and private:
            return []
        acl = acls.acl_of_subnet(self.network.network_acls, subnet)
        if acl is None:
            reason = f"the network ACL of the subnet of {end.name} is not known"
            return [Step("acl", unknown(reason), reason)]
        there = acls.evaluate_acl(acl, way == "egress", peer, self.traffic)
        back = acls.replies_pass(acl, way != "egress", peer, self.traffic)
        name, out = self.network.acl_name(acl), _WAYS[way][0]
        entry = f"entry {there.rule_number}" if there.rule_number else there.reason
        verb = {"allow": "lets", "deny": "does not let", "unknown": "may let"}[there.action]
        steps = [Step("acl", there.answer, f"{name} {verb} {self.traffic} {out} ({entry}) at {end.name}")]
        if not back.is_yes:
            told = back.reason or f"{name} does not let the answers {_WAYS[_other(way)][0]} at {end.name}"
            steps.append(Step("acl", back, told))
        return steps

    def _group(self, direction: Direction, end: Endpoint, peer: Peer, far: Endpoint) -> Iterator[Step]:
        if end.interface is None:
            return
        side = evaluate_groups(self.network, direction, end.interface, peer, self.traffic)
        if side is None:
            yield Step("group", YES, f"{end.name} has no security group, so nothing filters it")
            return
        met = GroupCheck(direction, end.interface, peer, far, side)
        yield Step("group", side.answer, f"{direction} of {end.name}: {self._told(met)}", group_check=met)

    def _told(self, met: GroupCheck) -> str:
        name, side = self.network.group_name, met.verdict
        if side.answer.is_unknown:
            return side.answer.reason
        sent = f"{self.traffic} {_WAYS[met.direction][1]} {met.far.name}"
        if side.answer.is_yes:
            rules = sorted({f"{name(rule.group)} ({name(rule.peer)})" for rule in side.rules})
            return f"{' and '.join(rules)} {'allows' if len(rules) == 1 else 'allow'} {sent}"
        groups = " or ".join(sorted(name(group) for group in met.interface.groups or ()))
        translated = met.peer.interface is None and not met.far.address_class and str(met.peer) != met.far.name
        seen = f", seen as {met.peer}" if translated else ""
        return f"no rule of {groups} allows {sent}{seen}"


def _other(way: Direction) -> Direction:
    return "ingress" if way == "egress" else "egress"
