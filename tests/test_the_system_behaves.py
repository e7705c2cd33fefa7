"""What people do to a running system, and what becomes of it: every test deploys `ha` and lets time pass."""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from esaws import simulation
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy
from esaws.reference.seccom import SERVICES, seccom

DAYS = int(os.environ.get("DAYS", "4"))
"""`DAYS=30 pytest tests/test_the_system_behaves.py` when the passing of time changes."""
ZONES = ["eu-west-3a", "eu-west-3b"]
INTRUSION = "intrusion-management-api"


class System:
    """SecCom in an account of its own, seen with plain clients."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        plan_deploy(seccom("ha"), cloud).apply()
        clients = ("autoscaling", "cloudwatch", "ec2", "ecs", "elbv2")
        self.autoscaling, self.cloudwatch, self.ec2, self.ecs, self.elbv2 = (cloud.client(name) for name in clients)

    @property
    def names(self) -> list[str]:
        return list(SERVICES)

    def pass_time(self, by: str) -> None:
        simulation.advance(self.cloud, by)

    def cluster(self, name: str) -> str:
        return self.cloud.aws_name(f"{name}-cluster")

    def service(self, name: str) -> dict[str, Any]:
        asked = {"cluster": self.cluster(name), "services": [self.cloud.aws_name(name)]}
        return dict(self.ecs.describe_services(**asked)["services"][0])

    def stable(self, *names: str) -> None:
        """Wait as a user does: with boto3's waiter."""
        for name in names or self.names:
            asked = {"cluster": self.cluster(name), "services": [self.cloud.aws_name(name)]}
            self.ecs.get_waiter("services_stable").wait(**asked, WaiterConfig={"Delay": 1, "MaxAttempts": 20})

    def running(self, name: str) -> list[dict[str, Any]]:
        cluster = self.cluster(name)
        arns = self.ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"]
        tasks = self.ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
        return [task for task in tasks if task["lastStatus"] == "RUNNING"]

    def zones_of_tasks(self, name: str) -> list[str]:
        return sorted(task["availabilityZone"] for task in self.running(name))

    def instances(self, name: str) -> list[dict[str, Any]]:
        """The instances of a service's cluster that serve."""
        group = [self.cloud.aws_name(f"{name}-asg")]
        found = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=group)["AutoScalingGroups"][0]
        return [each for each in found["Instances"] if each["LifecycleState"] == "InService"]

    def target_groups(self) -> dict[str, str]:
        """Service → the ARN of its target group."""
        found = self.elbv2.describe_target_groups()["TargetGroups"]
        by_name = {group["TargetGroupName"]: group["TargetGroupArn"] for group in found}
        return {s.name: by_name[self.cloud.aws_name(s.target_group)] for s in SERVICES.values() if s.target_group}

    def health(self, name: str) -> list[tuple[str, str]]:
        """(state, reason) of each target of a service."""
        described = self.elbv2.describe_target_health(TargetGroupArn=self.target_groups()[name])
        healths = [each["TargetHealth"] for each in described["TargetHealthDescriptions"]]
        return sorted((health["State"], health.get("Reason", "")) for health in healths)

    def healthy(self, name: str) -> int:
        return [state for state, _ in self.health(name)].count("healthy")

    def whole(self, *names: str) -> bool:
        """Whether services run two tasks, one a zone, and those behind the load balancer have two healthy targets."""
        behind = self.target_groups()
        return all(
            self.zones_of_tasks(name) == ZONES and (name not in behind or self.healthy(name) == 2)
            for name in names or self.names
        )

    def events(self, name: str) -> str:
        return " | ".join(event["message"] for event in self.service(name)["events"])


@pytest.fixture
def system(new_cloud: Callable[[], Cloud]) -> System:
    return System(new_cloud())


def test_a_deployment_is_whole_within_the_minutes_that_aws_takes(system: System) -> None:
    began = simulation.now(system.cloud)
    system.stable()
    took = simulation.now(system.cloud) - began
    assert took.total_seconds() < 15 * 60
    assert system.whole()
    assert all(system.service(name)["runningCount"] == 2 for name in system.names)


def test_stopped_instances_are_replaced_with_their_tasks_and_targets(system: System) -> None:
    system.stable()
    before = {each["InstanceId"] for each in system.instances(INTRUSION)}
    stopped = min(before)
    system.ec2.stop_instances(InstanceIds=[stopped])
    system.pass_time("1h")
    after = {each["InstanceId"] for each in system.instances(INTRUSION)}
    assert len(after) == 2 and stopped not in after
    assert system.whole(INTRUSION)
    happened = " ".join(simulation.events(system.cloud)["what"])
    for part in ("instance stopped", "instance launched", "task placed", "target healthy"):
        assert part in happened


def test_what_is_stopped_on_a_friday_runs_again_within_the_hour(system: System) -> None:
    system.stable()
    everything = [each["InstanceId"] for name in system.names for each in system.instances(name)]
    assert len(everything) == 12
    system.ec2.stop_instances(InstanceIds=everything)
    system.pass_time("1h")
    running = [each["InstanceId"] for name in system.names for each in system.instances(name)]
    assert len(running) == 12 and not {*running} & {*everything}
    assert system.whole()


def test_a_group_without_capacity_stays_empty(system: System) -> None:
    system.stable()
    group = system.cloud.aws_name(f"{INTRUSION}-asg")
    system.autoscaling.update_auto_scaling_group(AutoScalingGroupName=group, MinSize=0, DesiredCapacity=0)
    system.pass_time("2d")
    assert system.instances(INTRUSION) == [] and system.running(INTRUSION) == []
    assert system.service(INTRUSION)["desiredCount"] == 2
    assert "No Container Instances were found in your cluster" in system.events(INTRUSION)


