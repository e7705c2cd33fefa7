"""An instance whose user data names an ECS cluster registers itself there, and is gone from there when terminated.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bootstrap_container_instance.html
"""

import base64
import binascii
import re
from collections import Counter
from typing import Any

from esaws.local.call import Call
from esaws.local.seam import after, follows
from esaws.local.world import World

_CLUSTER = re.compile(r"ECS_CLUSTER=[\"']?([A-Za-z0-9_-]+)")
_AGENT_PORTS = ["22", "2375", "2376", "51678", "51679"]

CPU_UNITS_A_VCPU = 1024
MEMORY_LEFT_BY_THE_SYSTEM = 0.928
"""The agent offers what the kernel reports, not what the type is sold with: 950 of 1024 MiB on a t2.micro."""


@follows("autoscaling", "ec2", "ecs", order=20)
def agents_report(world: World) -> None:
    clusters = world.clusters
    alive = {instance.id: instance for instance in world.instances if instance.state != "terminated"}
    registered = set()
    for cluster, container_instance in world.container_instances:
        instance = alive.get(container_instance.ec2_instance_id)
        if instance is None:
            _end_tasks(world, container_instance)
            world.backend("ecs").deregister_container_instance(cluster, container_instance.container_instance_arn, True)
        else:
            registered.add(instance.id)
            container_instance.agent_connected = instance.state == "running"
    for instance in alive.values():
        named = cluster_of(instance)
        active = named in clusters and clusters[named].status == "ACTIVE"
        if active and instance.id not in registered and instance.state == "running":
            found = world.backend("ecs").register_container_instance(named, instance.id)
            vcpus, mebibytes = world.size(instance.instance_type)
            found.registered_resources = _resources(vcpus, mebibytes)
            found.remaining_resources = _resources(vcpus, mebibytes)
    counted = Counter(cluster for cluster, _ in world.container_instances)
    for name, cluster_object in clusters.items():
        cluster_object.registered_container_instances_count = counted[name]


def _end_tasks(world: World, container_instance: Any) -> None:
    """A task ends with its instance."""
    why = f"Host EC2 (instance {container_instance.ec2_instance_id}) terminated."
    for task in world.tasks:
        if task.container_instance_arn == container_instance.container_instance_arn and task.last_status != "STOPPED":
            world.backend("ecs").stop_task(task.cluster_arn, task.task_arn, why)


def cluster_of(instance: Any) -> str | None:
    """The cluster that the instance's user data names last."""
    try:
        script = base64.b64decode(str(instance.user_data or "")).decode(errors="replace")
    except (binascii.Error, ValueError):
        return None
    named = _CLUSTER.findall(script)
    return named[-1] if named else None


@after("ecs", "DescribeContainerInstances")
def capacity_provider_is_named(call: Call) -> None:
    """The provider whose Auto Scaling group launched the instance."""
    provider_of = {
        provider.auto_scaling_group_provider["autoScalingGroupArn"]: provider.name
        for provider in call.world.backend("ecs").capacity_providers.values()
        if provider.auto_scaling_group_provider
    }
    group_of = {state.instance.id: group.arn for group in call.world.groups for state in group.instance_states}
    for described in call.result.get("containerInstances", []):
        if provider := provider_of.get(group_of.get(described["ec2InstanceId"], "")):
            described["capacityProviderName"] = provider


def _resources(vcpus: int, mebibytes: int) -> list[dict[str, Any]]:
    def number(name: str, value: int) -> dict[str, Any]:
        return {"name": name, "type": "INTEGER", "doubleValue": 0.0, "longValue": 0, "integerValue": value}

    def ports(name: str, values: list[str]) -> dict[str, Any]:
        return {**number(name, 0), "type": "STRINGSET", "stringSetValue": list(values)}

    return [
        number("CPU", vcpus * CPU_UNITS_A_VCPU),
        number("MEMORY", int(mebibytes * MEMORY_LEFT_BY_THE_SYSTEM)),
        ports("PORTS", _AGENT_PORTS),
        ports("PORTS_UDP", []),
    ]
