"""The monthly usage of an architecture or a plan, and of what AWS creates for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from esaws.architecture import Architecture
from esaws.deploy.plan import Plan
from esaws.pricelist import Usage
from esaws.resources.capacity_provider import CapacityProvider
from esaws.resources.group_scaling_policy import GroupScalingPolicy
from esaws.resources.scaling_policy import ScalingPolicy


class Consumer(Protocol):
    """Anything with a monthly usage: every `Resource`."""

    def usage(self) -> list[Usage]: ...


Workload = Architecture | Plan | Iterable[Consumer]
"""Anything with a monthly usage that can be forecast."""

_TARGET_TRACKING = (ScalingPolicy, GroupScalingPolicy, CapacityProvider)
_ALARMS_PER_POLICY = 2


def consumers(workload: Workload) -> Sequence[Consumer]:
    """The resources of a workload; of a plan, those that exist once it is applied, deletions excluded."""
    if isinstance(workload, Plan):
        return [change.resource for change in workload if change.resource]
    return list(workload)


def monthly_usage(workload: Workload) -> list[Usage]:
    """The usage of a month, each usage type and operation once, in the order of their first occurrence."""
    return merge_usages(usage for consumer in consumers(workload) for usage in consumer.usage())


def aws_managed_usage(workload: Workload) -> list[Usage]:
    """The usage of what AWS creates for a workload and charges for: two alarms for each target tracking policy.

    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-auto-scaling.html
    """
    tracking = [consumer for consumer in consumers(workload) if isinstance(consumer, _TARGET_TRACKING)]
    alarms = Decimal(_ALARMS_PER_POLICY * len(tracking))
    return [Usage("AmazonCloudWatch", "CW:AlarmMonitorUsage", alarms, "Alarms")] if tracking else []


def merge_usages(usages: Iterable[Usage]) -> list[Usage]:
    """Each usage type and operation once, with the sum of its quantities."""
    merged: dict[tuple[str, str, str | None], Usage] = {}
    for usage in usages:
        key = usage.service, usage.usage_type, usage.operation
        known = merged.get(key)
        merged[key] = usage if known is None else replace(known, quantity=known.quantity + usage.quantity)
    return list(merged.values())
