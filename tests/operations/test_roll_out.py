"""Roll out an image: watched, never below the minimum healthy percent, rolled back where the new tasks fail."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.errors import EsawsError, NotDeployed, UsageError
from esaws.interrupts import Terminated
from esaws.operations.images import resolve_image
from esaws.operations.roll_out import (
    PREVIOUS_TAG,
    RollOutFailed,
    plan_roll_out,
    roll_out_leaves,
    verify_roll_out,
)
from esaws.operations.services import ServiceState, service_state
from esaws.operations.watching import Sample, Timeline
from tests.operations.checks import broken

SERVICE = "client-web-ui"


@pytest.fixture(scope="module")
def site(load_system: Callable[[str], Cloud]) -> Iterator[Cloud]:
    """Two services of two tasks each; targets drain for 20 seconds instead of 300."""
    cloud = load_system("two-services")
    elbv2 = cloud.client("elbv2")
    for group in service_state(cloud, SERVICE).target_groups:
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "20"}
        elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])
    yield cloud
    simulation.no_traffic(cloud)


def killed(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def fewest_healthy(cloud: Cloud, since: datetime) -> float:
    """The fewest healthy targets of the service in any minute, as CloudWatch has it."""
    (group,) = service_state(cloud, SERVICE).target_groups
    described = cloud.client("elbv2").describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]
    answer = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/ApplicationELB",
        MetricName="HealthyHostCount",
        Dimensions=[
            {"Name": "TargetGroup", "Value": group.rpartition(":")[2]},
            {"Name": "LoadBalancer", "Value": described["LoadBalancerArns"][0].partition(":loadbalancer/")[2]},
        ],
        StartTime=since,
        EndTime=simulation.now(cloud),
        Period=60,
        Statistics=["Minimum"],
    )
    return float(min(point["Minimum"] for point in answer["Datapoints"]))


def test_an_image_is_rolled_out_once(site: Cloud) -> None:
    plan = plan_roll_out(site, SERVICE, "nginx:2")
    assert [step.kind for step in plan.steps] == ["TaskDefinition", "Service"]
    assert service_state(site, SERVICE).image != "nginx:2", "a plan changes nothing"
    assert plan.apply() == 2
    assert broken(verify_roll_out(site, SERVICE, "nginx:2")) == []
    assert PREVIOUS_TAG not in service_state(site, SERVICE).tags
    assert not plan_roll_out(site, SERVICE, "nginx:2").changing
    assert roll_out_leaves(site, SERVICE)[0] == "client-web-ui runs nginx:2"


def test_an_image_that_fails_its_health_check_is_rolled_back(site: Cloud) -> None:
    before = service_state(site, SERVICE)
    simulation.traffic(site, "steady", requests_per_second=3)
    simulation.fail(site, image="nginx:bad")
    began = simulation.now(site)
    with pytest.raises(RollOutFailed, match=r"failed with these codes: \[500\].*; rolled back to seccom-") as caught:
        plan_roll_out(site, SERVICE, "nginx:bad").apply()
    state, timeline = service_state(site, SERVICE), caught.value.timeline
    assert (state.task_definition, state.healthy, state.tags) == (before.task_definition, 2, before.tags)
    assert [text for _, text in timeline.marks] == ["started", "rolled back"]
    assert max(sample.new for sample in timeline.samples) == 1, "ECS replaces one of two tasks at a time"
    assert timeline.fewest_healthy == 1 and not timeline.below_minimum
    assert fewest_healthy(site, began) >= 1, "also between two looks"
    failed = [check for check in verify_roll_out(site, SERVICE, "nginx:bad") if not check.ok]
    assert [check.what for check in failed] == ["client-web-ui runs nginx:bad"]
    assert timeline._repr_mimebundle_() == timeline._repr_mimebundle_()
    simulation.mend(site, image="nginx:bad")
    plan = plan_roll_out(site, SERVICE, "nginx:bad")
    assert [step.kind for step in plan.steps] == ["Service"], "the revision of the failed roll-out is used again"
    plan.apply()
    assert broken(verify_roll_out(site, SERVICE, "nginx:bad")) == []


def test_an_interrupted_roll_out_is_watched_on_and_rolled_back(site: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    before = service_state(site, SERVICE)
    simulation.fail(site, image="nginx:3")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("esaws.operations.service_roll_out.let_time_pass", killed)
        plan_roll_out(site, SERVICE, "nginx:3").apply()
    begun = service_state(site, SERVICE)
    assert begun.image == "nginx:3" and begun.tags[PREVIOUS_TAG] == before.task_definition
    simulation.advance(site, "2s")
    again = plan_roll_out(site, SERVICE, "nginx:3")
    assert [step.kind for step in again.steps] == ["Service"]
    with pytest.raises(RollOutFailed, match="rolled back"):
        again.apply()
    assert service_state(site, SERVICE).task_definition == before.task_definition


def test_sigterm_ends_a_roll_out_between_two_looks(site: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    before, advance = service_state(site, SERVICE), simulation.advance

    def advance_and_terminate(cloud: Cloud, by: str) -> datetime:
        os.kill(os.getpid(), signal.SIGTERM)
        return advance(cloud, by)

    with monkeypatch.context() as patch, pytest.raises(Terminated):
        patch.setattr(simulation, "advance", advance_and_terminate)
        plan_roll_out(site, SERVICE, "nginx:6").apply()
    assert service_state(site, SERVICE).tags[PREVIOUS_TAG] == before.task_definition
    plan_roll_out(site, SERVICE, "nginx:6").apply()
    assert broken(verify_roll_out(site, SERVICE, "nginx:6")) == []


def test_a_roll_out_survives_errors_of_aws(site: Cloud) -> None:
    plan = plan_roll_out(site, SERVICE, "nginx:4")
    simulation.fault(site, "unavailable", service="ecs", operation="DescribeServices", count=4)
    plan.apply()
    assert service_state(site, SERVICE).image == "nginx:4"


@pytest.mark.runbooks
def test_a_roll_out_that_finds_no_room_is_rolled_back_in_time(site: Cloud) -> None:
    before, ecs = service_state(site, SERVICE), site.client("ecs")
    arns = ecs.list_container_instances(cluster=before.cluster)["containerInstanceArns"]
    ecs.update_container_instances_state(cluster=before.cluster, containerInstances=arns, status="DRAINING")
    with pytest.raises(RollOutFailed, match=r"not finished after 3 minutes: .*unable to place.*is not finished"):
        plan_roll_out(site, SERVICE, "nginx:5", minutes=3).apply()
    ecs.update_container_instances_state(cluster=before.cluster, containerInstances=arns, status="ACTIVE")
    simulation.advance(site, "5m")
    assert service_state(site, SERVICE).task_definition == before.task_definition


def test_a_pushed_image_is_pinned_by_its_digest(site: Cloud) -> None:
    registry = f"{site.account}.dkr.ecr.eu-west-3.amazonaws.com/seccom-client-web-ui"
    pinned = resolve_image(site, f"{registry}:latest")
    assert pinned.startswith(f"{registry}@sha256:") and resolve_image(site, pinned) == pinned
    other = "111122223333.dkr.ecr.eu-west-3.amazonaws.com/other:1"
    assert resolve_image(site, other) == other, "the registry of another account is not asked"
    for missing in (f"{registry}:no", f"{registry}@sha256:{'0' * 64}", f"{registry}x:latest"):
        with pytest.raises(NotDeployed, match="does not have it; push it first"):
            plan_roll_out(site, SERVICE, missing)
    with pytest.raises(UsageError, match="is not an image"):
        plan_roll_out(site, SERVICE, "nginx latest")
    with pytest.raises(NotDeployed, match="choose one that it has: client-web-ui, intrusion-management-api"):
        plan_roll_out(site, "hdm", "nginx:2")


def service(**fields: Any) -> ServiceState:
    raw = {"desiredCount": 3, "runningCount": 2, "loadBalancers": [], "deployments": []}
    return ServiceState("web", raw | fields, {"image": "nginx"}, ())


@pytest.mark.parametrize(("percent", "minimum"), [(0, 0), (50, 2), (66, 2), (67, 3), (100, 3), (None, 3)])
def test_the_minimum_is_rounded_up_as_ecs_does(percent: int | None, minimum: int) -> None:
    settings = {} if percent is None else {"deploymentConfiguration": {"minimumHealthyPercent": percent}}
    assert service(**settings).minimum == minimum


def test_a_service_without_targets_is_as_healthy_as_its_tasks_run() -> None:
    assert service().healthy == 2
    group = {"targetGroupArn": "arn:tg"}
    assert service(loadBalancers=[group]).healthy == 0, "no target is registered"


def test_deployments_of_another_controller_are_refused(site: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    other = service(deploymentController={"type": "CODE_DEPLOY"})
    monkeypatch.setattr("esaws.operations.roll_out.service_state", lambda *_: other)
    with pytest.raises(EsawsError, match="made by CODE_DEPLOY"):
        plan_roll_out(site, SERVICE, "nginx:2")


def test_a_timeline_says_what_was_seen() -> None:
    timeline = Timeline("web")
    assert repr(timeline) == "web: not looked at yet" and timeline._repr_mimebundle_() == ({}, {})
    timeline.samples += [Sample(0, 2, 1, 2, 2, 0), Sample(60, 2, 1, 0, 1, 1)]
    timeline.mark("rolled back")
    assert timeline.below_minimum == timeline.samples[1:]
    assert repr(timeline).startswith("web: rolled back; 0 of 2 healthy, 1 new and 1 old tasks run after 1.0 minutes")
    assert timeline.to_dict()["marks"] == [{"seconds": 60, "what": "rolled back"}]
