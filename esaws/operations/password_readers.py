"""The services and tasks that read a database password when they start, and whether they have the present one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.deploy.standalone_tasks import restart, standalone_tasks
from esaws.errors import UsageError
from esaws.inspect.account import Account, snapshot
from esaws.inspect.network.endpoint_catalog import KEYS
from esaws.inspect.network.reach import reach
from esaws.resource import Live
from esaws.resources._ecs import describe
from esaws.resources.service import Service


@dataclass(frozen=True)
class Reader:
    """A service, or a task without one, that uses a database; `because` says how that is known.

    `started` has the time of each task that should run, in UTC.
    """

    live: Live
    because: str
    started: tuple[datetime, ...]

    @property
    def kind(self) -> str:
        return self.live.kind

    @property
    def name(self) -> str:
        return self.live.name

    def outdated(self, since: datetime | None) -> int:
        """How many of its tasks started before a time; all of them if the time is not known."""
        return sum(since is None or started < since for started in self.started)


def find_readers(cloud: Cloud, database: Live, parameter: str) -> list[Reader]:
    """Return what uses a database, by name.

    That is each service and task whose definition takes the parameter as a secret, and each whose security groups let
    it reach the database, also where that is not known for certain.
    """
    account = snapshot(cloud, *KEYS)
    services = [live for live in Service.list(cloud) if not live.foreign]
    readers = []
    for live in sorted([*services, *standalone_tasks(cloud)], key=lambda live: live.key):
        definition = live.fields["task_definition"]
        because = _reaches(account, live, database)
        if parameter in _secrets(account, definition):
            because = f"its task definition takes {parameter}"
        if because:
            readers.append(Reader(live, because, tuple(_started(cloud, live))))
    return readers


def restart_reader(cloud: Cloud, reader: Reader, since: datetime | None) -> None:
    """Replace the tasks that started before a time, unless a deployment that began later does so already.

    Returns when the new tasks run. A service keeps its minimum of healthy tasks; a task without a service is stopped
    before it runs again, because it holds its host port.

    Raises:
        botocore.exceptions.WaiterError: the service was not stable within ten minutes.
    """
    reader = replace(reader, started=tuple(_started(cloud, reader.live)))
    if not reader.outdated(since):
        return
    if reader.kind != Service.kind:
        restart(cloud, reader.live)
        return
    ecs, where = cloud.client("ecs"), {"cluster": reader.live.fields["cluster"], "services": [reader.live.id]}
    deployments = ecs.describe_services(**where)["services"][0]["deployments"]
    began = max(each["createdAt"] for each in deployments).astimezone(UTC)
    if since is None or began < since:
        ecs.update_service(cluster=where["cluster"], service=reader.live.id, forceNewDeployment=True)
    cloud.wait("ecs", "services_stable", **where)


def _secrets(account: Account, definition: str) -> set[str]:
    """Return the SSM parameters that the containers of a task definition take, by name."""
    return {
        _parameter_name(secret["valueFrom"])
        for raw in account.get("taskDefinitions") or ()
        if raw["taskDefinitionArn"] == definition
        for container in raw.get("containerDefinitions", ())
        for secret in container.get("secrets", ())
    }


def _parameter_name(value_from: str) -> str:
    """Return the name of a parameter that is given by name or ARN."""
    if not value_from.startswith("arn:"):
        return value_from
    return "/" + value_from.partition(":parameter/")[2]


def _reaches(account: Account, live: Live, database: Live) -> str:
    """Return how a service or task reaches the database, or may reach it; empty if it does not."""
    name = live.raw["serviceName"] if live.kind == Service.kind else live.raw.get("group", "").partition(":")[2]
    port = database.raw.get("Endpoint", {}).get("Port") or database.raw.get("DbInstancePort")
    try:
        result = reach(account, f"service/{name}", f"db/{database.id}", port)
    except UsageError as error:
        return f"unknown whether it reaches the database: {error}"
    if result.decision == "allow":
        return f"its security groups let it reach the database on port {port}"
    unknown = f"unknown whether it reaches the database: {next(iter(result.because), 'no reason')}"
    return unknown if result.decision == "unknown" else ""


def _started(cloud: Cloud, live: Live) -> Iterator[datetime]:
    for raw in _tasks(cloud, live):
        if raw.get("desiredStatus") != "STOPPED":
            yield raw["createdAt"].astimezone(UTC)


def _tasks(cloud: Cloud, live: Live) -> list[dict[str, Any]]:
    cluster, arns = live.fields["cluster"], [live.id]
    if live.kind == Service.kind:
        selected = {"cluster": cluster, "serviceName": live.raw["serviceName"]}
        arns = list(pages(cloud, "ecs", "list_tasks", "taskArns", **selected))
    return list(describe(cloud, "tasks", arns, cluster=cluster))
