"""The decisions in an architecture, and what it would be without each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from esaws.costs.forecasting.assumptions import parked
from esaws.costs.forecasting.usage import Consumer, What, consumers, made_by_aws, merged, usage_of
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
"""What of a day somebody uses a system that is not parked at night: from eight to six."""

_MEBIBYTES = {"nano": 512, "micro": 1024, "small": 2048, "medium": 4096, "large": 8192}
"""The memory of burstable instances (t2, t3, t4g). https://aws.amazon.com/ec2/instance-types/t3/"""
_BURSTABLE = ("t2.", "t3.", "t3a.", "t4g.")
_FOR_TASKS = 0.9
"""What the system leaves of the memory to tasks: about 950 MiB of a micro's 1,024."""
_SCALING = (ScalingPolicy, GroupScalingPolicy, CapacityProvider)

Declared = Sequence[Consumer]


@dataclass(frozen=True)
class Decision:
    """Something that somebody decided; `without` gives what would be declared, had it not been so."""

    name: str
    without: Callable[[Declared], Declared]


@dataclass(frozen=True)
class Used:
    """Usage that no longer says which resource it is of."""

    usages: tuple[Usage, ...]

    def usage(self) -> list[Usage]:
        return list(self.usages)


def decisions_of(what: What, hours_of_use: float = HOURS_OF_USE) -> list[Decision]:
    """What was decided in an architecture or a plan, as far as it can be taken away and the rest still runs.

    In the order in which they are taken away: a second zone, two of each machine, a cluster for each service, public
    addresses, the load balancer, scaling, and that all of it runs at night. Only those that are there.
    """
    declared = consumers(what)
    groups = [each for each in declared if isinstance(each, AutoScalingGroup)]
    zones = max((len({subnet.zone for subnet in group.subnets}) for group in groups), default=0)
    least = max((group.minimum for group in groups), default=0)
    clusters = {group.template.cluster.key for group in groups}
    found = []
    if zones > 1:
        found.append(Decision("machines in a second zone", Variation(zones=1).of))
    if least > 1:
        found.append(Decision(f"at least {least} machines in each group", _one_of_each))
    if len(clusters) > 1 and all(_room(group) for group in groups):
        found.append(Decision(f"{len(clusters)} clusters, one for each service", _on_one_cluster))
    if any(group.template.public_address for group in groups):
        found.append(Decision("a public address for each machine", _without_addresses))
    if any(isinstance(each, LoadBalancer) for each in declared):
        found.append(Decision("a load balancer", partial(_without, kinds=(LoadBalancer,))))
    if any(isinstance(each, _SCALING) for each in declared):
        found.append(Decision("scaling, with its alarms", partial(_without, kinds=_SCALING)))
    if groups and hours_of_use < 24:
        name = f"running {24 - hours_of_use:g} hours a day for nobody"
        found.append(Decision(name, partial(_parked, hours=hours_of_use)))
    return found


def usages_of(declared: Declared) -> list[Usage]:
    """The usage of a month, with what AWS makes below it."""
    return merged([*usage_of(declared), *made_by_aws(declared)])


def _one_of_each(declared: Declared) -> Declared:
    def one(each: Any) -> Any:
        if isinstance(each, AutoScalingGroup):
            return replace(each, minimum=min(each.minimum, 1), desired_capacity=min(each.desired_capacity, 1))
        return each

    return [one(each) for each in declared]


def _on_one_cluster(declared: Declared) -> Declared:
    """All tasks on the machines of one group: as many as their memory takes, and one in each of its zones.

    The host ports of different services differ, so that a machine takes one task of each.
    """
    groups = [each for each in declared if isinstance(each, AutoScalingGroup)]
    tasks = sum(group.desired_capacity for group in groups)
    kept = max(groups, key=lambda group: (len(group.subnets), group.desired_capacity))
    each_takes = max(_memory(declared), 1)
    apiece = max(1, int(_room(kept) // each_takes))
    together = max(-(-tasks // apiece), min(kept.desired_capacity, len(kept.subnets)))
    shared = replace(
        kept, desired_capacity=together, minimum=min(kept.minimum, together), maximum=max(kept.maximum, together)
    )
    return [shared if each is kept else each for each in declared if each is kept or each not in groups]


def _without_addresses(declared: Declared) -> Declared:
    def without(each: Any) -> Any:
        if isinstance(each, AutoScalingGroup):
            return replace(each, template=replace(each.template, public_address=False))
        return each

    return [without(each) for each in declared]


def _without(declared: Declared, kinds: tuple[type, ...]) -> Declared:
    return [each for each in declared if not isinstance(each, kinds)]


def _parked(declared: Declared, hours: float) -> Declared:
    return [Used(tuple(parked(usages_of(declared), hours)))]


def _room(group: AutoScalingGroup) -> float:
    """The MiB that tasks may take of a machine; 0 where its type's are not known."""
    kind = group.template.instance_type
    return _FOR_TASKS * _MEBIBYTES.get(kind.partition(".")[2], 0) if kind.startswith(_BURSTABLE) else 0


def _memory(declared: Declared) -> int:
    """The MiB of the largest task."""
    running = [each for each in declared if isinstance(each, Service | Task)]
    return max((each.task_definition.memory for each in running), default=0)
