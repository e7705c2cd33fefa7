"""The capabilities of an agent that a task definition requires, and those that an agent of today has.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html#attributes
https://github.com/aws/amazon-ecs-agent/blob/master/agent/app/agent_capability.go
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_PREFIX = "com.amazonaws.ecs.capability."

AGENT_CAPABILITIES = (
    *(f"{_PREFIX}docker-remote-api.1.{minor}" for minor in range(17, 45)),
    *(
        f"{_PREFIX}logging-driver.{driver}"
        for driver in ("awsfirelens", "awslogs", "fluentd", "gelf", "journald", "json-file", "none", "syslog")
    ),
    f"{_PREFIX}ecr-auth",
    f"{_PREFIX}privileged-container",
    f"{_PREFIX}task-iam-role",
    f"{_PREFIX}task-iam-role-network-host",
    "ecs.capability.container-health-check",
    "ecs.capability.container-ordering",
    "ecs.capability.container-restart-policy",
    "ecs.capability.efs",
    "ecs.capability.env-files.s3",
    "ecs.capability.execution-role-awslogs",
    "ecs.capability.execution-role-ecr-pull",
    "ecs.capability.secrets.asm.environment-variables",
    "ecs.capability.secrets.ssm.environment-variables",
    "ecs.capability.task-cpu-mem-limit",
    "ecs.capability.task-eni",
)
"""The attributes without a value that an agent registers."""


def required_attributes(definition: Any) -> list[dict[str, str]]:
    """Return the attributes that a task definition requires, as `requiresAttributes` lists them."""
    return [{"name": name} for name in sorted(set(_names(definition)))]


def _names(definition: Any) -> Iterator[str]:
    execution_role = getattr(definition, "execution_role_arn", None)
    if getattr(definition, "task_role_arn", None):
        is_host = definition.network_mode == "host"
        yield f"{_PREFIX}task-iam-role{'-network-host' if is_host else ''}"
    if definition.network_mode == "awsvpc":
        yield "ecs.capability.task-eni"
    if definition.cpu or definition.memory:
        yield "ecs.capability.task-cpu-mem-limit"
    yield f"{_PREFIX}docker-remote-api.1.18"
    for container in definition.container_definitions:
        yield from _names_of_container(container, execution_role)


def _names_of_container(container: dict[str, Any], execution_role: str | None) -> Iterator[str]:
    if container.get("memoryReservation"):
        yield f"{_PREFIX}docker-remote-api.1.21"
    if ".dkr.ecr." in container["image"]:
        yield f"{_PREFIX}ecr-auth"
        if execution_role:
            yield "ecs.capability.execution-role-ecr-pull"
    if driver := (container.get("logConfiguration") or {}).get("logDriver"):
        yield f"{_PREFIX}logging-driver.{driver}"
        if driver == "awslogs" and execution_role:
            yield "ecs.capability.execution-role-awslogs"
    if container.get("healthCheck"):
        yield "ecs.capability.container-health-check"
        yield f"{_PREFIX}docker-remote-api.1.29"
    if container.get("dependsOn"):
        yield "ecs.capability.container-ordering"
    if container.get("restartPolicy"):
        yield "ecs.capability.container-restart-policy"
    if container.get("privileged"):
        yield f"{_PREFIX}privileged-container"
    for secret in container.get("secrets") or ():
        store = "asm" if ":secretsmanager:" in secret["valueFrom"] else "ssm"
        yield f"ecs.capability.secrets.{store}.environment-variables"
