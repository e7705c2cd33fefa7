"""Placement constraints of tasks, and the filters of container instances: validation and evaluation.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before
from local_aws_server.services.ecs import resources
from local_aws_server.services.ecs.query_language import (
    Facts,
    InvalidQueryError,
    Query,
    UnsupportedQueryError,
    parse_query,
)

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="Placement constraints and filters of container instances use the whole cluster query language; an "
        "expression whose meaning AWS does not document is refused with NotSimulated.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-query-language.html",),
    ),
)

Constraints = Sequence[Mapping[str, str]]

_MAX_CONSTRAINTS = 10
_UNSATISFIED = {
    "memberOf": "MemberOf placement constraint unsatisfied.",
    "distinctInstance": "DistinctInstance placement constraint unsatisfied.",
}
"""Type of a constraint → ECS's reason for an instance that does not satisfy it."""

_OTHER_ZONE = "LOCATION"
"""ECS's reason for an instance in another zone than the subnets of the task."""

_ARCHITECTURES = {"ARM64": "arm64", "X86_64": "x86_64"}
"""`runtimePlatform.cpuArchitecture` → the value of the attribute `ecs.cpu-architecture`."""


# --- evaluation


def apply_constraints(
    backends: Backends, constraints: Constraints, instances: Iterable[Any], placed: Iterable[Any]
) -> list[Any]:
    """Return the container instances that satisfy the constraints, given the tasks of the group placed so far."""
    taken = {task.container_instance_arn for task in placed}
    return [
        instance for instance in instances if _unsatisfied_constraint(backends, constraints, instance, taken) is None
    ]


def rejection_reason(
    backends: Backends, constraints: Constraints, instance: Any, placed: Iterable[Any], needed: resources.Needs
) -> str | None:
    """Return ECS's reason why a container instance cannot take a task; None if it can."""
    taken = {task.container_instance_arn for task in placed}
    return _unsatisfied_constraint(backends, constraints, instance, taken) or resources.rejection_reason(
        instance, needed
    )


def constraints_of(
    backends: Backends, definition: Any, requested: Constraints | None, network: Mapping[str, Any] | None
) -> list[Mapping[str, str]]:
    """Return the constraints of a request or service, of its task definition, and of its platform and subnets."""
    platform = definition.runtime_platform or {}
    architecture = _ARCHITECTURES.get(platform.get("cpuArchitecture", ""))
    family = platform.get("operatingSystemFamily", "")
    expressions = [f"attribute:ecs.cpu-architecture == {architecture}"] if architecture else []
    if family.startswith("WINDOWS"):
        expressions.append("attribute:ecs.os-type == windows")
    implied = [{"type": "memberOf", "expression": expression} for expression in expressions]
    if network and definition.network_mode == "awsvpc":
        zones = {backends.zone_of_subnet(subnet) for subnet in network["awsvpcConfiguration"]["subnets"]}
        implied.append({"type": "zones", "zones": " ".join(sorted(zones))})
    return [*(requested or ()), *(definition.placement_constraints or ()), *implied]


def _unsatisfied_constraint(backends: Backends, constraints: Constraints, instance: Any, taken: set[Any]) -> str | None:
    """Return the reason of the first constraint that an instance does not satisfy."""
    for constraint in constraints:
        kind = constraint["type"]
        if kind == "distinctInstance" and instance.container_instance_arn in taken:
            return _UNSATISFIED[kind]
        if kind == "memberOf" and not parse_query(constraint["expression"])(_facts(backends, instance)):
            return _UNSATISFIED[kind]
        if kind == "zones" and instance.attributes["ecs.availability-zone"] not in constraint["zones"].split():
            return _OTHER_ZONE
    return None


def _facts(backends: Backends, instance: Any) -> Facts:
    placed = [
        task
        for task in backends.ecs_tasks
        if task.container_instance_arn == instance.container_instance_arn and task.last_status != "STOPPED"
    ]
    return Facts(
        attributes=instance.attributes,
        ec2_instance_id=instance.ec2_instance_id,
        agent_connected=bool(instance.agent_connected),
        agent_version=str(instance.version_info["agentVersion"]),
        registered_at=instance.registered_at.replace(tzinfo=UTC).timestamp(),
        running_tasks_count=sum(task.last_status == "RUNNING" for task in placed),
        task_groups={str(task.group) for task in placed},
    )


# --- validation


@before("ecs", "CreateService", "UpdateService", "RunTask")
def validate_constraints(call: Call) -> None:
    constraints = call.params.get("placementConstraints") or ()
    if len(constraints) > _MAX_CONSTRAINTS:
        message = f"The number of placement constraints cannot be greater than {_MAX_CONSTRAINTS}."
        raise AwsError("InvalidParameterException", message)
    for constraint in constraints:
        if "type" not in constraint:
            raise AwsError("InvalidParameterException", "A placement constraint must have a type.")
        if constraint.get("type") == "distinctInstance" and "expression" in constraint:
            raise AwsError("InvalidParameterException", "distinctInstance expression should not be specified.")
        if constraint.get("type") == "memberOf":
            _parse(constraint.get("expression", ""), "InvalidParameterException")


@before("ecs", "RegisterTaskDefinition")
def validate_constraints_of_definition(call: Call) -> None:
    for constraint in call.params.get("placementConstraints") or ():
        if constraint.get("type") != "memberOf":
            raise AwsError("ClientException", f"constraint.type '{constraint.get('type')}' is not supported.")
        _parse(constraint.get("expression", ""), "ClientException")


def _parse(expression: str, code: str) -> Query:
    """Return the query of an expression. Raises AwsError if it is invalid or not simulated."""
    try:
        return parse_query(expression)
    except InvalidQueryError as error:
        raise AwsError(code, f"Invalid expression '{expression}': {error}.") from None
    except UnsupportedQueryError as error:
        message = f"the local AWS does not simulate the expression '{expression}': {error}"
        raise AwsError("NotSimulated", message, 501) from None


# --- filters


@before("ecs", "ListContainerInstances")
def validate_filter(call: Call) -> None:
    if call.params.get("filter"):
        _parse(call.params["filter"], "InvalidParameterException")


@after("ecs", "ListContainerInstances")
def filter_container_instances(call: Call) -> None:
    """Keep the instances that the filter matches; moto ignores it."""
    if not call.params.get("filter"):
        return
    query = parse_query(call.params["filter"])
    matching = {
        instance.container_instance_arn
        for _, instance in call.backends.container_instances
        if query(_facts(call.backends, instance))
    }
    arns = call.result["containerInstanceArns"]
    call.result["containerInstanceArns"] = [arn for arn in arns if arn in matching]
