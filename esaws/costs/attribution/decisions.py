"""Find the decisions in an architecture, and derive what it would declare without each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from esaws.costs.forecasting.assumptions import with_hours_a_day
from esaws.costs.forecasting.usage import Consumer, Workload, aws_managed_usage, consumers, merge_usages, monthly_usage
from esaws.costs.forecasting.variations import Variation
from esaws.pricelist import Usage
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.capacity_provider import CapacityProvider
from esaws.resources.group_scaling_policy import GroupScalingPolicy
from esaws.resources.load_balancer import LoadBalancer
from esaws.resources.scaling_policy import ScalingPolicy
from esaws.resources.service import Service
from esaws.resources.task import Task

HOURS_OF_USE = 10
"""The hours a day in which a system that is not parked at night has users: from eight to six."""

_MEBIBYTES = {"nano": 512, "micro": 1024, "small": 2048, "medium": 4096, "large": 8192}
"""The memory of burstable instances (t2, t3, t4g). https://aws.amazon.com/ec2/instance-types/t3/"""
_BURSTABLE = ("t2.", "t3.", "t3a.", "t4g.")
_TASK_MEMORY_SHARE = 0.9
"""The share of an instance's memory that tasks can use: about 950 MiB of a micro's 1,024."""
_SCALING = (ScalingPolicy, GroupScalingPolicy, CapacityProvider)

Declared = Sequence[Consumer]


@dataclass(frozen=True)
class Decision:
    """A design decision; `without` returns what would be declared without it."""

    name: str
    without: Callable[[Declared], Declared]


@dataclass(frozen=True)
class AnonymousUsage:
    """Usage that no longer belongs to a resource."""

    usages: tuple[Usage, ...]

    def usage(self) -> list[Usage]:
        return list(self.usages)


def find_decisions(workload: Workload, hours_of_use: float = HOURS_OF_USE) -> list[Decision]:
    """Find the decisions that can be reversed while the rest still runs.

    They are, in the order in which they are reversed: a second zone, two of each instance, a cluster for each service,
    public addresses, the load balancer, scaling, and running at night.
    """
    declared = consumers(workload)
    groups = [resource for resource in declared if isinstance(resource, AutoScalingGroup)]
    zones = max((len({subnet.zone for subnet in group.subnets}) for group in groups), default=0)
    minimum = max((group.minimum for group in groups), default=0)
    clusters = {group.template.cluster.key for group in groups}
    decisions = []
    if zones > 1:
        decisions.append(Decision("instances in a second zone", Variation(zones=1).apply))
    if minimum > 1:
        decisions.append(Decision(f"at least {minimum} instances in each group", _one_of_each))
    if len(clusters) > 1 and all(_task_memory(group) for group in groups):
        decisions.append(Decision(f"{len(clusters)} clusters, one for each service", _on_one_cluster))
    if any(group.template.public_address for group in groups):
        decisions.append(Decision("a public address for each instance", _without_addresses))
    if any(isinstance(resource, LoadBalancer) for resource in declared):
        decisions.append(Decision("a load balancer", partial(_without, kinds=(LoadBalancer,))))
    if any(isinstance(resource, _SCALING) for resource in declared):
        decisions.append(Decision("scaling, with its alarms", partial(_without, kinds=_SCALING)))
    if groups and hours_of_use < 24:
        name = f"running {24 - hours_of_use:g} hours a day without users"
        decisions.append(Decision(name, partial(_parked, hours=hours_of_use)))
    return decisions


def total_usage(declared: Declared) -> list[Usage]:
    """The usage of a month, with what AWS creates for it."""
    return merge_usages([*monthly_usage(declared), *aws_managed_usage(declared)])


def _one_of_each(declared: Declared) -> Declared:
    def reduce(resource: Any) -> Any:
        if isinstance(resource, AutoScalingGroup):
            minimum, desired = min(resource.minimum, 1), min(resource.desired_capacity, 1)
            return replace(resource, minimum=minimum, desired_capacity=desired)
        return resource

    return [reduce(resource) for resource in declared]


def _on_one_cluster(declared: Declared) -> Declared:
    """Put all tasks on one group: as many instances as their memory needs, and one in each of its zones at least.

    The host ports of different services differ, so that an instance takes one task of each.
    """
    groups = [resource for resource in declared if isinstance(resource, AutoScalingGroup)]
    tasks = sum(group.desired_capacity for group in groups)
    largest = max(groups, key=lambda group: (len(group.subnets), group.desired_capacity))
    tasks_per_instance = max(1, int(_task_memory(largest) // max(_largest_task(declared), 1)))
    capacity = max(-(-tasks // tasks_per_instance), min(largest.desired_capacity, len(largest.subnets)))
    shared = replace(
        largest,
        desired_capacity=capacity,
        minimum=min(largest.minimum, capacity),
        maximum=max(largest.maximum, capacity),
    )
    others = [group for group in groups if group is not largest]
    return [shared if resource is largest else resource for resource in declared if resource not in others]


def _without_addresses(declared: Declared) -> Declared:
    def reduce(resource: Any) -> Any:
        if isinstance(resource, AutoScalingGroup):
            return replace(resource, template=replace(resource.template, public_address=False))
        return resource

    return [reduce(resource) for resource in declared]


def _without(declared: Declared, kinds: tuple[type, ...]) -> Declared:
    return [resource for resource in declared if not isinstance(resource, kinds)]


def _parked(declared: Declared, hours: float) -> Declared:
    return [AnonymousUsage(tuple(with_hours_a_day(total_usage(declared), hours)))]


def _task_memory(group: AutoScalingGroup) -> float:
    """The MiB that tasks can use of an instance; 0 where the memory of its type is not known."""
    type_ = group.template.instance_type
    return _TASK_MEMORY_SHARE * _MEBIBYTES.get(type_.partition(".")[2], 0) if type_.startswith(_BURSTABLE) else 0


def _largest_task(declared: Declared) -> int:
    """The MiB of the largest task."""
    running = [resource for resource in declared if isinstance(resource, Service | Task)]
    return max((resource.task_definition.memory for resource in running), default=0)
