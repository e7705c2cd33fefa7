"""Members that AWS's descriptions always have and moto's do not: one table, by class of moto's objects.

moto's serializer reads a member such as `PlatformDetails` from the attribute of that name, or else `platform_details`;
an attribute that is named like the member goes before one that moto leaves empty.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-info-fields.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.hooks import patch

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="Descriptions of instances, images, volumes, subnets, VPCs and interfaces have the members that AWS "
        "always shows.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Image.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Volume.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html",
        ),
    ),
)

_LINUX = ("Linux/UNIX", "RunInstances")
_BILLING = {
    "windows": ("Windows", "RunInstances:0002"),
    "RHEL": ("Red Hat Enterprise Linux", "RunInstances:0010"),
    "suse": ("SUSE Linux", "RunInstances:000g"),
}
"""Platform, or beginning of an image's name → (PlatformDetails, UsageOperation)."""
_GP2_IOPS_PER_GIB, _GP2_IOPS = 3, (100, 16_000)
_NO_BLOCK = {"InternetGatewayBlockMode": "off"}
_NOT_MANAGED = {"Managed": False}


def _billing(platform: str | None, name: str | None) -> tuple[str, str]:
    if platform == "windows":
        return _BILLING["windows"]
    return next((value for start, value in _BILLING.items() if (name or "").startswith(start)), _LINUX)


def _billing_of(instance: Any) -> tuple[str, str]:
    image = instance.ec2_backend.amis.get(instance.image_id)
    return _billing(instance.platform, image.name if image is not None else None)


def _launched_with(name: str, **defaults: Any) -> Callable[[Any], dict[str, Any]]:
    """A member that a parameter of the launch sets, or its defaults."""
    return lambda instance: {**defaults, **sidecar(instance).get("launch", {}).get(name, {})}


def _cpu_options(instance: Any) -> dict[str, Any] | None:
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    cpus = INSTANCE_TYPES.get(instance.instance_type, {}).get("VCpuInfo", {})
    if not {"DefaultCores", "DefaultThreadsPerCore"} <= cpus.keys():
        return None
    options = {"CoreCount": cpus["DefaultCores"], "ThreadsPerCore": cpus["DefaultThreadsPerCore"]}
    return _launched_with("CpuOptions", **options)(instance)


def _boot_mode(instance: Any) -> str:
    """The mode that the instance has booted in; Nitro types boot in UEFI where the image can."""
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    image = instance.ec2_backend.amis.get(instance.image_id)
    supported = INSTANCE_TYPES.get(instance.instance_type, {}).get("SupportedBootModes", ())
    is_uefi = image is not None and str(image.boot_mode or "").startswith("uefi") and "uefi" in supported
    return "uefi" if is_uefi else "legacy-bios"


def _dns_options(instance: Any) -> dict[str, Any]:
    subnet = instance.nics[0].subnet if instance.nics else None
    options = subnet.private_dns_name_options_on_launch if subnet is not None else {"HostnameType": "ip-name"}
    return _launched_with("PrivateDnsNameOptions", **options)(instance)


def _attached_ebs_status(instance: Any) -> dict[str, Any]:
    if instance.state != "running":
        return {"Status": "not-applicable"}
    return {"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]}


def _zone_id(zone: Any) -> str | None:
    from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

    zones = (each for region in RegionsAndZonesBackend.zones.values() for each in region)
    return next((str(each.zone_id) for each in zones if each.name == zone), None)


def _iops(volume: Any) -> int | None:
    """https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html"""
    if volume.iops is not None:
        return int(volume.iops)
    if volume.volume_type == "gp2":
        least, most = _GP2_IOPS
        return min(most, max(least, _GP2_IOPS_PER_GIB * int(volume.size)))
    return 3000 if volume.volume_type == "gp3" else None


def _throughput(volume: Any) -> int | None:
    return volume.throughput or (125 if volume.volume_type == "gp3" else None)


_MEMBERS: Mapping[tuple[str, str], Mapping[str, Callable[[Any], Any]]] = {
    ("instances", "Instance"): {
        "HibernationOptions": lambda self: self.hibernation_options or {"Configured": False},
        "attached_ebs_status": _attached_ebs_status,
        "availability_zone_id": lambda self: _zone_id(self.placement.zone),
        "boot_mode": lambda self: getattr(self.ec2_backend.amis.get(self.image_id), "boot_mode", None),
        "capacity_reservation_specification": _launched_with(
            "CapacityReservationSpecification", CapacityReservationPreference="open"
        ),
        "cpu_options": _cpu_options,
        "current_instance_boot_mode": _boot_mode,
        "ena_support": lambda self: sidecar(self).get("ena_support", True),
        "enclave_options": _launched_with("EnclaveOptions", Enabled=False),
        "maintenance_options": _launched_with("MaintenanceOptions", AutoRecovery="default", RebootMigration="default"),
        "network_performance_options": lambda _: {"BandwidthWeighting": "default"},
        "operator": lambda _: _NOT_MANAGED,
        "platform_details": lambda self: _billing_of(self)[0],
        "private_dns_name_options": _dns_options,
        "usage_operation": lambda self: _billing_of(self)[1],
        "usage_operation_update_time": lambda self: self.launch_time,
    },
    ("instances", "InstancePlacement"): {"availability_zone_id": lambda self: _zone_id(self.zone)},
    ("amis", "Ami"): {
        "ImageLocation": lambda self: self.image_location or f"{self.owner_alias or self.owner_id}/{self.name}",
        "ena_support": lambda _: True,
        "platform_details": lambda self: _billing(self.platform, self.name)[0],
        "sriov_net_support": lambda self: self.sriov,
        "usage_operation": lambda self: _billing(self.platform, self.name)[1],
    },
    ("elastic_block_store", "Volume"): {
        "Iops": _iops,
        "MultiAttachEnabled": lambda self: bool(self.multi_attach_enabled),
        "SnapshotId": lambda self: self.snapshot_id or "",
        "Throughput": _throughput,
        "operator": lambda _: _NOT_MANAGED,
    },
    ("subnets", "Subnet"): {
        "block_public_access_states": lambda _: _NO_BLOCK,
        "enable_dns64": lambda self: sidecar(self).get("enable_dns64", False),
        "map_customer_owned_ip_on_launch": lambda _: False,
    },
    ("vpcs", "VPC"): {"block_public_access_states": lambda _: _NO_BLOCK},
    ("elastic_network_interfaces", "NetworkInterface"): {
        "availability_zone_id": lambda self: self.subnet.availability_zone_id,
        "operator": lambda _: _NOT_MANAGED,
    },
    ("route_tables", "RouteTable"): {"propagating_vgws": lambda _: []},
}
"""(module, class) of moto → attribute → its value."""

for (_module, _class), _attributes in _MEMBERS.items():
    for _name, _value in _attributes.items():
        patch(f"moto.ec2.models.{_module}", f"{_class}.{_name}", new=True, attribute=True)(_value)
