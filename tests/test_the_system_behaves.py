"""A running system over time: after failures, changes and load. Each test loads a deployed system.

Most tests use a system of two services. `SOAK=1` runs the comparison of jumps with the whole `ha` for 30 days.
"""

import os
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.reference.seccom import SERVICES

SOAK = os.environ.get("SOAK") == "1"
DAYS = 30 if SOAK else 1
ZONES = ["eu-west-3a", "eu-west-3b"]
INTRUSION = "intrusion-management-api"


class System:
    """A deployed SecCom, with plain boto3 clients."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        clients = ("autoscaling", "cloudwatch", "ec2", "ecs", "elbv2")
        self.autoscaling, self.cloudwatch, self.ec2, self.ecs, self.elbv2 = (cloud.client(name) for name in clients)

    @cached_property
    def names(self) -> list[str]:
        """The services of the deployed system."""
        deployed = {name.rsplit("/", 1)[1] for name in self.ecs.list_clusters()["clusterArns"]}
        return [name for name in SERVICES if self.cloud.aws_name(f"{name}-cluster") in deployed]

    def advance(self, duration: str) -> None:
        simulation.advance(self.cloud, duration)

    def cluster(self, name: str) -> str:
        return self.cloud.aws_name(f"{name}-cluster")

    def service(self, name: str) -> dict[str, Any]:
        selection = {"cluster": self.cluster(name), "services": [self.cloud.aws_name(name)]}
        return dict(self.ecs.describe_services(**selection)["services"][0])

    def wait_until_stable(self, *names: str) -> None:
        """Wait with boto3's waiter, as a user does."""
        for name in names or self.names:
            selection = {"cluster": self.cluster(name), "services": [self.cloud.aws_name(name)]}
            self.ecs.get_waiter("services_stable").wait(**selection, WaiterConfig={"Delay": 1, "MaxAttempts": 20})

    def running_tasks(self, name: str) -> list[dict[str, Any]]:
        cluster = self.cluster(name)
        arns = self.ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"]
        tasks = self.ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
        return [task for task in tasks if task["lastStatus"] == "RUNNING"]

    def zones_of_tasks(self, name: str) -> list[str]:
        return sorted(task["availabilityZone"] for task in self.running_tasks(name))

    def instances(self, name: str) -> list[dict[str, Any]]:
        """Return the instances in service of a service's cluster."""
        names = [self.cloud.aws_name(f"{name}-asg")]
        group = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=names)["AutoScalingGroups"][0]
        return [instance for instance in group["Instances"] if instance["LifecycleState"] == "InService"]

    def instance_ids(self, *names: str) -> set[str]:
        return {instance["InstanceId"] for name in names for instance in self.instances(name)}

    def target_groups(self) -> dict[str, str]:
        """Map each service behind the load balancer to the ARN of its target group."""
        groups = self.elbv2.describe_target_groups()["TargetGroups"]
        arns = {group["TargetGroupName"]: group["TargetGroupArn"] for group in groups}
        targets = {name: SERVICES[name].target_group for name in self.names}
        return {name: arns[self.cloud.aws_name(group)] for name, group in targets.items() if group}

    def health(self, name: str) -> list[tuple[str, str]]:
        """Return (state, reason) of each target of a service."""
        described = self.elbv2.describe_target_health(TargetGroupArn=self.target_groups()[name])
        healths = [description["TargetHealth"] for description in described["TargetHealthDescriptions"]]
        return sorted((health["State"], health.get("Reason", "")) for health in healths)

    def healthy_targets(self, name: str) -> int:
        return [state for state, _ in self.health(name)].count("healthy")

    def is_healthy(self, *names: str) -> bool:
        """Whether services run one task per zone, and those behind the load balancer have two healthy targets."""
        balanced = self.target_groups()
        return all(
            self.zones_of_tasks(name) == ZONES and (name not in balanced or self.healthy_targets(name) == 2)
            for name in names or self.names
        )

    def events(self, name: str) -> str:
        return " | ".join(event["message"] for event in self.service(name)["events"])


Load = Callable[[str], Cloud]


@pytest.fixture
def system(load_system: Load) -> System:
    """Two services behind the load balancer."""
    return System(load_system("two-services"))


@pytest.fixture
def whole_system(load_system: Load) -> System:
    """All six services."""
    return System(load_system("ha"))


