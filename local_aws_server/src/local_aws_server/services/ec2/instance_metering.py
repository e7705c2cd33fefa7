"""Instances are charged for each second from launch until they stop, at least 60; volumes as long as they exist.

A stopped instance costs nothing but its volumes. https://aws.amazon.com/ec2/pricing/on-demand/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from local_aws_server.backends import Backends
from local_aws_server.billing.charge import Meter, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader
from local_aws_server.fidelity import Behaviour

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Instances are charged for each second from launch until they stop, at least 60; volumes as "
        "long as they exist.",
        documentation=("https://aws.amazon.com/ec2/pricing/on-demand/",),
    ),
)

_RUNS = ("pending", "running")
_VOLUMES = {
    "gp2": ("EBS:VolumeUsage.gp2", "CreateVolume-Gp2"),
    "gp3": ("EBS:VolumeUsage.gp3", "CreateVolume-Gp3"),
    "io1": ("EBS:VolumeUsage.piops", "CreateVolume-P-IOPS"),
    "io2": ("EBS:VolumeUsage.io2", "CreateVolume-io2"),
    "st1": ("EBS:VolumeUsage.st1", "CreateVolume-ST1"),
    "sc1": ("EBS:VolumeUsage.sc1", "CreateVolume-SC1"),
    "standard": ("EBS:VolumeUsage", "CreateVolume"),
}


@meter_reader("ec2", "autoscaling")
def instances(world: Backends) -> Iterator[Reading]:
    """Each that runs."""
    tags = world.backend("ec2").tags
    for instance in world.instances:
        if instance.state in _RUNS:
            windows = instance.platform == "windows"
            meter = Meter(
                world.region,
                "AmazonEC2",
                f"BoxUsage:{instance.instance_type}",
                "RunInstances:0002" if windows else "RunInstances",
                "Hrs",
                instance.id,
                instance.placement.zone,
            )
            yield Reading(meter, Decimal(1), sorted_tags(tags.get(instance.id, {})))


@meter_reader("ec2", "autoscaling")
def volumes(world: Backends) -> Iterator[Reading]:
    """Each that exists, by its size in GiB."""
    tags = world.backend("ec2").tags
    for volume in world.backend("ec2").volumes.values():
        usage_type, operation = _VOLUMES[volume.volume_type]
        zone = getattr(volume.zone, "name", volume.zone)
        meter = Meter(world.region, "AmazonEC2", usage_type, operation, "GB-Mo", volume.id, str(zone))
        yield Reading(meter, Decimal(volume.size), sorted_tags(tags.get(volume.id, {})))
