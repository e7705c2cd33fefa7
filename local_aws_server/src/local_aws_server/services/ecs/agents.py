"""The ECS agents on EC2 instances: which cluster each is for, and when it is there."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.transitions import PACE, passing
from local_aws_server.services.ec2.instances import cluster_of, running_since

_STARTS = 60.0


def up(instance: Any, container_instance: Any | None = None) -> float | None:
    """When the agent of a running instance is there."""
    since = running_since(instance)
    if since is None or remembered(instance).get("failed"):
        return None
    reported = remembered(container_instance).get("reported") if container_instance is not None else None
    return since if reported is not None and reported >= since else since + PACE.takes(_STARTS)


def coming(world: Backends, cluster: str) -> list[float]:
    """The moments at which agents on running instances will have registered with a cluster, the next first."""
    known = {each.ec2_instance_id for _, each in world.container_instances}
    moments = [
        moment
        for instance in world.instances
        if instance.id not in known and not remembered(instance).get("deregistered")
        if (moment := up(instance)) is not None and moment > CLOCK.now() and cluster_of(instance) == cluster
    ]
    return sorted(moments)


def settled(world: Backends, clusters: Collection[str]) -> float | None:
    """When all agents of some clusters are there that start or go now; None if that is so."""
    known = {each.ec2_instance_id: each for name, each in world.container_instances if name in clusters}
    now = CLOCK.now()
    moments = []
    for instance in world.instances:
        here = known.get(instance.id)
        way = passing(instance)
        if instance.state == "shutting-down":
            moments += [way.ends] if here is not None and way else []
        elif here is not None or (cluster_of(instance) in clusters and not remembered(instance).get("deregistered")):
            if instance.state == "pending" and way:
                moments.append(way.ends + PACE.takes(_STARTS))
            elif (there := up(instance, here)) is not None and there > now:
                moments.append(there)
    return max(moments, default=None)