def test_a_deployment_is_healthy_within_a_quarter_of_an_hour(whole_system: System) -> None:
    system = whole_system
    started = simulation.now(system.cloud)
    system.wait_until_stable()
    duration = simulation.now(system.cloud) - started
    assert duration.total_seconds() < 15 * 60
    assert system.is_healthy()
    assert all(system.service(name)["runningCount"] == 2 for name in system.names)


def test_stopped_instances_are_replaced_with_their_tasks_and_targets(system: System) -> None:
    system.wait_until_stable()
    before = system.instance_ids(INTRUSION)
    stopped = min(before)
    system.ec2.stop_instances(InstanceIds=[stopped])
    system.advance("1h")
    after = system.instance_ids(INTRUSION)
    assert len(after) == 2 and stopped not in after
    assert system.is_healthy(INTRUSION)
    events = " ".join(simulation.events(system.cloud)["what"])
    for event in ("instance stopped", "instance launched", "task placed", "target healthy"):
        assert event in events


def test_after_stopping_all_instances_everything_runs_again_within_an_hour(system: System) -> None:
    system.wait_until_stable()
    before = system.instance_ids(*system.names)
    assert len(before) == 4
    system.ec2.stop_instances(InstanceIds=[*before])
    system.advance("1h")
    after = system.instance_ids(*system.names)
    assert len(after) == 4 and not after & before
    assert system.is_healthy()


def test_a_group_without_capacity_stays_empty(system: System) -> None:
    system.wait_until_stable()
    group = system.cloud.aws_name(f"{INTRUSION}-asg")
    system.autoscaling.update_auto_scaling_group(AutoScalingGroupName=group, MinSize=0, DesiredCapacity=0)
    system.advance("2d")
    assert system.instances(INTRUSION) == [] and system.running_tasks(INTRUSION) == []
    assert system.service(INTRUSION)["desiredCount"] == 2
    assert "No Container Instances were found in your cluster" in system.events(INTRUSION)


def _rule_from_load_balancer(system: System) -> dict[str, Any]:
    groups = {group["GroupName"]: group["GroupId"] for group in system.ec2.describe_security_groups()["SecurityGroups"]}
    pair = {"GroupId": groups[system.cloud.aws_name("ALB-sg")]}
    permission = {"IpProtocol": "tcp", "FromPort": 8001, "ToPort": 8001, "UserIdGroupPairs": [pair]}
    return {"GroupId": groups[system.cloud.aws_name("IntrusionManagementAPI-sg")], "IpPermissions": [permission]}


def test_targets_are_unhealthy_while_a_group_rule_is_missing(system: System) -> None:
    system.wait_until_stable()
    system.ec2.revoke_security_group_ingress(**_rule_from_load_balancer(system))
    system.advance("3m")
    assert ("unhealthy", "Target.Timeout") in system.health(INTRUSION)
    assert system.healthy_targets(INTRUSION) == 0
    system.advance("1h")
    assert ("unhealthy", "Target.Timeout") in system.health(INTRUSION)
    assert "unhealthy in (target-group" in system.events(INTRUSION)
    system.ec2.authorize_security_group_ingress(**_rule_from_load_balancer(system))
    system.advance("30m")
    assert system.is_healthy(INTRUSION)


def test_targets_are_unhealthy_while_the_health_check_path_is_wrong(system: System) -> None:
    system.wait_until_stable()
    group = system.target_groups()[INTRUSION]
    system.elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPath="/nowhere/")
    system.advance("5m")
    assert ("unhealthy", "Target.ResponseCodeMismatch") in system.health(INTRUSION)
    system.elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPath=f"/{INTRUSION}/")
    system.advance("30m")
    assert system.is_healthy(INTRUSION)


def test_a_service_runs_in_the_other_zone_while_one_fails(system: System) -> None:
    system.wait_until_stable()
    simulation.fail(system.cloud, zone="eu-west-3a")
    system.advance("15m")
    assert system.healthy_targets(INTRUSION) >= 1
    assert set(system.zones_of_tasks(INTRUSION)) == {"eu-west-3b"}
    simulation.mend(system.cloud, zone="eu-west-3a")
    system.advance("2h")
    assert len(system.running_tasks(INTRUSION)) == 2 and system.healthy_targets(INTRUSION) == 2


