"""A task is placed where CPU, memory and host ports are free; where they are not, RunTask says why in `failures`.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
"""

from typing import Any

from local_aws_server.backends import remembered
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, after, before, patch, replace
from local_aws_server.services.ecs import placement, tasks
from local_aws_server.services.ecs.placement import required, why_not

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A task is placed where CPU, memory and host ports are free; where they are not, RunTask says "
        "why in `failures`.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html",),
    ),
)


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
    call.result = {"tasks": [task for task in call.backends.tasks if task.task_arn in arns], "failures": []}


@before("ecs", "RunTask")
def there_is_an_instance(call: Call) -> None:
    cluster = _cluster(call)
    if call.answered or cluster is None or call.params.get("launchType") == "FARGATE":
        return
    if call.params.get("capacityProviderStrategy"):
        return
    if "launchType" not in call.params and cluster.default_capacity_provider_strategy:
        return
    if not placement.active(call.backends, cluster.name):
        raise AwsError("InvalidParameterException", "No Container Instances were found in your cluster.")


@replace("ecs", "RunTask")
def placed_as_asked(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html"""
    asked, world = call.params, call.backends
    cluster, definition = _existing(call)
    group = asked.get("group") or f"family:{definition.family}"
    strategy = asked.get("capacityProviderStrategy")
    if asked.get("launchType") and strategy:
        raise AwsError(
            "InvalidParameterException",
            "Specify either Launch Type or Capacity Provider Strategy, but not both.",
        )
    if not asked.get("launchType") and not strategy:
        strategy = cluster.default_capacity_provider_strategy
    mine = [task for task in world.tasks if task.cluster_name == cluster.name and task.group == group]
    mine = [task for task in mine if tasks.alive(task)]
    constraints = [*asked.get("placementConstraints", ()), *(definition.placement_constraints or ())]
    needed, hosts = required(definition), []
    made: list[Any] = []
    for _ in range(asked.get("count", 1)):
        taken = [task.capacity_provider_name for task in made]
        provider = placement.provider_for(strategy or (), {name: taken.count(name) for name in set(taken)})
        instance, kind = None, asked.get("launchType") or ""
        if kind != "FARGATE" and provider not in placement.FARGATE:
            hosts = placement.of_provider(world, provider, placement.active(world, cluster.name))
            free = placement.allowed(constraints, hosts, [*mine, *made])
            if not (fitting := [each for each in free if why_not(each, needed) is None]):
                break
            rules = asked.get("placementStrategy") or placement.SPREAD
            instance = placement.choose(fitting, rules, [*mine, *made], group)
            kind = kind or "EC2"
        made.append(
            tasks.place(
                world, cluster, definition, instance, group=group, launch_type=kind or "FARGATE",
                capacity_provider_name=provider, platform_version=asked.get("platformVersion"), **_shared(call),
            )
        )  # fmt: skip
    missing = len(made) < asked.get("count", 1)
    failures = [
        {"arn": each.container_instance_arn, "reason": reason}
        for each in (hosts if missing else ())
        if (reason := why_not(each, needed))
    ]
    return {"tasks": made, "failures": failures}


@replace("ecs", "StartTask")
def started_where_asked(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StartTask.html"""
    cluster, definition = _existing(call)
    here = call.backends.backend("ecs").container_instances.get(cluster.name, {})
    needed, made, failures = required(definition), [], []
    group = call.params.get("group") or f"family:{definition.family}"
    for asked in call.params["containerInstances"]:
        instance = here.get(asked.split("/")[-1])
        reason = "MISSING" if instance is None else why_not(instance, needed)
        if reason is None and instance.status != "ACTIVE":
            reason = "INACTIVE"
        if reason is None:
            made.append(tasks.place(call.backends, cluster, definition, instance, group=group, **_shared(call)))
        else:
            arn = asked if instance is None else instance.container_instance_arn
            failures.append({"arn": arn, "reason": reason})
    return {"tasks": made, "failures": failures}


@after("ecs", "RunTask")
def the_token_is_kept(call: Call) -> None:
    made, token, cluster = call.result.get("tasks", []), call.params.get("clientToken"), _cluster(call)
    if token and made and cluster is not None:
        _tokens(call).setdefault(token, (call.params, {task["taskArn"] for task in made}))


@patch("moto.ecs.models", "EC2ContainerServiceBackend._can_be_placed")
def can_be_placed(self: Any, container_instance: Any, task_resource_requirements: dict[str, Any]) -> bool:
    """moto asks no agent."""
    return why_not(container_instance, task_resource_requirements) is None


@patch("moto.ecs.models", "EC2ContainerServiceBackend._calculate_task_resource_requirements")
def what_it_needs(self: Any, task_definition: Any) -> dict[str, Any]:
    """moto takes host port 0, any that is free, for a port that only one task can have."""
    return required(task_definition)


def _existing(call: Call) -> tuple[Any, Any]:
    """(cluster, task definition) that a call names; raises what moto does where there is none."""
    ecs = call.backends.backend("ecs")
    cluster = ecs._get_cluster(call.params.get("cluster", "default"))
    return cluster, ecs.describe_task_definition(call.params["taskDefinition"])


def _shared(call: Call) -> dict[str, Any]:
    """What a task keeps of the call that made it, in moto's words."""
    network = call.params.get("networkConfiguration")
    if network:
        network = {"awsvpcConfiguration": {"securityGroups": [], **network["awsvpcConfiguration"]}}
    return {
        "overrides": call.params.get("overrides") or {},
        "started_by": call.params.get("startedBy", ""),
        "tags": call.params.get("tags") or [],
        "networking_configuration": network,
    }


def _cluster(call: Call) -> Any | None:
    return call.backends.clusters.get(call.params.get("cluster", "default").split("/")[-1])


def _tokens(call: Call) -> dict[Any, Any]:
    cluster = _cluster(call)
    tokens: dict[Any, Any] = {} if cluster is None else remembered(cluster).setdefault("run_task_tokens", {})
    return tokens
