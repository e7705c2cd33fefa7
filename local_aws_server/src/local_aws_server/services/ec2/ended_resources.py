"""Terminated instances, and deleted NAT gateways and endpoints: AWS shows them for about an hour."""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.ended_resources import EndedResources
from local_aws_server.hooks import reconciler
from local_aws_server.services.ec2 import launch_tokens

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A terminated instance, a deleted NAT gateway and a deleted endpoint are described for an hour; AWS "
        "gives no length for endpoints.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html",
            "https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html",
        ),
    ),
)


def _remove_instances(backends: Backends, ended: list[Any]) -> None:
    ec2, ids = backends.backend("ec2"), {instance.id for instance in ended}
    for instance in ended:
        instance._private_ips.clear()  # moto would free them, and they may be another's by now
    for reservation in list(ec2.reservations.values()):
        if ids.isdisjoint(instance.id for instance in reservation.instances):
            continue
        remaining = [instance for instance in reservation.instances if instance.id not in ids]
        if not remaining:
            launch_tokens.remember_terminated(backends, reservation)
            del ec2.reservations[reservation.id]
        reservation.instances = remaining
    _remove_tags(ec2, ids)


def _remove_gateways(backends: Backends, ended: list[Any]) -> None:
    ec2 = backends.backend("ec2")
    for gateway in ended:
        del ec2.nat_gateways[gateway.id]
    _remove_tags(ec2, {gateway.id for gateway in ended})


def _remove_endpoints(backends: Backends, ended: list[Any]) -> None:
    ec2 = backends.backend("ec2")
    for endpoint in ended:
        del ec2.vpc_end_points[endpoint.id]
    _remove_tags(ec2, {endpoint.id for endpoint in ended})


def _remove_tags(ec2: Any, ids: set[str]) -> None:
    for id in ids:
        ec2.tags.pop(id, None)


_INSTANCES = EndedResources(
    find=lambda backends: [each for each in backends.instances if each.state == "terminated"],
    remove=_remove_instances,
)
_NAT_GATEWAYS = EndedResources(
    find=lambda backends: [each for each in backends.backend("ec2").nat_gateways.values() if each.state == "deleted"],
    remove=_remove_gateways,
)
_ENDPOINTS = EndedResources(
    find=lambda backends: [each for each in backends.backend("ec2").vpc_end_points.values() if each.state == "deleted"],
    remove=_remove_endpoints,
)


@reconciler("ec2", "autoscaling", order=95)
def remove_terminated_instances(backends: Backends) -> float | None:
    return _INSTANCES.remove_due(backends)


@reconciler("ec2", order=95)
def remove_deleted_gateways(backends: Backends) -> float | None:
    return _NAT_GATEWAYS.remove_due(backends)


@reconciler("ec2", order=95)
def remove_deleted_endpoints(backends: Backends) -> float | None:
    return _ENDPOINTS.remove_due(backends)
