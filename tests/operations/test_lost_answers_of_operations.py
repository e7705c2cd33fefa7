"""Each operation completes where the answer of each changing call is lost once: botocore sends the call again."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.steps import StepPlan
from esaws.operations.drain_zone import plan_drain_zone, plan_return_to_zone
from esaws.operations.parking import plan_parking
from esaws.operations.replace_instance import instances, plan_replace_instance
from esaws.operations.rotate_password import plan_rotate_password
from esaws.operations.scale import plan_scaling
from tests.losing_answers import losing_each_answer_once

pytestmark = pytest.mark.slow


Plans = list[Callable[[], StepPlan]]


def park_and_resume(cloud: Cloud) -> Plans:
    return [lambda: plan_parking(cloud, "park"), lambda: plan_parking(cloud, "resume")]


def rotate(cloud: Cloud) -> Plans:
    return [lambda: plan_rotate_password(cloud, every=timedelta(days=1))]


def replace_one(cloud: Cloud) -> Plans:
    instance = str(instances(cloud)["instance"].iloc[0])
    return [lambda: plan_replace_instance(cloud, instance)]


def drain_and_return(cloud: Cloud) -> Plans:
    return [lambda: plan_drain_zone(cloud, "eu-west-3a"), lambda: plan_return_to_zone(cloud, "eu-west-3a")]


def scale(cloud: Cloud) -> Plans:
    return [lambda: plan_scaling(cloud, "client-web-ui", 4)]


@pytest.mark.parametrize(
    ("plans", "system", "lost"),
    [
        (park_and_resume, "ha", {"StopDBInstance", "StartDBInstance", "UpdateService", "UpdateAutoScalingGroup"}),
        (park_and_resume, "budget", {"StopTask", "RunTask", "UpdateAutoScalingGroup"}),
        (rotate, "ha", {"PutParameter", "ModifyDBInstance", "UpdateService"}),
        (replace_one, "two-services", {"DetachInstances", "TerminateInstances"}),
        (replace_one, "one-task", {"DetachInstances", "RunTask", "RegisterTargets", "StopTask"}),
        (drain_and_return, "two-services", {"UpdateContainerInstancesState"}),
        (scale, "two-services", {"UpdateService"}),
    ],
    ids=lambda value: value.__name__ if callable(value) else value if isinstance(value, str) else "",
)
def test_an_operation_completes_whose_answers_are_lost(
    load_system: Callable[[str], Cloud], plans: Callable[[Cloud], Plans], system: str, lost: set[str]
) -> None:
    cloud = load_system(system)
    simulation.advance(cloud, "25h")
    with losing_each_answer_once() as operations:
        for plan in plans(cloud):
            plan().apply()
            assert not plan().changing
    assert lost <= {*operations}
