"""A task definition with one container."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from botocore.exceptions import ClientError

from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.errors import EsawsError, InvalidResource
from esaws.resource import AddressOf, Live, Lives, Ref, Resource
from esaws.resources._ecs import ecs_name, ecs_tags, message_contains, resource_name
from esaws.resources.bucket import Bucket
from esaws.resources.ecr_image import ECRImage
from esaws.resources.log_group import LogGroup
from esaws.resources.password_parameter import PasswordParameter
from esaws.resources.role import Role

SMALLEST_MEMORY = 6
"""The memory in MiB that Docker needs for a container."""

_AT_ONCE = 10


@dataclass(frozen=True, kw_only=True)
class TaskDefinition(Resource):
    """One container with the name of the resource, in bridge mode on EC2. `memory` is its hard limit in MiB.

    Without `host_port`, each task gets a free port of its instance. Every change is a new revision.

    The container reads `environment`, whose values may be a bucket's name or contain an address, and `secrets`, which
    ECS reads with `execution_role`. With `task_role` the container calls AWS.
    """

    image: str | ECRImage
    command: tuple[str, ...] = ()
    container_port: int | None = None
    host_port: int | None = None
    memory: int = 256
    environment: tuple[tuple[str, str | Bucket | AddressOf], ...] = ()
    secrets: tuple[tuple[str, PasswordParameter], ...] = ()
    execution_role: Role | None = None
    task_role: Role | None = None
    log_group: LogGroup

    in_place = frozenset(
        {"image", "command", "container_port", "host_port", "memory", "environment", "log_group"}
        | {"secrets", "execution_role", "task_role"}
    )
    revisions = True
    delete_after = frozenset({"Service", "Task"})
    icon = "aws.compute.ElasticContainerServiceContainer"
    free = "AWS charges for what runs, not for its description"
    name_pattern = re.compile(r"[A-Za-z0-9_-]+")
    permissions = (
        "ecs:DeleteTaskDefinitions",
        "ecs:DeregisterTaskDefinition",
        "ecs:DescribeTaskDefinition",
        "ecs:ListTaskDefinitionFamilies",
        "ecs:ListTaskDefinitions",
        "ecs:RegisterTaskDefinition",
        "ecs:TagResource",
        "iam:PassRole",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for port in (self.container_port, self.host_port):
            if port is not None and not 1 <= port <= 65535:
                raise InvalidResource(f"{self}: port {port} is not between 1 and 65535")
        if self.host_port is not None and self.container_port is None:
            raise InvalidResource(f"{self}: host_port {self.host_port} needs a container_port")
        if self.memory < SMALLEST_MEMORY:
            raise InvalidResource(f"{self}: memory {self.memory} is less than {SMALLEST_MEMORY} MiB")
        variables = [name for name, _ in (*self.environment, *self.secrets)]
        if len(set(variables)) < len(variables):
            raise InvalidResource(f"{self}: an environment variable is set twice")
        if self.secrets and self.execution_role is None:
            raise InvalidResource(f"{self}: secrets need an execution_role, with which ECS reads them")

    @classmethod
    def list(cls, cloud: Cloud) -> Lives:
        families = {"familyPrefix": cloud.aws_name(""), "status": "ACTIVE"}
        lives = []
        for family in pages(cloud, "ecs", "list_task_definition_families", "families", **families):
            newest = next(_owned(cloud, _revisions(cloud, family, "ACTIVE")), None)
            if newest:
                name, raw = newest
                observed = _observed(raw)
                parents = {Ref("LogGroup", str(observed["log_group"])), Ref("ECRImage", str(observed["image"]))}
                parents |= {Ref("Role", observed[role]) for role in ("execution_role", "task_role") if observed[role]}
                parents |= {Ref("PasswordParameter", parameter) for _, parameter in observed["secrets"]}
                arn = raw["taskDefinitionArn"]
                lives.append(Live(cls.kind, name, arn, frozenset(parents), raw["status"], observed, raw))
        return lives

    def desired(self) -> dict[str, Any]:
        return super().desired() | {"environment": frozenset(self.environment), "secrets": frozenset(self.secrets)}

    def create(self, cloud: Cloud) -> None:
        ecs = cloud.client("ecs")
        prefix = f"arn:{ecs.meta.partition}:iam::{cloud.account}:role/"
        roles = {"executionRoleArn": self.execution_role, "taskRoleArn": self.task_role}
        registered = ecs.register_task_definition(
            family=cloud.aws_name(self.name),
            networkMode="bridge",
            requiresCompatibilities=["EC2"],
            containerDefinitions=[self._container(cloud)],
            **{name: prefix + role.id_in(cloud) for name, role in roles.items() if role},
            tags=ecs_tags(cloud, self.name),
        )
        self.remember_id(cloud, registered["taskDefinition"]["taskDefinitionArn"])

    def update(self, cloud: Cloud, live: Live) -> None:
        self.create(cloud)

    def _container(self, cloud: Cloud) -> dict[str, Any]:
        logging = {
            "awslogs-group": self.log_group.id_in(cloud),
            "awslogs-region": cloud.region,
            "awslogs-stream-prefix": self.name,
        }
        # Host port 0 means any free port.
        port = {"containerPort": self.container_port, "hostPort": self.host_port or 0, "protocol": "tcp"}
        return {
            "name": self.name,
            "image": self.image if isinstance(self.image, str) else self.image.id_in(cloud),
            "command": list(self.command),
            "memory": self.memory,
            "essential": True,
            "portMappings": [port] if self.container_port else [],
            "environment": [{"name": name, "value": _value(cloud, value)} for name, value in self.environment],
            "secrets": [{"name": name, "valueFrom": secret.id_in(cloud)} for name, secret in self.secrets],
            "logConfiguration": {"logDriver": "awslogs", "options": logging},
        }

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        ecs, family = cloud.client("ecs"), live.raw["family"]
        # The newest is deleted last, so that an interrupted run finds the others again.
        for status in ("INACTIVE", "ACTIVE"):
            ours = [raw["taskDefinitionArn"] for _, raw in _owned(cloud, _revisions(cloud, family, status))][::-1]
            for start in range(0, len(ours), _AT_ONCE):
                batch = ours[start : start + _AT_ONCE]
                if status == "ACTIVE":
                    for arn in batch:
                        ecs.deregister_task_definition(taskDefinition=arn)
                # Failures come with a successful call. Deleted ones stay DELETE_IN_PROGRESS, so there is no wait.
                for failure in ecs.delete_task_definitions(taskDefinitions=batch)["failures"]:
                    if "does not exist" not in failure.get("reason", ""):
                        raise EsawsError(f"{failure.get('arn')}: ECS did not delete it ({failure.get('reason')})")

    @classmethod
    def example(cls) -> Self:
        image = "public.ecr.aws/nginx/nginx:stable-alpine"
        policies = ("AmazonSSMReadOnlyAccess", "service-role/AmazonECSTaskExecutionRolePolicy")
        return cls(
            name="web",
            image=image,
            container_port=80,
            host_port=8080,
            secrets=(("PASSWORD", PasswordParameter.example()),),
            execution_role=Role(name="ecs-execution", service="ecs-tasks.amazonaws.com", managed_policies=policies),
            log_group=LogGroup.example(),
        )


def _value(cloud: Cloud, value: str | Bucket | AddressOf) -> str:
    if isinstance(value, AddressOf):
        return value.in_cloud(cloud)
    return value if isinstance(value, str) else value.id_in(cloud)


def _revisions(cloud: Cloud, family: str, status: str) -> Iterator[str]:
    """Yield the ARNs of a family's revisions, the newest first."""
    listed = pages(cloud, "ecs", "list_task_definitions", "taskDefinitionArns", familyPrefix=family, status=status)
    numbers = {
        int(number): arn for arn in listed for name, _, number in [resource_name(arn).rpartition(":")] if name == family
    }
    yield from (numbers[number] for number in sorted(numbers, reverse=True))


