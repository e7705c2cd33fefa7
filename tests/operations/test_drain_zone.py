"""Drain a zone and return to it: no request fails, and an interrupted run is finished by the next one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.serving import wait_until_serving
from esaws.deploy.steps import StepPlan
from esaws.errors import EsawsError, NotDeployed, UsageError
from esaws.inspect.metrics import Points
from esaws.operations import failed_requests
from esaws.operations.drain_zone import (
    drain_zone_leaves,
    plan_drain_zone,
    plan_return_to_zone,
    verify_zone_drained,
    verify_zone_in_use,
)
from esaws.operations.zone_tags import DRAINED_TAG
from esaws.resource import Live
from esaws.resources.auto_scaling_group import AutoScalingGroup
from esaws.resources.load_balancer import LoadBalancer
from tests.operations.checks import broken

ZONE, OTHER = "eu-west-3a", "eu-west-3b"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATHS = {"/": 5, "/intrusion-management-api/": 3}


def begin(cloud: Cloud, paths: dict[str, int] = PATHS) -> datetime:
    """Send requests, and return the time from which they count."""
    for group in cloud.client("elbv2").describe_target_groups()["TargetGroups"]:
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "40"}
        cloud.client("elbv2").modify_target_group_attributes(TargetGroupArn=group["TargetGroupArn"], Attributes=[delay])
    assert wait_until_serving(cloud) == []
    simulation.traffic(cloud, "steady", paths=paths)
    simulation.advance(cloud, "2m")
    return simulation.now(cloud)


def groups(cloud: Cloud) -> dict[str, Live]:
    return {live.name: live for live in AutoScalingGroup.list(cloud)}


def facts(cloud: Cloud) -> dict[str, tuple[Any, ...]]:
    """Each group's sizes, subnets, suspended processes, and the zones of its instances."""
    return {
        name: (
            *(live.raw[key] for key in ("MinSize", "MaxSize", "DesiredCapacity")),
            live.fields["subnets"],
            live.raw["SuspendedProcesses"],
            sorted(each["AvailabilityZone"] for each in live.raw["Instances"]),
        )
        for name, live in groups(cloud).items()
    }


def run_interrupted(plan: Callable[[], StepPlan]) -> int:
    """Apply plans that are each interrupted after their first step, until nothing is left; return their number."""
    count = 0
    while steps := plan().steps:
        assert count < 20, steps
        steps[0].act()
        count += 1
    return count


def test_tasks_without_a_service_are_moved_without_a_failed_request(load_system: Callable[[str], Cloud]) -> None:
    cloud = load_system("one-task")
    before = facts(cloud)
    since = begin(cloud, {"/": 8})
    plan = plan_drain_zone(cloud, ZONE)
    assert facts(cloud) == before, "a plan changes nothing"
    assert "LoadBalancer alb keeps its node in eu-west-3a: it needs two zones, and has no third" in plan.remarks
    plan.apply()
    checks = verify_zone_drained(cloud, ZONE, since)
    assert broken(checks) == []
    assert " requests, 0 failed" in checks[-1].found and not checks[-1].found.startswith("0 ")
    assert not plan_drain_zone(cloud, ZONE).changing
    assert {tuple(fact[-1]) for fact in facts(cloud).values()} <= {(OTHER,), (OTHER, OTHER)}
    assert any("launches nothing in eu-west-3a" in line for line in drain_zone_leaves(cloud, ZONE))
    plan_return_to_zone(cloud, ZONE).apply()
    checks = verify_zone_in_use(cloud, ZONE, since)
    assert broken(checks) == []
    assert facts(cloud) == before
    assert not plan_return_to_zone(cloud, ZONE).changing
    simulation.no_traffic(cloud)


@pytest.mark.runbooks
def test_a_drain_and_a_return_continue_after_each_step(load_system: Callable[[str], Cloud]) -> None:
    cloud = load_system("two-services")
    before, since = facts(cloud), begin(cloud)
    assert run_interrupted(lambda: plan_drain_zone(cloud, ZONE)) == 8
    assert broken(verify_zone_drained(cloud, ZONE, since)) == []
    with pytest.raises(EsawsError, match="eu-west-3a is drained; return to that zone first"):
        plan_drain_zone(cloud, OTHER)
    assert run_interrupted(lambda: plan_return_to_zone(cloud, ZONE)) == 8
    assert broken(verify_zone_in_use(cloud, ZONE, since)) == []
    assert facts(cloud) == before
    simulation.no_traffic(cloud)


