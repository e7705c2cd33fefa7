"""Parking: a parked deployment costs what is listed, and comes back as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cli import cli
from esaws.cli.policy import policy_of
from esaws.cloud import Cloud
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.errors import NotDeployed
from esaws.leases.park import STOPPED_FOR_SEVEN_DAYS, plan_park, plan_resume, remaining_costs
from esaws.leases.parked import is_parked
from esaws.reference.seccom import seccom
from tests.contract.actions import actions
from tests.local.conftest import Account
from tests.local.timing import control
from tests.operations.killing import KilledError, killed_after
from tests.shell import Shell

ONE_SERVICE = seccom("budget", services=("client-web-ui",))
NOT_LISTED = "AlarmMonitor|EUW3-TimedStorage-ByteHrs"
"""Usage types of the bill that parking does not list: alarms, and a kilobyte of placeholder images."""


def groups(cloud: Cloud) -> dict[str, tuple[int, int, int]]:
    """Auto Scaling group → minimum, desired, maximum."""
    raws = cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    return {raw["AutoScalingGroupName"]: (raw["MinSize"], raw["DesiredCapacity"], raw["MaxSize"]) for raw in raws}


def running_instances(cloud: Cloud) -> int:
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    reservations = cloud.client("ec2").describe_instances(Filters=states)["Reservations"]
    return sum(len(reservation["Instances"]) for reservation in reservations)


def healthy_targets(cloud: Cloud) -> int:
    elbv2 = cloud.client("elbv2")
    arns = [group["TargetGroupArn"] for group in elbv2.describe_target_groups()["TargetGroups"]]
    targets = [
        target
        for arn in arns
        for target in elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    ]
    return sum(target["TargetHealth"]["State"] == "healthy" for target in targets)


def billed_usd_per_day(cloud: Cloud) -> float:
    hour = simulation.costs(cloud)
    return float(hour[~hour.usage_type.str.contains(NOT_LISTED)].usd_per_hour.sum()) * 24


@pytest.fixture(scope="module")
def system(new_cloud: Callable[..., Cloud]) -> Cloud:
    """A service on two instances, with its scaling, and a database; each test leaves it as it was."""
    ha = seccom("ha")
    database = ha.just(next(resource for resource in ha if resource.kind == "DBInstance"))
    resources = {resource.key: resource for resource in [*seccom("ha", services=("client-web-ui",)), *database]}
    cloud = new_cloud()
    plan_deploy(Architecture("small", resources.values()), cloud).apply()
    simulation.advance(cloud, "15m")
    return cloud


def test_a_parked_deployment_costs_what_is_listed_and_comes_back_as_it_was(system: Cloud) -> None:
    # The list of remaining costs has no free tier.
    control(Account(system.endpoint or "", system.account), "POST", "regime", regime="none")
    before, instances, targets = groups(system), running_instances(system), healthy_targets(system)
    plan = plan_park(system)
    assert plan.to_frame().groupby("kind").size().to_dict() == {"AutoScalingGroup": 1, "DBInstance": 1, "Service": 1}
    assert plan.remarks == (STOPPED_FOR_SEVEN_DAYS,)
    assert plan.apply() == 3 and is_parked(system)
    for duration in ("1h", "2d"):
        simulation.advance(system, duration)
        assert running_instances(system) == 0, "scaling must not start anything again"
        assert {(minimum, desired) for minimum, desired, _ in groups(system).values()} == {(0, 0)}
    listed = remaining_costs(system)
    assert set(listed.kind) >= {"load balancer", "database"} and not set(listed.kind) & {"instance", "volume"}
    # Storage is charged by the share of its month, which has 672 to 744 hours and not 730.
    assert listed.usd_per_day.sum() == pytest.approx(billed_usd_per_day(system), abs=0.02)
    assert plan_park(system).steps == (), "it is parked already"

    resume = plan_resume(system)
    assert len(resume.steps) == 3 and resume.remarks == ()
    resume.apply()
    simulation.advance(system, "20m")
    assert (groups(system), running_instances(system), healthy_targets(system)) == (before, instances, targets)
    assert plan_resume(system).steps == () and not is_parked(system)


def test_an_interrupted_parking_can_be_completed_and_undone(system: Cloud) -> None:
    before, targets = groups(system), healthy_targets(system)
    for step in plan_park(system).steps[:2]:
        step.act()
    plan_park(system).apply()
    assert {(minimum, desired) for minimum, desired, _ in groups(system).values()} == {(0, 0)}
    for step in plan_resume(system).steps[:2]:
        step.act()
    plan_resume(system).apply()
    simulation.advance(system, "20m")
    assert groups(system) == before and healthy_targets(system) == targets


def test_tasks_without_a_service_run_and_serve_again_after_a_resume(new_cloud: Any) -> None:
    cloud = new_cloud()
    plan_deploy(ONE_SERVICE, cloud).apply()
    simulation.advance(cloud, "15m")
    instances, targets, before = running_instances(cloud), healthy_targets(cloud), len(cloud.calls)
    plan_park(cloud).apply()
    simulation.advance(cloud, "1h")
    assert running_instances(cloud) == 0 and not plan_park(cloud).steps
    plan_resume(cloud).apply()
    (statement,) = policy_of("resume")["Statement"]
    assert not set(actions(cloud.calls[before:])) - set(statement["Action"])
    simulation.advance(cloud, "10m")
    assert (running_instances(cloud), healthy_targets(cloud)) == (instances, targets) and targets > 0
    assert not plan_resume(cloud).steps
    assert {change.action for change in plan_deploy(ONE_SERVICE, cloud)} == {"keep"}


def test_parking_tasks_without_a_service_can_be_interrupted_anywhere(new_cloud: Any) -> None:
    cloud = new_cloud()
    plan_deploy(ONE_SERVICE, cloud).apply()
    parking = ("AddTags", "TagResource", "StopTask", "CreateOrUpdateTags", "UpdateAutoScalingGroup")
    resuming = ("UpdateAutoScalingGroup", "DeleteTags", "RunTask", "UntagResource", "RegisterTargets")
    for number, operations in enumerate(zip(parking, resuming, strict=True), start=1):
        for plan, operation in zip((plan_park, plan_resume), operations, strict=True):
            with killed_after(cloud, number), pytest.raises(KilledError):
                plan(cloud).apply()
            assert operation in [call.operation for call in cloud.calls[-3:]]
            plan(cloud).apply()
            assert not plan(cloud).steps
    simulation.advance(cloud, "15m")
    assert healthy_targets(cloud) == 1 and {change.action for change in plan_deploy(ONE_SERVICE, cloud)} == {"keep"}


def test_a_teardown_while_parked_leaves_nothing_and_does_not_touch_other_deployments(new_cloud: Any) -> None:
    cloud = new_cloud()
    neighbour = Cloud.at(cloud.endpoint, account=cloud.account, deployment="neigh")
    plan_deploy(ONE_SERVICE, cloud).apply()
    plan_deploy(ONE_SERVICE, neighbour).apply()
    plan_park(cloud).apply()
    assert groups(neighbour)["neigh-client-web-ui-asg"] == (1, 1, 1)
    assert is_parked(cloud) and not is_parked(neighbour)
    plan_teardown(cloud).apply()
    assert leftovers(cloud) == []
    assert groups(neighbour) == {"neigh-client-web-ui-asg": (1, 1, 1)}


def test_a_deployment_that_does_not_exist_cannot_be_parked(cloud: Cloud) -> None:
    for plan in (plan_park, plan_resume):
        with pytest.raises(NotDeployed, match="nothing of seccom is in eu-west-3"):
            plan(cloud)


def test_the_command_line_parks_and_resumes(new_cloud: Any, tmp_path: Path) -> None:
    cloud = new_cloud()
    esaws = Shell(cloud, tmp_path)
    assert "nothing of seccom" in esaws("park", "--yes", code=1)
    plan_deploy(ONE_SERVICE, cloud).apply()
    assert "there is no terminal" in esaws("park", code=3)
    assert esaws.json("park", "--dry-run")["changed"] == []
    output = esaws.json("park", "--yes")
    assert len(output["changed"]) >= 1 and output["still_costs"][0]["usd_per_day"] > 0
    plan = CliRunner(env=esaws.environment).invoke(cli, ["plan", "--profile", "budget", "--services", "client-web-ui"])
    assert "seccom is parked" in plan.stderr
    assert "resume: nothing to do" not in esaws("resume", "--yes")
