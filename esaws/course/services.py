"""ECS services as exercises see them: their description, their newest deployment, and what their tasks run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esaws.cloud import Cloud
from esaws.course.exercises import Point
from esaws.course.revisions import Revision, revision


def described(cloud: Cloud, name: str) -> dict[str, Any] | None:
    """Return ECS's description of a service by its reference name; None if there is none."""
    ecs, cluster = cloud.client("ecs"), cloud.aws_name(f"{name}-cluster")
    try:
        found = ecs.describe_services(cluster=cluster, services=[cloud.aws_name(name)])["services"]
    except ecs.exceptions.ClusterNotFoundException:
        return None
    return next((dict(each) for each in found if each["status"] == "ACTIVE"), None)


def service_exists(service: Mapping[str, Any] | None, name: str) -> Point:
    """The point that a service was found, without which the exercise scores nothing."""
    return Point(
        f"The service {name} exists", service is not None, "ECS has none", "!aws ecs list-services", is_needed=True
    )


def primary_deployment(service: Mapping[str, Any]) -> dict[str, Any]:
    """The newest deployment of a described service."""
    return dict(next(each for each in service["deployments"] if each["status"] == "PRIMARY"))


def runs_alone(service: Mapping[str, Any], when: str) -> Point:
    """The point that the newest deployment is complete, with all its tasks."""
    primary = primary_deployment(service)
    counts = f"{primary['runningCount']} of {service['desiredCount']} tasks of the newest deployment run"
    events = [event["message"] for event in service["events"] if "unable" in event["message"]]
    reason = f"; ECS says: {events[0].partition(') ')[2].partition('. For more')[0]}" if events else ""
    is_complete = primary["rolloutState"] == "COMPLETED" and primary["runningCount"] == service["desiredCount"] >= 2
    return Point(
        f"{when}, the roll-out is complete: at least two tasks, all of the same revision",
        is_complete,
        f"rolloutState is {primary['rolloutState']}, {counts}{'' if is_complete else reason}",
        "the events of the service: !aws ecs describe-services …",
    )


def running_revisions(cloud: Cloud, service: Mapping[str, Any]) -> list[Revision]:
    """The revision of each running task of a service."""
    ecs, cluster = cloud.client("ecs"), service["clusterArn"]
    arns = ecs.list_tasks(cluster=cluster, serviceName=service["serviceName"])["taskArns"]
    if not arns:
        return []
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
    found = (revision(cloud, task["taskDefinitionArn"]) for task in tasks)
    return [each for each in found if each is not None]


def update_service(cloud: Cloud, name: str, **settings: Any) -> None:
    """Change a service by its reference name."""
    cluster, service = cloud.aws_name(f"{name}-cluster"), cloud.aws_name(name)
    cloud.client("ecs").update_service(cluster=cluster, service=service, **settings)
