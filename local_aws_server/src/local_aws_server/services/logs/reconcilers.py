"""A log group comes back as long as something writes to it: flow logs, databases, brokers, and tasks that may make it.

https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-cwl.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html
https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/security-logging-monitoring-rabbitmq.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import reconciler

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch Logs",
        statement="A log group comes back as long as something writes to it: flow logs, databases, brokers, and "
        "tasks that may make it.",
        documentation=(
            "https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-cwl.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html",
            "https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/security-logging-monitoring-rabbitmq.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html",
        ),
    ),
)

_WRITING = ("available", "RUNNING")


@reconciler("logs", "ec2", "rds", "mq", "ecs", order=90)
def writers_make_their_groups(world: Backends) -> None:
    for write in (_by_flow_logs, _by_databases, _by_brokers, _by_tasks):
        for name in write(world):
            # without the tags and the retention of the one that was deleted
            world.backend("logs").ensure_log_group(name)


def _by_flow_logs(world: Backends) -> Iterator[str]:
    if (ec2 := _store(world, "ec2")) is None or not ec2.flow_logs:
        return
    subnets = {id for zone in ec2.subnets.values() for id in zone}
    for flow_log in ec2.flow_logs.values():
        watched = flow_log.resource_id
        if flow_log.log_destination_type == "cloud-watch-logs" and (
            watched in ec2.vpcs or watched in subnets or watched in ec2.enis
        ):
            flow_log.deliver_logs_status, flow_log.deliver_logs_error_message = "SUCCESS", None
            destination = flow_log.log_destination or ""
            yield flow_log.log_group_name or destination.split(":log-group:")[-1].removesuffix(":*")


def _by_databases(world: Backends) -> Iterator[str]:
    if (rds := _store(world, "rds")) is None:
        return
    for kind, databases in (("instance", rds.databases), ("cluster", rds.clusters)):
        for identifier, database in databases.items():
            exported = database.enabled_cloudwatch_logs_exports
            for log in exported if exported and database.status in _WRITING else ():
                yield f"/aws/rds/{kind}/{identifier}/{log}"


def _by_brokers(world: Backends) -> Iterator[str]:
    if (mq := _store(world, "mq")) is None:
        return
    for broker in mq.brokers.values():
        for log in ("General", "Audit"):
            if broker.logs.get(log) and broker.state in _WRITING:
                yield f"/aws/amazonmq/broker/{broker.id}/{log.lower()}"


def _by_tasks(world: Backends) -> Iterator[str]:
    """Of the tasks that write to their own region."""
    if (ecs := _store(world, "ecs")) is None:
        return
    for definition in {task.task_definition_arn for task in world.ecs_tasks if task.last_status in _WRITING}:
        family, revision = definition.split("/")[-1].split(":")
        found = ecs.task_definitions.get(family, {}).get(int(revision))
        for container in found.container_definitions if found else ():
            logging = container.get("logConfiguration") or {}
            options = {"awslogs-region": world.region, **(logging.get("options") or {})}
            may = options.get("awslogs-create-group") == "true" and options["awslogs-region"] == world.region
            if may and logging.get("logDriver") == "awslogs" and "awslogs-group" in options:
                yield options["awslogs-group"]


def _store(world: Backends, service: str) -> Any | None:
    """moto's store of a service, or None as long as nobody has used that service."""
    return world.backend(service) if f"moto.{service}.models" in sys.modules else None