def _rule(system: System) -> dict[str, Any]:
    groups = {group["GroupName"]: group["GroupId"] for group in system.ec2.describe_security_groups()["SecurityGroups"]}
    pair = {"GroupId": groups[system.cloud.aws_name("ALB-sg")]}
    permission = {"IpProtocol": "tcp", "FromPort": 8001, "ToPort": 8001, "UserIdGroupPairs": [pair]}
    return {"GroupId": groups[system.cloud.aws_name("IntrusionManagementAPI-sg")], "IpPermissions": [permission]}


def test_targets_fail_behind_a_closed_group_and_come_back(system: System) -> None:
    system.stable()
    system.ec2.revoke_security_group_ingress(**_rule(system))
    system.pass_time("3m")
    assert ("unhealthy", "Target.Timeout") in system.health(INTRUSION)
    assert system.healthy(INTRUSION) == 0
    system.pass_time("1h")
    assert ("unhealthy", "Target.Timeout") in system.health(INTRUSION)
    assert "unhealthy in (target-group" in system.events(INTRUSION)
    system.ec2.authorize_security_group_ingress(**_rule(system))
    system.pass_time("30m")
    assert system.whole(INTRUSION)


def test_targets_fail_on_a_wrong_health_path_and_come_back(system: System) -> None:
    system.stable()
    group = system.target_groups()[INTRUSION]
    system.elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPath="/nowhere/")
    system.pass_time("5m")
    assert ("unhealthy", "Target.ResponseCodeMismatch") in system.health(INTRUSION)
    system.elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPath=f"/{INTRUSION}/")
    system.pass_time("30m")
    assert system.whole(INTRUSION)


def test_a_service_goes_on_in_the_other_zone(system: System) -> None:
    system.stable()
    simulation.fail(system.cloud, zone="eu-west-3a")
    system.pass_time("15m")
    assert system.healthy(INTRUSION) >= 1
    assert set(system.zones_of_tasks(INTRUSION)) == {"eu-west-3b"}
    simulation.mend(system.cloud, zone="eu-west-3a")
    system.pass_time("2h")
    assert len(system.running(INTRUSION)) == 2 and system.healthy(INTRUSION) == 2


def _new_revision(system: System, name: str, **changes: Any) -> str:
    """A task definition like the one that runs, with another container; gives its ARN."""
    current = system.service(name)["taskDefinition"]
    definition = system.ecs.describe_task_definition(taskDefinition=current)["taskDefinition"]
    container = {**definition["containerDefinitions"][0], **changes}
    kept = {key: definition[key] for key in ("family", "networkMode", "requiresCompatibilities") if key in definition}
    made = system.ecs.register_task_definition(**kept, containerDefinitions=[container])
    return str(made["taskDefinition"]["taskDefinitionArn"])


def test_a_task_that_fits_nowhere_is_never_placed_and_an_event_says_why(system: System) -> None:
    system.stable()
    name = system.cloud.aws_name(INTRUSION)
    big = _new_revision(system, INTRUSION, memory=2048)
    system.ecs.update_service(cluster=system.cluster(INTRUSION), service=name, taskDefinition=big)
    system.pass_time("6h")
    assert not [task for task in system.running(INTRUSION) if task["taskDefinitionArn"] == big]
    assert "has insufficient memory available" in system.events(INTRUSION)
    assert system.healthy(INTRUSION) >= 1


def test_a_failing_image_is_rolled_back_and_never_takes_the_service_down(system: System) -> None:
    system.stable()
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
        system.pass_time("1m")
        assert system.healthy(INTRUSION) >= 1
    service = system.service(INTRUSION)
    assert service["taskDefinition"] == good
    assert [deployment["rolloutState"] for deployment in service["deployments"]] == ["COMPLETED"]
    assert system.whole(INTRUSION)
    assert "rolling back" in system.events(INTRUSION)


def test_a_good_image_is_rolled_out(system: System) -> None:
    system.stable()
    new = _new_revision(system, INTRUSION, memory=300)
    name = system.cloud.aws_name(INTRUSION)
    system.ecs.update_service(cluster=system.cluster(INTRUSION), service=name, taskDefinition=new)
    for _ in range(60):
        system.pass_time("1m")
        assert system.healthy(INTRUSION) >= 1
    assert Counter(task["taskDefinitionArn"] for task in system.running(INTRUSION)) == {new: 2}
    assert system.whole(INTRUSION)


def test_a_spike_drives_a_service_from_two_tasks_to_four_and_back(system: System) -> None:
    system.stable()
    spike = {"shape": "spike", "path": f"/{INTRUSION}/", "requests_per_second": 20, "peak": 6, "minutes": 30}
    simulation.traffic(system.cloud, **spike)
    counts, instances = [], []
    for _ in range(40):
        system.pass_time("3m")
        counts.append(system.service(INTRUSION)["runningCount"])
        instances.append(len(system.instances(INTRUSION)))
    assert (counts[0], max(counts), counts[-1]) == (2, 4, 2)
    assert max(instances) == 4


def test_the_same_days_pass_in_one_jump_and_in_many(new_cloud: Callable[[], Cloud]) -> None:
    def days_in(jumps: int) -> dict[str, Any]:
        system = System(new_cloud())
        system.stable()
        daily = {"shape": "daily", "path": f"/{INTRUSION}/", "requests_per_second": 60}
        simulation.traffic(system.cloud, **daily)
        for _ in range(jumps):
            system.pass_time(f"{24 * DAYS // jumps}h")
        return {
            name: (system.service(name)["desiredCount"], system.zones_of_tasks(name), len(system.instances(name)))
            for name in system.names
        }

    assert days_in(1) == days_in(24 * DAYS)
