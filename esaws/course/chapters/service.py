"""Chapter 08: create a service, roll it out without fewer targets, roll it back, and let a circuit breaker do it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from typing import Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.chapters._roll_backs import BACK, BREAKER
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.revisions import revision
from esaws.course.seed import Seed
from esaws.course.services import (
    described,
    primary_deployment,
    runs_alone,
    service_exists,
)
from esaws.deploy.plan import plan_deploy
from esaws.deploy.serving import wait_until_serving
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.cluster import Cluster
from esaws.resources.route_table_association import RouteTableAssociation
from esaws.resources.security_group_rule import SecurityGroupRule
from esaws.resources.service import Service
from esaws.resources.task_definition import TaskDefinition

_WEB, _MANAGERS, _CAMERAS = "client-web-ui", "manager-web-ui", "cameras-api"


def start() -> Architecture:
    """Return both web UIs with two instances and two tasks each, and the Cameras API with instances alone."""
    system = seccom("ha", services=(_WEB, _MANAGERS, _CAMERAS))
    services = (system.get(Service, _WEB), system.get(Service, _MANAGERS))
    definition = system.get(TaskDefinition, _CAMERAS)
    return system.just(*services, definition, AutoScalingGroup, SecurityGroupRule, RouteTableAssociation)


def prepare(cloud: Cloud) -> None:
    """Wait until both services are stable and the targets healthy."""
    wait_until_serving(cloud)


# --- a service


def _create(seed: Seed) -> Mapping[str, Any]:
    return {"minimum": seed.between(10, 50), "maximum": seed.between(150, 200)}


def _check_create(attempt: Attempt) -> Iterator[Point]:
    mine, service = attempt.mine, described(attempt.cloud, _CAMERAS)
    yield service_exists(service, _CAMERAS)
    if service is None:
        return
    shares = service["deploymentConfiguration"]
    actual = (shares.get("minimumHealthyPercent"), shares.get("maximumPercent"))
    yield Point(
        f"During a roll-out, {mine.minimum} to {mine.maximum} % of its tasks run",
        actual == (mine.minimum, mine.maximum),
        f"{actual[0]} to {actual[1]} %",
        "minimum_healthy and maximum",
        is_needed=True,
    )
    live = attempt.live("Service", _CAMERAS)
    yield Point(
        "It has the tags of the deployment, so that the teardown finds it",
        live is not None and not live.foreign,
        "the inventory has no service of that name",
        'cloud.tags("cameras-api")',
    )
    with attempt.copy() as copy:
        simulation.advance(copy, "10m")
        zones = _zones(copy)
        if zones:
            ecs, cluster = copy.client("ecs"), copy.aws_name(f"{_CAMERAS}-cluster")
            listed = ecs.list_tasks(cluster=cluster, serviceName=copy.aws_name(_CAMERAS))["taskArns"]
            ecs.stop_task(cluster=cluster, task=listed[0])
            simulation.advance(copy, "10m")
        later, wanted = len(_zones(copy)), service["desiredCount"]
    yield Point(
        "On a copy, ten minutes later, two tasks run, one in each zone",
        len(zones) == len(set(zones)) == wanted == 2,
        f"{len(zones)} of {wanted} tasks run, in {', '.join(sorted(set(zones))) or 'no zone'}",
        "desired_count, and the events of the service",
    )
    yield Point(
        "There, ten minutes after one was stopped, two tasks run again", later == 2, f"{later} run", "the service"
    )


def _zones(cloud: Cloud) -> list[str]:
    """The zone of each running task of the Cameras API's service."""
    ecs, cluster = cloud.client("ecs"), cloud.aws_name(f"{_CAMERAS}-cluster")
    arns = ecs.list_tasks(cluster=cluster, serviceName=cloud.aws_name(_CAMERAS))["taskArns"]
    if not arns:
        return []
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
    return [task["availabilityZone"] for task in tasks if task["lastStatus"] == "RUNNING"]


