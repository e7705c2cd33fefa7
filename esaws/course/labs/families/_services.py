"""What the labs about ECS services look up and change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Point, Values
from esaws.reference.seccom import seccom

BALANCED = ("sites-management-api", "intrusion-management-api")
"""The services of which a learner gets one."""


def behind_the_load_balancer() -> Architecture:
    """Return the part of SecCom that the load balancer serves, and its database and broker."""
    return seccom("ha", services=("client-web-ui", *BALANCED))


def names(cloud: Cloud, service: str) -> dict[str, str]:
    """Return the parameters that name a service in calls of ECS."""
    return {"cluster": cloud.aws_name(f"{service}-cluster"), "service": cloud.aws_name(service)}


def described_service(cloud: Cloud, service: str) -> dict[str, Any]:
    """Return AWS's description of a service."""
    name = names(cloud, service)
    return dict(
        cloud.client("ecs").describe_services(cluster=name["cluster"], services=[name["service"]])["services"][0]
    )


def container_of(cloud: Cloud, definition: str) -> dict[str, Any]:
    """Return the first container of a task definition."""
    described = cloud.client("ecs").describe_task_definition(taskDefinition=definition)["taskDefinition"]
    return dict(described["containerDefinitions"][0])


def release(cloud: Cloud, service: str, **changes: Any) -> None:
    """Register a revision with changes of its container, and deploy it, as a pipeline does."""
    ecs = cloud.client("ecs")
    current = ecs.describe_task_definition(taskDefinition=described_service(cloud, service)["taskDefinition"])
    definition = current["taskDefinition"]
    registered = ecs.register_task_definition(
        family=definition["family"],
        networkMode=definition["networkMode"],
        requiresCompatibilities=definition["requiresCompatibilities"],
        containerDefinitions=[{**definition["containerDefinitions"][0], **changes}],
    )
    ecs.update_service(**names(cloud, service), taskDefinition=registered["taskDefinition"]["taskDefinitionArn"])


def names_of_release(cloud: Cloud, service: str) -> tuple[str, ...]:
    """Return the forms in which a learner may name a service, its revision, or its family."""
    arn = str(described_service(cloud, service)["taskDefinition"])
    return (cloud.aws_name(service), service, arn, arn.partition("/")[2])


def is_rolled_out(attempt: Attempt) -> Iterable[Point]:
    """Whether the last deployment of the learner's service is completed half an hour later, on a copy."""
    with attempt.copy() as later:
        simulation.advance(later, "30m")
        service = described_service(later, attempt.mine.service)
    states = [f"{each['status']} {each['rolloutState']}" for each in service["deployments"]]
    yield Point(
        f"Half an hour later: the deployment of {attempt.mine.service} is completed",
        states == ["PRIMARY COMPLETED"],
        ", ".join(states),
        "the events of the service",
    )


def roll_back(cloud: Cloud, mine: Values) -> None:
    """Deploy the first revision of the learner's service again."""
    service = cloud.aws_name(mine.service)
    cloud.client("ecs").update_service(cluster=f"{service}-cluster", service=service, taskDefinition=f"{service}:1")


# --- tempting answers


def add_instances(cloud: Cloud, mine: Values) -> None:
    """Let the Auto Scaling group of the learner's service run four instances."""
    group = cloud.aws_name(f"{mine.service}-asg")
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=4)


def allow_no_healthy_task(cloud: Cloud, mine: Values) -> None:
    """Let a deployment of the learner's service stop all tasks at once."""
    limits = {"minimumHealthyPercent": 0, "maximumPercent": 100}
    cloud.client("ecs").update_service(**names(cloud, mine.service), deploymentConfiguration=limits)


def stop_and_start(cloud: Cloud, mine: Values) -> None:
    """Set the desired count of the learner's service to 0 and back to 2."""
    for count in (0, 2):
        cloud.client("ecs").update_service(**names(cloud, mine.service), desiredCount=count)
