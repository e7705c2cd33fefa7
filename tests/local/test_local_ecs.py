"""ECS on the clock: agents, tasks, services and their deployments, capacity providers."""

import json
import random
import re
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import Account, Program
from tests.local.ecs_site import Site
from tests.local.timing import control


@pytest.fixture
def site(account: Any) -> Site:
    return Site(account)


@pytest.fixture
def balanced(account: Any) -> Site:
    """Its load balancer forwards to `tg`, which lets connections end for half a minute."""
    site = Site(account, balanced=True)
    attributes = [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
    site.elbv2.modify_target_group_attributes(TargetGroupArn=site.target_group, Attributes=attributes)
    return site


def test_agents_come_a_minute_after_their_instance(account: Any) -> None:
    site = Site(account)
    assert [host["agentConnected"] for host in site.hosts()] == [True, True]
    launched = {i["InstanceId"]: i["LaunchTime"] for r in instances(site) for i in r["Instances"]}
    waited = [host["registeredAt"] - launched[host["ec2InstanceId"]] for host in site.hosts()]
    assert [118 <= each.total_seconds() <= 130 for each in waited] == [True, True]


def instances(site: Site) -> Any:
    return site.ec2.describe_instances()["Reservations"]


# --- tasks


def test_a_task_is_pending_then_running_then_stopping_then_stopped(site: Site) -> None:
    begun = site.ecs.run_task(cluster="c", taskDefinition="f")["tasks"][0]
    assert (begun["lastStatus"], begun["desiredStatus"]) == ("PENDING", "RUNNING")
    (running,) = site.described([begun["taskArn"]])
    assert (running["lastStatus"], running["containers"][0]["lastStatus"]) == ("RUNNING", "RUNNING")
    assert 10 <= (running["startedAt"] - running["createdAt"]).total_seconds() <= 20
    stopping = site.ecs.stop_task(cluster="c", task=begun["taskArn"], reason="enough")["task"]
    assert (stopping["lastStatus"], stopping["desiredStatus"]) == ("STOPPING", "STOPPED")
    (stopped,) = site.described([begun["taskArn"]])
    assert (stopped["lastStatus"], stopped["stopCode"], stopped["stoppedReason"]) == (
        "STOPPED",
        "UserInitiated",
        "enough",
    )
    assert stopped["containers"][0]["exitCode"] == 0
    assert 5 <= (stopped["stoppedAt"] - stopped["stoppingAt"]).total_seconds() <= 30


def test_a_stopped_task_is_known_for_an_hour(site: Site) -> None:
    arn = site.ecs.run_task(cluster="c", taskDefinition="f")["tasks"][0]["taskArn"]
    site.ecs.stop_task(cluster="c", task=arn)
    site.ecs.get_waiter("tasks_stopped").wait(cluster="c", tasks=[arn])
    site.advance("50m")
    assert site.ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"] == [arn]
    site.advance("20m")
    assert site.ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"] == []
    assert site.ecs.describe_tasks(cluster="c", tasks=[arn])["failures"] == [{"arn": arn, "reason": "MISSING"}]


def test_a_task_ends_with_its_essential_container(site: Site) -> None:
    site.define(ESAWS_EXIT_AFTER="90s", ESAWS_EXIT_CODE="3")
    arn = site.ecs.run_task(cluster="c", taskDefinition="f")["tasks"][0]["taskArn"]
    site.ecs.get_waiter("tasks_running").wait(cluster="c", tasks=[arn])
    site.advance("100s")
    (task,) = site.described([arn])
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "EssentialContainerExited")
    assert task["stoppedReason"] == "Essential container in task exited"
    assert task["containers"][0]["exitCode"] == 3


def test_an_override_of_the_environment_counts(site: Site) -> None:
    override = {"name": "c", "environment": [{"name": "ESAWS_EXIT_AFTER", "value": "60s"}]}
    arn = site.ecs.run_task(cluster="c", taskDefinition="f", overrides={"containerOverrides": [override]})["tasks"][0][
        "taskArn"
    ]
    site.advance("2m")
    assert site.described([arn])[0]["stopCode"] == "EssentialContainerExited"


