"""Check the parameters of a launch, from RunInstances, a launch template or an Auto Scaling group.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.errors import AwsError
from local_aws_server.services.ec2.instance_types import describe_type
from local_aws_server.services.ec2.volume_parameters import check_volume

_ALIAS = "resolve:ssm:"
_IMAGE_ID = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")
DEFAULT_TYPE = "m1.small"
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html"""


def check_launch_parameters(backends: Backends, data: Mapping[str, Any]) -> None:
    """Raise AWS's error for the first parameter with which no instance can be launched."""
    described = describe_type(data.get("InstanceType") or DEFAULT_TYPE)
    image = find_image(backends, data["ImageId"]) if data.get("ImageId") else None
    if image is not None:
        _check_architecture(image, described)
    for mapping in data.get("BlockDeviceMappings") or []:
        _check_mapping(backends, mapping, image)
    check_key_pair(backends, data.get("KeyName"))
    find_profile(backends, data.get("IamInstanceProfile") or {})


def _check_mapping(backends: Backends, mapping: Mapping[str, Any], image: Any | None) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_BlockDeviceMapping.html"""
    if "NoDevice" in mapping or mapping.get("VirtualName"):
        return
    ebs = mapping.get("Ebs")
    if ebs is None:
        raise AwsError("MissingParameter", "The request must contain the parameter ebs")
    is_root = image is not None and mapping.get("DeviceName") == image.root_device_name
    if not is_root and ebs.get("VolumeSize") is None and not ebs.get("SnapshotId"):
        raise AwsError("MissingParameter", "The request must contain the parameter size or snapshotId")
    check_volume(backends, ebs, is_mapping=True)


def resolve_image_id(backends: Backends, image: str) -> str:
    """The id of an AMI. AWS resolves an alias in the Parameter Store at each launch; the template keeps the alias."""
    if not image.startswith(_ALIAS):
        return image
    name = image.removeprefix(_ALIAS)
    value = backends.parameter(name)
    if value is None:
        raise AwsError("InvalidParameterValue", f"The parameter {name} of the image can't be resolved.")
    return value


def find_image(backends: Backends, image: str) -> Any:
    """moto's image of an id or alias. Raises AWS's error if there is none."""
    id = resolve_image_id(backends, image)
    found = backends.backend("ec2").amis.get(id)
    if found is not None:
        return found
    if not _IMAGE_ID.fullmatch(id):
        raise AwsError("InvalidAMIID.Malformed", f'Invalid id: "{id}"')
    raise AwsError("InvalidAMIID.NotFound", f"The image id '[{id}]' does not exist")


def check_key_pair(backends: Backends, name: str | None) -> None:
    if name and name not in backends.backend("ec2").key_pairs:
        raise AwsError("InvalidKeyPair.NotFound", f"The key pair '{name}' does not exist")


def find_profile(backends: Backends, reference: Mapping[str, str]) -> Any | None:
    """The instance profile that a launch names by name or ARN; None if it names none."""
    name = reference.get("Name") or reference.get("Arn")
    if not name:
        return None
    profile = backends.instance_profile(name)
    if profile is None:
        kind = "name" if reference.get("Name") else "ARN"
        parameter = f"iamInstanceProfile.{kind.lower()}"
        message = f"Value ({name}) for parameter {parameter} is invalid. Invalid IAM Instance Profile {kind}"
        raise AwsError("InvalidParameterValue", message)
    return profile


def check_groups(backends: Backends, groups: Iterable[str], vpc_id: str, subnet_id: str | None) -> None:
    """Raise AWS's error for a group that does not exist, or belongs to another VPC than the subnet."""
    ec2 = backends.backend("ec2")
    for id in groups:
        group = ec2.get_security_group_from_id(id)
        if group is None:
            raise AwsError("InvalidGroup.NotFound", f"The security group '{id}' does not exist")
        if group.vpc_id != vpc_id and subnet_id is None:
            raise AwsError("InvalidGroup.NotFound", f"The security group '{id}' does not exist in VPC '{vpc_id}'")
        if group.vpc_id != vpc_id:
            message = f"Security group {id} and subnet {subnet_id} belong to different networks."
            raise AwsError("InvalidParameter", message)


def _check_architecture(image: Any, described: Mapping[str, Any]) -> None:
    supported = described.get("ProcessorInfo", {}).get("SupportedArchitectures", ())
    if supported and image.architecture and image.architecture not in supported:
        raise AwsError(
            "InvalidParameterValue",
            f"The architecture '{supported[0]}' of the specified instance type does not match the architecture "
            f"'{image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching "
            "architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover "
            "the architecture of the instance type or AMI.",
        )
