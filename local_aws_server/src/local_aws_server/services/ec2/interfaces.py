"""The network interfaces in a VPC, with those that services of AWS keep there: some outlive what they are made for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.transitions import PROVISIONING_SPEED

_LINGERS = 90.0
_LOOKS = 2


@dataclass(frozen=True)
class Kept:
    """An interface that a service should have in a subnet."""

    service: str
    owner: str
    """The ARN of what it belongs to."""
    description: str
    subnet_id: str
    groups: tuple[str, ...]
    public: bool
    requester: str
    type: str = "interface"


def interfaces(world: Backends) -> list[Any]:
    """The interfaces that exist, but for those that moto leaves of terminated instances."""
    enis = world.backend("ec2").enis
    for eni in [eni for eni in enis.values() if _has_left(eni)]:
        del enis[eni.id]
    return [eni for eni in enis.values() if eni.instance is None or eni.instance.state != "terminated"]


def in_use(eni: Any) -> bool:
    return eni.instance is not None or eni.status == "in-use" or requester(eni) is not None


def requester(eni: Any) -> str | None:
    """The service of AWS that keeps it."""
    kept: Kept | None = sidecar(eni).get("kept")
    return kept.requester if kept else None


def leaving(eni: Any) -> bool:
    """Whether what it was made for is gone, and it is about to go too."""
    return "leaves" in sidecar(eni)


def keep(world: Backends, service: str, wanted: Iterable[Kept], *, linger: bool) -> None:
    """Make the interfaces of a service those that it wants; with `linger`, the others stay for a moment."""
    missing = dict.fromkeys(wanted)
    for eni in interfaces(world):
        kept: Kept | None = sidecar(eni).get("kept")
        if kept is None or kept.service != service or leaving(eni):
            continue
        if kept in missing:
            del missing[kept]
        elif changed := next((w for w in missing if _same_place(w, kept)), None):
            del missing[changed]
            eni._group_set = _groups(world, changed)
            sidecar(eni)["kept"] = changed
        else:
            sidecar(eni).update(leaves=CLOCK.now() + (PROVISIONING_SPEED.duration(_LINGERS) if linger else 0), looks=0)
    for each in missing:
        _make(world, each)


def looked_at(eni: Any) -> None:
    """Somebody has seen it: what is leaving has left after a few looks, unless time is to pass really."""
    if leaving(eni):
        sidecar(eni)["looks"] += 1


def _make(world: Backends, wanted: Kept) -> None:
    ec2 = world.backend("ec2")
    eni = ec2.create_network_interface(
        ec2.get_subnet(wanted.subnet_id), None, description=wanted.description, public_ip_auto_assign=wanted.public
    )
    eni._group_set = _groups(world, wanted)  # without any, moto gives it the default group
    eni.status, eni.interface_type = "in-use", wanted.type
    eni.requester_managed, eni.requester_id = True, wanted.requester
    sidecar(eni)["kept"] = wanted


def _groups(world: Backends, wanted: Kept) -> list[Any]:
    found = [world.backend("ec2").get_security_group_from_id(group) for group in wanted.groups]
    return [group for group in found if group is not None]


def _same_place(one: Kept, other: Kept) -> bool:
    return (one.owner, one.subnet_id) == (other.owner, other.subnet_id)


def _has_left(eni: Any) -> bool:
    kept = sidecar(eni)
    if "leaves" not in kept:
        return False
    seen_to_leave = PROVISIONING_SPEED.factor is None and kept["looks"] >= _LOOKS
    return seen_to_leave or CLOCK.now() >= kept["leaves"]