def test_an_image_that_is_not_in_the_registry_starts_nothing(site: Site) -> None:
    registry = f"{site.account.id}.dkr.ecr.{site.account.region}.amazonaws.com"
    ecr = site.account.client("ecr")
    ecr.create_repository(repositoryName="web")
    site.define(image=f"{registry}/web:latest")
    arn = site.ecs.run_task(cluster="c", taskDefinition="f")["tasks"][0]["taskArn"]
    (failed,) = site.described([arn])
    assert (failed["lastStatus"], failed["stopCode"]) == ("STOPPED", "TaskFailedToStart")
    assert failed["stoppedReason"].startswith("CannotPullContainerError") and "startedAt" not in failed
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
    ecr.put_image(repositoryName="web", imageManifest=json.dumps(manifest), imageTag="latest")
    arn = site.ecs.run_task(cluster="c", taskDefinition="f")["tasks"][0]["taskArn"]
    assert site.described([arn])[0]["lastStatus"] == "RUNNING"


def test_a_task_holds_its_resources_until_it_has_stopped(site: Site) -> None:
    arns = [task["taskArn"] for task in site.ecs.run_task(cluster="c", taskDefinition="f", count=2)["tasks"]]
    assert len(arns) == 2
    site.ecs.stop_task(cluster="c", task=arns[0])
    refused = site.ecs.run_task(cluster="c", taskDefinition="f")
    assert [failure["reason"] for failure in refused["failures"]] == ["RESOURCE:PORTS"] * 2
    site.described(arns)
    assert len(site.ecs.run_task(cluster="c", taskDefinition="f")["tasks"]) == 1


def test_start_task_goes_where_it_is_told(site: Site) -> None:
    host = site.hosts()[1]["containerInstanceArn"]
    started = site.ecs.start_task(cluster="c", taskDefinition="f", containerInstances=[host, "nowhere"])
    assert [task["containerInstanceArn"] for task in started["tasks"]] == [host]
    assert [failure["reason"] for failure in started["failures"]] == ["MISSING"]


@pytest.mark.parametrize(("lost", "reason"), [("stop_instances", "stopped."), ("terminate_instances", "terminated.")])
def test_tasks_stop_with_their_instance(site: Site, lost: str, reason: str) -> None:
    arn = site.ecs.run_task(cluster="c", taskDefinition="f")["tasks"][0]["taskArn"]
    (task,) = site.described([arn])
    getattr(site.ec2, lost)(InstanceIds=[site.instance_of(task)])
    site.advance("3m")
    (task,) = site.described([arn])
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "TerminationNotice")
    assert task["stoppedReason"].startswith("Host EC2 (instance i-") and task["stoppedReason"].endswith(reason)


# --- services


def test_a_service_starts_its_tasks_evenly_over_the_zones(account: Any) -> None:
    site = Site(account, hosts=4)
    site.serve(4)
    assert site.counts() == (4, 0, 4)
    assert site.service()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    site.wait_until_stable()
    assert site.counts() == (4, 4, 0) and site.spread() == [2, 2]
    assert site.service()["deployments"][0]["rolloutState"] == "COMPLETED"
    newest = [message.partition(") ")[2].split(":")[0] for message in site.messages()]
    assert newest[0] == "has reached a steady state." and newest[-1] == "has started 4 tasks"
    assert site.story().count("task placed in eu-west-3a") == site.story().count("task placed in eu-west-3b") == 2


def test_what_is_described_moves_no_clock_unless_a_waiter_asks(site: Site) -> None:
    site.serve(2)
    assert [site.counts() for _ in range(3)] == [(2, 0, 2)] * 3
    site.wait_until_stable()
    assert site.counts() == (2, 2, 0)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"memory": 4000}, "has insufficient memory available."),
        ({"port": 22}, "is already using a port required by your task."),
    ],
    ids=str,
)
def test_an_event_says_why_a_task_is_not_placed(site: Site, wanted: dict[str, int], words: str) -> None:
    site.define(**wanted)
    site.serve(1)
    (message,) = site.messages()
    assert message.startswith(
        "(service s) was unable to place a task because no container instance met all of its requirements. "
        "The closest matching (container-instance "
    )
    assert words in message
    site.advance("1h")
    assert site.said("was unable to place a task") == 1