@pytest.mark.runbooks
def test_instances_of_a_failed_zone_are_not_waited_for(load_system: Callable[[str], Cloud]) -> None:
    cloud = load_system("two-services")
    since = begin(cloud)
    simulation.fail(cloud, zone=ZONE)
    plan_drain_zone(cloud, ZONE).apply()
    drained, serving, requests = verify_zone_drained(cloud, ZONE, since)
    assert drained.ok and serving.ok
    assert requests.ok is False and "HTTPCode_ELB_5XX_Count of alb" in requests.found, (
        "until the targets were unhealthy"
    )
    simulation.mend(cloud, zone=ZONE)


def test_a_load_balancer_of_three_zones_leaves_the_zone_and_returns(load_system: Callable[[str], Cloud]) -> None:
    cloud = load_system("two-services")
    ec2, elbv2 = cloud.client("ec2"), cloud.client("elbv2")
    (balancer,) = LoadBalancer.list(cloud)
    tags = [{"Key": key, "Value": value} for key, value in cloud.tags("third").items()]
    third = ec2.create_subnet(
        VpcId=balancer.raw["VpcId"],
        CidrBlock="172.31.64.0/20",
        AvailabilityZone="eu-west-3c",
        TagSpecifications=[{"ResourceType": "subnet", "Tags": tags}],
    )["Subnet"]["SubnetId"]
    subnets = sorted({*balancer.fields["subnets"], third})
    elbv2.set_subnets(LoadBalancerArn=balancer.id, Subnets=subnets)
    plan = plan_drain_zone(cloud, ZONE)
    assert (plan.steps[-1].before, plan.steps[-1].after) == (
        "eu-west-3a, eu-west-3b, eu-west-3c",
        "eu-west-3b, eu-west-3c",
    )
    assert not [remark for remark in plan.remarks if "LoadBalancer" in remark]
    plan.steps[-1].act()
    assert third in LoadBalancer.list(cloud)[0].fields["subnets"]
    assert all(step.kind != "LoadBalancer" for step in plan_drain_zone(cloud, ZONE).steps)
    back = plan_return_to_zone(cloud, ZONE)
    assert [step.kind for step in back.steps] == ["LoadBalancer"]
    back.apply()
    assert sorted(LoadBalancer.list(cloud)[0].fields["subnets"]) == subnets
    assert not plan_return_to_zone(cloud, ZONE).changing


def test_a_zone_that_can_not_be_drained_is_refused(load_system: Callable[[str], Cloud], cloud: Cloud) -> None:
    with pytest.raises(NotDeployed, match="no Auto Scaling group"):
        plan_drain_zone(cloud, ZONE)
    cloud = load_system("two-services")
    with pytest.raises(UsageError, match="its zones are eu-west-3a, eu-west-3b"):
        plan_drain_zone(cloud, "eu-west-3c")
    name = next(iter(groups(cloud).values())).raw["AutoScalingGroupName"]
    tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": DRAINED_TAG, "Value": "hello"}
    cloud.client("autoscaling").create_or_update_tags(Tags=[tag | {"PropagateAtLaunch": False}])
    with pytest.raises(EsawsError, match=r"its tag esaws:drained-zone is damaged \(hello\)"):
        plan_drain_zone(cloud, ZONE)


def points(*values: float) -> Points:
    """Counts of each minute, of which the second is the first whole one."""
    return Points(tuple(NOON + timedelta(minutes=minute) for minute in range(len(values))), values, 60)


@pytest.mark.parametrize(
    ("counted", "ok", "found"),
    [
        ({("alb", "RequestCount"): points(5, 6)}, True, "11 requests, 0 failed"),
        ({("alb", "RequestCount"): points()}, True, "0 requests, 0 failed"),
        (
            {("alb", "RequestCount"): points(9, 9), ("alb", "HTTPCode_ELB_5XX_Count"): points(0, 2)},
            False,
            "2 of 18 requests failed: 2 HTTPCode_ELB_5XX_Count of alb",
        ),
        (
            {("alb", "RequestCount"): points(9, 9), ("alb", "HTTPCode_ELB_5XX_Count"): points(2)},
            None,
            "2 failed in the minute in which it began, before it or after that: 2 HTTPCode_ELB_5XX_Count of alb",
        ),
    ],
)
def test_requests_are_judged_by_their_counts(counted: Any, ok: bool | None, found: str) -> None:
    check = failed_requests._judge("no request failed", "look", NOON + timedelta(seconds=30), counted)
    assert (check.ok, check.found) == (ok, found)


def test_requests_that_nothing_counts_are_unknown(cloud: Cloud) -> None:
    check = failed_requests.check_requests(cloud, simulation.now(cloud))
    assert check.ok is None and "no load balancer" in check.found
