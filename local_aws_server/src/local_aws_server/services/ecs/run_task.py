"""Place the tasks of RunTask and StartTask where CPU, memory and host ports are free, and explain failures."""

from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, reconciler, replace
from local_aws_server.services import client_tokens
from local_aws_server.services.ecs import placement, preconditions, tasks
from local_aws_server.services.ecs.constraints import constraints_of, rejection_reason
from local_aws_server.services.ecs.resources import required_resources
from local_aws_server.services.ecs.task_launcher import Launch, Rejection

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="RunTask and StartTask place a task on an instance that satisfies its constraints and has enough "
        "free CPU, memory, host ports and network interfaces; otherwise `failures` lists the reason for each instance.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StartTask.html",
        ),
    ),
    Behaviour(
        service="ECS",
        statement="A task of RunTask that no instance of a capacity provider with managed scaling takes is "
        "PROVISIONING until the Auto Scaling group has scaled out.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-auto-scaling.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html",
        ),
    ),
    Behaviour(
        service="ECS",
        statement="RunTask with the same client token returns the tasks of the first request.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html",),
    ),
)

_TOKEN_SECONDS = 24 * 3600.0
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html"""


@before("ecs", "RunTask")
def return_tasks_of_token(call: Call) -> None:
    """Answer a repeated client token with its tasks; refuse it for a different request."""
    earlier = _client_tokens(call).get(call.params.get("clientToken"))
    if earlier is None:
        return
    digest, arns, _ = earlier
    client_tokens.check_same_parameters(call, digest)
    call.result = {"tasks": [task for task in call.backends.ecs_tasks if task.task_arn in arns], "failures": []}


@before("ecs", "RunTask", "StartTask")
def require_assumable_roles(call: Call) -> None:
    """Refuse a task whose roles do not exist, or do not trust ECS tasks."""
    if call.has_result or _cluster(call) is None:
        return
    definition = call.backends.backend("ecs").describe_task_definition(call.params["taskDefinition"])
    if error := preconditions.find_role_obstacle(call.backends, definition, call.params.get("overrides") or {}):
        raise AwsError("ClientException", error)


@before("ecs", "RunTask")
def require_container_instance(call: Call) -> None:
    """Refuse a task on EC2 in a cluster without active container instances."""
    cluster = _cluster(call)
    if call.has_result or cluster is None or call.params.get("launchType") in ("FARGATE", "EXTERNAL"):
        return
    if call.params.get("capacityProviderStrategy"):
        return
    if "launchType" not in call.params and cluster.default_capacity_provider_strategy:
        return
    if not placement.active_instances(call.backends, cluster.name):
        raise AwsError("InvalidParameterException", "No Container Instances were found in your cluster.")


@replace("ecs", "RunTask")
def run_task(call: Call) -> dict[str, Any]:
    """Start as many tasks as can be placed; of the others, the failures say why on each container instance."""
    params, (cluster, definition) = call.params, _cluster_and_definition(call)
    strategy = params.get("capacityProviderStrategy") or ()
    if not strategy and not params.get("launchType"):
        strategy = cluster.default_capacity_provider_strategy or ()
    group = params.get("group") or f"family:{definition.family}"
    launch = Launch(
        backends=call.backends,
        cluster=cluster,
        definition=definition,
        group=group,
        launch_type=params.get("launchType") or "",
        strategy=strategy,
        constraints=params.get("placementConstraints") or (),
        rules=params.get("placementStrategy") or (),
        network=params.get("networkConfiguration"),
        overrides=params.get("overrides") or {},
        settings={"platform_version": params.get("platformVersion"), **_settings(call)},
    )
    started: list[Any] = []
    earlier = tasks_of_group(call.backends, cluster.name, group)
    for _ in range(params.get("count", 1)):
        task = launch.start(started, [*earlier, *started], may_wait=True)
        if isinstance(task, Rejection):
            if not task.instances:
                where = "capacity provider" if task.provider else "cluster"
                raise AwsError("InvalidParameterException", f"No Container Instances were found in your {where}.")
            failures = [{"arn": arn, "reason": reason} for arn, reason in task.reasons.items()]
            return {"tasks": started, "failures": failures}
        started.append(task)
    return {"tasks": started, "failures": []}


def tasks_of_group(backends: Backends, cluster: str, group: str) -> list[Any]:
    """Return the tasks of a group that shall run on an instance."""
    return [
        task
        for task in backends.ecs_tasks
        if task.cluster_name == cluster and task.group == group and tasks.should_run(task)
    ]


@reconciler("ecs", "ec2", "autoscaling", order=28)
def place_waiting_tasks(backends: Backends) -> None:
    """Place the tasks that wait for the capacity of their provider, the oldest first."""
    for task in tasks.waiting_tasks(backends):
        waiting, needed = sidecar(task)["waiting"], task.resource_requirements
        active = placement.active_instances(backends, task.cluster_name)
        instances = placement.instances_of_provider(backends, task.capacity_provider_name, active)
        placed = [each for each in tasks_of_group(backends, task.cluster_name, task.group) if each is not task]
        fitting = [
            instance
            for instance in instances
            if rejection_reason(backends, waiting["constraints"], instance, placed, needed) is None
        ]
        if fitting:
            tasks.place_task(
                backends, task, placement.choose_instance(fitting, waiting["rules"], placed, str(task.group))
            )


@replace("ecs", "StartTask")
def start_task(call: Call) -> dict[str, Any]:
    cluster, definition = _cluster_and_definition(call)
    instances = call.backends.backend("ecs").container_instances.get(cluster.name, {})
    settings = {
        **_settings(call),
        "launch_type": "EC2",
        "network": call.params.get("networkConfiguration"),
        "overrides": call.params.get("overrides") or {},
    }
    needed, started, failures = required_resources(definition, call.params.get("overrides")), [], []
    group = call.params.get("group") or f"family:{definition.family}"
    constraints = constraints_of(call.backends, definition, (), settings["network"])
    for name in call.params["containerInstances"]:
        instance = instances.get(name.split("/")[-1])
        if instance is None:
            reason: str | None = "MISSING"
        elif instance.status != "ACTIVE":
            reason = "INACTIVE"
        else:
            placed = tasks_of_group(call.backends, cluster.name, group)
            reason = rejection_reason(call.backends, constraints, instance, placed, needed)
        if reason is None:
            started.append(tasks.start_task(call.backends, cluster, definition, instance, group=group, **settings))
        else:
            arn = _arn(call, cluster.name, name) if instance is None else instance.container_instance_arn
            failures.append({"arn": arn, "reason": reason})
    return {"tasks": started, "failures": failures}


@after("ecs", "RunTask")
def keep_client_token(call: Call) -> None:
    started, token, cluster = call.result.get("tasks", []), call.params.get("clientToken"), _cluster(call)
    if token and started and cluster is not None:
        arns = frozenset(task["taskArn"] for task in started)
        _client_tokens(call).setdefault(token, (client_tokens.parameters_digest(call), arns, CLOCK.now()))


def _cluster_and_definition(call: Call) -> tuple[Any, Any]:
    """Return the cluster and the task definition of a request. Raises moto's error if one does not exist."""
    ecs = call.backends.backend("ecs")
    cluster = ecs._get_cluster(call.params.get("cluster", "default"))
    return cluster, ecs.describe_task_definition(call.params["taskDefinition"])


def _settings(call: Call) -> dict[str, Any]:
    """Return the settings that a task takes from its request."""
    return {
        "started_by": call.params.get("startedBy", ""),
        "tags": call.params.get("tags") or [],
    }


def _arn(call: Call, cluster: str, instance: str) -> str:
    """Return the ARN of a container instance that does not exist."""
    if instance.startswith("arn:"):
        return instance
    return f"arn:aws:ecs:{call.region}:{call.account}:container-instance/{cluster}/{instance}"


def _cluster(call: Call) -> Any | None:
    return call.backends.ecs_clusters.get(call.params.get("cluster", "default").split("/")[-1])


def _client_tokens(call: Call) -> dict[Any, Any]:
    """Return the cluster's client tokens of the last day: token → (digest of the first request, ARNs, time)."""
    cluster = _cluster(call)
    if cluster is None:
        return {}
    tokens: dict[Any, Any] = sidecar(cluster).setdefault("client_tokens", {})
    while tokens and (oldest := next(iter(tokens))) and tokens[oldest][2] < CLOCK.now() - _TOKEN_SECONDS:
        del tokens[oldest]
    return tokens
