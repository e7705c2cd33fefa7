"""Place the tasks of RunTask and StartTask where CPU, memory and host ports are free, and explain failures."""

from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, patch, replace
from local_aws_server.services.ecs import placement, tasks
from local_aws_server.services.ecs.placement import rejection_reason, required_resources

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="RunTask and StartTask place a task on an instance with enough free CPU, memory and host ports; "
        "otherwise `failures` lists the reason for each instance.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StartTask.html",
        ),
    ),
    Behaviour(
        service="ECS",
        statement="RunTask with the same client token returns the tasks of the first request.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html",),
    ),
)


@before("ecs", "RunTask")
def return_tasks_of_token(call: Call) -> None:
    """Answer a repeated client token with its tasks; refuse it for a different request."""
    earlier = _client_tokens(call).get(call.params.get("clientToken"))
    if earlier is None:
        return
    params, arns = earlier
    if params != call.params:
        raise AwsError(
            "ConflictException",
            "The RunTask request could not be processed due to conflicts. "
            "The provided clientToken is already in use with a different RunTask request.",
            400,
        )
    call.result = {"tasks": [task for task in call.backends.ecs_tasks if task.task_arn in arns], "failures": []}


@before("ecs", "RunTask")
def require_container_instance(call: Call) -> None:
    """Refuse a task on EC2 in a cluster without active container instances."""
    cluster = _cluster(call)
    if call.has_result or cluster is None or call.params.get("launchType") == "FARGATE":
        return
    if call.params.get("capacityProviderStrategy"):
        return
    if "launchType" not in call.params and cluster.default_capacity_provider_strategy:
        return
    if not placement.active_instances(call.backends, cluster.name):
        raise AwsError("InvalidParameterException", "No Container Instances were found in your cluster.")


@replace("ecs", "RunTask")
def run_task(call: Call) -> dict[str, Any]:
    params, backends = call.params, call.backends
    cluster, definition = _cluster_and_definition(call)
    group = params.get("group") or f"family:{definition.family}"
    strategy = params.get("capacityProviderStrategy")
    if params.get("launchType") and strategy:
        raise AwsError(
            "InvalidParameterException",
            "Specify either Launch Type or Capacity Provider Strategy, but not both.",
        )
    if not params.get("launchType") and not strategy:
        strategy = cluster.default_capacity_provider_strategy
    running = [
        task
        for task in backends.ecs_tasks
        if task.cluster_name == cluster.name and task.group == group and tasks.should_run(task)
    ]
    constraints = [*params.get("placementConstraints", ()), *(definition.placement_constraints or ())]
    needed = required_resources(definition)
    instances: list[Any] = []
    started: list[Any] = []
    for _ in range(params.get("count", 1)):
        names = [task.capacity_provider_name for task in started]
        provider = placement.next_capacity_provider(strategy or (), {name: names.count(name) for name in set(names)})
        instance, launch_type = None, params.get("launchType") or ""
        if launch_type != "FARGATE" and provider not in placement.FARGATE:
            active = placement.active_instances(backends, cluster.name)
            instances = placement.instances_of_provider(backends, provider, active)
            allowed = placement.apply_constraints(constraints, instances, [*running, *started])
            if not (fitting := [each for each in allowed if rejection_reason(each, needed) is None]):
                break
            rules = params.get("placementStrategy") or placement.DEFAULT_STRATEGY
            instance = placement.choose_instance(fitting, rules, [*running, *started], group)
            launch_type = launch_type or "EC2"
        started.append(
            tasks.start_task(
                backends, cluster, definition, instance, group=group, launch_type=launch_type or "FARGATE",
                capacity_provider_name=provider, platform_version=params.get("platformVersion"), **_settings(call),
            )
        )  # fmt: skip
    incomplete = len(started) < params.get("count", 1)
    failures = [
        {"arn": instance.container_instance_arn, "reason": reason}
        for instance in (instances if incomplete else ())
        if (reason := rejection_reason(instance, needed))
    ]
    return {"tasks": started, "failures": failures}


@replace("ecs", "StartTask")
def start_task(call: Call) -> dict[str, Any]:
    cluster, definition = _cluster_and_definition(call)
    instances = call.backends.backend("ecs").container_instances.get(cluster.name, {})
    needed, started, failures = required_resources(definition), [], []
    group = call.params.get("group") or f"family:{definition.family}"
    for name in call.params["containerInstances"]:
        instance = instances.get(name.split("/")[-1])
        reason = "MISSING" if instance is None else rejection_reason(instance, needed)
        if reason is None and instance.status != "ACTIVE":
            reason = "INACTIVE"
        if reason is None:
            started.append(
                tasks.start_task(call.backends, cluster, definition, instance, group=group, **_settings(call))
            )
        else:
            arn = name if instance is None else instance.container_instance_arn
            failures.append({"arn": arn, "reason": reason})
    return {"tasks": started, "failures": failures}


@after("ecs", "RunTask")
def keep_client_token(call: Call) -> None:
    started, token, cluster = call.result.get("tasks", []), call.params.get("clientToken"), _cluster(call)
    if token and started and cluster is not None:
        _client_tokens(call).setdefault(token, (call.params, {task["taskArn"] for task in started}))


@patch("moto.ecs.models", "EC2ContainerServiceBackend._can_be_placed")
def can_be_placed(self: Any, container_instance: Any, task_resource_requirements: dict[str, Any]) -> bool:
    """Return whether an instance can take a task; moto does not check whether the agent is connected."""
    return rejection_reason(container_instance, task_resource_requirements) is None


@patch("moto.ecs.models", "EC2ContainerServiceBackend._calculate_task_resource_requirements")
def resource_requirements(self: Any, task_definition: Any) -> dict[str, Any]:
    """Return what a task needs; moto reserves host port 0, which means any free port, for one task."""
    return required_resources(task_definition)


def _cluster_and_definition(call: Call) -> tuple[Any, Any]:
    """Return the cluster and the task definition of a request. Raises moto's error if one does not exist."""
    ecs = call.backends.backend("ecs")
    cluster = ecs._get_cluster(call.params.get("cluster", "default"))
    return cluster, ecs.describe_task_definition(call.params["taskDefinition"])


def _settings(call: Call) -> dict[str, Any]:
    """Return the settings that a task takes from its request."""
    return {
        "overrides": call.params.get("overrides") or {},
        "started_by": call.params.get("startedBy", ""),
        "tags": call.params.get("tags") or [],
        "network": call.params.get("networkConfiguration"),
    }


def _cluster(call: Call) -> Any | None:
    return call.backends.ecs_clusters.get(call.params.get("cluster", "default").split("/")[-1])


def _client_tokens(call: Call) -> dict[Any, Any]:
    """Return the cluster's client tokens: token → (the first request's parameters, the ARNs of its tasks)."""
    cluster = _cluster(call)
    tokens: dict[Any, Any] = {} if cluster is None else sidecar(cluster).setdefault("run_task_tokens", {})
    return tokens
