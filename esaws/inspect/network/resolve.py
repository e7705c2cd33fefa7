"""Resolve endpoints by name to interfaces of a network, and check what decides before any packet is evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from esaws.errors import UsageError
from esaws.inspect.answers import Decision
from esaws.inspect.network.addresses import is_public, parse_cidr
from esaws.inspect.network.endpoint_catalog import EndpointCatalog
from esaws.inspect.network.endpoints import INTERNET, INTERNET_SPECS, EndpointSpec
from esaws.inspect.network.interfaces import InterfaceSet
from esaws.inspect.network.named_endpoints import KINDS, NamedEndpoint
from esaws.inspect.network.network import Network
from esaws.inspect.network.traffic import PORT_NAMES, Traffic


@dataclass(frozen=True)
class ResolvedEndpoint:
    """An endpoint in the network. `spec` has its running interfaces, `named` is the named endpoint if it is one.

    `absence` is the reason where it does not exist at the moment; `spec` then has no meaning.
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
        """Whether it is the internet or a part of it."""
        if isinstance(self.spec, InterfaceSet) or self.interfaces:
            return False
        return self.spec in INTERNET_SPECS or is_public(parse_cidr(self.spec)[0])


def parse_endpoint(catalog: EndpointCatalog, text: str) -> NamedEndpoint | EndpointSpec:
    """Return the named endpoint, or the spec for `reach_interfaces`, that a text stands for.

    Raises:
        MissingData: AWS did not describe its kind.
        UsageError: the text has another form, or no endpoint has the name.
    """
    for kind in KINDS:
        if text.startswith(f"{kind}/"):
            return catalog.find(kind, text.removeprefix(f"{kind}/"))
    if text.startswith("i-"):
        return InterfaceSet(text, catalog.instance_interfaces(text))
    if text.startswith("eni-"):
        return catalog.network.interface(text).id
    if text != INTERNET:
        try:
            parse_cidr(text)
        except UsageError:
            forms = "internet, a CIDR, an address, eni-…, i-… or KIND/NAME"
            raise UsageError(f"{text!r}: not an endpoint. Use {forms}; {catalog.known_names()}") from None
    return text


def resolve_endpoints(
    catalog: EndpointCatalog, endpoints: Sequence[NamedEndpoint | EndpointSpec]
) -> tuple[Network, list[ResolvedEndpoint]]:
    """Return a network that contains all endpoints, and each endpoint in it."""
    located = [
        endpoint for endpoint in endpoints if isinstance(endpoint, NamedEndpoint) and not endpoint.without_interface
    ]
    network, specs = catalog.with_inferred_interfaces(located)
    by_endpoint = dict(zip(located, specs, strict=True))
    return network, [_resolve(catalog, endpoint, by_endpoint) for endpoint in endpoints]


def _resolve(
    catalog: EndpointCatalog, endpoint: NamedEndpoint | EndpointSpec, specs: dict[NamedEndpoint, EndpointSpec]
) -> ResolvedEndpoint:
    if isinstance(endpoint, InterfaceSet):
        return _only_running(catalog, ResolvedEndpoint(endpoint.name, endpoint))
    if isinstance(endpoint, str):
        return _only_running(catalog, ResolvedEndpoint(endpoint, endpoint))
    name = catalog.title(endpoint)
    if endpoint.without_interface:
        return ResolvedEndpoint(name, name, endpoint, f"{name} has no network interface, because nothing of it runs")
    return _only_running(catalog, ResolvedEndpoint(name, specs[endpoint], endpoint))


def _only_running(catalog: EndpointCatalog, endpoint: ResolvedEndpoint) -> ResolvedEndpoint:
    stopped = catalog.not_running(endpoint.interfaces)
    running = tuple(id for id in endpoint.interfaces if id not in stopped)
    if not stopped:
        return endpoint
    if not running:
        return replace(endpoint, absence=f"the instance of {endpoint.name} is not running")
    return replace(endpoint, spec=InterfaceSet(endpoint.name, running))


# Checks before the network is evaluated


@dataclass(frozen=True)
class Precheck:
    """A decision and its reason."""

    decision: Decision
    reason: str


def prechecks(
    catalog: EndpointCatalog, here: ResolvedEndpoint, there: ResolvedEndpoint, traffic: Traffic
) -> Iterator[Precheck]:
    """Yield the decisions that follow from the endpoints alone; the first one counts.

    An endpoint does not run; a public address is not visible; a load balancer has no listener, or serves no zone of the
    destination; a store is in a network of AWS, in which nothing filters. Source: https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html
    """
    for endpoint, other in ((here, there), (there, here)):
        if endpoint.absence:
            yield Precheck("deny", endpoint.absence)
        elif endpoint.named and endpoint.named.inferred and endpoint.named.public and other.external:
            reason = f"no interface of {endpoint.name} is visible, so its public address is unknown"
            yield Precheck("unknown", reason)
    if there.named and there.named.kind == "alb" and not is_listening(there.named, traffic):
        ports = format_ports(there.named)
        yield Precheck("deny", f"{there.name} has no listener for {traffic}: it listens on {ports}")
    if there.named and there.named.external and here.external and not here.named:
        yield Precheck(
            "allow", f"{there.name} has no security group, so nothing in the network denies traffic from {here.name}"
        )
    outside = _outside_zones(catalog, here, there)
    if outside and len(outside) == len(there.interfaces):
        yield Precheck("deny", _zones_not_enabled(catalog, here, outside))


def caveats(catalog: EndpointCatalog, here: ResolvedEndpoint, there: ResolvedEndpoint) -> Iterator[str]:
    """Yield reasons why allowed traffic may still not arrive: unserved zones, and what AWS did not describe."""
    if outside := _outside_zones(catalog, here, there):
        yield _zones_not_enabled(catalog, here, outside)
    if there.named and there.named.kind == "alb" and there.named.ports is None:
        yield f"the listeners of {there.name} are unknown: {catalog.account.missing.get('Listeners')}"
    for endpoint in (here, there):
        runs_tasks = endpoint.named and not endpoint.named.note
        instances_unknown = catalog.account.get("Instances") is None
        if instances_unknown and not runs_tasks and catalog.any_on_instance(endpoint.interfaces):
            reason = catalog.account.missing.get("Instances")
            yield f"whether the instance of {endpoint.name} runs is unknown: {reason}"


def is_listening(endpoint: NamedEndpoint, traffic: Traffic) -> bool:
    """Return whether it listens for the traffic, true where that is unknown."""
    protocol = PORT_NAMES.get(traffic.protocol)
    return endpoint.ports is None or protocol is None or (protocol, traffic.port) in endpoint.ports


def format_ports(endpoint: NamedEndpoint) -> str:
    return ", ".join(f"{protocol} {port}" for protocol, port in sorted(endpoint.ports or ())) or "no port"


def _outside_zones(catalog: EndpointCatalog, here: ResolvedEndpoint, there: ResolvedEndpoint) -> list[str]:
    """Return the destination's interfaces in zones that are not enabled for the load balancer that is the source."""
    enabled = here.named.zones if here.named else None
    if enabled is None:
        return []
    return [id for id in there.interfaces if catalog.zone_of(id) and catalog.zone_of(id) not in enabled]


def _zones_not_enabled(catalog: EndpointCatalog, here: ResolvedEndpoint, interfaces: Sequence[str]) -> str:
    zones = ", ".join(sorted({catalog.zone_of(id) for id in interfaces}))
    return f"{here.name} sends nothing to {zones}, which is not enabled for it"
