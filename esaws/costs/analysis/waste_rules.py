"""The kinds of resources that are easily forgotten, and how a bill shows that they cost money and are not used."""

from dataclasses import dataclass
from typing import Literal

USED_DAYS = 7
"""A resource without usage on this many last days is not used."""


@dataclass(frozen=True)
class WasteRule:
    """A rule to find unused resources of one kind."""

    kind: str
    cost_pattern: str
    """A pattern of the usage types that it is charged by, without the region."""
    use_pattern: str | None
    """A pattern of usage types of the same resource that show its use; None where there are none."""
    sure: Literal["yes", "perhaps"]
    why: str
    fix: str
    only_without_instances: bool = False
    """Count only resources with hours in which no instance ran in their region."""


RULES = (
    WasteRule("an address", r"IdleAddress", None, "yes", "AWS bills it as idle", "release it"),
    WasteRule(
        "a disk",
        r"^EBS:VolumeUsage|^EBS:VolumeP-IOPS",
        None,
        "perhaps",
        "it existed in hours in which no instance ran in its region",
        "check whether it is attached; make a snapshot and delete it",
        only_without_instances=True,
    ),
    WasteRule(
        "a load balancer",
        r"^LoadBalancerUsage",
        r"LCUUsage|DataProcessing-Bytes",
        "yes",
        f"it had no connections in {USED_DAYS} days",
        "delete it",
    ),
    WasteRule(
        "a NAT gateway",
        r"^NatGateway-(Prvd-)?Hours",
        r"^NatGateway-(Prvd-)?Bytes",
        "yes",
        f"it processed no bytes in {USED_DAYS} days",
        "delete it, and release its address",
    ),
    WasteRule(
        "a stopped database",
        r"^RDS:.*(Storage|PIOPS)|^Aurora:.*Storage",
        r"InstanceUsage|Multi-AZ.*Usage|ServerlessV\d?Usage",
        "yes",
        f"it did not run in {USED_DAYS} days, but its storage is charged",
        "make a snapshot and delete it",
    ),
    WasteRule(
        "snapshots",
        r"^EBS:SnapshotUsage|^RDS:ChargedBackupUsage",
        None,
        "perhaps",
        "snapshots are charged until they are deleted",
        "delete those of instances that no longer exist",
    ),
    WasteRule(
        "a secret",
        r"SecretsManager-Secrets",
        r"SecretsManagerAPIRequest",
        "perhaps",
        f"it was not read in {USED_DAYS} days",
        "delete it",
    ),
    WasteRule(
        "a key", r"^KMS-Keys", r"^KMS-Requests", "perhaps", f"it was not used in {USED_DAYS} days", "disable it first"
    ),
    WasteRule(
        "alarms",
        r"^CW:AlarmMonitorUsage",
        None,
        "perhaps",
        "there are more than the ten free ones",
        "delete those that notify no one",
    ),
    WasteRule(
        "logs",
        r"^TimedStorage-ByteHrs\|AmazonCloudWatch",
        None,
        "perhaps",
        "logs are kept for ever unless a retention is set",
        "set a retention for the log groups",
    ),
)
"""Applied in this order; a resource is reported by the first rule that finds it."""
