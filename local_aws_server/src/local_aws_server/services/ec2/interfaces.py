"""The network interfaces of a VPC, including those of AWS services, some of which outlive their owner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.transitions import PROVISIONING_SPEED

_LINGER_SECONDS = 90.0
_MAX_LOOKS = 2


@dataclass(frozen=True)
class ServiceInterface:
    """An interface that an AWS service has in a subnet."""

    service: str
    owner: str
    """The ARN of the resource that it belongs to."""
    description: str
    subnet_id: str
    groups: tuple[str, ...]
    public: bool
    requester: str
    type: str = "interface"


def interfaces(backends: Backends) -> list[Any]:
    """The existing interfaces, without those of terminated instances, which moto keeps."""
    enis = backends.backend("ec2").enis
    for eni in [eni for eni in enis.values() if _has_left(eni)]:
        del enis[eni.id]
    return [eni for eni in enis.values() if eni.instance is None or eni.instance.state != "terminated"]


def is_in_use(eni: Any) -> bool:
    return eni.instance is not None or eni.status == "in-use" or requester(eni) is not None


def service_interface(eni: Any) -> ServiceInterface | None:
    """The specification of an interface that an AWS service manages; None for other interfaces."""
    spec: ServiceInterface | None = sidecar(eni).get("service_interface")
    return spec


def requester(eni: Any) -> str | None:
    """The AWS service that manages the interface; None if a user does."""
    spec = service_interface(eni)
    return spec.requester if spec else None


def is_of_task(eni: Any) -> bool:
    """Whether it is the interface of an ECS task, whose description is the ARN of its attachment."""
    return str(eni.description).startswith("arn:aws:ecs:")


def is_leaving(eni: Any) -> bool:
    """Whether its owner is gone, and AWS is about to delete the interface."""
    return "leaves" in sidecar(eni)


def sync_interfaces(backends: Backends, service: str, expected: Iterable[ServiceInterface], *, linger: bool) -> None:
    """Create, update and delete the interfaces of a service; with `linger`, unexpected ones stay for a while."""
    missing = dict.fromkeys(expected)
    for eni in interfaces(backends):
        spec = service_interface(eni)
        if spec is None or spec.service != service or is_leaving(eni):
            continue
        if spec in missing:
            del missing[spec]
        elif changed := next((other for other in missing if _is_same_place(other, spec)), None):
            del missing[changed]
            eni._group_set = _groups(backends, changed)
            sidecar(eni)["service_interface"] = changed
        else:
            seconds = PROVISIONING_SPEED.duration(_LINGER_SECONDS) if linger else 0
            sidecar(eni).update(leaves=CLOCK.now() + seconds, looks=0)
    for spec in missing:
        _create(backends, spec)


def count_look(eni: Any) -> None:
    """Count a describe call: a leaving interface is gone after a few, unless its time really has to pass."""
    if is_leaving(eni):
        sidecar(eni)["looks"] += 1


def _create(backends: Backends, spec: ServiceInterface) -> None:
    ec2 = backends.backend("ec2")
    eni = ec2.create_network_interface(
        ec2.get_subnet(spec.subnet_id), None, description=spec.description, public_ip_auto_assign=spec.public
    )
    eni._group_set = _groups(backends, spec)  # without any, moto gives it the default group
    eni.status, eni.interface_type = "in-use", spec.type
    eni.requester_managed, eni.requester_id = True, spec.requester
    sidecar(eni)["service_interface"] = spec


def _groups(backends: Backends, spec: ServiceInterface) -> list[Any]:
    groups = [backends.backend("ec2").get_security_group_from_id(id) for id in spec.groups]
    return [group for group in groups if group is not None]


def _is_same_place(one: ServiceInterface, other: ServiceInterface) -> bool:
    return (one.owner, one.subnet_id) == (other.owner, other.subnet_id)


def _has_left(eni: Any) -> bool:
    data = sidecar(eni)
    if "leaves" not in data:
        return False
    was_seen = PROVISIONING_SPEED.factor is None and data["looks"] >= _MAX_LOOKS
    return was_seen or CLOCK.now() >= data["leaves"]