def _declare_service(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha")
    service = Service(
        name="cameras-api",
        cluster=system.get(Cluster, "cameras-api-cluster"),
        task_definition=system.get(TaskDefinition, "cameras-api"),
        desired_count=2,
        minimum_healthy=mine.minimum,
        maximum=mine.maximum,
    )
    plan_deploy([service], cloud).apply()


def _create_service(cloud: Cloud, mine: Values) -> None:
    name = cloud.aws_name("cameras-api")
    cloud.client("ecs").create_service(
        cluster=f"{name}-cluster",
        serviceName=name,
        taskDefinition=name,
        launchType="EC2",
        desiredCount=2,
        deploymentConfiguration={"minimumHealthyPercent": mine.minimum, "maximumPercent": mine.maximum},
        placementStrategy=[{"type": "spread", "field": "attribute:ecs.availability-zone"}],
        tags=[{"key": key, "value": value} for key, value in cloud.tags("cameras-api").items()],
    )


def _two_tasks_without_a_service(cloud: Cloud, mine: Values) -> None:
    name = cloud.aws_name(_CAMERAS)
    cloud.client("ecs").run_task(cluster=f"{name}-cluster", taskDefinition=name, launchType="EC2", count=2)


def _three_on_two_instances(cloud: Cloud, mine: Values) -> None:
    service = seccom("ha").get(Service, _CAMERAS)
    shares = {"minimum_healthy": mine.minimum, "maximum": mine.maximum}
    plan_deploy([service.replace(desired_count=3, **shares)], cloud).apply()


CREATE = Exercise(
    "08-create",
    prompt=(
        "Create the service `cameras-api`, which the team made last: **two tasks** of the task definition "
        "`cameras-api` in `cameras-api-cluster`, without a load balancer. During a roll-out, {mine.minimum} to "
        "{mine.maximum} % of them run."
    ),
    values=_create,
    check=_check_create,
    hints=(
        "Which two of its fields say how many tasks may be missing, or be there in addition, during a roll-out?",
        '`Service?` shows the fields. `seccom("ha")` has the cluster and the task definition.',
        '`Service(name="cameras-api", cluster=…, task_definition=…, desired_count=2, minimum_healthy={mine.minimum}, '
        "maximum={mine.maximum})`",
    ),
    solutions=(_declare_service, _create_service),
    wrong=(Wrong(_two_tasks_without_a_service, "ECS has none"), Wrong(_three_on_two_instances, "2 of 3 tasks run")),
    notices=("Service:cameras-api",),
)


# --- a roll-out with two healthy targets at any time


def _roll_out(seed: Seed) -> Mapping[str, Any]:
    return {"version": f"2.{seed.between(1, 40)}.{seed.between(0, 9)}"}


def _check_roll_out(attempt: Attempt) -> Iterator[Point]:
    version = attempt.mine.version
    with attempt.copy() as copy:
        simulation.advance(copy, "30m")
        service = described(copy, _WEB)
        yield service_exists(service, _WEB)
        if service is None:
            return
        found = revision(copy, service["taskDefinition"])
        actual = found.environment.get("VERSION") if found else None
        yield Point(
            f"The service runs a revision with the environment variable VERSION={version}",
            actual == version,
            f"VERSION is {actual}" if actual else "it has no variable VERSION",
            "environment of the task definition, and the task definition of the service",
            is_needed=True,
        )
        if actual != version:
            return
        yield runs_alone(service, "On a copy, half an hour later")
        # From the first whole minute on: the one before has the time before the roll-out, too.
        begun = primary_deployment(service)["createdAt"].astimezone(UTC).replace(second=0) + timedelta(minutes=1)
        history = simulation.timeline(copy, _WEB, begun, simulation.now(copy)).to_frame()
        lowest = float(history.healthy_targets.fillna(0).min())
    yield Point(
        "Since this roll-out began, at least two targets were healthy at any time",
        lowest >= 2,
        f"in one minute there were {lowest:.1f} on average",
        "minimum_healthy, and where a third task finds a place",
    )


def _web(version: str) -> Service:
    service = seccom("ha").get(Service, _WEB)
    definition = service.task_definition.replace(environment=(("VERSION", version),))
    return service.replace(task_definition=definition)


def _with_a_third_instance(cloud: Cloud, mine: Values) -> None:
    cloud.client("autoscaling").set_desired_capacity(
        AutoScalingGroupName=cloud.aws_name("client-web-ui-asg"), DesiredCapacity=3
    )
    service = seccom("ha").get(Service, "client-web-ui")
    definition = service.task_definition.replace(environment=(("VERSION", mine.version),))
    new = service.replace(task_definition=definition, minimum_healthy=100)
    plan_deploy([new], cloud).apply()


def _with_a_free_port(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha")
    old = system.get(SecurityGroupRule, "ClientWeb-sg ingress tcp 4201 ALB-sg")
    rule = SecurityGroupRule(group=old.group, from_port=32768, to_port=65535, peer=old.peer)
    plan_deploy([rule], cloud).apply()
    ecs, name = cloud.client("ecs"), cloud.aws_name("client-web-ui")
    current = ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
    [container] = current["containerDefinitions"]
    container["environment"] = [{"name": "VERSION", "value": mine.version}]
    container["portMappings"] = [{"containerPort": 80, "hostPort": 0}]
    new = ecs.register_task_definition(
        family=name,
        networkMode="bridge",
        containerDefinitions=[container],
        tags=[{"key": key, "value": value} for key, value in cloud.tags("client-web-ui").items()],
    )["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(
        cluster=cloud.aws_name("client-web-ui-cluster"),
        service=name,
        taskDefinition=new,
        deploymentConfiguration={"minimumHealthyPercent": 100, "maximumPercent": 200},
    )


def _as_the_team_did(cloud: Cloud, mine: Values) -> None:
    plan_deploy([_web(mine.version)], cloud).apply()


def _only_the_percentage(cloud: Cloud, mine: Values) -> None:
    plan_deploy([_web(mine.version).replace(minimum_healthy=100)], cloud).apply()


def _by_force(cloud: Cloud, mine: Values) -> None:
    plan_deploy([_web(mine.version).replace(minimum_healthy=0)], cloud).apply()


ROLL_OUT = Exercise(
    "08-roll-out",
    prompt=(
        "Roll out version {mine.version} of `client-web-ui`: a revision whose environment has `VERSION={mine.version}`."
        " At any time **at least two targets are healthy**, and half an hour later only the new version runs."
    ),
    values=_roll_out,
    check=_check_roll_out,
    hints=(
        "Which share of the tasks may be missing during a roll-out, and does a third task find a place?",
        "`Service?` shows `minimum_healthy`. The instances have one host port 4201 each: add an instance, or let tasks "
        "take any free port.",
        '`set_desired_capacity(AutoScalingGroupName=cloud.aws_name("client-web-ui-asg"), DesiredCapacity=3)`, then '
        "`service.replace(task_definition=…, minimum_healthy=100)`",
    ),
    solutions=(_with_a_third_instance, _with_a_free_port),
    wrong=(
        Wrong(_as_the_team_did, "in one minute there were 1.0"),
        Wrong(_only_the_percentage, "already using a port required by your task"),
        Wrong(_by_force, "in one minute there were 0.0"),
    ),
    notices=("Service:client-web-ui",),
)


CHAPTER = Chapter(
    "08",
    "Service",
    minutes=35,
    start=start,
    prepare=prepare,
    exercises=(CREATE, ROLL_OUT, BACK, BREAKER),
    predictions=("08-answers", "08-lowest", "08-stopped", "08-stuck"),
)
