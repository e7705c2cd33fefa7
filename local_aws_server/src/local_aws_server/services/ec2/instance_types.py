"""Instance types: which exist, where they are offered, and for which architectures."""

from __future__ import annotations

from functools import cache
from typing import Any

from local_aws_server.errors import AwsError


def describe_type(instance_type: str) -> dict[str, Any]:
    """The description of an instance type, as in DescribeInstanceTypes.

    Raises:
        AwsError: the type does not exist (InvalidParameterValue), or its description is missing here (NotSimulated).
    """
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    description: dict[str, Any] | None = INSTANCE_TYPES.get(instance_type)
    if description is not None:
        return description
    if instance_type in _types_of_the_model():
        message = f"the local AWS has no description of the instance type {instance_type}"
        raise AwsError("NotSimulated", message, 501)
    raise AwsError("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")


def check_offered(instance_type: str, region: str, zone: str) -> None:
    """Raise AWS's error if a zone does not offer an instance type.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html
    """
    zones = sorted(zone for zone, types in offered_types(region).items() if instance_type in types)
    if zone in zones:
        return
    if not zones:
        message = (
            "The requested configuration is currently not supported. Please check the documentation for supported "
            "configurations."
        )
    else:
        message = (
            f"Your requested instance type ({instance_type}) is not supported in your requested Availability Zone "
            f"({zone}). Please retry your request by not specifying an Availability Zone or choosing "
            f"{', '.join(zones)}."
        )
    raise AwsError("Unsupported", message)


@cache
def offered_types(region: str) -> dict[str, frozenset[str]]:
    """Zone → the instance types that it offers."""
    from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

    by_zone: dict[str, set[str]] = {}
    for offering in INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, ()):
        by_zone.setdefault(offering["Location"], set()).add(offering["InstanceType"])
    return {zone: frozenset(types) for zone, types in by_zone.items()}


@cache
def _types_of_the_model() -> frozenset[str]:
    """The types in the model of EC2, which are more than moto describes."""
    from moto.core.utils import get_service_model

    return frozenset(get_service_model("ec2").shape_for("InstanceType").enum)