def test_a_service_waits_for_an_instance(account: Any) -> None:
    site = Site(account, hosts=0)
    site.serve(1)
    assert "Reason: No Container Instances were found in your cluster." in site.messages()[0]
    site.autoscaling.set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=1)
    site.advance("5m")
    assert site.counts() == (1, 1, 0)


def test_a_task_that_ends_is_replaced(site: Site) -> None:
    site.serve(2)
    site.wait_until_stable()
    first = {task["taskArn"] for task in site.tasks()}
    site.ecs.stop_task(cluster="c", task=min(first))
    assert site.counts()[1] == 1
    site.wait_until_stable()
    left = {task["taskArn"] for task in site.tasks()}
    assert len(left) == 2 and len(left & first) == 1


def test_tasks_of_a_lost_instance_are_replaced_once_there_is_another(site: Site) -> None:
    site.serve(2)
    site.wait_until_stable()
    site.ec2.terminate_instances(InstanceIds=[site.instance_of(site.tasks()[0])])
    site.advance("10m")
    assert site.counts() == (2, 2, 0) and site.spread() == [1, 1]


def test_scaling_in_takes_from_the_fullest_zone(account: Any) -> None:
    site = Site(account, hosts=3)
    site.serve(3)
    site.wait_until_stable()
    site.update(desiredCount=2)
    site.wait_until_stable()
    assert site.counts() == (2, 2, 0) and site.spread() == [1, 1]
    assert site.said("has stopped 1 running tasks: (task ") == 1


def test_a_task_that_never_starts_is_tried_less_and_less_often(site: Site) -> None:
    site.define(ESAWS_EXIT_AFTER="0s")
    site.serve(1)
    site.advance("1h")
    assert site.said("is unable to consistently start tasks successfully.") == 1
    first = site.said("has started 1 tasks")
    assert 5 <= first <= 20
    site.advance("1h")
    assert 1 <= site.said("has started 1 tasks") - first <= 4


def test_a_daemon_runs_once_on_each_instance(account: Any) -> None:
    site = Site(account, hosts=2)
    site.serve(schedulingStrategy="DAEMON", healthy=0)
    site.wait_until_stable()
    assert site.counts() == (2, 2, 0)
    site.autoscaling.set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=3)
    site.advance("5m")
    assert site.counts() == (3, 3, 0)


def test_distinct_instances_take_one_task_each(site: Site) -> None:
    site.define(port=0)
    site.serve(3, placementConstraints=[{"type": "distinctInstance"}])
    site.advance("1m")
    assert site.counts() == (3, 2, 0)
    assert site.said("was unable to place a task") == 1


def test_binpack_fills_one_instance_first(site: Site) -> None:
    site.define(port=0)
    site.serve(2, placementStrategy=[{"type": "binpack", "field": "memory"}])
    site.wait_until_stable()
    assert site.spread() == [2]


def test_tasks_leave_a_draining_instance(account: Any) -> None:
    site = Site(account, hosts=3)
    site.serve(2, healthy=100)
    site.wait_until_stable()
    left = site.tasks()[0]["containerInstanceArn"]
    site.ecs.update_container_instances_state(cluster="c", containerInstances=[left], status="DRAINING")
    site.advance("2m")
    assert site.counts() == (2, 2, 0)
    assert left not in {task["containerInstanceArn"] for task in site.tasks()}


# --- target groups


