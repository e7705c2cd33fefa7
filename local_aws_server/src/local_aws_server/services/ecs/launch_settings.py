"""Validate how services and tasks are launched: launch type, scheduling strategy, capacity providers and network.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, patch
from local_aws_server.services.ecs.placement import FARGATE
from local_aws_server.services.ecs.resources import cpu_units, mebibytes

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A task definition is launched where its network mode and its sizes allow that; a task with an "
        "interface of its own needs subnets, and has the default security group of their VPC unless others are named.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_definition_parameters.html",
        ),
    ),
    Behaviour(
        service="ECS",
        statement="A service with the DAEMON strategy takes no desired count and does not run on Fargate.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service-options.html",),
    ),
)

_LAUNCHING = ("CreateService", "RunTask", "UpdateService", "CreateTaskSet")

_MAX_SUBNETS, _MAX_GROUPS = 16, 5


@patch("moto.ecs.models", "Service._validate_network")
def validate_network(self: Any, nc: dict[str, Any]) -> dict[str, Any]:
    """Return the network configuration as it is: moto requires security groups, which AWS does not."""
    return nc


@before("ecs", "CreateService", "RunTask", "CreateTaskSet")
def reject_two_launch_types(call: Call) -> None:
    if call.params.get("launchType") and call.params.get("capacityProviderStrategy"):
        if call.operation == "RunTask":
            raise _refusal("Specify either Launch Type or Capacity Provider Strategy, but not both.")
        raise _refusal(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )


@before("ecs", "CreateService")
def validate_scheduling_strategy(call: Call) -> None:
    if call.params.get("schedulingStrategy") != "DAEMON":
        return
    if "desiredCount" in call.params:
        raise _refusal(
            "The daemon scheduling strategy does not support a desired count for services. Remove the desired count "
            "value and try again"
        )
    providers = {item["capacityProvider"] for item in call.params.get("capacityProviderStrategy") or ()}
    if call.params.get("launchType") == "FARGATE" or providers & set(FARGATE):
        raise _refusal("The daemon scheduling strategy is not supported on Fargate.")
    if call.params.get("placementStrategy"):
        raise _refusal("The daemon scheduling strategy does not support placement strategies.")


@before("ecs", *_LAUNCHING, "StartTask")
def require_valid_network(call: Call) -> None:
    """Validate the network configuration, and require one for tasks with an interface of their own (`awsvpc`)."""
    definition, network = _definition(call), call.params.get("networkConfiguration")
    if call.has_result or definition is None:
        return
    if network is None:
        service = call.backends.ecs_service(call.params.get("cluster"), call.params.get("service", ""))
        if definition.network_mode == "awsvpc" and not (service is not None and service.network_configuration):
            raise _refusal("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
        return
    if definition.network_mode != "awsvpc":
        raise _refusal("Network Configuration is not valid for the given networkMode of this task definition.")
    settings = network.get("awsvpcConfiguration") or {}
    _validate_subnets_and_groups(call.backends, settings)
    if settings.get("assignPublicIp") == "ENABLED" and _launch_type(call) != "FARGATE":
        raise _refusal("Assign public IP is not supported for this launch type.")


@before("ecs", *_LAUNCHING)
def require_compatible_definition(call: Call) -> None:
    """Refuse Fargate for a task definition that only fits EC2."""
    definition = _definition(call)
    launch_type = _launch_type(call)
    if definition is None or launch_type not in ("EC2", "FARGATE"):
        return
    if launch_type == "FARGATE" and "FARGATE" not in compatibilities(definition):
        raise _refusal("Task definition does not support launch_type FARGATE.")
    if launch_type == "FARGATE" and (call.params.get("placementConstraints") or call.params.get("placementStrategy")):
        raise _refusal("Placement strategies and constraints are not supported with FARGATE launch type.")


@before("ecs", "CreateService", "RunTask", "UpdateService")
def validate_placement_strategy(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PlacementStrategy.html"""
    for rule in call.params.get("placementStrategy") or ():
        kind, name = rule.get("type"), rule.get("field", "")
        if kind is None:
            raise _refusal("A placement strategy must have a type.")
        if kind == "binpack" and name.lower() not in ("cpu", "memory"):
            raise _refusal(f"Invalid field '{name}' of placement strategy binpack. Valid fields: CPU, MEMORY.")
        if kind == "spread" and name not in ("instanceId", "host") and not name.startswith("attribute:"):
            raise _refusal(f"Invalid field '{name}' of placement strategy spread.")


