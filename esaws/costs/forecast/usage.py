"""The usage of a month, out of an architecture or a plan, and what AWS itself makes below it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from esaws.architecture import Architecture
from esaws.plan import Plan
from esaws.pricelist import Usage
from esaws.resource import Resource
from esaws.resources.group_scaling_policy import GroupScalingPolicy
from esaws.resources.scaling_policy import ScalingPolicy

What = Architecture | Plan | Iterable[Resource]

_ALARMS_OF_A_POLICY = 2


def usage_of(what: What) -> list[Usage]:
    """What a month of it consumes, each usage type and operation once, in the order in which they first come up.

    Of a plan that is what stands when it was applied: what is to be deleted does not count.
    """
    return merged(usage for resource in _resources(what) for usage in resource.usage())


def made_by_aws(what: What) -> list[Usage]:
    """What AWS makes below it and charges for, although nobody declares it: two alarms for each target tracking policy.

    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
    """
    policies = [each for each in _resources(what) if isinstance(each, ScalingPolicy | GroupScalingPolicy)]
    alarms = Decimal(_ALARMS_OF_A_POLICY * len(policies))
    return [Usage("AmazonCloudWatch", "CW:AlarmMonitorUsage", alarms, "Alarms")] if policies else []


def merged(usages: Iterable[Usage]) -> list[Usage]:
    """Each usage type and operation once, with the sum of its quantities."""
    found: dict[tuple[str, str, str | None], Usage] = {}
    for usage in usages:
        key = usage.service, usage.usage_type, usage.operation
        known = found.get(key)
        found[key] = usage if known is None else replace(known, quantity=known.quantity + usage.quantity)
    return list(found.values())


def _resources(what: What) -> list[Resource]:
    if isinstance(what, Plan):
        return [change.resource for change in what if change.resource]
    return list(what)
