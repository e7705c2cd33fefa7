"""A task is placed where CPU, memory and host ports are free; where they are not, RunTask says why in `failures`.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
"""

from typing import Any

from esaws.local.call import Call
from esaws.local.seam import AwsError, after, before, inside
from esaws.local.world import remembered

_FARGATE = ("FARGATE", "FARGATE_SPOT")


@before("ecs", "RunTask")
def the_same_token_gives_the_same_tasks(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html"""
    earlier = _tokens(call).get(call.params.get("clientToken"))
    if earlier is None:
        return
    asked, arns = earlier
    if asked != call.params:
        raise AwsError(
            "ConflictException",
            "The RunTask request could not be processed due to conflicts. "
            "The provided clientToken is already in use with a different RunTask request.",
            400,
        )
    call.result = {"tasks": [task for task in call.world.tasks if task.task_arn in arns], "failures": []}


@before("ecs", "RunTask")
def there_is_an_instance(call: Call) -> None:
    cluster = _cluster(call)
    if call.answered or cluster is None or call.params.get("launchType") == "FARGATE":
        return
    if call.params.get("capacityProviderStrategy"):
        return
    if "launchType" not in call.params and cluster.default_capacity_provider_strategy:
        return
    if not _instances(call):
        raise AwsError("InvalidParameterException", "No Container Instances were found in your cluster.")


@after("ecs", "RunTask")
def what_could_not_be_placed(call: Call) -> None:
    tasks = call.result.get("tasks", [])
    token, cluster = call.params.get("clientToken"), _cluster(call)
    if token and tasks and cluster is not None:
        _tokens(call).setdefault(token, (call.params, {task["taskArn"] for task in tasks}))
        remembered(cluster)["run_task_tokens"] = _tokens(call)
    if len(tasks) < call.params.get("count", 1):
        backend = call.world.backend("ecs")
        needed = _needed(backend.describe_task_definition(call.params["taskDefinition"]))
        call.result["failures"] = [
            {"arn": instance.container_instance_arn, "reason": reason}
            for instance in _instances(call)
            if (reason := why_not(instance, needed))
        ]


@inside("moto.ecs.models", "EC2ContainerServiceBackend._can_be_placed")
def can_be_placed(self: Any, container_instance: Any, task_resource_requirements: dict[str, Any]) -> bool:
    """moto asks no agent."""
    return why_not(container_instance, task_resource_requirements) is None


@inside("moto.ecs.models", "EC2ContainerServiceBackend._calculate_task_resource_requirements")
def required(self: Any, task_definition: Any) -> dict[str, Any]:
    """moto takes host port 0, any that is free, for a port that only one task can have."""
    return _needed(task_definition)


def why_not(instance: Any, needed: dict[str, Any]) -> str | None:
    """Why a container instance can't take a task, in ECS's words; None if it can."""
    left = {each["name"]: each.get("stringSetValue") or each["integerValue"] for each in instance.remaining_resources}
    if not instance.agent_connected:
        return "AGENT"
    if needed["CPU"] > left["CPU"]:
        return "RESOURCE:CPU"
    if needed["MEMORY"] > left["MEMORY"]:
        return "RESOURCE:MEMORY"
    if {str(port) for port in needed["PORTS"]} & set(left["PORTS"] or ()):
        return "RESOURCE:PORTS"
    return None


def _needed(task_definition: Any) -> dict[str, Any]:
    containers = [
        {key[0].lower() + key[1:]: value for key, value in container.items()}
        for container in task_definition.container_definitions
    ]
    host_network = task_definition.network_mode == "host"
    ports = [
        mapping.get("hostPort") or (mapping["containerPort"] if host_network else 0)
        for container in containers
        for mapping in container.get("portMappings") or ()
        if mapping.get("protocol", "tcp") == "tcp" and task_definition.network_mode != "awsvpc"
    ]
    memory = sum(each.get("memoryReservation") or each.get("memory") or 0 for each in containers)
    return {
        "CPU": sum(each.get("cpu") or 0 for each in containers),
        "MEMORY": memory or int(task_definition.memory or 0),
        "PORTS": [port for port in ports if port],
        "PORTS_UDP": [],
    }


def _cluster(call: Call) -> Any | None:
    return call.world.clusters.get(call.params.get("cluster", "default").split("/")[-1])


def _instances(call: Call) -> list[Any]:
    cluster = _cluster(call)
    here = [each for name, each in call.world.container_instances if cluster is not None and name == cluster.name]
    return [each for each in here if each.status == "ACTIVE"]


def _tokens(call: Call) -> dict[Any, Any]:
    cluster = _cluster(call)
    tokens: dict[Any, Any] = {} if cluster is None else remembered(cluster).setdefault("run_task_tokens", {})
    return tokens
