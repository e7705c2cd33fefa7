"""Launch an instance from all fields of a launch template."""

from __future__ import annotations

import copy
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.errors import AwsError
from local_aws_server.services.ec2.instances import mark_pending

_ALIAS = "resolve:ssm:"


def launch(
    backends: Backends, version: Any, subnet_id: str, tags: dict[str, str], overrides: dict[str, Any] | None = None
) -> Any:
    """Launch one instance of a launch template version in a subnet; returns moto's instance.

    `overrides` are fields, named as in the template, that replace the template's. Raises the AwsError that AWS returns.
    """
    from moto.core.types import Base64EncodedString
    from moto.ec2.utils import convert_tag_spec

    data = {**copy.deepcopy(version.data), **(overrides or {})}
    ec2 = backends.backend("ec2")
    profile = _profile(backends, data.get("IamInstanceProfile") or {})
    template_tags = convert_tag_spec(data.get("TagSpecifications") or [])
    interfaces, group_ids = _interfaces(data, subnet_id)
    user_data = data.get("UserData")
    reservation = ec2.run_instances(
        resolve_image_id(backends, data.get("ImageId", "")),
        1,
        Base64EncodedString(str(user_data)) if user_data else None,
        data.get("SecurityGroups") or [],
        security_group_ids=group_ids,
        instance_type=data.get("InstanceType") or "m1.small",
        is_instance_type_default=False,
        region_name=backends.region,
        subnet_id=subnet_id,
        placement=backends.zone_of_subnet(subnet_id),
        nics=interfaces,
        associate_public_ip=None,
        key_name=data.get("KeyName"),
        ebs_optimized=bool(data.get("EbsOptimized")),
        monitoring_state="enabled" if (data.get("Monitoring") or {}).get("Enabled") else "disabled",
        metadata_options=data.get("MetadataOptions") or {},
        block_device_mappings=_block_devices(data),
        tags={
            "instance": {
                **template_tags.get("instance", {}),
                **tags,
                "aws:ec2launchtemplate:id": version.template.id,
                "aws:ec2launchtemplate:version": str(version.number),
            },
            "volume": template_tags.get("volume", {}),
        },
    )
    instance = reservation.instances[0]
    mark_pending(instance)
    sidecar(instance)["launch_template_version"] = str(version.number)
    instance.root_device_name = "/dev/xvda"
    instance.virtualization_type = "hvm"
    if profile is not None:
        ec2.associate_iam_instance_profile(instance_id=instance.id, iam_instance_profile_name=profile.name)
    return instance


def resolve_image_id(backends: Backends, image: str) -> str:
    """The id of an AMI. AWS resolves an alias in the Parameter Store at each launch; the template keeps the alias."""
    if not image.startswith(_ALIAS):
        return image
    name = image.removeprefix(_ALIAS)
    value = backends.parameter(name)
    if value is None:
        raise AwsError("InvalidParameterValue", f"The parameter {name} of the image can't be resolved.")
    return value


def _profile(backends: Backends, reference: dict[str, str]) -> Any | None:
    name = reference.get("Name") or reference.get("Arn")
    if not name:
        return None
    profile = backends.instance_profile(name)
    if profile is None:
        raise AwsError("InvalidParameterValue", f"Invalid IAM Instance Profile name: {name}")
    return profile


def _interfaces(data: dict[str, Any], subnet_id: str) -> tuple[list[dict[str, Any]], list[str]]:
    """(interfaces, groups of the instance). A template has the groups on the first interface or beside it."""
    interfaces = data.get("NetworkInterfaces") or [{"DeviceIndex": 0}]
    first = min(interfaces, key=lambda interface: int(interface.get("DeviceIndex", 0)))
    group_ids = [*(data.get("SecurityGroupIds") or []), *(first.pop("Groups", None) or [])]
    for interface in interfaces:
        interface.setdefault("DeviceIndex", 0)
        # By default, AWS deletes an interface that it created with the instance.
        interface.setdefault("DeleteOnTermination", True)
    first["SubnetId"] = subnet_id
    return interfaces, group_ids


def _block_devices(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The template's devices and the image's root device: 8 GB at /dev/xvda, deleted with the instance."""
    devices = {"/dev/xvda": {"VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": True, "Encrypted": False}}
    for device in data.get("BlockDeviceMappings") or []:
        devices[device["DeviceName"]] = {**devices.get(device["DeviceName"], {}), **(device.get("Ebs") or {})}
    return [{"DeviceName": name, "Ebs": ebs} for name, ebs in devices.items()]
