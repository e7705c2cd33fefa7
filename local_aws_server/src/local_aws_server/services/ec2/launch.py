"""Launch instances with all parameters of RunInstances, which launch templates have as well."""

from __future__ import annotations

import copy
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.services.ec2.addresses import free_addresses
from local_aws_server.services.ec2.instances import keep_interface, mark_pending
from local_aws_server.services.ec2.launch_parameters import (
    DEFAULT_TYPE,
    check_groups,
    check_launch_parameters,
    find_image,
    find_profile,
)

_ROOT_DEVICE = "/dev/xvda"
"""The root device of Amazon Linux."""
_SHOWN = (
    "CapacityReservationSpecification",
    "CpuOptions",
    "CreditSpecification",
    "EnclaveOptions",
    "MaintenanceOptions",
    "PrivateDnsNameOptions",
)
"""Parameters that moto drops, and that the description of an instance shows."""


def launch(
    backends: Backends, version: Any, subnet_id: str, tags: dict[str, str], overrides: dict[str, Any] | None = None
) -> Any:
    """Launch one instance of a launch template version in a subnet; returns moto's instance.

    `overrides` are fields, named as in the template, that replace the template's. Raises the AwsError that AWS returns.
    """
    data = {**version.data, **(overrides or {})}
    check_launch_parameters(backends, data)
    return launch_all(backends, data, subnet_id, 1, tags=tags, version=version).instances[0]


def launch_all(
    backends: Backends,
    data: dict[str, Any],
    subnet_id: str,
    count: int,
    *,
    tags: dict[str, str] | None = None,
    version: Any | None = None,
) -> Any:
    """Launch instances in a subnet; returns moto's reservation. The caller has checked the parameters.

    `data` has the parameters of RunInstances, and `version` is the version of the launch template that they are from.
    """
    from moto.ec2.utils import convert_tag_spec, parse_user_data

    data = copy.deepcopy(data)
    ec2 = backends.backend("ec2")
    subnet = ec2.get_subnet(subnet_id)
    interfaces, group_ids = _interfaces(data, subnet_id)
    check_groups(backends, group_ids, subnet.vpc_id, subnet_id)
    if not interfaces[0].get("NetworkInterfaceId"):
        group_ids = _with_default(ec2, group_ids, data.get("SecurityGroups") or [], subnet.vpc_id)
    image = find_image(backends, data["ImageId"]) if data.get("ImageId") else None
    root = (image.root_device_name if image is not None else None) or _ROOT_DEVICE
    if not interfaces[0].get("NetworkInterfaceId"):
        free_addresses(ec2, subnet, count)
    template_tags = convert_tag_spec(data.get("TagSpecifications") or [])
    reservation = ec2.run_instances(
        image.id if image is not None else "",
        count,
        parse_user_data(str(data["UserData"])) if data.get("UserData") else None,
        data.get("SecurityGroups") or [],
        security_group_ids=group_ids,
        instance_type=data.get("InstanceType") or DEFAULT_TYPE,
        is_instance_type_default=not data.get("InstanceType"),
        region_name=backends.region,
        subnet_id=subnet_id,
        placement=subnet.availability_zone,
        placement_hostid=(data.get("Placement") or {}).get("HostId"),
        nics=interfaces,
        private_ip=data.get("PrivateIpAddress"),
        ipv6_address_count=data.get("Ipv6AddressCount"),
        associate_public_ip=None,
        key_name=data.get("KeyName"),
        ebs_optimized=bool(data.get("EbsOptimized")),
        disable_api_stop=bool(data.get("DisableApiStop")),
        disable_api_termination=bool(data.get("DisableApiTermination")),
        instance_initiated_shutdown_behavior=data.get("InstanceInitiatedShutdownBehavior"),
        instance_market_options=(data.get("InstanceMarketOptions") or {}).get("MarketType"),
        hibernation_options=data.get("HibernationOptions"),
        monitoring_state="enabled" if (data.get("Monitoring") or {}).get("Enabled") else "disabled",
        metadata_options=data.get("MetadataOptions") or {},
        client_token=data.get("ClientToken"),
        block_device_mappings=_block_devices(data, root),
        tags={
            "instance": {**template_tags.get("instance", {}), **(tags or {}), **_template_tags(version)},
            "volume": template_tags.get("volume", {}),
        },
    )
    profile = find_profile(backends, data.get("IamInstanceProfile") or {})
    for instance in reservation.instances:
        mark_pending(instance)
        instance.root_device_name = root
        instance.virtualization_type = image.virtualization_type if image is not None else "hvm"
        sidecar(instance)["launch"] = {name: data[name] for name in _SHOWN if data.get(name)}
        if version is not None:
            sidecar(instance)["launch_template_version"] = str(version.number)
        for interface in interfaces:
            if interface.get("NetworkInterfaceId") or interface["DeleteOnTermination"] is False:
                keep_interface(instance.nics[int(interface["DeviceIndex"])])
        for eni in instance.nics.values():
            eni.add_tags(template_tags.get("network-interface", {}))
        if profile is not None:
            ec2.associate_iam_instance_profile(instance_id=instance.id, iam_instance_profile_name=profile.name)
    _add_secondary_addresses(ec2, reservation.instances, interfaces)
    return reservation


