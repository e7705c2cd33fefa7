"""Sizes, IOPS and throughput of EBS volumes, and the combinations that EC2 refuses.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A volume has a type with a size, IOPS and throughput that the type allows, and does not shrink.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVolume.html",
        ),
    ),
)

DEFAULT_TYPE = "gp2"


@dataclass(frozen=True)
class _Limits:
    size: tuple[int, int]
    """In GiB."""
    iops: tuple[int, int] | None = None
    needs_iops: bool = False
    throughput: tuple[int, int] | None = None
    """In MiB/s."""


_LIMITS = {
    "gp2": _Limits((1, 16_384)),
    "gp3": _Limits((1, 65_536), (3000, 80_000), throughput=(125, 2000)),
    "io1": _Limits((4, 16_384), (100, 64_000), needs_iops=True),
    "io2": _Limits((4, 65_536), (100, 256_000), needs_iops=True),
    "st1": _Limits((125, 16_384)),
    "sc1": _Limits((125, 16_384)),
    "standard": _Limits((1, 1024)),
}


@before("ec2", "CreateVolume")
def check_new_volume(call: Call) -> None:
    check_volume(call.backends, call.params)
    if call.params.get("Size") is None and not call.params.get("SnapshotId"):
        raise AwsError("MissingParameter", "The request must contain the parameter size/snapshot")


@before("ec2", "ModifyVolume")
def check_modified_volume(call: Call) -> None:
    volume = call.backends.backend("ec2").volumes.get(call.params["VolumeId"])
    if volume is None:
        return
    size = call.params.get("Size")
    if size is not None and size < volume.size:
        raise AwsError("InvalidParameterValue", "New size cannot be smaller than existing size")
    kind = call.params.get("VolumeType") or volume.volume_type
    check_volume(call.backends, {"Size": volume.size, **call.params, "VolumeType": kind}, is_change=True)


def check_volume(
    backends: Backends, data: Mapping[str, Any], *, is_mapping: bool = False, is_change: bool = False
) -> None:
    """Raise AWS's error if a volume can't have its size, type, IOPS or throughput.

    `data` has the fields of CreateVolume or, with `is_mapping`, those of a block device mapping.
    """
    kind = data.get("VolumeType") or DEFAULT_TYPE
    limits = _LIMITS.get(kind)
    if limits is None:
        raise AwsError("UnknownVolumeType", f"Unsupported volume type '{kind}' for volume creation.")
    _check_size(backends, data, kind, limits, is_mapping)
    _check_iops(data, kind, limits, is_change)
    _check_throughput(data, kind, limits)


def _check_size(backends: Backends, data: Mapping[str, Any], kind: str, limits: _Limits, is_mapping: bool) -> None:
    size = data.get("VolumeSize" if is_mapping else "Size")
    least, most = limits.size
    if size is not None and not least <= size <= most:
        bound = (
            f"smaller than minimum size for volume type {kind}; minimum is {least}"
            if size < least
            else (f"greater than the maximum allowed size of {most}GiB for volume type {kind}")
        )
        code = "InvalidBlockDeviceMapping" if is_mapping else "InvalidParameterValue"
        raise AwsError(code, f"Volume of {size}GiB is {bound}")
    snapshot = backends.backend("ec2").snapshots.get(data.get("SnapshotId"))
    if data.get("SnapshotId") and snapshot is None:
        raise AwsError("InvalidSnapshot.NotFound", f"The snapshot '{data['SnapshotId']}' does not exist.")
    if snapshot is not None and size is not None and size < int(snapshot.volume.size):
        message = (
            f"Volume of size {size}GB is smaller than snapshot '{snapshot.id}', expect size>= {snapshot.volume.size}GB"
        )
        raise AwsError("InvalidBlockDeviceMapping" if is_mapping else "InvalidParameterValue", message)


def _check_iops(data: Mapping[str, Any], kind: str, limits: _Limits, is_change: bool) -> None:
    iops = data.get("Iops")
    if iops is None:
        if limits.needs_iops and not is_change:
            raise AwsError("InvalidParameterCombination", f"The parameter iops must be specified for {kind} volumes.")
        return
    if limits.iops is None:
        raise AwsError("InvalidParameterCombination", f"The parameter iops is not supported for {kind} volumes.")
    if iops < limits.iops[0]:
        message = f"Volume iops of {iops} is too low; minimum is {limits.iops[0]}."
        raise AwsError("InvalidParameterValue", message)
    if iops > limits.iops[1]:
        message = f"Volume iops of {iops} is too high; maximum is {limits.iops[1]}."
        raise AwsError("InvalidParameterValue", message)


def _check_throughput(data: Mapping[str, Any], kind: str, limits: _Limits) -> None:
    throughput = data.get("Throughput")
    if throughput is None:
        return
    if limits.throughput is None:
        message = f"The parameter throughput is not supported for {kind} volumes."
        raise AwsError("InvalidParameterCombination", message)
    least, most = limits.throughput
    if not least <= throughput <= most:
        raise AwsError(
            "InvalidParameterValue", f"Throughput of {throughput} is invalid; it is {least} to {most} MiB/s."
        )
