"""Scale a service with its instances, up and down: no request fails, and AWS's own scaling does not undo it."""

from collections.abc import Callable
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.serving import wait_until_serving
from esaws.errors import NotDeployed, UsageError
from esaws.operations.capacity import capacity_of, tasks_per_instance
from esaws.operations.failed_requests import check_requests
from esaws.operations.scale import plan_scaling, scaling_leaves, verify_scaling
from esaws.operations.services import service_state
from esaws.resources.auto_scaling_group import AutoScalingGroup
from tests.operations.checks import broken

SERVICE = "client-web-ui"


@pytest.fixture(scope="module")
def site(load_system: Callable[[str], Cloud]) -> Cloud:
    cloud = load_system("two-services")
    assert wait_until_serving(cloud) == []
    for group in service_state(cloud, SERVICE).target_groups:
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "20"}
        cloud.client("elbv2").modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])
    return cloud


def sizes(cloud: Cloud) -> tuple[int, ...]:
    (raw,) = (live.raw for live in AutoScalingGroup.list(cloud) if live.name == f"{SERVICE}-asg")
    return raw["MinSize"], raw["MaxSize"], raw["DesiredCapacity"], len(raw["Instances"])


def test_a_service_is_scaled_up_and_down_without_a_failed_request(site: Cloud) -> None:
    simulation.traffic(site, "steady", requests_per_second=5)
    simulation.advance(site, "2m")
    since = simulation.now(site)
    up = plan_scaling(site, SERVICE, 5)
    assert [(step.kind, step.before, step.after) for step in up.steps] == [
        ("AutoScalingGroup", "2 instances, from 2 to 4", "5 instances, from 5 to 5"),
        ("ScalableTarget", "from 2 to 4 tasks", "from 5 to 5 tasks"),
        ("Service", "2 of 2 tasks run", "5 tasks"),
    ]
    assert sizes(site) == (2, 4, 2, 2), "a plan changes nothing"
    up.apply()
    assert broken(verify_scaling(site, SERVICE, 5)) == [] and sizes(site) == (5, 5, 5, 5)
    assert not plan_scaling(site, SERVICE, 5).changing
    simulation.advance(site, "30m")
    assert broken(verify_scaling(site, SERVICE, 5)) == [], "the scaling of AWS takes nothing away"
    down = plan_scaling(site, SERVICE, 2)
    assert [step.kind for step in down.steps] == ["ScalableTarget", "Service", "AutoScalingGroup"]
    down.apply()
    assert [str(c) for c in verify_scaling(site, SERVICE, 2) if not c.ok] == [] and sizes(site) == (2, 5, 2, 2), (
        simulation.events(site).tail(40).to_string()
    )
    assert not plan_scaling(site, SERVICE, 2).changing
    check = check_requests(site, since)
    assert check.ok and not check.found.startswith("0 "), str(check)
    assert "client-web-ui runs 2 tasks" in scaling_leaves(site, SERVICE)
    simulation.no_traffic(site)


@pytest.mark.runbooks
def test_a_scaling_continues_after_each_step(site: Cloud) -> None:
    for tasks in (3, 2):
        count, planned = 0, len(plan_scaling(site, SERVICE, tasks).steps)
        while steps := plan_scaling(site, SERVICE, tasks).steps:
            steps[0].act()
            count += 1
        assert 2 <= count <= planned and broken(verify_scaling(site, SERVICE, tasks)) == []


def test_tasks_that_do_not_become_healthy_are_an_error(site: Cloud) -> None:
    simulation.fail(site, image=service_state(site, SERVICE).image)
    with pytest.raises(Exception, match=r"timed out after 2 minutes: waited until 3 tasks of client-web-ui run"):
        plan_scaling(site, SERVICE, 3, minutes=2).apply()
    assert verify_scaling(site, SERVICE, 3)[0].ok is False
    simulation.mend(site, image=service_state(site, SERVICE).image)


def test_what_can_not_be_scaled_is_refused(site: Cloud) -> None:
    with pytest.raises(UsageError, match="use 0 or more"):
        plan_scaling(site, SERVICE, -1)
    with pytest.raises(NotDeployed, match="choose one that it has: client-web-ui, intrusion-management-api"):
        plan_scaling(site, "hdm", 2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"launchType": "FARGATE"}, "on Fargate"),
        ({"capacityProviderStrategy": [{"capacityProvider": "p"}]}, "its capacity provider"),
    ],
)
def test_instances_of_others_stay_as_they_are(site: Cloud, changes: dict[str, Any], reason: str) -> None:
    state = service_state(site, SERVICE)
    state.raw.update(changes)
    capacity = capacity_of(site, state)
    assert capacity.group is None and reason in capacity.reason


MICRO, SMALL = {"CPU": 1024, "MEMORY": 950}, {"CPU": 1024, "MEMORY": 1900}


@pytest.mark.parametrize(
    ("container", "sizes", "tasks"),
    [
        ({"memory": 256}, [MICRO], 3),
        ({"memory": 256}, [SMALL, MICRO], 3),
        ({"memory": 256, "memoryReservation": 100}, [SMALL], 19),
        ({"memory": 256, "cpu": 512}, [SMALL], 2),
        ({"memory": 256, "portMappings": [{"containerPort": 80, "hostPort": 8080}]}, [SMALL], 1),
        ({"memory": 256, "portMappings": [{"containerPort": 80, "hostPort": 0}]}, [SMALL], 7),
        ({"memory": 256, "portMappings": [{"containerPort": 80, "hostPort": 8080}]}, [], 1),
        ({"memory": 256}, [], None),
        ({"memory": 4096}, [MICRO], 0),
    ],
)
def test_an_instance_holds_as_many_tasks_as_fit(container: dict[str, Any], sizes: Any, tasks: int | None) -> None:
    assert tasks_per_instance({"containerDefinitions": [container]}, sizes) == tasks