def _template_tags(version: Any | None) -> dict[str, str]:
    if version is None:
        return {}
    return {
        "aws:ec2launchtemplate:id": version.template.id,
        "aws:ec2launchtemplate:version": str(version.number),
    }


def _interfaces(data: dict[str, Any], subnet_id: str) -> tuple[list[dict[str, Any]], list[str]]:
    """(interfaces, groups of the instance). A template has the groups on the first interface or beside it."""
    interfaces = data.get("NetworkInterfaces") or [{"DeviceIndex": 0, "Description": ""}]
    interfaces.sort(key=lambda interface: int(interface.get("DeviceIndex", 0)))
    first = interfaces[0]
    group_ids = [*(data.get("SecurityGroupIds") or []), *(first.pop("Groups", None) or [])]
    for interface in interfaces:
        interface.setdefault("DeviceIndex", 0)
        if not interface.get("NetworkInterfaceId"):
            # By default, AWS deletes an interface that it created with the instance.
            interface.setdefault("DeleteOnTermination", True)
        interface.setdefault("SubnetId", subnet_id)
    first["SubnetId"] = subnet_id
    return interfaces, group_ids


def _with_default(ec2: Any, group_ids: list[str], names: list[str], vpc_id: str) -> list[str]:
    """The groups of an instance; without any, the default group of the VPC."""
    return group_ids or ([] if names else [ec2.get_default_security_group(vpc_id).id])


def _block_devices(data: dict[str, Any], root: str) -> list[dict[str, Any]]:
    """The devices of the launch and the image's root device: 8 GB, deleted with the instance."""
    devices = {root: {"VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": True, "Encrypted": False}}
    for device in data.get("BlockDeviceMappings") or []:
        if "NoDevice" in device:
            devices.pop(device["DeviceName"], None)
        elif not device.get("VirtualName"):
            devices[device["DeviceName"]] = {**devices.get(device["DeviceName"], {}), **(device.get("Ebs") or {})}
    return [{"DeviceName": name, "Ebs": ebs} for name, ebs in devices.items()]


def _add_secondary_addresses(ec2: Any, instances: list[Any], interfaces: list[dict[str, Any]]) -> None:
    for instance in instances:
        for interface in interfaces:
            eni = instance.nics.get(int(interface["DeviceIndex"]))
            listed = [each["PrivateIpAddress"] for each in interface.get("PrivateIpAddresses") or []]
            named = [address for address in listed if eni is not None and address != eni.private_ip_address]
            count = int(interface.get("SecondaryPrivateIpAddressCount") or 0)
            if eni is not None and (named or count):
                addresses = named or free_addresses(ec2, eni.subnet, count)
                eni.private_ip_addresses += [{"Primary": False, "PrivateIpAddress": each} for each in addresses]
