"""A deployment is parked, costs what was said, and comes back as it was."""

from pathlib import Path
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.leftovers import left
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.errors import NotDeployed
from esaws.leases.park import BY_HAND, SEVEN_DAYS, is_parked, plan_park, plan_resume, still_costs
from esaws.reference.seccom import seccom
from tests.shell import Shell


def deployed(cloud: Cloud, profile: str = "ha") -> Cloud:
    plan_deploy(seccom(profile), cloud).apply()
    simulation.advance(cloud, "15m")
    return cloud


def groups(cloud: Cloud) -> dict[str, tuple[int, int, int]]:
    found = cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    return {each["AutoScalingGroupName"]: (each["MinSize"], each["DesiredCapacity"], each["MaxSize"]) for each in found}


def running(cloud: Cloud) -> int:
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    found = cloud.client("ec2").describe_instances(Filters=states)["Reservations"]
    return sum(len(each["Instances"]) for each in found)


def healthy(cloud: Cloud) -> int:
    elbv2 = cloud.client("elbv2")
    arns = [each["TargetGroupArn"] for each in elbv2.describe_target_groups()["TargetGroups"]]
    found = [
        each for arn in arns for each in elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    ]
    return sum(each["TargetHealth"]["State"] == "healthy" for each in found)


def test_a_parked_deployment_costs_what_was_said_and_comes_back_as_it_was(new_cloud: Any) -> None:
    cloud = deployed(new_cloud())
    before = groups(cloud)
    planned = plan_park(cloud)
    assert planned.to_frame().groupby("kind").size().to_dict() == {"AutoScalingGroup": 6, "DBInstance": 1, "Service": 6}
    assert planned.remarks == (SEVEN_DAYS,)
    assert planned.apply() == 13 and is_parked(cloud)
    for by in ("1h", "2d"):
        simulation.advance(cloud, by)
        assert running(cloud) == 0, "no scaling brings anything back"
        assert {(low, wanted) for low, wanted, _ in groups(cloud).values()} == {(0, 0)}
    said = still_costs(cloud)
    assert set(said.kind) == {"load balancer", "broker", "cache", "database"}
    hour = simulation.costs(cloud)
    listed = hour[~hour.usage_type.str.contains("AlarmMonitor|EUW3-TimedStorage-ByteHrs")]
    cloud_none = listed.usd_per_hour.sum() * 24
    assert cloud_none <= said.usd_per_day.sum(), "the free tier is not counted in what is said"
    assert plan_park(cloud).steps == (), "parked already"
    back = plan_resume(cloud)
    assert len(back.steps) == 13 and back.remarks == ()
    back.apply()
    simulation.advance(cloud, "20m")
    assert groups(cloud) == before and running(cloud) == 12 and healthy(cloud) == 6
    assert not plan_deploy(seccom("ha"), cloud).changing
    assert plan_resume(cloud).steps == () and not is_parked(cloud)


def test_what_is_said_to_cost_is_what_is_billed(new_cloud: Any) -> None:
    cloud = new_cloud()
    cloud.client("sts").get_caller_identity()
    simulation._ask(cloud, "POST", "regime", regime="none")
    deployed(cloud)
    plan_park(cloud).apply()
    simulation.advance(cloud, "2h")
    hour = simulation.costs(cloud)
    billed = hour[~hour.usage_type.str.contains("AlarmMonitor|EUW3-TimedStorage-ByteHrs")].usd_per_hour.sum() * 24
    # Storage is charged by the share of its month, which has 672 to 744 hours and not 730.
    assert still_costs(cloud).usd_per_day.sum() == pytest.approx(billed, abs=0.02)


def test_a_small_build_is_told_what_a_deploy_has_to_start_again(new_cloud: Any) -> None:
    cloud = deployed(new_cloud(), "budget")
    plan_park(cloud).apply()
    simulation.advance(cloud, "1h")
    assert running(cloud) == 0
    back = plan_resume(cloud)
    assert back.remarks == (BY_HAND,)
    back.apply()
    simulation.advance(cloud, "10m")
    plan_deploy(seccom("budget"), cloud).apply()
    simulation.advance(cloud, "10m")
    assert running(cloud) == 6 and healthy(cloud) == 3


def test_a_parking_that_was_interrupted_is_completed_or_undone(new_cloud: Any) -> None:
    cloud = deployed(new_cloud())
    before = groups(cloud)
    for step in plan_park(cloud).steps[:8]:
        step.act()
    plan_park(cloud).apply()
    assert {(low, wanted) for low, wanted, _ in groups(cloud).values()} == {(0, 0)}
    for step in plan_resume(cloud).steps[:9]:
        step.act()
    plan_resume(cloud).apply()
    simulation.advance(cloud, "20m")
    assert groups(cloud) == before and healthy(cloud) == 6


def test_a_teardown_while_parked_leaves_nothing_and_the_neighbour_runs_on(new_cloud: Any) -> None:
    cloud = deployed(new_cloud(), "budget")
    neighbour = Cloud.at(cloud.endpoint, account=cloud.account, deployment="neigh")
    plan_deploy(seccom("budget", services=("client-web-ui",)), neighbour).apply()
    plan_park(cloud).apply()
    assert groups(neighbour)["neigh-client-web-ui-asg"] == (1, 1, 1)
    assert not is_parked(neighbour)
    plan_teardown(cloud).apply()
    assert left(cloud) == []


def test_where_nothing_is_there_is_nothing_to_park(cloud: Cloud) -> None:
    for plan in (plan_park, plan_resume):
        with pytest.raises(NotDeployed, match="nothing of seccom is in eu-west-3"):
            plan(cloud)


def test_the_command_line(new_cloud: Any, tmp_path: Path) -> None:
    cloud = new_cloud()
    esaws = Shell(cloud, tmp_path)
    assert "nothing of seccom" in esaws("park", "--yes", code=1)
    plan_deploy(seccom("budget", services=("client-web-ui",)), cloud).apply()
    assert "there is no terminal" in esaws("park", code=3)
    assert esaws.json("park", "--dry-run")["changed"] == []
    answer = esaws.json("park", "--yes")
    assert len(answer["changed"]) >= 1 and answer["still_costs"][0]["usd_per_day"] > 0
    assert "seccom is parked" in Shell(cloud, tmp_path).start("plan", "--profile", "budget").communicate(timeout=60)[1]
    assert "resume: nothing to do" not in esaws("resume", "--yes")
