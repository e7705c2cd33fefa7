"""A task definition with one container."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from botocore.exceptions import ClientError

from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.documented import (
    BOOLEAN,
    ITSELF,
    NOT_DOCUMENTED,
    PORTS,
    TAG,
    Always,
    Between,
    Call,
    Field,
    Made,
    Name,
    OneOf,
    Parameter,
    Text,
    Unchecked,
    tags,
)
from esaws.errors import EsawsError
from esaws.resource import AddressOf, Live, Lives, Ref, Resource
from esaws.resources._ecs import ECS_NAME, ecs_name, ecs_tags, message_contains, resource_name
from esaws.resources.bucket import Bucket
from esaws.resources.ecr_image import ECRImage
from esaws.resources.log_group import LogGroup
from esaws.resources.password_parameter import PasswordParameter
from esaws.resources.role import Role

_PORT_MAPPING_PAGE = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html"
_REGISTER_TASK_DEFINITION_PAGE = (
    "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html"
)

SMALLEST_MEMORY = 6
"""The memory in MiB that Docker needs for a container."""

_GIB = 1024
_FARGATE_MEMORY: dict[int, Sequence[int]] = {
    256: (512, _GIB, 2 * _GIB),
    512: range(_GIB, 4 * _GIB + 1, _GIB),
    1024: range(2 * _GIB, 8 * _GIB + 1, _GIB),
    2048: range(4 * _GIB, 16 * _GIB + 1, _GIB),
    4096: range(8 * _GIB, 30 * _GIB + 1, _GIB),
    8192: range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB),
    16384: range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB),
}
"""CPU units → the memory in MiB that Fargate offers with them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
"""

_AT_ONCE = 10


_AGENT_PORTS = frozenset({22, 2375, 2376, *range(51678, 51681)})
_HIGHEST_HOST_PORT = 32767
"""The ports of SSH, Docker and the agent are taken, and an instance gives away those from 32768 on by itself.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html
"""

_CONTAINER_PAGE = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html"
_IMAGE = Text(
    1,
    None,
    r"[\w.:/#-]{1,255}|[\w.:/#-]{1,255}@sha256:[A-Fa-f0-9]{64}",
    "up to 255 letters, digits and any of -_.:/#, also with a digest as in @sha256:…",
)
_CONTAINER: dict[str, Parameter] = {
    f"containerDefinitions[].{path}": parameter
    for path, parameter in {
        "name": Name(ECS_NAME, _CONTAINER_PAGE, prefix=""),
        "image": Field("image", _IMAGE, _CONTAINER_PAGE),
        "command[]": Field("command", NOT_DOCUMENTED, _CONTAINER_PAGE),
        "memory": Field("memory", Between(SMALLEST_MEMORY, unit="MiB"), _CONTAINER_PAGE),
        "essential": Always(True, BOOLEAN, _CONTAINER_PAGE),
        "portMappings[].containerPort": Field("container_port", Between(1, 65535), PORTS),
        "portMappings[].hostPort": Field(
            "host_port",
            Between(1, _HIGHEST_HOST_PORT),
            _PORT_MAPPING_PAGE,
        ),
        "portMappings[].protocol": Always("tcp", OneOf("tcp", "udp"), _CONTAINER_PAGE),
        "environment[].name": Field("environment", NOT_DOCUMENTED, _CONTAINER_PAGE),
        "environment[].value": Field("environment", NOT_DOCUMENTED, _CONTAINER_PAGE),
        "secrets[].name": Field("secrets", NOT_DOCUMENTED, _CONTAINER_PAGE),
        "secrets[].valueFrom": Field("secrets", Unchecked("names of parameters in the same region"), _CONTAINER_PAGE),
        "logConfiguration.logDriver": Always(
            "awslogs",
            OneOf("awsfirelens", "awslogs", "fluentd", "gelf", "journald", "json-file", "splunk", "syslog"),
            _CONTAINER_PAGE,
        ),
        "logConfiguration.options.awslogs-group": Field("log_group", Unchecked("its name"), _CONTAINER_PAGE),
        "logConfiguration.options.awslogs-region": Made(Unchecked("the region of the log group"), _CONTAINER_PAGE),
        "logConfiguration.options.awslogs-stream-prefix": Name(ECS_NAME, _CONTAINER_PAGE, prefix=""),
    }.items()
}


@dataclass(frozen=True, kw_only=True)
class TaskDefinition(Resource):
    """One container with the name of the resource, for tasks on instances (`EC2`) or on Fargate.

    `memory` in MiB is the hard limit of the container on EC2, and the size of the task on Fargate. `cpu` is the size of
    the task in CPU units, 1,024 to a vCPU. In the network mode `bridge` a task uses `host_port` of its instance, by
    default a free one. In `awsvpc` it has a network interface of its own, which has the container's port. Fargate needs
    `awsvpc`, a `cpu`, one of the amounts of memory that it offers with that, and an `execution_role`, with which it
    pulls images and writes logs. Every change is a new revision.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html

    The container reads `environment`, whose values may be a bucket's name or contain an address, and `secrets`, which
    ECS reads with `execution_role`. With `task_role` the container calls AWS.
    """

    image: str | ECRImage
    command: tuple[str, ...] = ()
    container_port: int | None = None
    host_port: int | None = None
    memory: int = 256
    cpu: int | None = None
    network_mode: Literal["bridge", "awsvpc"] = "bridge"
    launch_type: Literal["EC2", "FARGATE"] = "EC2"
    environment: tuple[tuple[str, str | Bucket | AddressOf], ...] = ()
    secrets: tuple[tuple[str, PasswordParameter], ...] = ()
    execution_role: Role | None = None
    task_role: Role | None = None
    log_group: LogGroup

    in_place = frozenset(
        {"image", "command", "container_port", "host_port", "memory", "cpu", "network_mode", "launch_type"}
        | {"environment", "log_group", "secrets", "execution_role", "task_role"}
    )
    revisions = True
    delete_after = frozenset({"Service", "Task"})
    icon = "aws.compute.ElasticContainerServiceContainer"
    free = "AWS charges for what runs, not for its description"
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
    documented = (
        Call(
            _REGISTER_TASK_DEFINITION_PAGE,
            {
                "family": Name(ECS_NAME),
                "networkMode": Field("network_mode", OneOf("bridge", "awsvpc", besides="host and none")),
                "requiresCompatibilities[]": Field(
                    "launch_type", OneOf("EC2", "FARGATE", besides="EXTERNAL and MANAGED_INSTANCES")
                ),
                "cpu": Field("cpu", Between(128, 196_608, "CPU units")),
                "memory": Field("memory", Unchecked("on Fargate, one of the amounts that it offers with the cpu")),
                "executionRoleArn": Field("execution_role"),
                "taskRoleArn": Field("task_role"),
                **_CONTAINER,
                **tags("tags", TAG, "key", "value"),
            },
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html",
            {"taskDefinition": ITSELF},
        ),
        Call(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html",
            {"taskDefinitions[]": Made(Unchecked("up to 10 revisions"))},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.host_port is not None and self.container_port is None:
            raise self.refusal(
                f"host_port {self.host_port} needs a container_port. Set it.",
                _PORT_MAPPING_PAGE,
            )
        if self.host_port in _AGENT_PORTS:
            raise self.refusal(
                f"host_port {self.host_port} is taken on each instance, by SSH, Docker or the agent of ECS. "
                "Use another one.",
                _PORT_MAPPING_PAGE,
            )
        variables = [name for name, _ in (*self.environment, *self.secrets)]
        if len(set(variables)) < len(variables):
            raise self.refusal("an environment variable is set twice. Leave one out.")
        if self.secrets and self.execution_role is None:
            raise self.refusal(
                "secrets need an execution_role, with which ECS reads them. Set one.",
                "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html",
            )
        if self.network_mode == "awsvpc" and self.host_port is not None:
            raise self.refusal(
                f"host_port {self.host_port} is of an instance, and a task in network mode awsvpc has an "
                "interface of its own, with its container_port. Leave host_port out.",
                _PORT_MAPPING_PAGE,
            )
        if self.launch_type == "FARGATE":
            self._check_for_fargate()

    def _check_for_fargate(self) -> None:
        if self.network_mode != "awsvpc":
            raise self.refusal(
                f"Fargate has no network mode {self.network_mode}. Set network_mode='awsvpc'.",
                _REGISTER_TASK_DEFINITION_PAGE,
            )
        if self.cpu not in _FARGATE_MEMORY:
            sizes = ", ".join(map(str, _FARGATE_MEMORY))
            raise self.refusal(
                f"Fargate offers no task with cpu {self.cpu}. Choose one of {sizes}.",
                _REGISTER_TASK_DEFINITION_PAGE,
            )
        if self.memory not in (offered := _FARGATE_MEMORY[self.cpu]):
            amounts = f"{offered[0]} to {offered[-1]} MiB in steps of {offered[-1] - offered[-2]}"
            if not isinstance(offered, range):
                amounts = ", ".join(map(str, offered)) + " MiB"
            raise self.refusal(
                f"Fargate offers no {self.memory} MiB of memory with cpu {self.cpu}. Choose from {amounts}.",
                _REGISTER_TASK_DEFINITION_PAGE,
            )
        if self.execution_role is None:
            raise self.refusal(
                "on Fargate, AWS pulls the image and writes the logs with an execution_role. Set one with the "
                "policy service-role/AmazonECSTaskExecutionRolePolicy.",
                "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html",
            )

    @property
    def port(self) -> int | None:
        """The port at which clients reach a task: of its instance, or of its own interface; None if ECS chooses it."""
        return self.container_port if self.network_mode == "awsvpc" else self.host_port

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
            networkMode=self.network_mode,
            requiresCompatibilities=[self.launch_type],
            containerDefinitions=[self._container(cloud)],
            **({"cpu": str(self.cpu)} if self.cpu else {}),
            **({"memory": str(self.memory)} if self.launch_type == "FARGATE" else {}),
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
        host = {"hostPort": self.host_port or 0} if self.network_mode == "bridge" else {}
        port = {"containerPort": self.container_port, **host, "protocol": "tcp"}
        return {
            "name": self.name,
            "image": self.image if isinstance(self.image, str) else self.image.id_in(cloud),
            "command": list(self.command),
            **({"memory": self.memory} if self.launch_type == "EC2" else {}),
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
    network_mode = raw.get("networkMode", "bridge")
    memory = container.get("memory") or raw.get("memory")
    return {
        "image": container["image"],
        "command": tuple(container.get("command", ())),
        "container_port": port.get("containerPort"),
        # AWS repeats the container's port as the host's in awsvpc mode.
        "host_port": None if network_mode == "awsvpc" else port.get("hostPort") or None,
        "memory": int(memory) if memory else None,
        "cpu": int(raw["cpu"]) if raw.get("cpu") else None,
        "network_mode": network_mode,
        "launch_type": " and ".join(raw.get("requiresCompatibilities") or ["EC2"]),
        "environment": frozenset((item["name"], item["value"]) for item in container.get("environment", ())),
        "secrets": frozenset((item["name"], item["valueFrom"]) for item in container.get("secrets", ())),
        "execution_role": resource_name(raw.get("executionRoleArn", "")) or None,
        "task_role": resource_name(raw.get("taskRoleArn", "")) or None,
        "log_group": container.get("logConfiguration", {}).get("options", {}).get("awslogs-group"),
    }
