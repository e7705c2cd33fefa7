"""Service quotas of an account: those of a new account, or those of one that has had them raised, and increases.

A new account may run 5 vCPUs, have 5 VPCs and 5 Elastic IP addresses in a region. An account opened before July 2025
is an established one, which never meets its quotas here.
https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from local_aws_server.backends import Backends
from local_aws_server.billing.account import get_customer
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.reset import on_reset

APPROVAL_SECONDS = 30 * 60
"""The time until an increase is approved. AWS takes from minutes to days, and may refuse."""

_STANDARD_FAMILIES = frozenset("acdhimrtz")


@dataclass(frozen=True)
class Quota:
    """A quota of a service in a region: AWS's default, which new accounts have, and that of established accounts."""

    service: str
    code: str
    name: str
    default: int
    established: int


VCPUS = Quota(
    "ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5, established=10_000
)
ADDRESSES = Quota("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", 5, established=1000)
VPCS = Quota("vpc", "L-F678F1CE", "VPCs per Region", 5, established=1000)
GATEWAYS = Quota("vpc", "L-A4707A72", "Internet gateways per Region", 5, established=1000)

QUOTAS = {(quota.service, quota.code): quota for quota in (VCPUS, ADDRESSES, VPCS, GATEWAYS)}
"""The quotas that are enforced, by service and code."""


INCREASES: dict[str, list[Increase]] = {}
"""Account → the increases that it requested in all regions, the oldest first."""


@dataclass
class Increase:
    """A requested increase of a quota."""

    id: str
    region: str
    service: str
    code: str
    value: float
    requested_at: float
    """In seconds since 1970."""

    @property
    def approved_at(self) -> float:
        return self.requested_at + APPROVAL_SECONDS


def quota_value(backends: Backends, quota: Quota) -> int:
    """The value of a quota that holds now."""
    is_new = get_customer(backends.account).regime == "credits"
    approved = [
        int(increase.value)
        for increase in INCREASES.get(backends.account, ())
        if (increase.region, increase.service, increase.code) == (backends.region, quota.service, quota.code)
        and CLOCK.now() >= increase.approved_at
    ]
    return max([quota.default if is_new else quota.established, *approved])


def check_vcpus(backends: Backends, instance_type: str, count: int) -> None:
    """Raise EC2's AwsError if the account may not run `count` more instances of a type."""
    wanted = _vcpus(instance_type) * count
    if not _is_standard(instance_type) or not wanted:
        return
    limit = quota_value(backends, VCPUS)
    running = sum(
        _vcpus(instance.instance_type)
        for instance in backends.instances
        if instance.state in ("pending", "running")
        and _is_standard(instance.instance_type)
        and instance.lifecycle != "spot"
    )
    if running + wanted > limit:
        raise AwsError(
            "VcpuLimitExceeded",
            f"You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the instance "
            "bucket that the specified instance type belongs to. Please visit "
            "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
            400,
        )


def check_count(backends: Backends, quota: Quota, existing: int, code: str, noun: str) -> None:
    """Raise EC2's AwsError if one more than the `existing` ones exceeds a quota."""
    if existing >= quota_value(backends, quota):
        raise AwsError(code, f"The maximum number of {noun} has been reached.", 400)


def _is_standard(instance_type: str) -> bool:
    """Whether a type counts against the quota of standard instances: families such as t3 and c7i, not g5 or inf1."""
    return _family(instance_type) in _STANDARD_FAMILIES


def _family(instance_type: str) -> str:
    """The letters before the generation: `t` of t3.micro, `inf` of inf1.xlarge."""
    name = instance_type.partition(".")[0]
    return name[: next((index for index, letter in enumerate(name) if letter.isdigit()), len(name))]


@cache
def _vcpus(instance_type: str) -> int:
    """The vCPUs of a type; 0 for one that moto does not know, which it launches all the same."""
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    description = INSTANCE_TYPES.get(instance_type)
    return int(description["VCpuInfo"]["DefaultVCpus"]) if description else 0


@on_reset
def clear_increases() -> None:
    INCREASES.clear()
