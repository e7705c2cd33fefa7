"""What a task needs before its containers start: roles, images, secrets and log groups, and ECS's reasons without.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.services.ec2.internet_access import find_internet_obstacle
from local_aws_server.services.ecs import images, task_interfaces
from local_aws_server.services.ecs.placement import instance_of_task
from local_aws_server.services.iam.permissions import role_allows

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A task starts only if its network reaches the registry, a role allows to pull its images, its "
        "secrets and log groups exist and its execution role may use them; otherwise it stops with ECS's reason.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html",
        ),
    ),
    Behaviour(
        service="ECS",
        statement="A task is launched only with roles that exist and that ECS tasks may assume.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html",),
    ),
)

_PRINCIPAL = "ecs-tasks.amazonaws.com"
_PREFIX = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed:"

_Failure = tuple[str, str]
"""(ECS's stopped reason, its cause for the event log); empty texts if nothing fails."""


def find_role_obstacle(backends: Backends, definition: Any, overrides: Mapping[str, Any]) -> str:
    """Return AWS's error about a role of a task that is missing or can't be assumed; "" if there is none."""
    for name in ("task_role_arn", "execution_role_arn"):
        member = "taskRoleArn" if name == "task_role_arn" else "executionRoleArn"
        arn = overrides.get(member) or getattr(definition, name, None)
        if arn and not _may_be_assumed(_role(backends, arn)):
            return (
                f"ECS was unable to assume the role '{arn}' that was provided for this task. Please verify that the "
                "role being passed has the proper trust relationship and permissions and that your IAM user has "
                "permissions to pass this role."
            )
    return ""


def find_start_obstacle(backends: Backends, task: Any, definition: Any) -> _Failure:
    """Return why a task stops before its containers start."""
    fargate = task.launch_type == "FARGATE"
    interface, role = _way_out(backends, task, definition)
    for container in definition.container_definitions:
        for secret in container.get("secrets") or ():
            failure = _secret_failure(backends, secret["valueFrom"], interface, role, fargate=fargate)
            if failure[0]:
                return failure
    for container in definition.container_definitions if fargate else ():
        error = _logging_error(backends, container, role)
        if error:
            reason = "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 "
            return f"{reason}times: {error}: exit status 1", "its log group can't be used"
    for container in definition.container_definitions:
        failure = images.find_pull_obstacle(backends, str(container["image"]), interface, role, fargate=fargate)
        if failure[0]:
            return failure
    return "", ""


def find_logging_error(backends: Backends, task: Any, definition: Any, container: Mapping[str, Any]) -> str:
    """Return the error with which a container on EC2 does not start, because of its log group; "" if it starts."""
    if task.launch_type == "FARGATE":
        return ""
    _, role = _way_out(backends, task, definition)
    error = _logging_error(backends, container, role)
    prefix = "CannotStartContainerError: Error response from daemon: failed to initialize logging driver"
    return f"{prefix}: {error}" if error else ""


def _way_out(backends: Backends, task: Any, definition: Any) -> tuple[Any | None, Any | None]:
    """Return the interface and the role with which a task is prepared: on EC2, those of its instance.

    A task definition's execution role replaces the role of the instance.
    """
    arn = (task.overrides or {}).get("executionRoleArn") or getattr(definition, "execution_role_arn", None)
    role = _role(backends, arn) if arn else None
    container_instance = instance_of_task(backends, task)
    if container_instance is None:
        return task_interfaces.interface_of(backends, task), role
    ec2 = backends.backend("ec2")
    instance = ec2.get_instance_by_id(container_instance.ec2_instance_id)
    association = ec2.iam_instance_profile_associations.get(instance.id)
    roles = association.iam_instance_profile.roles if association is not None else ()
    return instance.nics[0], role or next(iter(roles), None)


def _role(backends: Backends, name_or_arn: str) -> Any | None:
    roles = backends.backend("iam").roles.values()
    return next((role for role in roles if name_or_arn in (role.arn, role.name)), None)


def _may_be_assumed(role: Any | None) -> bool:
    """Return whether a role exists and trusts ECS tasks."""
    if role is None:
        return False
    statements = json.loads(role.assume_role_policy_document or "{}").get("Statement") or []
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal") or {}
        services = principal.get("Service") or [] if isinstance(principal, dict) else [_PRINCIPAL]
        if statement.get("Effect") == "Allow" and _PRINCIPAL in services:
            return True
    return False


# --- secrets


def _secret_failure(
    backends: Backends, source: str, interface: Any | None, role: Any | None, *, fargate: bool
) -> _Failure:
    is_parameter = ":secretsmanager:" not in source
    service = "ssm" if is_parameter else "secretsmanager"
    action = "ssm:GetParameters" if is_parameter else "secretsmanager:GetSecretValue"
    store = "secrets from ssm" if is_parameter else "secret from asm"
    cause = f"its secret {source} can't be read"
    if interface is not None and (obstacle := find_internet_obstacle(backends, interface, (service,))):
        detail = f"RequestCanceled: request context canceled caused by: context deadline exceeded ({obstacle})"
        return f"{_PREFIX} unable to retrieve {store}: service call has been retried 5 time(s): {detail}", cause
    arn = _secret_arn(backends, source)
    if role is None or not role_allows(role, action, arn):
        user = f"arn:aws:sts::{backends.account}:assumed-role/{role.name if role is not None else 'none'}"
        detail = (
            f"AccessDeniedException: User: {user} is not authorized to perform: {action} on resource: {arn} because "
            f"no identity-based policy allows the {action} action"
        )
        return f"{_PREFIX} unable to retrieve {store}: service call has been retried 1 time(s): {detail}", cause
    if _secret_exists(backends, arn):
        return "", ""
    if is_parameter:
        if not fargate:
            region = arn.split(":")[3]
            return f"Fetching secret data from SSM Parameter Store in {region}: invalid parameters: {source}", cause
        detail = f"invalid ssm parameters: {source}"
    elif not fargate:
        region = arn.split(":")[3]
        return (
            f"Fetching secret data from AWS Secrets Manager in region {region}: secret {source}: "
            "ResourceNotFoundException: Secrets Manager can't find the specified secret."
        ), cause
    else:
        detail = (
            f"failed to fetch secret {source} from secrets manager: ResourceNotFoundException: Secrets Manager can't "
            "find the specified secret."
        )
    return f"{_PREFIX} unable to retrieve {store}: service call has been retried 1 time(s): {detail}", cause


def _secret_arn(backends: Backends, source: str) -> str:
    """Return the ARN of a parameter or secret, without the key and version of a secret."""
    if source.startswith("arn:"):
        return ":".join(source.split(":")[:7]) if ":secretsmanager:" in source else source
    return f"arn:aws:ssm:{backends.region}:{backends.account}:parameter/{source.removeprefix('/')}"


def _secret_exists(backends: Backends, arn: str) -> bool:
    _, _, service, region, account, rest = arn.split(":", 5)
    there = Backends(account, region)
    if service == "ssm":
        name = rest.removeprefix("parameter/")
        return any(there.parameter(each) is not None for each in (f"/{name}", name))
    secrets = there.backend("secretsmanager").secrets.values()
    return any(arn in (secret.arn, secret.arn.rsplit("-", 1)[0]) for secret in secrets)


# --- logs


def _logging_error(backends: Backends, container: Mapping[str, Any], role: Any | None) -> str:
    """Return the error of a container's `awslogs` driver; "" if it can write."""
    logging = container.get("logConfiguration") or {}
    options = logging.get("options") or {}
    if logging.get("logDriver") != "awslogs" or not options.get("awslogs-group"):
        return ""
    region, group = options.get("awslogs-region", backends.region), options["awslogs-group"]
    exists = group in Backends(backends.account, region).backend("logs").groups
    creates = options.get("awslogs-create-group") == "true"
    arn = f"arn:aws:logs:{region}:{backends.account}:log-group:{group}"
    if not exists and not creates:
        return (
            "failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist."
        )
    action = "logs:CreateLogStream" if exists else "logs:CreateLogGroup"
    if role is None:
        return "failed to create Cloudwatch log stream: NoCredentialProviders: no valid providers in chain"
    if not role_allows(role, action, f"{arn}:log-stream:*" if exists else arn):
        user = f"arn:aws:sts::{backends.account}:assumed-role/{role.name}"
        what = "stream" if exists else "group"
        return (
            f"failed to create Cloudwatch log {what}: AccessDeniedException: User: {user} is not authorized to "
            f"perform: {action} on resource: {arn}:log-stream: because no identity-based policy allows the {action} "
            "action"
        )
    return ""