def test_tasks_are_targets_while_they_run(balanced: Site) -> None:
    balanced.serve(2)
    balanced.advance("20s")
    assert balanced.counts()[1] == 2
    assert balanced.service()["deployments"][0]["rolloutState"] == "IN_PROGRESS", "its targets are not healthy yet"
    balanced.wait_until_stable()
    assert balanced.health() == ["healthy", "healthy"]
    assert balanced.said("registered 1 targets in (target-group ") == 2
    balanced.update(desiredCount=1)
    assert balanced.health() == ["draining", "healthy"]
    (stopping,) = balanced.ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"]
    assert balanced.said("has begun draining connections on 1 tasks.") == 1
    (stopped,) = balanced.described([stopping])
    assert 38 <= (stopped["stoppedAt"] - stopped["stoppingAt"]).total_seconds() <= 42, "it drains for 30 s first"
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert balanced.health() == ["healthy"]


def test_an_unhealthy_task_is_replaced(balanced: Site) -> None:
    balanced.define(ESAWS_STATUS="500")
    balanced.serve(1, healthCheckGracePeriodSeconds=120)
    balanced.advance("150s")
    first = balanced.tasks()[0]["taskArn"]
    balanced.advance("5m")
    assert balanced.said("is unhealthy in (target-group ") >= 1
    assert first not in {task["taskArn"] for task in balanced.tasks()}
    (stopped,) = balanced.described([first])
    assert stopped["stoppedReason"].startswith("Task failed ELB health checks in (target-group ")


# --- deployments


def test_a_deployment_replaces_the_tasks_and_keeps_the_minimum(balanced: Site) -> None:
    balanced.serve(2, healthy=50)
    balanced.wait_until_stable()
    balanced.define(ALB_PREFIX="")
    balanced.update(taskDefinition="f")
    assert [each["status"] for each in balanced.service()["deployments"]] == ["PRIMARY", "ACTIVE"]
    fewest = 2
    for _ in range(60):
        balanced.advance("10s")
        fewest = min(fewest, balanced.health().count("healthy"))
    assert fewest == 1, "static host ports: one goes before one comes"
    (deployment,) = balanced.service()["deployments"]
    assert (deployment["rolloutState"], deployment["taskDefinition"].split("/")[-1]) == ("COMPLETED", "f:2")
    assert {task["taskDefinitionArn"].split("/")[-1] for task in balanced.tasks()} == {"f:2"}
    assert balanced.said("deployment completed.") == 2 and balanced.said("has reached a steady state.") == 2


def test_a_deployment_of_free_ports_starts_before_it_stops(site: Site) -> None:
    site.define(port=0)
    site.serve(2, healthy=100)
    site.wait_until_stable()
    site.update(forceNewDeployment=True)
    assert site.counts() == (2, 2, 2)
    running = []
    for _ in range(10):
        site.advance("5s")
        running.append(site.counts()[1])
    assert min(running) == 2
    assert len(site.service()["deployments"]) == 1


def test_no_room_and_no_task_to_spare_is_told(site: Site) -> None:
    site.serve(2, healthy=100)
    site.wait_until_stable()
    site.define(ALB_PREFIX="/new")
    site.update(taskDefinition="f")
    site.advance("10m")
    assert len(site.service()["deployments"]) == 2 and site.counts()[1] == 2
    assert "is already using a port required by your task" in site.messages()[0]


def test_nothing_is_stopped_for_a_task_that_fits_nowhere(site: Site) -> None:
    site.serve(2, healthy=0)
    site.wait_until_stable()
    site.define(memory=4000)
    site.update(taskDefinition="f")
    site.advance("10m")
    assert site.counts() == (2, 2, 0)
    assert "has insufficient memory available" in site.messages()[0]


@pytest.mark.parametrize("rollback", [False, True])
def test_the_circuit_breaker_ends_a_deployment(site: Site, rollback: bool) -> None:
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": rollback}}
    site.define(port=0)
    site.serve(1, breaker=breaker)
    site.wait_until_stable()
    site.define(port=0, ESAWS_EXIT_AFTER="0s")
    site.update(taskDefinition="f")
    site.advance("10m")
    assert site.said("deployment failed: tasks failed to start.") == 1
    assert site.counts()[1] == 1
    service = site.service()
    revision = service["taskDefinition"].split(":")[-1]
    states = [each["rolloutState"] for each in service["deployments"]]
    if rollback:
        assert (revision, states) == ("2", ["COMPLETED"])
        assert site.said("rolling back to (deployment ecs-svc/") == 1
    else:
        assert (revision, states) == ("3", ["FAILED", "COMPLETED"])