def _owned(cloud: Cloud, arns: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield reference name and description of the revisions with our tags. Revisions made by hand may have none."""
    for arn in arns:
        try:
            response = cloud.client("ecs").describe_task_definition(taskDefinition=arn, include=["TAGS"])
        except ClientError as error:
            if not message_contains(error, "unable to describe"):
                raise
            continue  # deleted meanwhile
        if name := ecs_name(cloud, response):
            yield name, response["taskDefinition"]


def _observed(raw: dict[str, Any]) -> dict[str, Any]:
    container = raw["containerDefinitions"][0]
    port: dict[str, Any] = next(iter(container.get("portMappings", ())), {})
    return {
        "image": container["image"],
        "command": tuple(container.get("command", ())),
        "container_port": port.get("containerPort"),
        "host_port": port.get("hostPort") or None,
        "memory": container.get("memory"),
        "environment": frozenset((item["name"], item["value"]) for item in container.get("environment", ())),
        "secrets": frozenset((item["name"], item["valueFrom"]) for item in container.get("secrets", ())),
        "execution_role": resource_name(raw.get("executionRoleArn", "")) or None,
        "task_role": resource_name(raw.get("taskRoleArn", "")) or None,
        "log_group": container.get("logConfiguration", {}).get("options", {}).get("awslogs-group"),
    }
