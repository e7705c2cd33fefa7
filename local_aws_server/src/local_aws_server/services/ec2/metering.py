"""Meter instances, volumes, NAT gateways and public IPv4 addresses.

https://aws.amazon.com/ec2/pricing/on-demand/ https://aws.amazon.com/vpc/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from esaws.pricelist import FARGATE_OPERATION, bundled, utc_day
from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.charge import Meter, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader
from local_aws_server.clock.clock import CLOCK
from local_aws_server.services.ec2.interfaces import interfaces, is_leaving, is_of_task, requester

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Instances are charged by the second from launch until they stop, for at least 60 seconds; volumes "
        "as long as they exist.",
        documentation=("https://aws.amazon.com/ec2/pricing/on-demand/",),
    ),
    Behaviour(
        service="Billing",
        statement="Public IPv4 addresses are charged by the second since February 2024, whether in use or idle, those "
        "of load balancers too.",
        documentation=("https://aws.amazon.com/vpc/pricing/",),
    ),
    Behaviour(
        service="Billing",
        statement="NAT gateways are charged for each hour or part of an hour.",
        documentation=("https://aws.amazon.com/vpc/pricing/",),
    ),
)

_RUNNING_STATES = ("pending", "running")
_VOLUMES = {
    "gp2": ("EBS:VolumeUsage.gp2", "CreateVolume-Gp2"),
    "gp3": ("EBS:VolumeUsage.gp3", "CreateVolume-Gp3"),
    "io1": ("EBS:VolumeUsage.piops", "CreateVolume-P-IOPS"),
    "io2": ("EBS:VolumeUsage.io2", "CreateVolume-io2"),
    "st1": ("EBS:VolumeUsage.st1", "CreateVolume-ST1"),
    "sc1": ("EBS:VolumeUsage.sc1", "CreateVolume-SC1"),
    "standard": ("EBS:VolumeUsage", "CreateVolume"),
}
"""Volume type → (usage type, operation)."""
_OLD_IDLE_ADDRESS = "ElasticIP:IdleAddress"
"""The usage type of idle addresses until January 2024."""
_ADDRESS_OPERATIONS = {
    "amazon-elb": "CreateLoadBalancer",
    "amazon-rds": "CreateDBInstance",
    "amazon-mq": "CreateBroker",
}
"""Service that requested a network interface → the operation on the bill of its address."""


@meter_reader("ec2", "autoscaling")
def instances(backends: Backends) -> Iterator[Reading]:
    """One reading for each running instance."""
    tags = backends.backend("ec2").tags
    for instance in backends.instances:
        if instance.state in _RUNNING_STATES:
            is_windows = instance.platform == "windows"
            meter = Meter(
                backends.region,
                "AmazonEC2",
                f"BoxUsage:{instance.instance_type}",
                "RunInstances:0002" if is_windows else "RunInstances",
                "Hrs",
                instance.id,
                instance.placement.zone,
            )
            yield Reading(meter, Decimal(1), sorted_tags(tags.get(instance.id, {})))


@meter_reader("ec2", "autoscaling")
def volumes(backends: Backends) -> Iterator[Reading]:
    """The size of each volume, in GiB."""
    tags = backends.backend("ec2").tags
    for volume in backends.backend("ec2").volumes.values():
        usage_type, operation = _VOLUMES[volume.volume_type]
        zone = getattr(volume.zone, "name", volume.zone)
        meter = Meter(backends.region, "AmazonEC2", usage_type, operation, "GB-Mo", volume.id, str(zone))
        yield Reading(meter, Decimal(volume.size), sorted_tags(tags.get(volume.id, {})))


@meter_reader("ec2")
def nat_gateways(backends: Backends) -> Iterator[Reading]:
    """One reading for each NAT gateway that is pending or available."""
    for gateway in backends.backend("ec2").nat_gateways.values():
        if gateway.state in ("pending", "available"):
            arn = f"arn:aws:ec2:{backends.region}:{backends.account}:natgateway/{gateway.id}"
            meter = Meter(backends.region, "AmazonEC2", "NatGateway-Hours", "NatGateway", "Hrs", arn)
            yield Reading(meter, Decimal(1), sorted_tags(backends.backend("ec2").tags.get(gateway.id, {})))


@meter_reader("ec2", "autoscaling", "elbv2", "rds", "mq")
def addresses(backends: Backends) -> Iterator[Reading]:
    """One reading for each public address of an interface, and for each idle Elastic IP address."""
    ec2 = backends.backend("ec2")
    gateway_interfaces = {gateway._eni.id for gateway in ec2.nat_gateways.values()}
    for eni in interfaces(backends):
        is_running = eni.instance is None or eni.instance.state in _RUNNING_STATES
        if eni.public_ip and not is_leaving(eni) and is_running:
            operation = "NatGateway" if eni.id in gateway_interfaces else _address_operation(eni)
            yield _address(backends, "PublicIPv4:InUseAddress", operation, f"network-interface/{eni.id}")
    for address in ec2.addresses:
        is_stopped = address.instance is not None and address.instance.state not in _RUNNING_STATES
        if address.association_id is None or is_stopped:
            resource = f"elastic-ip/{address.allocation_id}"
            yield _address(backends, "PublicIPv4:IdleAddress", "AllocateAddressVPC", resource)
            if bundled().is_charged("AmazonEC2", _OLD_IDLE_ADDRESS, "eu-west-3", utc_day(CLOCK.now())):
                yield _address(backends, _OLD_IDLE_ADDRESS, "AllocateAddressVPC", resource)


def _address(backends: Backends, usage_type: str, operation: str, resource: str) -> Reading:
    service = "AmazonVPC" if usage_type.startswith("PublicIPv4") else "AmazonEC2"
    tags = backends.backend("ec2").tags.get(resource.split("/")[1], {})
    arn = f"arn:aws:ec2:{backends.region}:{backends.account}:{resource}"
    meter = Meter(backends.region, service, usage_type, operation, "Hrs", arn)
    return Reading(meter, Decimal(1), sorted_tags(tags))


def _address_operation(eni: Any) -> str:
    """The operation that assigned the address; the free tier covers addresses of instances, never of services."""
    if is_of_task(eni):  # AWS does not document the operation of such lines
        return FARGATE_OPERATION
    return _ADDRESS_OPERATIONS.get(requester(eni) or "", "RunInstances" if eni.instance else "AssociateAddressVPC")
