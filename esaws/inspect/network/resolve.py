"""Ends by name, as they stand in the network of an account, and what decides there before any packet is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from esaws.errors import UsageError
from esaws.inspect.network.addresses import is_public, range_of
from esaws.inspect.network.endpoint_catalog import Places
from esaws.inspect.network.endpoints import INTERNET, INTERNET_TOO, Asked, Service
from esaws.inspect.network.named_endpoint import KINDS, Place
from esaws.inspect.network.network import Network
from esaws.inspect.network.reach import Decision
from esaws.inspect.network.traffic import TCP, UDP, Traffic


@dataclass(frozen=True)
class Standing:
    """An end in the network: `asked` are its interfaces that are awake, `place` what it is, where it is one.

    `nobody` says why nobody is there; then `asked` means nothing.
    """

    name: str
    asked: Asked
    place: Place | None = None
    nobody: str = ""

    @property
    def interfaces(self) -> tuple[str, ...]:
        if isinstance(self.asked, Service):
            return self.asked.interfaces
        return (self.asked,) if self.asked.startswith("eni-") else ()

    @property
    def outside(self) -> bool:
        """Whether it is the internet, or a part of it."""
        if isinstance(self.asked, Service) or self.interfaces:
            return False
        return self.asked in INTERNET_TOO or is_public(range_of(self.asked)[0])


def named(places: Places, text: str) -> Place | Asked:
    """What a name stands for: a place, or an end as `reach` takes it.

    Raises:
        NotKnown: AWS did not say what there is of its kind.
        UsageError: it is no end, or there is none of this name.
    """
    for kind in KINDS:
        if text.startswith(f"{kind}/"):
            return places.find(kind, text.removeprefix(f"{kind}/"))
    if text.startswith("i-"):
        return Service(text, places.instance(text))
    if text.startswith("eni-"):
        return places.network.interface(text).id
    if text != INTERNET:
        try:
            range_of(text)
        except UsageError:
            told = "internet, a CIDR, an address, eni-…, i-… or the name of a place"
            raise UsageError(f"{text!r} is no end: it takes {told}; {places.told()}") from None
    return text


def stand(places: Places, ends: Sequence[Place | Asked]) -> tuple[Network, list[Standing]]:
    """The network with all of these ends in it, and each end as it stands there."""
    somewhere = [end for end in ends if isinstance(end, Place) and not end.nowhere]
    network, asked = places.standing(somewhere)
    by_place = dict(zip(somewhere, asked, strict=True))
    return network, [_standing(places, end, by_place) for end in ends]


def _standing(places: Places, end: Place | Asked, by_place: dict[Place, Asked]) -> Standing:
    if isinstance(end, Service):
        return _awake(places, Standing(end.name, end))
    if isinstance(end, str):
        return _awake(places, Standing(end, end))
    name = places.title(end)
    if end.nowhere:
        return Standing(name, name, end, f"{name} has no network interface: nothing of it runs")
    return _awake(places, Standing(name, by_place[end], end))


def _awake(places: Places, end: Standing) -> Standing:
    asleep = places.asleep(end.interfaces)
    awake = tuple(id for id in end.interfaces if id not in asleep)
    if not asleep:
        return end
    if not awake:
        return replace(end, nobody=f"the instance of {end.name} does not run")
    return replace(end, asked=Service(end.name, awake))


# What decides beforehand


@dataclass(frozen=True)
class Hindrance:
    """A decision, and why."""

    decision: Decision
    why: str


def hindrances(places: Places, here: Standing, there: Standing, traffic: Traffic) -> Iterator[Hindrance]:
    """What decides by the ends alone, the first of them first.

    Nobody is there; a public address is not visible; a load balancer has no listener, or serves no zone of the
    destination. Source: https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html
    """
    for end, other in ((here, there), (there, here)):
        if end.nobody:
            yield Hindrance("deny", end.nobody)
        elif end.place and end.place.guessed and end.place.public and other.outside:
            yield Hindrance("unknown", f"no interface of {end.name} is visible, so its public address is not known")
    if there.place and there.place.kind == "alb" and not listens(there.place, traffic):
        yield Hindrance("deny", f"{there.name} has no listener for {traffic}: it listens on {ports(there.place)}")
    off = _not_served(places, here, there)
    if off and len(off) == len(there.interfaces):
        yield Hindrance("deny", _told(places, here, off))


def doubts(places: Places, here: Standing, there: Standing) -> Iterator[str]:
    """What makes it unknown whether traffic that the network lets through arrives: parts, and what AWS did not say."""
    if off := _not_served(places, here, there):
        yield _told(places, here, off)
    if there.place and there.place.kind == "alb" and there.place.listens is None:
        yield f"the listeners of {there.name} are not known: {places.account.missing.get('Listeners')}"
    for end in (here, there):
        runs_tasks = end.place and not end.place.remark
        if places.account.get("Instances") is None and not runs_tasks and places.on_instances(end.interfaces):
            yield f"whether the instance of {end.name} runs is not known: {places.account.missing.get('Instances')}"


def listens(place: Place, traffic: Traffic) -> bool:
    """Whether something of it answers, as far as that is known."""
    kind = {TCP: "tcp", UDP: "udp"}.get(traffic.protocol)
    return place.listens is None or kind is None or (kind, traffic.port) in place.listens


def ports(place: Place) -> str:
    return ", ".join(f"{protocol} {port}" for protocol, port in sorted(place.listens or ())) or "no port"


def _not_served(places: Places, here: Standing, there: Standing) -> list[str]:
    """The interfaces of the destination in zones that are not enabled for the load balancer that is the source."""
    served = here.place.zones if here.place else None
    if served is None:
        return []
    return [id for id in there.interfaces if places.zone(id) and places.zone(id) not in served]


def _told(places: Places, here: Standing, interfaces: Sequence[str]) -> str:
    zones = ", ".join(sorted({places.zone(id) for id in interfaces}))
    return f"{here.name} sends nothing to {zones}, which is not enabled for it"
