"""Instances are replaced without a failed request, one after another, and after any interruption."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.errors import NotDeployed, UsageError
from esaws.operations.replace_instance import instances, list_members, plan_replace_instance, verify_replaced_instance
from esaws.reference.seccom import seccom
from tests.operations.killing import KilledError, changing_calls, killed_after

SERVICES = ("client-web-ui",)
CALLS = {
    "ha": ["CreateTags", "DetachInstances", "UpdateContainerInstancesState", "TerminateInstances"],
    "budget": [
        "CreateTags",
        "DetachInstances",
        "UpdateContainerInstancesState",
        "RunTask",
        "RegisterTargets",
        "DeregisterTargets",
        "StopTask",
        "TerminateInstances",
    ],
}


in_budget = pytest.mark.parametrize("system", ["budget"], indirect=True)


@pytest.fixture(scope="module", params=["budget", pytest.param("ha", marks=pytest.mark.runbooks)])
def system(
    request: pytest.FixtureRequest, load_system: Callable[[str], Cloud], new_cloud: Callable[..., Cloud]
) -> tuple[str, Cloud]:
    """(profile, cloud) of one service behind the load balancer, under traffic."""
    if request.param == "budget":
        cloud = load_system("one-task")
    else:
        cloud = new_cloud()
        plan_deploy(seccom(request.param, services=SERVICES), cloud).apply()
    simulation.advance(cloud, "20m")
    simulation.traffic(cloud, requests_per_second=5.0, path="/")
    return request.param, cloud


def first_instance(cloud: Cloud) -> str:
    return str(instances(cloud)["instance"].iloc[0])


def holds(cloud: Cloud, instance: str | None = None) -> bool:
    return all(check.ok for check in verify_replaced_instance(cloud, instance))


def requests(cloud: Cloud, since: datetime) -> dict[str, float]:
    """Metric → its sum over all requests to the load balancer since a time."""
    cloudwatch = cloud.client("cloudwatch")
    (balancer,) = cloud.client("elbv2").describe_load_balancers()["LoadBalancers"]
    sums = {}
    for metric in ("RequestCount", "HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count"):
        statistics: Any = cloudwatch.get_metric_statistics(
            Namespace="AWS/ApplicationELB",
            MetricName=metric,
            Dimensions=[{"Name": "LoadBalancer", "Value": balancer["LoadBalancerArn"].partition("loadbalancer/")[2]}],
            StartTime=since,
            EndTime=simulation.now(cloud),
            Period=60,
            Statistics=["Sum"],
        )
        sums[metric] = sum(point["Sum"] for point in statistics["Datapoints"])
    return sums


def test_an_instance_is_replaced_without_a_failed_request(system: tuple[str, Cloud]) -> None:
    profile, cloud = system
    old, zones, began = first_instance(cloud), instances(cloud)["zone"].tolist(), simulation.now(cloud)
    plan = plan_replace_instance(cloud, old)
    assert old in plan.to_frame()["name"][0] and len(plan.steps) == 3
    assert first_instance(cloud) == old, "a plan changes nothing"
    assert changing_calls(cloud, plan.apply) == CALLS[profile]
    assert holds(cloud, old)
    assert old not in instances(cloud)["instance"].tolist() and instances(cloud)["zone"].tolist() == zones
    assert not plan_replace_instance(cloud, old).steps, "the second run changes nothing"
    seen = requests(cloud, began)
    assert seen["RequestCount"] > 1000
    assert (seen["HTTPCode_ELB_5XX_Count"], seen["HTTPCode_Target_5XX_Count"]) == (0, 0)


@pytest.mark.runbooks
def test_a_replacement_that_is_stopped_after_any_call_is_finished(system: tuple[str, Cloud]) -> None:
    profile, cloud = system
    for number, operation in enumerate(CALLS[profile], start=1):
        old, count = first_instance(cloud), len(instances(cloud))
        with killed_after(cloud, number), pytest.raises(KilledError):
            plan_replace_instance(cloud, old).apply()
        # Also a run that looks for unhealthy instances finishes it.
        plan_replace_instance(cloud, (old, None)[number % 2]).apply()
        assert holds(cloud, old), operation
        assert len(instances(cloud)) == count, operation
    assert not plan_replace_instance(cloud, old).steps


@in_budget
def test_a_healthy_deployment_has_no_unhealthy_instance(system: tuple[str, Cloud]) -> None:
    _, cloud = system
    assert not plan_replace_instance(cloud).steps
    assert holds(cloud)


@in_budget
def test_an_instance_that_stops_answering_is_unhealthy_and_replaced(system: tuple[str, Cloud]) -> None:
    _, cloud = system
    # Auto Scaling would notice the status checks; it can't where its health checks are suspended.
    (group,) = cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    name = group["AutoScalingGroupName"]
    cloud.client("autoscaling").suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["HealthCheck"])
    simulation.advance(cloud, "20m")
    old = first_instance(cloud)
    simulation.fail(cloud, instance=old)
    simulation.advance(cloud, "5m")
    problems = {each.id: each.problems for each in list_members(cloud) if each.problems}
    impaired = [f"its {check} status check is impaired" for check in ("system", "instance")]
    assert problems == {old: (*impaired, "its ECS agent is not connected")}
    assert not holds(cloud)
    plan = plan_replace_instance(cloud)
    assert plan.remarks[0] == f"{old}: {'; '.join(problems[old])}"
    plan.apply()
    assert holds(cloud)
    cloud.client("autoscaling").resume_processes(AutoScalingGroupName=name)


@in_budget
def test_an_id_that_was_never_of_the_deployment_is_refused(system: tuple[str, Cloud]) -> None:
    _, cloud = system
    with pytest.raises(UsageError, match="i-00000000 is not an instance of seccom in eu-west-3; its instances: i-"):
        plan_replace_instance(cloud, "i-00000000")


def test_an_empty_deployment_has_nothing_to_replace(cloud: Cloud) -> None:
    with pytest.raises(NotDeployed, match="has no Auto Scaling group"):
        plan_replace_instance(cloud)


@in_budget
def test_a_teardown_also_deletes_an_instance_that_is_being_replaced(system: tuple[str, Cloud]) -> None:
    _, cloud = system
    with killed_after(cloud, CALLS["budget"].index("DetachInstances") + 1), pytest.raises(KilledError):
        plan_replace_instance(cloud, first_instance(cloud)).apply()
    plan_teardown(cloud).apply()
    assert leftovers(cloud) == []
