"""An instance whose user data names an ECS cluster is registered there from a minute after its start to its end.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bootstrap_container_instance.html
"""

import json
from collections import Counter
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import happened
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.clock.transitions import PACE, wait_for
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.ec2.instances import called, cluster_of
from local_aws_server.services.ecs import agents, tasks

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="An instance whose user data names an ECS cluster is registered there from a minute after its "
        "start to its end.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bootstrap_container_instance.html",
        ),
    ),
)

_AGENT_PORTS = ["22", "2375", "2376", "51678", "51679"]

CPU_UNITS_A_VCPU = 1024
MEMORY_LEFT_BY_THE_SYSTEM = 0.928
"""The agent offers what the kernel reports, not what the type is sold with: 950 of 1024 MiB on a t2.micro."""


@reconciler("autoscaling", "ec2", "ecs", order=20)
def agents_report(world: Backends) -> float | None:
    """An agent is there a minute after its instance runs; what an instance takes along when it goes, has stopped."""
    clusters, now = world.clusters, CLOCK.now()
    there = {instance.id: instance for instance in world.instances if instance.state != "terminated"}
    registered, later = set(), []
    for cluster, container_instance in world.container_instances:
        instance = there.get(container_instance.ec2_instance_id)
        state = "terminated" if instance is None else instance.state
        if state in ("stopped", "terminated"):
            _end_tasks(world, container_instance, state)
        if instance is None:
            world.backend("ecs").deregister_container_instance(cluster, container_instance.container_instance_arn, True)
            TIMELINE.touch(world, "ecs")
            continue
        registered.add(instance.id)
        up = agents.up(instance, container_instance)
        connected = up is not None and up <= now
        if connected != container_instance.agent_connected:
            container_instance.agent_connected = connected
            happened(
                world,
                called(world, instance),
                f"agent {'connected' if connected else 'lost'}",
                f"its instance is {state}",
            )
            TIMELINE.touch(world, "ecs")
        if up is not None and not connected:
            later.append(up)
    for instance in there.values():
        named = cluster_of(instance) if instance.id not in registered else None
        if named not in clusters or clusters[named].status != "ACTIVE" or remembered(instance).get("deregistered"):
            continue
        if (up := agents.up(instance)) is not None and up > now:
            later.append(up)
        elif up is not None:
            found = world.backend("ecs").register_container_instance(named, instance.id)
            vcpus, mebibytes = world.size(instance.instance_type)
            found.registered_resources = _resources(vcpus, mebibytes)
            found.remaining_resources = _resources(vcpus, mebibytes)
            where = found.attributes["ecs.availability-zone"]
            happened(world, called(world, instance), f"agent registered in {where}")
            TIMELINE.touch(world, "ecs")
    counted = Counter(cluster for cluster, _ in world.container_instances)
    for name, cluster_object in clusters.items():
        cluster_object.registered_container_instances_count = counted[name]
    return min(later, default=None)


@before("ecs", "RegisterContainerInstance")
def an_agent_runs_where_it_registers(call: Call) -> None:
    """It is the agent that makes this call, once its instance is up."""
    document = json.loads(call.params.get("instanceIdentityDocument") or "{}")
    wait_for(call, [each for each in call.backends.instances if each.id == document.get("instanceId")])


@after("ecs", "RegisterContainerInstance")
def it_is_there(call: Call) -> None:
    arn = call.result["containerInstance"]["containerInstanceArn"]
    for _, each in call.backends.container_instances:
        if each.container_instance_arn == arn:
            remembered(each)["reported"] = CLOCK.now()


@before("ecs", "DeregisterContainerInstance")
def it_stays_away(call: Call) -> None:
    """An agent registers once; it has to be started anew to do so again."""
    identifier = call.params["containerInstance"].split("/")[-1]
    call.notes["instance"] = next(
        (each.ec2_instance_id for _, each in call.backends.container_instances if each.id == identifier), None
    )


@after("ecs", "DeregisterContainerInstance")
def remember_that_it_left(call: Call) -> None:
    for instance in call.backends.instances:
        if instance.id == call.notes["instance"]:
            remembered(instance)["deregistered"] = True


@after("ecs", "ListContainerInstances", "DescribeContainerInstances", "DescribeClusters")
def agents_are_awaited(call: Call) -> None:
    """Those that are coming, and those that go with their instance."""
    named = [call.params.get("cluster", "default")]
    if call.operation == "DescribeClusters":
        named = [cluster["clusterName"] for cluster in call.result["clusters"]]
    clusters = {name.split("/")[-1] for name in named}
    if PACE.really is None and (until := agents.settled(call.backends, clusters)) is not None:
        call.wait(until, unless=lambda: agents.settled(call.backends, clusters) is None)


def _end_tasks(world: Backends, container_instance: Any, state: str) -> None:
    """A task ends with its instance."""
    reason = f"Host EC2 (instance {container_instance.ec2_instance_id}) {state}."
    for task in world.tasks:
        if task.container_instance_arn == container_instance.container_instance_arn:
            tasks.stop(world, task, "TerminationNotice", reason, why=f"its instance was {state}", kill=True)


@after("ecs", "DescribeContainerInstances")
def capacity_provider_is_named(call: Call) -> None:
    """The provider whose Auto Scaling group launched the instance."""
    provider_of = {
        provider.auto_scaling_group_provider["autoScalingGroupArn"]: provider.name
        for provider in call.backends.backend("ecs").capacity_providers.values()
        if provider.auto_scaling_group_provider
    }
    group_of = {state.instance.id: group.arn for group in call.backends.groups for state in group.instance_states}
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
