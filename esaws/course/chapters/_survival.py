"""An exercise of chapter 20: a service survives three failures, on a copy."""

from __future__ import annotations

from collections.abc import Iterator

from esaws import inspect, simulation
from esaws.cloud import Cloud
from esaws.course.chapters._thumbnails import SERVICE, WAYS, build
from esaws.course.chapters._thumbnails_answer import first_points, learner_values, serves
from esaws.course.exercises import Attempt, Exercise, Point, Values, Wrong
from esaws.course.probes import failed_requests
from esaws.inspect.request_path import KEYS as TRACED_KEYS
from esaws.resource import Live

RATE = 5
"""Requests a second during the failures. One task serves 49."""


def _check_survives(attempt: Attempt) -> Iterator[Point]:
    yield from (start_points := list(first_points(attempt)))
    if not all(point.ok for point in start_points):
        return
    service, path = attempt.live("Service", SERVICE), attempt.mine.path
    assert service is not None, "one of the first points"
    with attempt.copy() as copy:
        simulation.traffic(copy, path=f"{path}/", requests_per_second=RATE)
        simulation.advance(copy, "2m")
        instances = _instances(copy, service)
        simulation.fail(copy, task=_tasks(copy, service)[0])
        yield _survived(copy, path, "A task stops")
        simulation.fail(copy, instance=min(instances))
        yield _survived(copy, path, "An instance fails")
    with attempt.copy() as copy:
        simulation.traffic(copy, path=f"{path}/", requests_per_second=RATE)
        simulation.advance(copy, "2m")
        zones = list(_instances(copy, service).values())
        simulation.fail(copy, zone=max(sorted(set(zones)), key=zones.count))
        yield _survived(copy, path, "The zone with most of its instances fails")


def _survived(copy: Cloud, path: str, what: str) -> Point:
    """Whether no request fails in six minutes, from the second minute after a failure on."""
    begin = simulation.advance(copy, "2m")
    failed = failed_requests(copy, begin, simulation.advance(copy, "6m"))
    still = serves(inspect.snapshot(copy, *TRACED_KEYS), f"{path}/17.png")
    return Point(
        f"{what}: two minutes later, no request fails",
        failed == 0 and still,
        f"{failed} requests failed in the six minutes after that" if still else "no healthy target is left",
        "the numbers of tasks and instances, and the subnets of the group",
    )


def _tasks(cloud: Cloud, service: Live) -> list[str]:
    """The ARNs of the running tasks of a service that answers, which has at least one."""
    cluster, name = service.raw["clusterArn"], service.raw["serviceName"]
    return sorted(cloud.client("ecs").list_tasks(cluster=cluster, serviceName=name)["taskArns"])


def _instances(cloud: Cloud, service: Live) -> dict[str, str]:
    """The zone of each instance on which tasks of a service run, by its id."""
    ecs, cluster = cloud.client("ecs"), service.raw["clusterArn"]
    tasks = ecs.describe_tasks(cluster=cluster, tasks=_tasks(cloud, service))["tasks"]
    hosts = sorted({task["containerInstanceArn"] for task in tasks if task["lastStatus"] == "RUNNING"})
    described = ecs.describe_container_instances(cluster=cluster, containerInstances=hosts)["containerInstances"]
    ids = [each["ec2InstanceId"] for each in described]
    reservations = cloud.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    found = [each for raw in reservations for each in raw["Instances"]]
    return {each["InstanceId"]: each["Placement"]["AvailabilityZone"] for each in found}


def _one_task(cloud: Cloud, mine: Values) -> None:
    build(cloud, mine, instances=1, tasks=1)


def _one_zone(cloud: Cloud, mine: Values) -> None:
    build(cloud, mine, subnets=("public-3a",))


SURVIVES = Exercise(
    "20-survives",
    prompt=(
        "The service at `{mine.path}` survives three failures: a task that stops, an instance that fails, and a zone "
        "that fails. Two minutes after each of them, no request fails any more. The check tries them on a copy."
    ),
    values=learner_values,
    check=_check_survives,
    hints=(
        "What is left of your service when the zone with most of its instances is gone?",
        "Look at the subnets of your Auto Scaling group, and at the desired count of the service.",
        "`AutoScalingGroup(…, subnets=(public_a, public_b), minimum=2, …)` and `Service(…, desired_count=2)`",
    ),
    solutions=WAYS,
    wrong=(
        Wrong(_one_task, "An instance fails"),
        Wrong(_one_zone, "The zone with most of its instances fails"),
    ),
    notices=("Service:thumbnails", "AutoScalingGroup:thumbnails-asg"),
)
