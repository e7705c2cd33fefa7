"""The usage of a month, out of an architecture or a plan, and what AWS itself makes below it."""

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
    """Whatever knows what a month of it consumes: every `Resource`."""

    def usage(self) -> list[Usage]: ...


What = Architecture | Plan | Iterable[Consumer]

_TRACKING = (ScalingPolicy, GroupScalingPolicy, CapacityProvider)
_ALARMS_OF_A_POLICY = 2


def consumers(what: What) -> Sequence[Consumer]:
    """What is there; of a plan, what stands when it was applied: what is to be deleted does not count."""
    if isinstance(what, Plan):
        return [change.resource for change in what if change.resource]
    return list(what)


def usage_of(what: What) -> list[Usage]:
    """What a month of it consumes, each usage type and operation once, in the order in which they first come up."""
    return merged(usage for consumer in consumers(what) for usage in consumer.usage())


def made_by_aws(what: What) -> list[Usage]:
    """What AWS makes below it and charges for, although nobody declares it: two alarms wherever it tracks a target.

    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-auto-scaling.html
    """
    tracking = [each for each in consumers(what) if isinstance(each, _TRACKING)]
    alarms = Decimal(_ALARMS_OF_A_POLICY * len(tracking))
    return [Usage("AmazonCloudWatch", "CW:AlarmMonitorUsage", alarms, "Alarms")] if tracking else []


def merged(usages: Iterable[Usage]) -> list[Usage]:
    """Each usage type and operation once, with the sum of its quantities."""
    found: dict[tuple[str, str, str | None], Usage] = {}
    for usage in usages:
        key = usage.service, usage.usage_type, usage.operation
        known = found.get(key)
        found[key] = usage if known is None else replace(known, quantity=known.quantity + usage.quantity)
    return list(found.values())
