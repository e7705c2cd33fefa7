"""The newest revision of a task definition, also one that was registered by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.course.exercises import Point


@dataclass(frozen=True)
class Revision:
    """One revision of a task definition with its tags, as ECS describes it."""

    raw: dict[str, Any]
    tags: dict[str, str]

    @property
    def container(self) -> dict[str, Any]:
        """The definition of its first container."""
        return dict(self.raw["containerDefinitions"][0])

    @property
    def port(self) -> dict[str, Any]:
        """The first port mapping of its container, or an empty dict."""
        return dict(next(iter(self.container.get("portMappings", ())), {}))

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of its container."""
        return {pair["name"]: pair["value"] for pair in self.container.get("environment", ())}

    @property
    def log_options(self) -> dict[str, str]:
        """The options of the awslogs driver, or an empty dict."""
        logging = self.container.get("logConfiguration", {})
        return dict(logging.get("options", {})) if logging.get("logDriver") == "awslogs" else {}


def newest_revision(cloud: Cloud, name: str) -> Revision | None:
    """Return the newest active revision of a family by its reference name, such as `hdm`; None if there is none."""
    return revision(cloud, cloud.aws_name(name))


def revision(cloud: Cloud, family_or_arn: str) -> Revision | None:
    """Return a revision by its ARN, or the newest one of a family; None if there is none."""
    try:
        described = cloud.client("ecs").describe_task_definition(taskDefinition=family_or_arn, include=["TAGS"])
    except ClientError as error:
        if "unable to describe" not in error.response["Error"].get("Message", "").lower():
            raise
        return None
    return Revision(described["taskDefinition"], tag_dict(described.get("tags"), "key", "value"))


def tagged(cloud: Cloud, found: Revision) -> Point:
    """The point for the ownership tags, without which a teardown does not find a revision."""
    return Point(
        "It has the tags of the deployment, so that the teardown finds it",
        cloud.owned_name(found.tags) is not None,
        f"its tags are {', '.join(sorted(found.tags)) or 'none'}",
        'cloud.tags("…"): the keys and values to set',
    )


def exists(found: Revision | None, name: str) -> Point:
    """The point that a task definition exists, by its reference name."""
    return Point(
        f"The task definition {name} exists",
        found is not None,
        f"ECS has no active revision of {name}",
        "!aws ecs list-task-definitions",
        is_needed=True,
    )
