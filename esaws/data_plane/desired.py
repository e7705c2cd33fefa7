"""What the local AWS says should run, as it answers on `/_esaws/running`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Port:
    """A port of a container, and the one of its address at which it listens."""

    container: int
    host: int


@dataclass(frozen=True, kw_only=True)
class ContainerCheck:
    """The health check of a container, with its times in seconds; the command begins with CMD or CMD-SHELL."""

    command: tuple[str, ...]
    interval: float
    timeout: float
    retries: int
    start_period: float


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container that should run; memory in MiB (None: no limit), its stop timeout in seconds."""

    name: str
    image: str
    command: tuple[str, ...]
    entry_point: tuple[str, ...]
    environment: Mapping[str, str]
    memory: int | None
    ports: tuple[Port, ...]
    stop_timeout: int
    log: Mapping[str, str] | None
    """The options of the `awslogs` driver; None if its lines go nowhere."""
    ran_before: bool
    """Whether it is known to run: without a process, it has died."""
    health_check: ContainerCheck | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task with containers that should run, or should stop if it is `stopping`."""

    arn: str
    name: str
    """That of its service, or of the family of its definition."""
    address: str
    zone: str
    role: str | None
    stopping: bool
    containers: tuple[Container, ...]

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """A check of one target; `interval` and `timeout` in seconds."""

    target_group: str
    id: str
    port: int
    task: str
    address: str
    check_port: int
    protocol: str
    version: str
    """HTTP1, HTTP2 or GRPC."""
    path: str
    interval: float
    timeout: float


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """An Application Load Balancer that is active."""

    arn: str
    name: str
    dns_name: str


@dataclass(frozen=True, kw_only=True)
class Desired:
    """What should run in one account and region."""

    account: str
    region: str
    tasks: tuple[Task, ...]
    health_checks: tuple[HealthCheck, ...]
    load_balancers: tuple[LoadBalancer, ...]
    stores: tuple[Mapping[str, Any], ...]

    @classmethod
    def nothing(cls, account: str, region: str) -> Desired:
        """Return that nothing should run any more."""
        return cls.parse({"account": account, "region": region})

    @classmethod
    def parse(cls, described: Mapping[str, Any]) -> Desired:
        """Read one account of the answer."""
        return cls(
            account=described["account"],
            region=described["region"],
            tasks=tuple(map(_task, described.get("tasks", ()))),
            health_checks=tuple(HealthCheck(**each) for each in described.get("health_checks", ())),
            load_balancers=tuple(LoadBalancer(**each) for each in described.get("load_balancers", ())),
            stores=(*described.get("db_instances", ()), *described.get("cache_clusters", ())),
        )


def _task(described: Mapping[str, Any]) -> Task:
    return Task(
        arn=described["task"],
        name=described["name"],
        address=described["address"],
        zone=described["zone"],
        role=described["role"],
        stopping=described["stopping"],
        containers=tuple(map(_container, described["containers"])),
    )


def _container(described: Mapping[str, Any]) -> Container:
    return Container(
        **{
            **described,
            "command": tuple(described["command"]),
            "entry_point": tuple(described["entry_point"]),
            "ports": tuple(Port(**port) for port in described["ports"]),
            "health_check": _container_check(described.get("health_check")),
        }
    )


def _container_check(described: Mapping[str, Any] | None) -> ContainerCheck | None:
    if described is None:
        return None
    return ContainerCheck(**{**described, "command": tuple(described["command"])})
