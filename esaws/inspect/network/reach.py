"""Who reaches whom: allow, deny or unknown, because of what, and the smallest rules that would mend a denial."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import collapse_addresses
from typing import Any, Literal

from esaws.errors import UsageError
from esaws.inspect.answers import Answer, all_of
from esaws.inspect.network.addresses import Family, family_of, parse_cidr
from esaws.inspect.network.endpoints import INTERNET, Endpoint, EndpointSpec, InterfaceSet, endpoints_of
from esaws.inspect.network.group_rules import GroupRule
from esaws.inspect.network.missing_rules import MissingRule, missing_rules
from esaws.inspect.network.network import Network
from esaws.inspect.network.path import GroupCheck, PacketPath, Step
from esaws.inspect.network.traffic import Traffic

Decision = Literal["allow", "deny", "unknown"]
_DECISIONS: dict[str, Decision] = {"yes": "allow", "no": "deny", "unknown": "unknown"}
_PARTS = {"yes": "passes", "no": "does not pass", "unknown": "may pass"}


@dataclass(frozen=True, repr=False)
class ReachResult:
    """Whether traffic gets from one end to the other.

    `because` are sentences: for allow every step of the way, for deny what stops it, for unknown what is not known or
    which part gets through. `rules` are those that allow it; `fix` the rules that would, empty where none alone would.
    """

    decision: Decision
    because: tuple[str, ...]
    rules: tuple[GroupRule, ...] = ()
    fix: tuple[MissingRule, ...] = ()

    def __repr__(self) -> str:
        """The decision, the sentences, and the rules that would mend it, a line each."""
        mended = [f"  to mend it, {rule.description}" for rule in self.fix]
        return "\n".join([self.decision, *(f"  {sentence}" for sentence in self.because), *mended])

    def to_dict(self) -> dict[str, Any]:
        """{decision, because, fix}; `fix` is a list of {call, parameters} for a boto3 EC2 client, or None."""
        fix = [rule.to_dict() for rule in self.fix] or None
        return {"decision": self.decision, "because": [*self.because], "fix": fix}


@dataclass(frozen=True)
class _EvaluatedPath:
    journey: PacketPath
    steps: list[Step]
    answer: Answer

    def denials(self) -> list[GroupCheck] | None:
        """The groups that deny it, or None where a new rule alone would not help."""
        stopping = [step for step in self.steps if not step.answer.is_yes]
        if any(step.group_check is None or step.answer.is_unknown for step in stopping):
            return None
        return [step.group_check for step in stopping if step.group_check]


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
    """Whether a connection from source to destination comes about, with routes, ACLs, addresses and groups.

    An end is an interface id, an address, a CIDR, "internet" (every public address; so are 0.0.0.0/0 and ::/0) or a
    Service. An interface is reached at its private address, from the internet at its public one; to go the public way
    between two interfaces name the public address. An address or a CIDR decides the family, else `family` does. An
    address that no interface has is taken for somebody whom nothing filters. A range or a service is allowed if all
    of it is, denied if none of it is, and else unknown, with the parts in `because`. Not looked at, because it stands
    elsewhere: VPC Block Public Access, Network Firewall, endpoint policies, and what listens or filters on the host.

    Raises:
        UsageError: an end is unknown or neither is an interface; or the protocol and port make no sense.
    """
    traffic = Traffic.of(protocol, port, icmp)
    family = _family(source) or _family(destination) or family
    sources = endpoints_of(network, source, destination, family)
    destinations = endpoints_of(network, destination, source, family)
    if not any(end.interface for end in (*sources, *destinations)):
        raise UsageError("neither end is an interface of this network: name one by its id or its address")
    pairs = [(here, there) for here in sources for there in destinations if not _same(here, there)]
    ways = [_way(network, *pair, traffic) for pair in pairs or [(sources[0], destinations[0])]]
    answers = {way.answer.value for way in ways}
    decision: Decision = _DECISIONS[answers.pop()] if len(answers) == 1 else "unknown"
    rules = dict.fromkeys(
        rule for way in ways for step in way.steps if step.group_check for rule in step.group_check.verdict.rules
    )
    return ReachResult(
        decision,
        tuple(_because(ways, source, destination)),
        tuple(rules) if decision == "allow" else (),
        _fix(network, ways, traffic),
    )


def _family(asked: EndpointSpec) -> Family | None:
    if isinstance(asked, InterfaceSet) or asked == INTERNET or asked.startswith("eni-"):
        return None
    return family_of(parse_cidr(asked))


def _same(here: Endpoint, there: Endpoint) -> bool:
    """An interface and itself: no member of a service has to reach itself over the network."""
    return here.interface is not None and here.interface == there.interface and not there.external


def _way(network: Network, source: Endpoint, destination: Endpoint, traffic: Traffic) -> _EvaluatedPath:
    journey = PacketPath(network, source, _as_seen_from(source, destination), traffic)
    steps = journey.steps()
    return _EvaluatedPath(journey, steps, all_of(step.answer for step in steps))


def _as_seen_from(source: Endpoint, destination: Endpoint) -> Endpoint:
    """From the internet an interface has only its public address."""
    if not source.external or source.interface or destination.external or not destination.interface:
        return destination
    if source.address is None:
        return destination
    public = destination.interface.public_address(family_of(source.address))
    return replace(destination, address=public, external=True) if public else destination


def _fix(network: Network, ways: Sequence[_EvaluatedPath], traffic: Traffic) -> tuple[MissingRule, ...]:
    stopped = [way.denials() for way in ways if not way.answer.is_yes]
    if any(denials is None for denials in stopped):
        return ()
    return missing_rules(network, [met for denials in stopped for met in denials or ()], traffic)


def _because(ways: Sequence[_EvaluatedPath], source: EndpointSpec, destination: EndpointSpec) -> Iterable[str]:
    """The sentences of all ways, each once; where they differ, first which part of the ends does what."""
    words = {way.answer.value for way in ways}
    if len(words) == 1:
        return dict.fromkeys(_deciding(ways))
    parts = [
        f"{_parts([way for way in ways if way.answer.value == word], source, destination)} {told}"
        for word, told in _PARTS.items()
        if word in words
    ]
    stopped = [way for way in ways if not way.answer.is_yes]
    return [*parts, *dict.fromkeys(_deciding(stopped))]


def _deciding(ways: Iterable[_EvaluatedPath]) -> Iterable[str]:
    for way in ways:
        yield from (step.description for step in way.steps if step.answer.value == way.answer.value)


def _parts(ways: Sequence[_EvaluatedPath], source: EndpointSpec, destination: EndpointSpec) -> str:
    sources = _named([way.journey.source for way in ways])
    destinations = _named([way.journey.destination for way in ways])
    return f"from {sources} to {destinations}"


def _named(ends: Sequence[Endpoint]) -> str:
    """Ends in few words: ranges joined, interfaces by name, at most four."""
    covered = {some for end in ends for some in end.address_class}
    v4 = collapse_addresses(some for some in covered if some.version == 4)
    v6 = collapse_addresses(some for some in covered if some.version == 6)
    plain = dict.fromkeys(end.interface.name if end.interface else end.name for end in ends if not end.address_class)
    names = [*plain, *map(str, v4), *map(str, v6)]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
