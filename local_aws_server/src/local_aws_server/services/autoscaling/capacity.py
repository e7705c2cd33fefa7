"""Count the capacity of an Auto Scaling group: its instances, or the units that their weights provide.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-mixed-instances-groups-instance-weighting.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import ceil
from typing import Any

from local_aws_server.backends import sidecar

PENDING_STATES = ("Pending", "Pending:Wait", "Pending:Proceed")

ON_DEMAND, SPOT = "on-demand", "spot"


def members(group: Any) -> list[Any]:
    """Return the states of the instances that count for the capacity: pending or in service."""
    return [s for s in group.instance_states if s.lifecycle_state in (*PENDING_STATES, "InService")]


def is_complete(group: Any) -> bool:
    """Return whether a group has its desired capacity, and all its instances are in service."""
    counted = members(group)
    return missing_option(group, counted) is None and all(state.lifecycle_state == "InService" for state in counted)


def desired_capacity(group: Any) -> int:
    return int(group.desired_capacity or 0)


def subnets(group: Any) -> list[str]:
    """Return the subnets of a group; without any, the default subnets of its Availability Zones."""
    if group.vpc_zone_identifier:
        return [name.strip() for name in group.vpc_zone_identifier.split(",") if name.strip()]
    by_zone = group.ec2_backend.subnets
    return [
        subnet.id
        for zone in group.availability_zones
        for subnet in by_zone.get(zone, {}).values()
        if str(subnet.default_for_az).lower() == "true"
    ]


def count_by_subnet(group: Any) -> dict[str, int]:
    """Return subnet → the number of the group's instances in it."""
    counts = Counter(state.instance.subnet_id for state in members(group))
    return {subnet: counts[subnet] for subnet in subnets(group)}


def is_suspended(group: Any, *processes: str) -> bool:
    """Return whether a user has suspended one of these processes of a group."""
    return any(process["ProcessName"] in processes for process in group.suspended_processes)


# --- weights


def overrides(group: Any) -> list[dict[str, Any]]:
    """Return the overrides of the launch template in a mixed instances policy, the preferred one first."""
    return list(((group.mixed_instances_policy or {}).get("LaunchTemplate") or {}).get("Overrides") or [])


def weight(state: Any) -> int:
    """Return the units that an instance provides: those of its type when it was launched."""
    return int(getattr(state, "weighted_capacity", None) or 1)


def units(states: Iterable[Any]) -> int:
    return sum(weight(state) for state in states)


# --- purchase options


def purchase_option(state: Any) -> str:
    return str(sidecar(state).get("purchase_option", ON_DEMAND))


def target_units(group: Any) -> dict[str, int]:
    """Return purchase option → the units that the distribution of a mixed instances policy reserves for it."""
    distribution = (group.mixed_instances_policy or {}).get("InstancesDistribution") or {}
    desired = desired_capacity(group)
    base = min(desired, int(distribution.get("OnDemandBaseCapacity") or 0))
    percentage = int(distribution.get("OnDemandPercentageAboveBaseCapacity", 100))
    on_demand = base + ceil((desired - base) * percentage / 100)
    return {ON_DEMAND: on_demand, SPOT: desired - on_demand}


def missing_option(group: Any, counted: Iterable[Any]) -> str | None:
    """Return the purchase option of the next launch; None if the counted instances provide the desired capacity."""
    provided = _provided_units(counted)
    return next((option for option, target in target_units(group).items() if provided[option] < target), None)


def is_surplus(group: Any, state: Any, remaining: Iterable[Any]) -> bool:
    """Return whether the remaining instances provide the desired capacity without this one of them."""
    option = purchase_option(state)
    return _provided_units(remaining)[option] - weight(state) >= target_units(group)[option]


def _provided_units(states: Iterable[Any]) -> Counter[str]:
    provided: Counter[str] = Counter()
    for state in states:
        provided[purchase_option(state)] += weight(state)
    return provided
