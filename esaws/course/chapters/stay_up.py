"""Chapter 11: a task, an instance and a zone are lost; load comes and goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from esaws import simulation
from esaws.cloud import Cloud
from esaws.course.chapters._scale_in import SCALE_IN
from esaws.course.chapters._two_services import PATHS, SERVICES, service_exists, two_services, wanted_instances
from esaws.course.exercises import Attempt, Chapter, Exercise, Point, Values, Wrong
from esaws.course.probes import failed_requests, paths_answer
from esaws.course.seed import Seed
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import seccom
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.scalable_target import ScalableTarget

_MORNING = 8
"""The hour, in UTC, at which the chapter begins."""


def _wait_for_the_morning(cloud: Cloud) -> None:
    """Advance the clock to a full hour, at which all targets are healthy, so that charts have the same times."""
    morning = simulation.now(cloud).replace(hour=_MORNING, minute=0, second=0, microsecond=0)
    simulation.wait_until(cloud, morning)


def _scaling(cloud: Cloud, service: str) -> dict[str, Any]:
    """The parameters that name the number of tasks of a service in calls of Application Auto Scaling."""
    name = f"service/{cloud.aws_name(f'{service}-cluster')}/{cloud.aws_name(service)}"
    return {"ServiceNamespace": "ecs", "ResourceId": name, "ScalableDimension": "ecs:service:DesiredCount"}


def _instance_month(cloud: Cloud) -> float:
    """The list price in USD of a month of one of the instances, with its volume."""
    group = two_services().get(AutoScalingGroup, "client-web-ui-asg")
    price = cloud.prices.monthly_cost(group.usage(), cloud.region).usd
    return float(price or 0) / group.desired_capacity


def _month(instances: int) -> int:
    """A limit in USD a month that so many instances keep, and one more does not."""
    return 17 * instances + 3


def _within_budget(cloud: Cloud, mine: Values, when: str) -> Point:
    count = wanted_instances(cloud, mine.service)
    usd = count * _instance_month(cloud)
    return Point(
        f"{when}, its instances cost at most {mine.usd} USD a month",
        usd <= mine.usd,
        f"{count} instances run, which is {usd:.0f} USD a month",
        "fewer are enough: calculate how many tasks the requests need",
        is_needed=True,
    )


# --- a zone fails


def _zone_values(seed: Seed) -> Mapping[str, Any]:
    rate, instances = seed.choice([(60, 4), (120, 6), (170, 8)])
    return {"service": seed.choice(SERVICES), "rps": rate, "usd": _month(instances)}


def _check_zone(attempt: Attempt) -> Iterator[Point]:
    mine = attempt.mine
    yield (exists := service_exists(attempt))
    if not exists.ok:
        return
    with attempt.copy() as copy:
        simulation.traffic(copy, path=PATHS[mine.service], requests_per_second=mine.rps)
        simulation.advance(copy, "40m")
        budget = _within_budget(copy, mine, "Before the failure")
        lost = simulation.now(copy)
        simulation.fail(copy, zone=f"{copy.region}a")
        end = simulation.advance(copy, "8m")
        failed = failed_requests(copy, lost + timedelta(minutes=2), end)
        yield Point(
            f"With {mine.rps} requests a second, no request to {mine.service} fails two minutes after zone a has "
            "failed",
            failed == 0,
            f"{failed} requests failed after the second minute: the rest of the tasks had too many requests",
            "the minimum of the scalable target, and that of the Auto Scaling group",
            is_needed=True,
        )
        yield budget
        yield paths_answer(copy, PATHS.values(), "Eight minutes after the failure")


def _minimum(rate: int) -> int:
    """The number of tasks of which half take so many requests a second."""
    return 2 * -(-rate // 49)


def _declare_minimum(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha", services=("client-web-ui", "sites-management-api"))
    minimum = 2 * -(-mine.rps // 49)
    sizes = {"minimum": minimum, "maximum": max(4, minimum)}
    target = system.get(ScalableTarget, mine.service).replace(**sizes)
    group = system.get(AutoScalingGroup, f"{mine.service}-asg").replace(**sizes, desired_capacity=minimum)
    plan_deploy(system.including(target, group).just(target, group), cloud).apply()


def _call_minimum(cloud: Cloud, mine: Values) -> None:
    minimum = 2 * -(-mine.rps // 49)
    cluster, service = cloud.aws_name(f"{mine.service}-cluster"), cloud.aws_name(mine.service)
    cloud.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{cluster}/{service}",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=minimum,
        MaxCapacity=max(4, minimum),
    )
    cloud.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=cloud.aws_name(f"{mine.service}-asg"), MinSize=minimum, MaxSize=max(4, minimum)
    )


def _minimum_of_tasks_only(cloud: Cloud, mine: Values) -> None:
    cloud.client("application-autoscaling").register_scalable_target(
        **_scaling(cloud, mine.service), MinCapacity=_minimum(mine.rps), MaxCapacity=_minimum(mine.rps)
    )


def _double_of_what_is_needed(cloud: Cloud, mine: Values) -> None:
    _declare_minimum(cloud, Values(service=mine.service, rps=2 * mine.rps))


ZONE = Exercise(
    "11-zone",
    prompt=(
        "`{mine.service}` gets **{mine.rps} requests a second**. Zone `a` fails. Two minutes later, no request may "
        "fail any more, although AWS has not replaced the instances yet. Before the failure, the instances of the "
        "service may cost at most **{mine.usd} USD a month**. A task serves 49 requests a second."
    ),
    values=_zone_values,
    check=_check_zone,
    hints=(
        "How many tasks are left when one of two zones has failed, and how many requests does each of them get?",
        "Two things have a minimum: the scalable target for tasks, and the Auto Scaling group for instances.",
        '`target = system.get(ScalableTarget, "{mine.service}").replace(minimum=…, maximum=…)`, the same with the '
        "group, and `plan_deploy(system.including(target, group).just(target, group), cloud).apply()`",
    ),
    solutions=(_declare_minimum, _call_minimum),
    wrong=(
        Wrong(_minimum_of_tasks_only, "the minimum of the scalable target, and that of the Auto Scaling group"),
        Wrong(_double_of_what_is_needed, "fewer are enough"),
    ),
    notices=("AutoScalingGroup", "Service"),
)


# --- load comes


def _load_values(seed: Seed) -> Mapping[str, Any]:
    rate, instances = seed.choice([(230, 5), (280, 6), (330, 7)])
    return {"service": seed.choice(SERVICES), "rps": rate, "usd": _month(instances)}


def _check_load(attempt: Attempt) -> Iterator[Point]:
    mine = attempt.mine
    yield (exists := service_exists(attempt))
    if not exists.ok:
        return
    with attempt.copy() as copy:
        simulation.traffic(copy, path=PATHS[mine.service], requests_per_second=mine.rps)
        simulation.advance(copy, "40m")
        begins = simulation.now(copy)
        ends = simulation.advance(copy, "5m")
        failed = failed_requests(copy, begins, ends)
        budget = _within_budget(copy, mine, "At the peak")
        running = copy.client("ecs").describe_services(
            cluster=copy.aws_name(f"{mine.service}-cluster"), services=[copy.aws_name(mine.service)]
        )["services"][0]["runningCount"]
        instances = wanted_instances(copy, mine.service)
        yield Point(
            f"After 40 minutes with {mine.rps} requests a second, no request to {mine.service} fails",
            failed == 0,
            f"{failed} requests failed in five minutes: {running} tasks ran on {instances} instances",
            "the maximum of the scalable target, and that of the Auto Scaling group",
            is_needed=True,
        )
        yield budget
        yield paths_answer(copy, PATHS.values(), "Under this load")


def _declare_maximum(cloud: Cloud, mine: Values) -> None:
    system = seccom("ha", services=("client-web-ui", "sites-management-api"))
    maximum = -(-mine.rps // 49)
    target = system.get(ScalableTarget, mine.service).replace(maximum=maximum)
    group = system.get(AutoScalingGroup, f"{mine.service}-asg").replace(maximum=maximum)
    plan_deploy(system.including(target, group).just(target, group), cloud).apply()


def _call_maximum(cloud: Cloud, mine: Values) -> None:
    maximum = -(-mine.rps // 49)
    cluster, service = cloud.aws_name(f"{mine.service}-cluster"), cloud.aws_name(mine.service)
    cloud.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{cluster}/{service}",
        ScalableDimension="ecs:service:DesiredCount",
        MaxCapacity=maximum,
    )
    cloud.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=cloud.aws_name(f"{mine.service}-asg"), MaxSize=maximum
    )


def _maximum_of_tasks_only(cloud: Cloud, mine: Values) -> None:
    cloud.client("application-autoscaling").register_scalable_target(
        **_scaling(cloud, mine.service), MaxCapacity=-(-mine.rps // 49)
    )


def _maximum_of_twenty(cloud: Cloud, mine: Values) -> None:
    system = two_services()
    target = system.get(ScalableTarget, mine.service).replace(maximum=20)
    group = system.get(AutoScalingGroup, f"{mine.service}-asg").replace(maximum=20)
    plan_deploy(system.including(target, group), cloud).apply()


LOAD = Exercise(
    "11-load",
    prompt=(
        "`{mine.service}` gets **{mine.rps} requests a second** for a whole evening. After 40 minutes no request may "
        "fail, and at the peak the instances of the service may cost at most **{mine.usd} USD a month**. A task "
        "serves 49 requests a second, and an instance has room for one task."
    ),
    values=_load_values,
    check=_check_load,
    hints=(
        "How many tasks serve {mine.rps} requests a second, and how many instances do they need?",
        "Two things have a maximum: the scalable target for tasks, and the Auto Scaling group for instances.",
        '`target = system.get(ScalableTarget, "{mine.service}").replace(maximum=…)`, the same with the group, and '
        "`plan_deploy(system.including(target, group).just(target, group), cloud).apply()`",
    ),
    solutions=(_declare_maximum, _call_maximum),
    wrong=(
        Wrong(_maximum_of_tasks_only, "on 4 instances"),
        Wrong(_maximum_of_twenty, "fewer are enough"),
    ),
    notices=("AutoScalingGroup", "Service"),
)


CHAPTER = Chapter(
    "11",
    "Will it stay up?",
    minutes=30,
    start=two_services,
    prepare=_wait_for_the_morning,
    exercises=(ZONE, LOAD, SCALE_IN),
    predictions=("11-task", "11-instance", "11-zone", "11-load", "11-price"),
    moves_clock=True,
)
