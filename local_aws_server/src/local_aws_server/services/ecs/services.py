"""Create, update, delete and describe ECS services: validation, idempotency, new deployments, task counts.

`scheduler` places and replaces the tasks of a service.
"""

from collections.abc import Iterator
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.isolation import each
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services import client_tokens
from local_aws_server.services.ecs import deployments, processes, scheduler, service_state, tasks

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A service is created once per cluster, for a container and port of its task definition and a "
        "target group that a load balancer uses; the same client token returns the same service.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html",
        ),
    ),
    Behaviour(
        service="ECS",
        statement="The service scheduler places, replaces and deploys tasks, drains a deleted service, and writes "
        "service events.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html",
        ),
    ),
)

_WAITER_TIMEOUT = 600.0
"""Seconds; boto3's `services_stable` waiter polls for that long."""

_LONGEST_ROLLOUT = 2 * 3600.0
"""Seconds; the first poll of a waiter lets so much time pass for a roll-out that ends later than the waiter."""

_MAX_DRAIN_SECONDS = 24 * 3600.0
"""Longer than any service drains: a deregistration delay is at most an hour."""


# --- reconcilers


@reconciler("ecs", "ec2", "elbv2", "autoscaling", order=30)
def reconcile_services(backends: Backends) -> float | None:
    def reconcile(service: Any) -> float | None:
        return scheduler.reconcile_service(backends, service)

    return each(backends, "service", backends.ecs_services, lambda service: service.name, reconcile)


@reconciler("ecs", "autoscaling", "ec2", "elbv2", order=40)
def count_tasks(backends: Backends) -> None:
    """Count the tasks of services, deployments, clusters and instances; moto reports the desired count as running."""
    unstopped = [task for task in backends.ecs_tasks if task.last_status != "STOPPED"]
    for service in backends.ecs_services:
        service_tasks = [task for task in unstopped if _belongs_to(task, service)]
        service.running_count, service.pending_count = _running_and_pending(service_tasks)
        for deployment in service.deployments:
            deployed = [task for task in service_tasks if task.started_by == deployment["id"]]
            deployment["runningCount"], deployment["pendingCount"] = _running_and_pending(deployed)
            primary = deployment["status"] == "PRIMARY" and deployment["rolloutState"] != "FAILED"
            deployment["desiredCount"] = service.desired_count if primary else sum(map(tasks.should_run, deployed))
    for cluster in backends.ecs_clusters.values():
        cluster_tasks = [task for task in unstopped if task.cluster_arn == cluster.arn]
        cluster.running_tasks_count, cluster.pending_tasks_count = _running_and_pending(cluster_tasks)
        cluster.active_services_count = sum(
            service.cluster_arn == cluster.arn and service.status == "ACTIVE" for service in backends.ecs_services
        )
    for _, instance in backends.container_instances:
        placed = [task for task in unstopped if task.container_instance_arn == instance.container_instance_arn]
        instance.running_tasks_count, instance.pending_tasks_count = _running_and_pending(placed)


def _running_and_pending(unstopped: list[Any]) -> tuple[int, int]:
    running = sum(task.last_status == "RUNNING" for task in unstopped)
    return running, sum(task.last_status in tasks.STARTING for task in unstopped)


def _belongs_to(task: Any, service: Any) -> bool:
    return bool(task.group == service_state.task_group(service) and task.cluster_arn == service.cluster_arn)


# --- create and update


@before("ecs", "CreateService")
def require_unique_service(call: Call) -> None:
    """Refuse a second service of a name, or return the first one for the same client token."""
    service = call.backends.ecs_service(call.params.get("cluster"), call.params["serviceName"])
    if service is None or service.status == "INACTIVE":
        return
    if service.status == "DRAINING":
        raise _invalid_parameter("Unable to Start a service that is still Draining.")
    token = call.params.get("clientToken")
    if not token or token != sidecar(service).get("client_token"):
        raise _invalid_parameter("Creation of service was not idempotent.")
    client_tokens.check_same_parameters(call, sidecar(service).get("client_token_digest"))
    call.result = {"service": service}


@after("ecs", "CreateService")
def keep_client_token(call: Call) -> None:
    token = call.params.get("clientToken")
    digest = client_tokens.parameters_digest(call) if token else None
    sidecar(_service(call, "serviceName")).update(client_token=token, client_token_digest=digest)


@before("ecs", "UpdateService")
def require_active_service(call: Call) -> None:
    service = _service(call, "service")
    if service is not None and service.status != "ACTIVE":
        raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")


@before("ecs", "CreateService", "UpdateService")
def validate_load_balancers(call: Call) -> None:
    """Require that the container and its port are in the task definition, and the target group is in use."""
    load_balancers = call.params.get("loadBalancers", _current_load_balancers(call))
    definition_name = call.params.get("taskDefinition") or _current_task_definition(call)
    if call.has_result or not load_balancers or not definition_name:
        return
    definition = call.backends.backend("ecs").describe_task_definition(definition_name)
    container_ports = {
        container["name"]: {mapping["containerPort"] for mapping in container.get("portMappings") or ()}
        for container in definition.container_definitions
    }
    groups_in_use = set(_target_groups_in_use(call.backends))
    for load_balancer in load_balancers:
        name, port, group = (load_balancer.get(key) for key in ("containerName", "containerPort", "targetGroupArn"))
        if name not in container_ports:
            raise _invalid_parameter(f"The container {name} does not exist in the task definition.")
        if port not in container_ports[name]:
            raise _invalid_parameter(f"The container {name} did not have a container port {port} defined.")
        if group and group not in groups_in_use:
            raise _invalid_parameter(
                f"The target group with targetGroupArn {group} does not have an associated load balancer."
            )


