"""Ends by name, as they stand in the network of an account, and what decides there before any packet is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from esaws.errors import UsageError
from esaws.inspect.network.addresses import is_public, parse_cidr
from esaws.inspect.network.endpoint_catalog import EndpointCatalog
from esaws.inspect.network.endpoints import INTERNET, INTERNET_SPECS, EndpointSpec, InterfaceSet
from esaws.inspect.network.named_endpoint import KINDS, NamedEndpoint
from esaws.inspect.network.network import Network
from esaws.inspect.network.reach import Decision
from esaws.inspect.network.traffic import TCP, UDP, Traffic


@dataclass(frozen=True)
class ResolvedEndpoint:
    """An end in the network: `asked` are its interfaces that are awake, `place` what it is, where it is one.

    `nobody` says why nobody is there; then `asked` means nothing.
    """

    name: str
    spec: EndpointSpec
    named: NamedEndpoint | None = None
    absence: str = ""

    @property
    def interfaces(self) -> tuple[str, ...]:
        if isinstance(self.spec, InterfaceSet):
            return self.spec.interfaces
        return (self.spec,) if self.spec.startswith("eni-") else ()

    @property
    def external(self) -> bool:
        """Whether it is the internet, or a part of it."""
        if isinstance(self.spec, InterfaceSet) or self.interfaces:
            return False
        return self.spec in INTERNET_SPECS or is_public(parse_cidr(self.spec)[0])


def parse_endpoint(places: EndpointCatalog, text: str) -> NamedEndpoint | EndpointSpec:
    """What a name stands for: a place, or an end as `reach` takes it.

    Raises:
        NotKnown: AWS did not say what there is of its kind.
        UsageError: it is no end, or there is none of this name.
    """
    for kind in KINDS:
        if text.startswith(f"{kind}/"):
            return places.find(kind, text.removeprefix(f"{kind}/"))
    if text.startswith("i-"):
        return InterfaceSet(text, places.instance_interfaces(text))
    if text.startswith("eni-"):
        return places.network.interface(text).id
    if text != INTERNET:
        try:
            parse_cidr(text)
        except UsageError:
            told = "internet, a CIDR, an address, eni-…, i-… or the name of a place"
            raise UsageError(f"{text!r} is no end: it takes {told}; {places.known_names()}") from None
    return text


def resolve_endpoints(
    places: EndpointCatalog, ends: Sequence[NamedEndpoint | EndpointSpec]
) -> tuple[Network, list[ResolvedEndpoint]]:
    """The network with all of these ends in it, and each end as it stands there."""
    somewhere = [end for end in ends if isinstance(end, NamedEndpoint) and not end.without_interface]
    network, asked = places.with_inferred_interfaces(somewhere)
    by_place = dict(zip(somewhere, asked, strict=True))
    return network, [_standing(places, end, by_place) for end in ends]


def _standing(
    places: EndpointCatalog, end: NamedEndpoint | EndpointSpec, by_place: dict[NamedEndpoint, EndpointSpec]
) -> ResolvedEndpoint:
    if isinstance(end, InterfaceSet):
        return _awake(places, ResolvedEndpoint(end.name, end))
    if isinstance(end, str):
        return _awake(places, ResolvedEndpoint(end, end))
    name = places.title(end)
    if end.without_interface:
        return ResolvedEndpoint(name, name, end, f"{name} has no network interface: nothing of it runs")
    return _awake(places, ResolvedEndpoint(name, by_place[end], end))


def _awake(places: EndpointCatalog, end: ResolvedEndpoint) -> ResolvedEndpoint:
    asleep = places.not_running(end.interfaces)
    awake = tuple(id for id in end.interfaces if id not in asleep)
    if not asleep:
        return end
    if not awake:
        return replace(end, absence=f"the instance of {end.name} does not run")
    return replace(end, spec=InterfaceSet(end.name, awake))


# What decides beforehand


@dataclass(frozen=True)
class Precheck:
    """A decision, and why."""

    decision: Decision
    reason: str


def prechecks(
    places: EndpointCatalog, here: ResolvedEndpoint, there: ResolvedEndpoint, traffic: Traffic
) -> Iterator[Precheck]:
    """What decides by the ends alone, the first of them first.

    Nobody is there; a public address is not visible; a load balancer has no listener, or serves no zone of the
    destination. Source: https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html
    """
    for end, other in ((here, there), (there, here)):
        if end.absence:
            yield Precheck("deny", end.absence)
        elif end.named and end.named.inferred and end.named.public and other.external:
            yield Precheck("unknown", f"no interface of {end.name} is visible, so its public address is not known")
    if there.named and there.named.kind == "alb" and not is_listening(there.named, traffic):
        yield Precheck("deny", f"{there.name} has no listener for {traffic}: it listens on {format_ports(there.named)}")
    off = _not_served(places, here, there)
    if off and len(off) == len(there.interfaces):
        yield Precheck("deny", _told(places, here, off))


def caveats(places: EndpointCatalog, here: ResolvedEndpoint, there: ResolvedEndpoint) -> Iterator[str]:
    """What makes it unknown whether traffic that the network lets through arrives: parts, and what AWS did not say."""
    if off := _not_served(places, here, there):
        yield _told(places, here, off)
    if there.named and there.named.kind == "alb" and there.named.ports is None:
        yield f"the listeners of {there.name} are not known: {places.account.missing.get('Listeners')}"
    for end in (here, there):
        runs_tasks = end.named and not end.named.note
        if places.account.get("Instances") is None and not runs_tasks and places.any_on_instance(end.interfaces):
            yield f"whether the instance of {end.name} runs is not known: {places.account.missing.get('Instances')}"


def is_listening(place: NamedEndpoint, traffic: Traffic) -> bool:
    """Whether something of it answers, as far as that is known."""
    kind = {TCP: "tcp", UDP: "udp"}.get(traffic.protocol)
    return place.ports is None or kind is None or (kind, traffic.port) in place.ports


def format_ports(place: NamedEndpoint) -> str:
    return ", ".join(f"{protocol} {port}" for protocol, port in sorted(place.ports or ())) or "no port"


def _not_served(places: EndpointCatalog, here: ResolvedEndpoint, there: ResolvedEndpoint) -> list[str]:
    """The interfaces of the destination in zones that are not enabled for the load balancer that is the source."""
    served = here.named.zones if here.named else None
    if served is None:
        return []
    return [id for id in there.interfaces if places.zone_of(id) and places.zone_of(id) not in served]


def _told(places: EndpointCatalog, here: ResolvedEndpoint, interfaces: Sequence[str]) -> str:
    zones = ", ".join(sorted({places.zone_of(id) for id in interfaces}))
    return f"{here.name} sends nothing to {zones}, which is not enabled for it"
