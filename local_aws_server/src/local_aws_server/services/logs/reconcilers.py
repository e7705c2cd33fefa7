"""Log groups that AWS services create again after they were deleted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.hooks import reconciler

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch Logs",
        statement="A deleted log group is created again while flow logs, databases, brokers or tasks write to it.",
        documentation=(
            "https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-cwl.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html",
            "https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/security-logging-monitoring-rabbitmq.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html",
        ),
    ),
)

_WRITING_STATES = ("available", "RUNNING")


@reconciler("logs", "ec2", "rds", "mq", "ecs", order=90)
def create_written_groups(backends: Backends) -> None:
    """Create the groups without the tags and retention of the deleted ones."""
    for group_names in (_of_flow_logs, _of_databases, _of_brokers, _of_tasks):
        for name in group_names(backends):
            backends.backend("logs").ensure_log_group(name)


def _of_flow_logs(backends: Backends) -> Iterator[str]:
    if (ec2 := _backend_in_use(backends, "ec2")) is None or not ec2.flow_logs:
        return
    subnets = {id for zone in ec2.subnets.values() for id in zone}
    for flow_log in ec2.flow_logs.values():
        resource = flow_log.resource_id
        if flow_log.log_destination_type == "cloud-watch-logs" and (
            resource in ec2.vpcs or resource in subnets or resource in ec2.enis
        ):
            flow_log.deliver_logs_status, flow_log.deliver_logs_error_message = "SUCCESS", None
            destination = flow_log.log_destination or ""
            yield flow_log.log_group_name or destination.split(":log-group:")[-1].removesuffix(":*")


def _of_databases(backends: Backends) -> Iterator[str]:
    if (rds := _backend_in_use(backends, "rds")) is None:
        return
    for kind, databases in (("instance", rds.databases), ("cluster", rds.clusters)):
        for identifier, database in databases.items():
            if database.status in _WRITING_STATES:
                for log in database.enabled_cloudwatch_logs_exports or ():
                    yield f"/aws/rds/{kind}/{identifier}/{log}"


def _of_brokers(backends: Backends) -> Iterator[str]:
    if (mq := _backend_in_use(backends, "mq")) is None:
        return
    for broker in mq.brokers.values():
        for log in ("General", "Audit"):
            if broker.logs.get(log) and broker.state in _WRITING_STATES:
                yield f"/aws/amazonmq/broker/{broker.id}/{log.lower()}"


def _of_tasks(backends: Backends) -> Iterator[str]:
    """Groups of tasks that may create them and write to their own region."""
    if (ecs := _backend_in_use(backends, "ecs")) is None:
        return
    for arn in {task.task_definition_arn for task in backends.ecs_tasks if task.last_status in _WRITING_STATES}:
        family, revision = arn.split("/")[-1].split(":")
        task_definition = ecs.task_definitions.get(family, {}).get(int(revision))
        for container in task_definition.container_definitions if task_definition else ():
            logging = container.get("logConfiguration") or {}
            options = {"awslogs-region": backends.region, **(logging.get("options") or {})}
            may_create = options.get("awslogs-create-group") == "true" and options["awslogs-region"] == backends.region
            if may_create and logging.get("logDriver") == "awslogs" and "awslogs-group" in options:
                yield options["awslogs-group"]


def _backend_in_use(backends: Backends, service: str) -> Any | None:
    """moto's backend of a service; None while the service is unused."""
    return backends.backend(service) if f"moto.{service}.models" in sys.modules else None