@after("ecs", "CreateService")
def initialize_service(call: Call) -> None:
    """Initialize the first deployment, and apply the cluster's default capacity provider strategy."""
    service = _service(call, "serviceName")
    if not service.deployments:
        return
    deployments.initialize_deployment(service)
    cluster = call.backends.ecs_clusters[service.cluster_name]
    default = cluster.default_capacity_provider_strategy
    if default and "launchType" not in call.params and not call.params.get("capacityProviderStrategy"):
        sidecar(service).setdefault("fields", {})["capacityProviderStrategy"] = list(default)


@before("ecs", "UpdateService")
def note_state_before_update(call: Call) -> None:
    """Note the deployments and the settings, because moto changes the current deployment."""
    service = _service(call, "service")
    if service is not None and service.deployments:
        call.notes["deployments"] = [dict(deployment) for deployment in service.deployments]
        call.notes["definition"] = service.task_definition
        call.notes["settings"] = _settings_of_tasks(service)


@after("ecs", "UpdateService")
def deploy_changes(call: Call) -> None:
    """Start a new deployment if the update changes what the tasks run."""
    service = _service(call, "service")
    if "deployments" not in call.notes:
        return
    service.deployments[:] = call.notes["deployments"]
    if service.task_definition:
        service.task_definition = call.backends.backend("ecs").describe_task_definition(service.task_definition).arn
    if service.task_definition != call.notes["definition"]:
        reason = f"{service.task_definition.split('/')[-1]} is the definition now"
        deployments.start_deployment(call.backends, service, reason)
    elif call.params.get("forceNewDeployment"):
        deployments.start_deployment(call.backends, service, "a user forced it")
    elif _settings_of_tasks(service) != call.notes["settings"]:
        deployments.start_deployment(call.backends, service, "its settings changed")
    elif "desiredCount" in call.params:
        sidecar(service)["steady"] = False
    _update_result(call, service)


# --- delete and describe


@after("ecs", "DeleteService")
def drain_service(call: Call) -> None:
    """Drain a deleted service; the scheduler makes it INACTIVE once its tasks stop."""
    service = _service(call, "service")
    service.desired_count = 0
    if service.deployments and service.task_definition:
        service.status = "DRAINING"
    _update_result(call, service)


@after("ecs", "DescribeServices")
def wait_for_services(call: Call) -> None:
    """Let time pass until described services have drained; for a waiter, until they are stable."""
    arns = {described["serviceArn"] for described in call.result["services"]}
    services = [service for service in call.backends.ecs_services if service.arn in arns]
    draining = [service for service in services if service.status == "DRAINING"]
    if PROVISIONING_SPEED.factor is not None:
        return
    if draining:
        drained_by = CLOCK.now() + _MAX_DRAIN_SECONDS
        call.wait_until(drained_by, unless=lambda: all(service.status == "INACTIVE" for service in draining))
    elif call.is_from_waiter:
        unstable = [service for service in services if not scheduler.is_stable(service)]
        if call.is_retry:
            for service in unstable:
                sidecar(service)["waited for"] = _rollout(service)
        waited = any(sidecar(service).get("waited for") == _rollout(service) for service in unstable)
        longest = _WAITER_TIMEOUT if waited else _LONGEST_ROLLOUT

        def settled() -> bool:
            return all(map(scheduler.is_stable, services)) or processes.any_in(call.backends.ecs_tasks)

        call.wait_until(CLOCK.now() + longest, unless=settled)


def _rollout(service: Any) -> tuple[str, int]:
    """Return what a waiter waits for: a deployment, and a number of tasks."""
    return str(service.deployments[0]["id"]) if service.deployments else "", int(service.desired_count)


def _service(call: Call, parameter: str) -> Any:
    return call.backends.ecs_service(call.params.get("cluster"), call.params[parameter])


def _current_task_definition(call: Call) -> Any:
    service = call.backends.ecs_service(call.params.get("cluster"), call.params.get("service", ""))
    return service and service.task_definition


def _current_load_balancers(call: Call) -> Any:
    service = call.backends.ecs_service(call.params.get("cluster"), call.params.get("service", ""))
    return service and service.load_balancers


def _settings_of_tasks(service: Any) -> list[Any]:
    """Return the settings of a service that only new tasks take over."""
    return [service.load_balancers, service.network_configuration, service.platform_version]


def _update_result(call: Call, service: Any) -> None:
    """Put the service's current state into the result."""
    call.result["service"].update(
        status=service.status,
        desiredCount=service.desired_count,
        taskDefinition=service.task_definition,
        deployments=[dict(deployment) for deployment in service.deployments],
    )


def _target_groups_in_use(backends: Backends) -> Iterator[str]:
    """Yield the ARNs of the target groups that a rule of a load balancer forwards to."""
    for load_balancer in list(backends.backend("elbv2").load_balancers.values()):
        for listener in load_balancer.listeners.values():
            for rule in listener.rules.values():
                for action in rule.actions:
                    groups = action.data.get("ForwardConfig", {}).get("TargetGroups", [])
                    yield from (
                        group["TargetGroupArn"] for group in [action.data, *groups] if "TargetGroupArn" in group
                    )


def _invalid_parameter(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
