"""The containers of a running task are RUNNING, know their task, and show the host ports that they have.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_NetworkBinding.html
"""

from typing import Any

from esaws.local.call import Call
from esaws.local.seam import after, follows
from esaws.local.world import World

_EPHEMERAL = range(32768, 61000)


@follows("ecs", "ec2", "autoscaling", order=30)
def containers_follow_their_task(world: World) -> None:
    for task in world.tasks:
        for container in task.containers:
            container.task_arn = task.task_arn
            container.last_status = task.last_status
    for task in world.tasks:
        if task.last_status == "RUNNING" and task.container_instance_arn:
            definition = world.backend("ecs").describe_task_definition(task.task_definition_arn)
            for container in task.containers:
                if definition.network_mode != "awsvpc" and not hasattr(container, "network_bindings"):
                    container.network_bindings = _bindings(world, task, container, definition)


@after("ecs", "RunTask", "StartTask")
def containers_know_their_task(call: Call) -> None:
    for task in call.result.get("tasks", []):
        for container in task.get("containers", []):
            container["taskArn"] = task["taskArn"]


def _bindings(world: World, task: Any, container: Any, definition: Any) -> list[dict[str, Any]]:
    described = next(each for each in definition.container_definitions if each.get("name") == container.name)
    taken = {
        binding["hostPort"]
        for other in world.tasks
        if other.container_instance_arn == task.container_instance_arn and other.last_status == "RUNNING"
        for each in other.containers
        for binding in getattr(each, "network_bindings", ())
    }
    bindings = []
    for mapping in described.get("portMappings") or ():
        port, host = mapping["containerPort"], mapping.get("hostPort")
        if definition.network_mode == "host":
            host = port
        host = host or next(free for free in _EPHEMERAL if free not in taken)
        taken.add(host)
        protocol = mapping.get("protocol", "tcp")
        bindings.append({"bindIP": "0.0.0.0", "containerPort": port, "hostPort": host, "protocol": protocol})
    return bindings