@before("ecs", "RunTask", "StartTask")
def validate_overrides(call: Call) -> None:
    overrides, definition = call.params.get("overrides") or {}, _definition(call)
    for name, parse in (("cpu", cpu_units), ("memory", mebibytes)):
        try:
            parse(overrides.get(name) or "1")
        except ValueError:
            raise _refusal(f"Invalid '{name}' setting for task.") from None
    names = {each["name"] for each in definition.container_definitions} if definition is not None else set()
    for override in overrides.get("containerOverrides") or () if names else ():
        if override.get("name") not in names:
            raise _refusal(
                f"Override for container named {override.get('name')} is not a container in the TaskDefinition."
            )


def compatibilities(definition: Any) -> list[str]:
    """Return the launch types that a task definition fits.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
    """
    fits_fargate = definition.network_mode == "awsvpc" and bool(definition.cpu) and bool(definition.memory)
    return ["EC2", "FARGATE"] if fits_fargate else ["EC2"]


def _validate_subnets_and_groups(backends: Backends, settings: Mapping[str, Any]) -> None:
    subnets, groups = settings.get("subnets") or [], settings.get("securityGroups") or []
    if not subnets:
        raise _refusal("subnets can not be empty.")
    for names, most, label in ((subnets, _MAX_SUBNETS, "subnets"), (groups, _MAX_GROUPS, "securityGroups")):
        if len(names) > most:
            raise _refusal(f"{label} can have at most {most} items.")
    ec2, networks = backends.backend("ec2"), set()
    for subnet in subnets:
        found = next((zone[subnet] for zone in ec2.subnets.values() if subnet in zone), None)
        if found is None:
            raise _refusal(
                f"Error retrieving subnet information for [{subnet}]: The subnet ID '{subnet}' does not exist "
                "(ErrorCode: InvalidSubnetID.NotFound)"
            )
        networks.add(found.vpc_id)
    if len(networks) > 1:
        raise _refusal("subnets must belong to the same VPC.")
    for group in groups:
        stored = ec2.get_security_group_from_id(group)
        if stored is None:
            raise _refusal(
                f"Error retrieving security group information for [{group}]: The security group '{group}' does not "
                "exist (ErrorCode: InvalidGroup.NotFound)"
            )
        if stored.vpc_id not in networks:
            raise _refusal("All specified security groups must be in the same VPC as the specified subnets.")


def _definition(call: Call) -> Any | None:
    """Return the task definition that a request launches; None if it names none, or one that does not exist."""
    name = call.params.get("taskDefinition")
    if not name:
        service = call.backends.ecs_service(call.params.get("cluster"), call.params.get("service", ""))
        name = service.task_definition if service is not None and call.operation == "UpdateService" else None
    family, _, revision = (name or "").split("/")[-1].partition(":")
    revisions = call.backends.backend("ecs").task_definitions.get(family) or {}
    if revision:
        return revisions.get(int(revision)) if revision.isdigit() else None
    return revisions[max(revisions)] if revisions else None


def _launch_type(call: Call) -> str:
    """Return the launch type of a request's tasks: EC2 if it names neither that nor a provider of Fargate."""
    if call.params.get("launchType"):
        return str(call.params["launchType"])
    service = call.backends.ecs_service(call.params.get("cluster"), call.params.get("service", ""))
    if service is not None and service.launch_type and call.operation == "UpdateService":
        return str(service.launch_type)
    cluster = call.backends.ecs_clusters.get((call.params.get("cluster") or "default").split("/")[-1])
    strategy = call.params.get("capacityProviderStrategy") or (
        cluster.default_capacity_provider_strategy if cluster is not None else ()
    )
    return "FARGATE" if any(item["capacityProvider"] in FARGATE for item in strategy or ()) else "EC2"


def _refusal(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
