"""What the data plane should run of ECS: the processes of tasks, with their environment, ports and limits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.data_plane import DATA_PLANE, desired, observer
from local_aws_server.services.ecs import health_checks, processes, task_interfaces
from local_aws_server.services.ecs.placement import instance_of_task
from local_aws_server.services.ecs.tasks import group_name, task_definition_of

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="Where the services run (`--run`), the containers of images that run here are processes: what they "
        "exit with, write and take of memory is what ECS reports, and the commands of their health checks run. Nothing "
        "keeps one of them from another.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html",
        ),
    ),
)

_STOPPING = ("STOPPING", "DEPROVISIONING")
_DEFAULT_STOP_TIMEOUT = 30


@desired("tasks", "ecs")
def desired_tasks(backends: Backends) -> list[dict[str, Any]]:
    """Return the tasks with containers that should run, or are being stopped.

    Each is {task, cluster, name, address, zone, role, stopping, containers}; a container is {name, image, command,
    entry_point, environment, memory, ports, stop_timeout, log, ran_before, health_check}. Memory is in MiB, None
    without a limit; a port is {container, host}, where the task listens at the address; times are in seconds.
    """
    described = (_describe(backends, task) for task in backends.ecs_tasks if task.last_status != "STOPPED")
    return [task for task in described if task["containers"]]


@observer("containers")
def observe_containers(backends: Backends, reports: Iterable[Mapping[str, Any]]) -> None:
    processes.observe(backends, reports)


@observer("container_health")
def observe_container_health(backends: Backends, reports: Iterable[Mapping[str, Any]]) -> None:
    processes.observe_health(backends, reports)


def _describe(backends: Backends, task: Any) -> dict[str, Any]:
    definition = task_definition_of(backends, task)
    by_name = {each["name"]: each for each in definition.container_definitions}
    overrides = task.overrides or {}
    return {
        "task": task.task_arn,
        "cluster": task.cluster_name,
        "name": group_name(task),
        "address": _address(backends, task),
        "zone": _zone(backends, task),
        "role": overrides.get("taskRoleArn") or getattr(definition, "task_role_arn", None),
        "stopping": task.last_status in _STOPPING,
        "containers": [
            _describe_container(backends, task, definition, container, by_name[container.name])
            for container in processes.wanted(backends, task)
        ],
    }


def _describe_container(
    backends: Backends, task: Any, definition: Any, container: Any, settings: Mapping[str, Any]
) -> dict[str, Any]:
    override: Mapping[str, Any] = next(
        (each for each in (task.overrides or {}).get("containerOverrides") or () if each.get("name") == container.name),
        {},
    )
    environment = [*(settings.get("environment") or ()), *override.get("environment", ())]
    secrets = {each["name"]: _secret(backends, each["valueFrom"]) for each in settings.get("secrets") or ()}
    limit = override.get("memory") or settings.get("memory") or definition.memory
    return {
        "name": container.name,
        "image": settings["image"],
        "command": override.get("command") or settings.get("command") or [],
        "entry_point": settings.get("entryPoint") or [],
        "environment": {**{each["name"]: each.get("value", "") for each in environment}, **secrets},
        "memory": int(limit) if limit else None,
        "ports": _ports(definition, container, settings),
        "stop_timeout": settings.get("stopTimeout") or _DEFAULT_STOP_TIMEOUT,
        "log": _log(settings),
        "ran_before": processes.has_started_before(container),
        "health_check": _health_check(settings),
    }


def _health_check(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return {command, interval, timeout, retries, start_period}; a command takes real time, so its timeout is kept."""
    if not health_checks.has_check(settings):
        return None
    check = health_checks.settings_of(settings)
    return {
        "command": check["command"],
        "interval": DATA_PLANE.duration(check["interval"]),
        "timeout": check["timeout"],
        "retries": check["retries"],
        "start_period": DATA_PLANE.duration(check["startPeriod"]),
    }


def _ports(definition: Any, container: Any, settings: Mapping[str, Any]) -> list[dict[str, int]]:
    if definition.network_mode == "awsvpc":
        mappings = settings.get("portMappings") or ()
        return [{"container": int(each["containerPort"]), "host": int(each["containerPort"])} for each in mappings]
    bindings = getattr(container, "network_bindings", ())
    return [{"container": int(each["containerPort"]), "host": int(each["hostPort"])} for each in bindings]


def _log(settings: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the options of the `awslogs` driver; None for other drivers, whose lines are lost."""
    logging = settings.get("logConfiguration") or {}
    return dict(logging.get("options") or {}) if logging.get("logDriver") == "awslogs" else None


def _address(backends: Backends, task: Any) -> str:
    """Return the private address at which a task listens."""
    if own := task_interfaces.detail(task, "privateIPv4Address"):
        return own
    instance = instance_of_task(backends, task)
    if instance is None:
        return ""
    return str(backends.backend("ec2").get_instance_by_id(instance.ec2_instance_id).private_ip)


def _zone(backends: Backends, task: Any) -> str:
    instance = instance_of_task(backends, task)
    interface = task_interfaces.interface_of(backends, task)
    if interface is not None:
        return str(interface.subnet.availability_zone)
    return "" if instance is None else str(instance.attributes["ecs.availability-zone"])


def _secret(backends: Backends, source: str) -> str:
    """Return the value of a parameter or secret; of a secret, one key of its JSON if the source names it."""
    if ":secretsmanager:" not in source:
        name = source.split(":parameter", 1)[-1] if source.startswith("arn:") else source
        return next((value for each in (name, f"/{name}") if (value := backends.parameter(each)) is not None), "")
    *arn, key, _stage, _version = [*source.split(":"), *[""] * (10 - len(source.split(":")))][:10]
    secret = backends.backend("secretsmanager").get_secret_value(":".join(arn[:7]), "", "")
    value = str(json.loads(secret)["SecretString"] if isinstance(secret, str) else secret["SecretString"])
    return str(json.loads(value)[key]) if key else value
