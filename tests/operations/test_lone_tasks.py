"""Scale, and roll out an image of, tasks without an ECS service: none stops before its replacement serves."""

from collections.abc import Callable
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.inventory import inventory
from esaws.deploy.serving import wait_until_serving
from esaws.errors import EsawsError, UsageError
from esaws.operations.failed_requests import check_requests
from esaws.operations.roll_out import RollOutFailed, plan_roll_out, verify_roll_out
from esaws.operations.scale import plan_scaling, scaling_leaves, verify_scaling
from esaws.operations.services import service_state
from esaws.operations.spare import SPARE_TAG, spare_before
from esaws.resources.auto_scaling_group import AutoScalingGroup
from tests.operations.checks import broken

SERVICE = "client-web-ui"


@pytest.fixture(scope="module")
def site(load_system: Callable[[str], Cloud]) -> Cloud:
    """The profile `budget` with one service and traffic; targets drain for 20 seconds."""
    cloud = load_system("one-task")
    assert wait_until_serving(cloud) == []
    for group in service_state(cloud, SERVICE).target_groups:
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "20"}
        cloud.client("elbv2").modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])
    simulation.traffic(cloud, "steady", requests_per_second=3)
    simulation.advance(cloud, "2m")
    return cloud


def facts(cloud: Cloud) -> list[tuple[Any, ...]]:
    """Kind, name and fields of everything but ids of tasks and instances, and the sizes of groups."""
    kinds = ("AutoScalingGroup", "Cluster", "Task")
    found = [(live.kind, live.name, live.state) for live in inventory(cloud) if live.kind in kinds]
    sizes = [
        (live.raw["DesiredCapacity"], live.raw["MaxSize"], live.raw["SuspendedProcesses"], len(live.raw["Instances"]))
        for live in AutoScalingGroup.list(cloud)
    ]
    tags = [cluster["tags"] for cluster in cloud.client("ecs").describe_clusters(include=["TAGS"])["clusters"]]
    return [*found, *sizes, *tags]


def test_a_task_without_a_service_is_described_as_a_service_of_one_task(site: Cloud) -> None:
    state = service_state(site, SERVICE)
    assert not state.is_service and state.is_settled
    assert (state.desired, state.running, state.healthy, state.minimum) == (1, 1, 1, 1)


@pytest.mark.runbooks
def test_an_image_is_rolled_out_and_a_bad_one_rolled_back_without_a_failed_request(site: Cloud) -> None:
    before, since = facts(site), simulation.now(site)
    plan = plan_roll_out(site, SERVICE, "nginx:2")
    assert [step.kind for step in plan.steps] == ["TaskDefinition", "AutoScalingGroup", "Task", "AutoScalingGroup"]
    plan.apply()
    assert broken(verify_roll_out(site, SERVICE, "nginx:2")) == []
    assert not plan_roll_out(site, SERVICE, "nginx:2").changing and facts(site) == before
    simulation.fail(site, image="nginx:bad")
    with pytest.raises(RollOutFailed, match=r"codes: \[500\]\); rolled back, never fewer than 1 healthy") as caught:
        plan_roll_out(site, SERVICE, "nginx:bad").apply()
    assert [text for _, text in caught.value.timeline.marks] == ["started", "rolled back"]
    assert not caught.value.timeline.below_minimum
    assert service_state(site, SERVICE).image == "nginx:2" and facts(site) == before
    assert check_requests(site, since).ok, check_requests(site, since)


@pytest.mark.runbooks
def test_an_image_that_is_missing_is_rolled_back(site: Cloud) -> None:
    before = facts(site)
    missing = f"{site.account}.dkr.ecr.eu-west-1.amazonaws.com/none:1"
    with pytest.raises(EsawsError, match="does not have it; push it first"):
        plan_roll_out(site, SERVICE, missing)
    elsewhere = "111122223333.dkr.ecr.eu-west-3.amazonaws.com/none:1"
    with pytest.raises(RollOutFailed, match=r"CannotPullContainerError.*; rolled back, never fewer than 1"):
        plan_roll_out(site, SERVICE, elsewhere).apply()
    assert facts(site) == before


@pytest.mark.runbooks
def test_a_roll_out_continues_after_each_step_and_in_the_middle_of_one(
    site: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, count = facts(site), 0
    while steps := plan_roll_out(site, SERVICE, "nginx:3").steps:
        if steps[0].kind == "Task" and count < 10:
            count += 10

            def killed(*_: Any) -> None:
                raise KeyboardInterrupt

            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                patch.setattr("esaws.operations.task_roll_out.let_time_pass", killed)
                steps[0].act()
            assert len(service_state(site, SERVICE).tasks) == 2
        else:
            steps[0].act()
            count += 1
    assert count == 14 and facts(site) == before
    assert broken(verify_roll_out(site, SERVICE, "nginx:3")) == []


@pytest.mark.runbooks
def test_tasks_are_scaled_up_and_down_without_a_failed_request(site: Cloud) -> None:
    before, since = facts(site), simulation.now(site)
    up = plan_scaling(site, SERVICE, 3)
    assert [(step.kind, step.before, step.after) for step in up.steps] == [
        ("AutoScalingGroup", "1 instance, from 1 to 1", "3 instances, from 3 to 3"),
        ("Task", "1 of 1 tasks run", "3 tasks"),
    ]
    up.apply()
    assert broken(verify_scaling(site, SERVICE, 3)) == []
    assert not plan_scaling(site, SERVICE, 3).changing
    assert "a deploy refuses tasks that are not declared, unless it prunes them" in scaling_leaves(site, SERVICE)
    plan_scaling(site, SERVICE, 1).apply()
    assert broken(verify_scaling(site, SERVICE, 1)) == []
    assert not plan_scaling(site, SERVICE, 1).changing
    site.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName="seccom-client-web-ui-asg", MaxSize=1)
    assert facts(site) == before
    assert check_requests(site, since).ok, check_requests(site, since)
    with pytest.raises(UsageError, match="park instead"):
        plan_scaling(site, SERVICE, 0)


def test_a_damaged_tag_is_named(site: Cloud) -> None:
    tag = {"ResourceId": "seccom-client-web-ui-asg", "ResourceType": "auto-scaling-group", "Key": SPARE_TAG}
    site.client("autoscaling").create_or_update_tags(Tags=[tag | {"Value": "hello", "PropagateAtLaunch": False}])
    (group,) = AutoScalingGroup.list(site)
    with pytest.raises(EsawsError, match=r"its tag esaws:spare-instance is damaged \(hello\)"):
        spare_before(group)