def _new_revision(system: System, name: str, **changes: Any) -> str:
    """Register the running task definition with changes to its container, and return the ARN."""
    current = system.service(name)["taskDefinition"]
    definition = system.ecs.describe_task_definition(taskDefinition=current)["taskDefinition"]
    container = {**definition["containerDefinitions"][0], **changes}
    settings = {
        key: definition[key] for key in ("family", "networkMode", "requiresCompatibilities") if key in definition
    }
    registered = system.ecs.register_task_definition(**settings, containerDefinitions=[container])
    return str(registered["taskDefinition"]["taskDefinitionArn"])


def test_a_task_without_enough_memory_is_not_placed_and_an_event_says_why(system: System) -> None:
    system.wait_until_stable()
    name = system.cloud.aws_name(INTRUSION)
    big = _new_revision(system, INTRUSION, memory=2048)
    system.ecs.update_service(cluster=system.cluster(INTRUSION), service=name, taskDefinition=big)
    system.advance("6h")
    assert not [task for task in system.running_tasks(INTRUSION) if task["taskDefinitionArn"] == big]
    assert "has insufficient memory available" in system.events(INTRUSION)
    assert system.healthy_targets(INTRUSION) >= 1


def test_a_failing_deployment_is_rolled_back_without_downtime(system: System) -> None:
    system.wait_until_stable()
    name, good = system.cloud.aws_name(INTRUSION), system.service(INTRUSION)["taskDefinition"]
    environment = [{"name": "ESAWS_EXIT_AFTER", "value": "5s"}]
    bad = _new_revision(system, INTRUSION, environment=environment)
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    percents = {"minimumHealthyPercent": 50, "maximumPercent": 200}
    system.ecs.update_service(
        cluster=system.cluster(INTRUSION),
        service=name,
        taskDefinition=bad,
        deploymentConfiguration={**percents, **breaker},
    )
    for _ in range(90):
        system.advance("1m")
        assert system.healthy_targets(INTRUSION) >= 1
    service = system.service(INTRUSION)
    assert service["taskDefinition"] == good
    assert [deployment["rolloutState"] for deployment in service["deployments"]] == ["COMPLETED"]
    assert system.is_healthy(INTRUSION)
    assert "rolling back" in system.events(INTRUSION)


def test_a_deployment_is_rolled_out_without_downtime(system: System) -> None:
    system.wait_until_stable()
    new = _new_revision(system, INTRUSION, memory=300)
    name = system.cloud.aws_name(INTRUSION)
    system.ecs.update_service(cluster=system.cluster(INTRUSION), service=name, taskDefinition=new)
    for _ in range(60):
        system.advance("1m")
        assert system.healthy_targets(INTRUSION) >= 1
    assert Counter(task["taskDefinitionArn"] for task in system.running_tasks(INTRUSION)) == {new: 2}
    assert system.is_healthy(INTRUSION)


def test_a_traffic_spike_scales_a_service_from_two_tasks_to_four_and_back(system: System) -> None:
    system.wait_until_stable()
    spike = {"shape": "spike", "path": f"/{INTRUSION}/", "requests_per_second": 20, "peak": 6, "minutes": 30}
    simulation.traffic(system.cloud, **spike)
    counts, instances = [], []
    for _ in range(40):
        system.advance("3m")
        counts.append(system.service(INTRUSION)["runningCount"])
        instances.append(len(system.instances(INTRUSION)))
    assert (counts[0], max(counts), counts[-1]) == (2, 4, 2)
    assert max(instances) == 4


def test_one_jump_of_the_clock_has_the_same_result_as_many(load_system: Load) -> None:
    def state_after(jumps: int) -> dict[str, Any]:
        system = System(load_system("ha" if SOAK else "two-services"))
        system.wait_until_stable()
        daily = {"shape": "daily", "path": f"/{INTRUSION}/", "requests_per_second": 60}
        simulation.traffic(system.cloud, **daily)
        for _ in range(jumps):
            system.advance(f"{24 * DAYS // jumps}h")
        return {
            name: (system.service(name)["desiredCount"], system.zones_of_tasks(name), len(system.instances(name)))
            for name in system.names
        }

    assert state_after(1) == state_after(24 * DAYS)