def test_failing_health_checks_break_a_deployment_too(balanced: Site) -> None:
    balanced.define(port=0)
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    balanced.serve(1, breaker=breaker)
    balanced.wait_until_stable()
    balanced.define(port=0, ESAWS_STATUS="500")
    balanced.update(taskDefinition="f")
    balanced.advance("40m")
    assert balanced.said("deployment failed") == 1
    assert balanced.service()["taskDefinition"].endswith(":2") and balanced.health() == ["healthy"]


def test_a_deleted_service_drains_first(balanced: Site) -> None:
    balanced.serve(2)
    balanced.wait_until_stable()
    with pytest.raises(ClientError, match="scaled above 0"):
        balanced.ecs.delete_service(cluster="c", service="s")
    deleted = balanced.ecs.delete_service(cluster="c", service="s", force=True)["service"]
    assert (deleted["status"], deleted["desiredCount"]) == ("DRAINING", 0)
    assert balanced.ecs.list_services(cluster="c")["serviceArns"] == []
    assert balanced.health() == ["draining", "draining"]
    with pytest.raises(ClientError, match="still Draining"):
        balanced.serve(1)
    balanced.ecs.get_waiter("services_inactive").wait(cluster="c", services=["s"])
    assert balanced.service()["status"] == "INACTIVE" and balanced.health() == []
    balanced.serve(1)
    assert balanced.service()["status"] == "ACTIVE"


# --- capacity providers


def with_provider(account: Any, *, protects: bool = False, hosts: int = 1) -> Site:
    site = Site(account, hosts=hosts, most=3, NewInstancesProtectedFromScaleIn=protects)
    group = site.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["AutoScalingGroupARN"]
    provider = {
        "autoScalingGroupArn": group,
        "managedScaling": {"status": "ENABLED", "targetCapacity": 100},
        "managedTerminationProtection": "ENABLED" if protects else "DISABLED",
    }
    site.ecs.create_capacity_provider(name="p", autoScalingGroupProvider=provider)
    site.ecs.put_cluster_capacity_providers(
        cluster="c", capacityProviders=["p"], defaultCapacityProviderStrategy=[{"capacityProvider": "p", "weight": 1}]
    )
    return site


def capacity(site: Site) -> int:
    return int(site.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["DesiredCapacity"])


@pytest.mark.parametrize("protects", [False, True])
def test_managed_scaling_follows_the_tasks(account: Any, protects: bool) -> None:
    site = with_provider(account, protects=protects)
    site.serve(3)
    site.advance("10m")
    assert capacity(site) == 3 and site.counts() == (3, 3, 0)
    site.update(desiredCount=1)
    site.advance("10m")
    assert capacity(site) == 3, "a quarter of an hour of low reservation has to pass"
    site.advance("20m")
    assert capacity(site) == 1 and site.counts() == (1, 1, 0)
    assert "desired capacity 1 → 3" in site.story("g")
    assert "desired capacity 3 → 1" in site.story("g")


def test_instances_with_tasks_are_protected(account: Any) -> None:
    site = with_provider(account, protects=True, hosts=2)
    site.serve(1)
    site.advance("2m")
    shown = site.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["Instances"]
    used = site.instance_of(site.tasks()[0])
    assert {i["InstanceId"]: i["ProtectedFromScaleIn"] for i in shown}[used] is True
    assert sum(i["ProtectedFromScaleIn"] for i in shown) == 1


# --- what always holds


