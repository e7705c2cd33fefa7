"""Reachability between two endpoints: allow, deny or unknown, the reasons, and the smallest rules that would allow it.

`reach` takes names of an account, `reach_interfaces` interfaces and addresses of a network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import collapse_addresses
from typing import Any

from esaws._display import in_lines
from esaws.cloud import Cloud
from esaws.errors import UsageError
from esaws.inspect.account import Account, MissingData, account_of
from esaws.inspect.answers import Answer, Decision, all_of
from esaws.inspect.network.addresses import Family, family_of, parse_cidr
from esaws.inspect.network.endpoint_catalog import KEYS, NETWORK_KEYS, EndpointCatalog
from esaws.inspect.network.endpoints import INTERNET, Endpoint, EndpointSpec, endpoints_of
from esaws.inspect.network.interfaces import InterfaceSet
from esaws.inspect.network.missing_rules import MissingRule, missing_rules, narrower_rules
from esaws.inspect.network.network import Network
from esaws.inspect.network.path import GroupCheck, PacketPath, Step
from esaws.inspect.network.resolve import (
    ResolvedEndpoint,
    caveats,
    format_ports,
    is_listening,
    parse_endpoint,
    prechecks,
    resolve_endpoints,
)
from esaws.inspect.network.security_groups import GroupRule
from esaws.inspect.network.traffic import ICMP, ICMPV6, Traffic, protocol_number

_VERBS: dict[Decision, str] = {"allow": "passes", "deny": "does not pass", "unknown": "may pass"}
_ECHO_REQUEST = {ICMP: 8, ICMPV6: 128}


@dataclass(frozen=True)
class Part:
    """The sources and destinations, by name or as ranges, for which a decision is the same."""

    decision: Decision
    sources: tuple[str, ...]
    destinations: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"from": [*self.sources], "to": [*self.destinations], "decision": self.decision}

    def __str__(self) -> str:
        return f"from {_shortened(self.sources)} to {_shortened(self.destinations)}"


@dataclass(frozen=True, repr=False)
class ReachResult:
    """Whether traffic gets from one endpoint to the other.

    `because` has sentences: for allow every step of the path, for deny the steps that stop it, for unknown what is
    unknown or which part passes. `rules` are those that allow it. `fix` are the rules that would allow it, empty where
    rules alone would not, and where existing rules open the port to less than the internet that was asked about.
    `parts` is only there where parts of a range, or interfaces of a set, differ; the decision is then unknown.
    """

    decision: Decision
    because: tuple[str, ...]
    rules: tuple[GroupRule, ...] = ()
    fix: tuple[MissingRule, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def is_partly_allowed(self) -> bool:
        """Whether it is known that one part is allowed and another denied."""
        return {"allow", "deny"} <= {part.decision for part in self.parts}

    def __str__(self) -> str:
        """The decision, the reasons, and the rules that would allow it, one line each."""
        fixes = [f"  to fix it, {rule.description}" for rule in self.fix]
        decision = f"{self.decision}: a part is allowed" if self.is_partly_allowed else self.decision
        return "\n".join([decision, *(f"  {sentence}" for sentence in self.because), *fixes])

    def __repr__(self) -> str:
        return in_lines(str(self))

    def to_dict(self) -> dict[str, Any]:
        """Return {decision, because, fix}, and {parts} where parts of a range or a set differ.

        `fix` is a list of {call, parameters} for a boto3 EC2 client, or None; `parts` a list of {from, to, decision}
        with names and ranges.
        """
        answer: dict[str, Any] = {"decision": self.decision, "because": [*self.because], "fix": None}
        if self.fix:
            answer["fix"] = [rule.to_dict() for rule in self.fix]
        return answer | ({"parts": [part.to_dict() for part in self.parts]} if self.parts else {})


def reach(
    account: Account | Cloud, source: str, destination: str, port: int | None = None, protocol: str = "tcp"
) -> ReachResult:
    """Return whether a connection is possible between two endpoints of an account, given by name.

    An endpoint is `internet`, a CIDR, an address, `eni-…`, `i-…` (its primary interface), `service/NAME`, `alb/NAME`,
    `db/NAME`, `cache/NAME` or `broker/NAME`; the prefix of a deployment can be left out. For icmp `port` is the type,
    -1 for any; the default is an echo request. Besides what `reach_interfaces` evaluates, a stopped instance denies,
    and so does a load balancer without a listener or outside the zone. Whether a service or a store listens on the port
    is only noted.

    Raises:
        UsageError: an endpoint does not exist (the message lists those that do), or protocol and port are invalid.
    """
    account = account_of(account, *KEYS)
    traffic = _traffic(protocol, port)
    catalog = EndpointCatalog.of(account)
    try:
        _ = account["NetworkInterfaces"]
        names = [parse_endpoint(catalog, source), parse_endpoint(catalog, destination)]
        network, (here, there) = resolve_endpoints(catalog, names)
    except MissingData as error:
        return ReachResult("unknown", (str(error),))
    if precheck := next(prechecks(catalog, here, there, traffic), None):
        result = ReachResult(precheck.decision, (precheck.reason,))
        notes = _notes(catalog, here, there, traffic, result) if precheck.decision == "allow" else ()
        return replace(result, because=(precheck.reason, *notes))
    result = _reach_both_families(network, here, there, protocol, traffic)
    if result.decision == "allow" and (uncertain := tuple(caveats(catalog, here, there))):
        result = ReachResult("unknown", (*uncertain, *result.because))
    because = dict.fromkeys([*result.because, *_notes(catalog, here, there, traffic, result)])
    return replace(result, because=tuple(because))


def _reach_both_families(
    network: Network, here: ResolvedEndpoint, there: ResolvedEndpoint, protocol: str, traffic: Traffic
) -> ReachResult:
    """Evaluate IPv4, and to or from `internet` IPv6 as well: what only IPv6 reaches is not denied."""

    def over(family: Family) -> ReachResult:
        return reach_interfaces(
            network, here.spec, there.spec, protocol, traffic.port, icmp=traffic.icmp, family=family
        )

    ends = [network.interface(id) for endpoint in (here, there) for id in endpoint.interfaces]
    over_internet = INTERNET in (here.spec, there.spec) and traffic.protocol not in _ECHO_REQUEST
    if not over_internet or not any(end.v6 for end in ends):
        return over(4)
    v4, v6 = over(4), over(6)
    if not any(end.private for end in ends):
        return v6
    if v4.decision == v6.decision:
        return v4
    if v4.decision != "deny":
        return replace(v4, because=(*v4.because, f"over IPv6 it {_VERBS[v6.decision]}"))
    parts = tuple(_part_of_family(here, there, result, cidr) for result, cidr in ((v6, "::/0"), (v4, "0.0.0.0/0")))
    because = [*(f"{part} {_VERBS[part.decision]}" for part in parts), *v4.because]
    return ReachResult("unknown", tuple(because), parts=parts)


def _part_of_family(here: ResolvedEndpoint, there: ResolvedEndpoint, result: ReachResult, internet: str) -> Part:
    sources, destinations = (internet if end.spec == INTERNET else end.name for end in (here, there))
    return Part(result.decision, (sources,), (destinations,))


def _traffic(protocol: str, port: int | None) -> Traffic:
    echo = _ECHO_REQUEST.get(protocol_number(protocol) or 0)
    if echo is None:
        return Traffic.of(protocol, port)
    type_ = echo if port is None else port
    return Traffic.of(protocol, icmp=None if type_ == -1 else (type_, 0))


def _notes(
    catalog: EndpointCatalog,
    here: ResolvedEndpoint,
    there: ResolvedEndpoint,
    traffic: Traffic,
    result: ReachResult,
) -> Iterator[str]:
    """Yield further facts that the reader of the result needs."""
    for endpoint in (here, there):
        if endpoint.named and endpoint.named.note:
            yield f"{endpoint.name}: {endpoint.named.note}"
    if result.decision == "unknown":
        missing = catalog.account.missing
        yield from (f"{key} are unknown: {missing[key]}" for key in NETWORK_KEYS if key in missing)
    elif result.decision == "allow" and there.named and not is_listening(there.named, traffic):
        yield f"{there.name} is not known to listen on {traffic}: it listens on {format_ports(there.named)}"


def reach_interfaces(
    network: Network,
    source: EndpointSpec,
    destination: EndpointSpec,
    protocol: str = "tcp",
    port: int | None = None,
    *,
    icmp: tuple[int, int] | None = None,
    family: Family = 4,
) -> ReachResult:
    """Return whether a connection from source to destination is possible, by addresses, routes, ACLs and groups.

    An endpoint is an interface id, an address, a CIDR, "internet" (all public addresses; so are 0.0.0.0/0 and ::/0) or
    an InterfaceSet. An interface is reached at its private address, from the internet at its public one; use the public
    address as destination for the public path between two interfaces. An address or a CIDR determines the family,
    otherwise `family` does. An address without an interface is assumed to be a host that filters nothing. A range or a
    set is allowed if all of it is, denied if none of it is, and otherwise unknown, with the parts in `because`. Not
    evaluated: VPC Block Public Access, Network Firewall, endpoint policies, and what listens or filters on the host.

    Raises:
        UsageError: an endpoint does not exist, neither is an interface, or protocol and port are invalid.
    """
    traffic = Traffic.of(protocol, port, icmp)
    family = _family(source) or _family(destination) or family
    sources = endpoints_of(network, source, destination, family)
    destinations = endpoints_of(network, destination, source, family)
    if not any(endpoint.interface for endpoint in (*sources, *destinations)):
        raise UsageError(
            f"{source} to {destination}: neither is an interface of this network. Name one by its id or address"
        )
    pairs = [(here, there) for here in sources for there in destinations if not _is_same(here, there)]
    paths = [_evaluate(network, *pair, traffic) for pair in pairs or [(sources[0], destinations[0])]]
    decisions = {path.answer.decision for path in paths}
    decision: Decision = decisions.pop() if len(decisions) == 1 else "unknown"
    checks = [step.group_check for path in paths for step in path.steps if step.group_check]
    rules = dict.fromkeys(rule for check in checks for rule in check.verdict.rules)
    fix, parts = _fix(network, paths, traffic), _parts(paths)
    because = [*_because(paths, parts)]
    if fix and (narrower := narrower_rules(network, fix, traffic)):
        fix, because = (), [*because, narrower]
    return ReachResult(decision, tuple(because), tuple(rules) if decision == "allow" else (), fix, parts)


@dataclass(frozen=True)
class _EvaluatedPath:
    path: PacketPath
    steps: list[Step]
    answer: Answer

    def denials(self) -> list[GroupCheck] | None:
        """Return the group checks that deny it, or None where a new rule alone would not help."""
        stopping = [step for step in self.steps if not step.answer.is_yes]
        if any(step.group_check is None or step.answer.is_unknown for step in stopping):
            return None
        return [step.group_check for step in stopping if step.group_check]


def _family(spec: EndpointSpec) -> Family | None:
    if isinstance(spec, InterfaceSet) or spec == INTERNET or spec.startswith("eni-"):
        return None
    return family_of(parse_cidr(spec))


def _is_same(here: Endpoint, there: Endpoint) -> bool:
    """Return whether both are one interface: no member of a set needs to reach itself over the network."""
    return here.interface is not None and here.interface == there.interface and not there.external


def _evaluate(network: Network, source: Endpoint, destination: Endpoint, traffic: Traffic) -> _EvaluatedPath:
    path = PacketPath(network, source, _as_seen_from(source, destination), traffic)
    steps = path.steps()
    return _EvaluatedPath(path, steps, all_of(step.answer for step in steps))


def _as_seen_from(source: Endpoint, destination: Endpoint) -> Endpoint:
    """Return the destination with its public address where the source is on the internet."""
    if not source.external or source.interface or destination.external or not destination.interface:
        return destination
    if source.address is None:
        return destination
    public = destination.interface.public_address(family_of(source.address))
    return replace(destination, address=public, external=True) if public else destination


def _fix(network: Network, paths: Sequence[_EvaluatedPath], traffic: Traffic) -> tuple[MissingRule, ...]:
    denials = [path.denials() for path in paths if not path.answer.is_yes]
    if any(checks is None for checks in denials):
        return ()
    return missing_rules(network, [check for checks in denials for check in checks or ()], traffic)


def _parts(paths: Sequence[_EvaluatedPath]) -> tuple[Part, ...]:
    """Return one part for each decision, where there are several."""
    by_value = {value: [path for path in paths if path.answer.decision == value] for value in _VERBS}
    parts = [
        Part(
            own[0].answer.decision,
            _names([path.path.source for path in own]),
            _names([path.path.destination for path in own]),
        )
        for own in by_value.values()
        if own
    ]
    return tuple(parts) if len(parts) > 1 else ()


def _because(paths: Sequence[_EvaluatedPath], parts: Sequence[Part]) -> Iterable[str]:
    """Return the reasons of all paths without duplicates; where they differ, first which part does what."""
    if not parts:
        return dict.fromkeys(_deciding_steps(paths))
    stopped = [path for path in paths if not path.answer.is_yes]
    return [*(f"{part} {_VERBS[part.decision]}" for part in parts), *dict.fromkeys(_deciding_steps(stopped))]


def _deciding_steps(paths: Iterable[_EvaluatedPath]) -> Iterable[str]:
    for path in paths:
        yield from (step.description for step in path.steps if step.answer.value == path.answer.value)


def _names(endpoints: Sequence[Endpoint]) -> tuple[str, ...]:
    """Return endpoints in a few words: ranges merged, interfaces by name."""
    ranges = {cidr for endpoint in endpoints for cidr in endpoint.address_class}
    v4 = collapse_addresses(cidr for cidr in ranges if cidr.version == 4)
    v6 = collapse_addresses(cidr for cidr in ranges if cidr.version == 6)
    single = [endpoint for endpoint in endpoints if not endpoint.address_class]
    plain = dict.fromkeys(endpoint.interface.name if endpoint.interface else endpoint.name for endpoint in single)
    return (*plain, *map(str, v4), *map(str, v6))


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
