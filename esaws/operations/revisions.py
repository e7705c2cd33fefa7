"""Revisions of task definitions: the one with another image is found, or registered."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.operations.services import ServiceState
from esaws.resources._ecs import resource_name

# What DescribeTaskDefinition adds to what RegisterTaskDefinition takes.
_DESCRIBED_ONLY = frozenset(
    {
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
        "deregisteredAt",
        "deleteRequestedAt",
    }
)


def wanted_definition(cloud: Cloud, state: ServiceState, image: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the current task definition with another image, as RegisterTaskDefinition takes it, and its tags."""
    response = cloud.client("ecs").describe_task_definition(taskDefinition=state.task_definition, include=["TAGS"])
    wanted = _registrable(response["taskDefinition"])
    for container in wanted["containerDefinitions"]:
        if container["name"] == state.container["name"]:
            container["image"] = image
    return wanted, response.get("tags", [])


def _registrable(definition: dict[str, Any]) -> dict[str, Any]:
    return deepcopy({name: value for name, value in definition.items() if name not in _DESCRIBED_ONLY})


def register_revision(cloud: Cloud, wanted: dict[str, Any], tags: list[dict[str, str]]) -> str:
    """Register a new revision with these tags, and return its ARN."""
    own_tags = {"tags": tags} if tags else {}
    response = cloud.client("ecs").register_task_definition(**wanted, **own_tags)
    return str(response["taskDefinition"]["taskDefinitionArn"])


def find_revision(cloud: Cloud, state: ServiceState, wanted: dict[str, Any]) -> str | None:
    """Return the active revision with the same content: that which runs, or else the newest; None without one."""
    for arn in dict.fromkeys([state.task_definition, *revisions_of(cloud, wanted["family"])]):
        described = cloud.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        if _registrable(described) == wanted:
            return arn
    return None


def revisions_of(cloud: Cloud, family: str) -> Iterator[str]:
    """Yield the ARNs of a family's active revisions, the newest first."""
    listed = {"familyPrefix": family, "status": "ACTIVE", "sort": "DESC"}
    for arn in pages(cloud, "ecs", "list_task_definitions", "taskDefinitionArns", **listed):
        if resource_name(arn).partition(":")[0] == family:
            yield arn