def test_it_makes_no_difference_how_time_passes(new_account: Any) -> None:
    def story(by: str, times: int) -> list[Any]:
        site = Site(new_account(), balanced=True)
        site.serve(2)
        site.advance("5m")
        site.update(forceNewDeployment=True)
        for _ in range(times):
            site.advance(by)
        return [re.sub(r"\([^)]*\)", "", message) for message in site.messages()]

    assert story("60m", 1) == story("2m", 30)


def test_thirty_quiet_days_cost_nothing(program: Program) -> None:
    site = Site(Account(program.json("start")["url"], "200000000000"), balanced=True)
    site.serve(2)
    site.wait_until_stable()
    told, began = len(site.messages()), time.monotonic()
    site.advance("30d")
    assert time.monotonic() - began < 5
    assert site.counts() == (2, 2, 0) and len(site.messages()) == told


def check(site: Site) -> None:
    """Nothing is taken twice, nothing that is not there, and the service has what it wants or says why not."""
    for host in site.hosts():
        left = {each["name"]: each for each in host["remainingResources"]}
        ports = left["PORTS"]["stringSetValue"]
        assert len(ports) == len(set(ports)), "two tasks have one port"
        had = next(each["integerValue"] for each in host["registeredResources"] if each["name"] == "MEMORY")
        running = host["runningTasksCount"] + host["pendingTasksCount"]
        assert 256 * running <= had - left["MEMORY"]["integerValue"] <= had
    desired, running, pending = site.counts()
    under_way = site.ecs.list_tasks(cluster="c", serviceName="s", desiredStatus="STOPPED")["taskArns"]
    told = any("unable to place" in message for message in site.messages()[:20])
    assert running + pending >= desired or under_way or told, site.messages()[:5]


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_happens_nothing_is_taken_twice(account: Any, seed: int) -> None:
    chance, site = random.Random(seed), Site(account, hosts=2, balanced=True)
    site.serve(2)

    def lose(how: str) -> None:
        if hosts := site.hosts():
            getattr(site.ec2, how)(InstanceIds=[chance.choice(sorted(host["ec2InstanceId"] for host in hosts))])

    events = [
        lambda: site.update(desiredCount=chance.randrange(5)),
        lambda: site.update(forceNewDeployment=True),
        lambda: lose("terminate_instances"),
        lambda: lose("stop_instances"),
        lambda: site.autoscaling.set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=chance.randrange(1, 5)),
        lambda: site.update(taskDefinition=site.define(port=chance.choice([0, 8001, 8001]))),
    ]
    for _ in range(25):
        chance.choice(events)()
        check(site)
        site.advance(chance.choice(["1s", "10s", "40s", "2m", "7m"]))
        check(site)
    site.autoscaling.set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=3)
    site.update(desiredCount=2, taskDefinition=site.define(port=8001))
    site.advance("2h")
    assert site.counts() == (2, 2, 0) and len(site.service()["deployments"]) == 1


def test_a_task_that_is_killed_is_replaced(balanced: Site) -> None:
    balanced.serve(2)
    balanced.wait_until_stable()
    killed = balanced.tasks()[0]["taskArn"]
    control(balanced.account, "POST", "fail", what="task", id=killed)
    (task,) = balanced.described([killed])
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)
    balanced.wait_until_stable()
    assert balanced.health().count("healthy") == 2


def test_a_fargate_service_runs_without_instances(account: Any) -> None:
    site = Site(account, hosts=0)
    network = {"awsvpcConfiguration": {"subnets": site.subnets, "securityGroups": [site.security_group]}}
    site.ecs.register_task_definition(
        family="f",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "c", "image": "nginx"}],
    )
    with pytest.raises(ClientError, match="Network Configuration must be provided"):
        site.serve(1, launchType="FARGATE")
    site.serve(1, launchType="FARGATE", networkConfiguration=network)
    site.wait_until_stable()
    assert site.counts() == (1, 1, 0)
    site.ecs.delete_service(cluster="c", service="s", force=True)
    site.ecs.get_waiter("services_inactive").wait(cluster="c", services=["s"])
    site.advance("1m")
    assert site.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
