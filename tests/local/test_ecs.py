"""ECS on the clock: agents, tasks, services with their deployments, capacity providers.

`make soak` runs the random test with more seeds and steps, and 30 days without changes.
"""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from local_aws_server.services.ecs.placement import next_capacity_provider
from tests.local.conftest import Account
from tests.local.ecs_site import Site
from tests.local.timing import control, now


@pytest.fixture
def site(account: Account) -> Site:
    return Site(account)


@pytest.fixture
def balanced(account: Account) -> Site:
    """A site whose load balancer forwards to `tg`, with a deregistration delay of 30 seconds."""
    site = Site(account, balanced=True)
    attributes = [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
    site.elbv2.modify_target_group_attributes(TargetGroupArn=site.target_group, Attributes=attributes)
    return site


# First, while the server has no other accounts that take time.
@pytest.mark.parametrize("days", [3, pytest.param(30, marks=pytest.mark.soak)])
def test_days_without_changes_are_fast_and_write_no_events(balanced: Site, days: int) -> None:
    balanced.create_service(2)
    balanced.wait_until_stable()
    messages, started = len(balanced.messages()), time.monotonic()
    balanced.advance(f"{days}d")
    assert time.monotonic() - started < 5
    assert balanced.counts() == (2, 2, 0) and len(balanced.messages()) == messages


def test_an_agent_connects_a_minute_after_its_instance_runs(site: Site) -> None:
    instances = site.container_instances()
    assert [instance["agentConnected"] for instance in instances] == [True, True]
    launched = {
        instance["InstanceId"]: instance["LaunchTime"]
        for reservation in site.ec2.describe_instances()["Reservations"]
        for instance in reservation["Instances"]
    }
    for instance in instances:
        waited = instance["registeredAt"] - launched[instance["ec2InstanceId"]]
        assert 118 <= waited.total_seconds() <= 130


# --- tasks


def test_a_task_is_pending_then_running_then_stopping_then_stopped(site: Site) -> None:
    pending = site.run_task()["tasks"][0]
    assert (pending["lastStatus"], pending["desiredStatus"]) == ("PENDING", "RUNNING")
    (running,) = site.describe_tasks([pending["taskArn"]])
    assert (running["lastStatus"], running["containers"][0]["lastStatus"]) == ("RUNNING", "RUNNING")
    assert 10 <= (running["startedAt"] - running["createdAt"]).total_seconds() <= 20
    stopping = site.ecs.stop_task(cluster="c", task=pending["taskArn"], reason="enough")["task"]
    assert (stopping["lastStatus"], stopping["desiredStatus"]) == ("STOPPING", "STOPPED")
    (stopped,) = site.describe_tasks([pending["taskArn"]])
    assert (stopped["lastStatus"], stopped["stopCode"], stopped["stoppedReason"]) == (
        "STOPPED",
        "UserInitiated",
        "enough",
    )
    assert stopped["containers"][0]["exitCode"] == 0
    assert 5 <= (stopped["stoppedAt"] - stopped["stoppingAt"]).total_seconds() <= 30


def test_a_stopped_task_is_described_for_an_hour(site: Site) -> None:
    arn = site.run_task()["tasks"][0]["taskArn"]
    site.ecs.stop_task(cluster="c", task=arn)
    site.ecs.get_waiter("tasks_stopped").wait(cluster="c", tasks=[arn])
    site.advance("50m")
    assert site.ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"] == [arn]
    site.advance("20m")
    assert site.ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"] == []
    assert site.ecs.describe_tasks(cluster="c", tasks=[arn])["failures"] == [{"arn": arn, "reason": "MISSING"}]


def test_a_task_stops_when_its_essential_container_exits(site: Site) -> None:
    site.register(ESAWS_EXIT_AFTER="90s", ESAWS_EXIT_CODE="3")
    arn = site.run_task()["tasks"][0]["taskArn"]
    site.ecs.get_waiter("tasks_running").wait(cluster="c", tasks=[arn])
    site.advance("100s")
    (task,) = site.describe_tasks([arn])
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "EssentialContainerExited")
    assert task["stoppedReason"] == "Essential container in task exited"
    assert task["containers"][0]["exitCode"] == 3


def test_the_environment_of_an_override_applies(site: Site) -> None:
    override = {"name": "c", "environment": [{"name": "ESAWS_EXIT_AFTER", "value": "60s"}]}
    arn = site.run_task(overrides={"containerOverrides": [override]})["tasks"][0]["taskArn"]
    site.advance("2m")
    assert site.describe_tasks([arn])[0]["stopCode"] == "EssentialContainerExited"


def test_a_task_fails_to_start_without_its_image(site: Site) -> None:
    registry = f"{site.account.id}.dkr.ecr.{site.account.region}.amazonaws.com"
    ecr = site.account.client("ecr")
    ecr.create_repository(repositoryName="web")
    site.register(image=f"{registry}/web:latest")
    arn = site.run_task()["tasks"][0]["taskArn"]
    (failed,) = site.describe_tasks([arn])
    assert (failed["lastStatus"], failed["stopCode"]) == ("STOPPED", "TaskFailedToStart")
    assert failed["stoppedReason"].startswith("CannotPullContainerError") and "startedAt" not in failed
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
    ecr.put_image(repositoryName="web", imageManifest=json.dumps(manifest), imageTag="latest")
    arn = site.run_task()["tasks"][0]["taskArn"]
    assert site.describe_tasks([arn])[0]["lastStatus"] == "RUNNING"


def test_a_task_holds_its_resources_until_it_has_stopped(site: Site) -> None:
    arns = [task["taskArn"] for task in site.run_task(count=2)["tasks"]]
    assert len(arns) == 2
    site.ecs.stop_task(cluster="c", task=arns[0])
    refused = site.run_task()
    assert [failure["reason"] for failure in refused["failures"]] == ["RESOURCE:PORTS"] * 2
    site.describe_tasks(arns)
    assert len(site.run_task()["tasks"]) == 1


def test_start_task_uses_the_given_instance(site: Site) -> None:
    arn = site.container_instances()[1]["containerInstanceArn"]
    started = site.ecs.start_task(cluster="c", taskDefinition="f", containerInstances=[arn, "unknown"])
    assert [task["containerInstanceArn"] for task in started["tasks"]] == [arn]
    assert [failure["reason"] for failure in started["failures"]] == ["MISSING"]


@pytest.mark.parametrize(
    ("operation", "reason"), [("stop_instances", "stopped."), ("terminate_instances", "terminated.")]
)
def test_tasks_stop_with_their_instance(site: Site, operation: str, reason: str) -> None:
    arn = site.run_task()["tasks"][0]["taskArn"]
    (task,) = site.describe_tasks([arn])
    getattr(site.ec2, operation)(InstanceIds=[site.instance_of(task)])
    site.advance("3m")
    (task,) = site.describe_tasks([arn])
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "TerminationNotice")
    assert task["stoppedReason"].startswith("Host EC2 (instance i-") and task["stoppedReason"].endswith(reason)


# --- services


def test_a_service_spreads_its_tasks_over_the_zones(account: Account) -> None:
    site = Site(account, instances=4)
    site.create_service(4)
    assert site.counts() == (4, 0, 4)
    assert site.service()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    site.wait_until_stable()
    assert site.counts() == (4, 4, 0) and site.tasks_per_zone() == [2, 2]
    assert site.service()["deployments"][0]["rolloutState"] == "COMPLETED"
    messages = [message.partition(") ")[2].split(":")[0] for message in site.messages()]
    assert messages[0] == "has reached a steady state." and messages[-1] == "has started 4 tasks"
    log = site.event_log()
    assert log.count("task placed in eu-west-3a") == log.count("task placed in eu-west-3b") == 2


def test_a_missing_service_is_a_failure_of_the_description(account: Account) -> None:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="empty")
    described = ecs.describe_services(cluster="empty", services=["web"])
    assert described["services"] == []
    assert [failure["reason"] for failure in described["failures"]] == ["MISSING"]


def test_describing_a_service_does_not_move_the_clock_except_for_a_waiter(site: Site) -> None:
    site.create_service(2)
    assert [site.counts() for _ in range(3)] == [(2, 0, 2)] * 3
    site.wait_until_stable()
    assert site.counts() == (2, 2, 0)


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ({"memory": 4000}, "has insufficient memory available."),
        ({"port": 22}, "is already using a port required by your task."),
    ],
    ids=str,
)
def test_an_event_explains_why_a_task_is_not_placed(site: Site, definition: dict[str, int], text: str) -> None:
    site.register(**definition)
    site.create_service(1)
    (message,) = site.messages()
    assert message.startswith(
        "(service s) was unable to place a task because no container instance met all of its requirements. "
        "The closest matching (container-instance "
    )
    assert text in message
    site.advance("1h")
    assert site.count_messages("was unable to place a task") == 1


def test_a_service_places_its_task_when_an_instance_registers(account: Account) -> None:
    site = Site(account, instances=0)
    site.create_service(1)
    assert "Reason: No Container Instances were found in your cluster." in site.messages()[0]
    site.scale_group(1)
    site.advance("5m")
    assert site.counts() == (1, 1, 0)


def test_a_stopped_task_is_replaced(site: Site) -> None:
    site.create_service(2)
    site.wait_until_stable()
    before = {task["taskArn"] for task in site.tasks()}
    site.ecs.stop_task(cluster="c", task=min(before))
    assert site.counts()[1] == 1
    site.wait_until_stable()
    after = {task["taskArn"] for task in site.tasks()}
    assert len(after) == 2 and len(after & before) == 1


def test_tasks_of_a_terminated_instance_are_replaced_on_its_replacement(site: Site) -> None:
    site.create_service(2)
    site.wait_until_stable()
    site.ec2.terminate_instances(InstanceIds=[site.instance_of(site.tasks()[0])])
    site.advance("10m")
    assert site.counts() == (2, 2, 0) and site.tasks_per_zone() == [1, 1]


def test_scaling_in_stops_a_task_of_the_fullest_zone(account: Account) -> None:
    site = Site(account, instances=3)
    site.create_service(3)
    site.wait_until_stable()
    site.update_service(desiredCount=2)
    site.wait_until_stable()
    assert site.counts() == (2, 2, 0) and site.tasks_per_zone() == [1, 1]
    assert site.count_messages("has stopped 1 running tasks: (task ") == 1


def test_a_task_that_never_runs_is_restarted_less_and_less_often(site: Site) -> None:
    site.register(ESAWS_EXIT_AFTER="0s")
    site.create_service(1)
    site.advance("1h")
    assert site.count_messages("is unable to consistently start tasks successfully.") == 1
    first_hour = site.count_messages("has started 1 tasks")
    assert 5 <= first_hour <= 20
    site.advance("1h")
    assert 1 <= site.count_messages("has started 1 tasks") - first_hour <= 4


def test_a_new_deployment_starts_its_tasks_without_delay(site: Site) -> None:
    site.register(ESAWS_EXIT_AFTER="0s")
    site.create_service(1)
    site.advance("1h")
    site.register()
    site.update_service(taskDefinition="f")
    site.advance("1m")
    assert site.counts() == (1, 1, 0)


def test_a_task_that_exits_after_a_while_is_restarted_without_delay(site: Site) -> None:
    site.register(ESAWS_EXIT_AFTER="15m")
    site.create_service(1)
    site.advance("2h")
    assert site.count_messages("is unable to consistently start tasks successfully.") == 0
    assert site.count_messages("has started 1 tasks") == 8


def test_a_placement_failure_is_reported_again_after_a_success(account: Account) -> None:
    site = Site(account, instances=1)
    site.create_service(2)
    site.advance("1m")
    assert site.count_messages("was unable to place a task") == 1
    site.scale_group(2)
    site.advance("5m")
    assert site.counts() == (2, 2, 0)
    site.update_service(desiredCount=3)
    site.advance("1m")
    assert site.count_messages("was unable to place a task") == 2


def test_a_daemon_runs_once_on_each_instance(site: Site) -> None:
    site.create_service(schedulingStrategy="DAEMON", min_healthy=0)
    site.wait_until_stable()
    assert site.counts() == (2, 2, 0)
    site.scale_group(3)
    site.advance("5m")
    assert site.counts() == (3, 3, 0)


def test_distinct_instances_take_one_task_each(site: Site) -> None:
    site.register(port=0)
    site.create_service(3, placementConstraints=[{"type": "distinctInstance"}])
    site.advance("1m")
    assert site.counts() == (3, 2, 0)
    assert site.count_messages("was unable to place a task") == 1


def test_distinct_instances_take_one_task_each_during_a_deployment(site: Site) -> None:
    site.register(port=0)
    site.create_service(2, placementConstraints=[{"type": "distinctInstance"}])
    site.wait_until_stable()
    site.update_service(forceNewDeployment=True)
    for _ in range(12):
        site.advance("5s")
        tasks = [each["runningTasksCount"] + each["pendingTasksCount"] for each in site.container_instances()]
        assert max(tasks) <= 1
    assert len(site.service()["deployments"]) == 1


def test_binpack_fills_one_instance_first(site: Site) -> None:
    site.register(port=0)
    site.create_service(2, placementStrategy=[{"type": "binpack", "field": "memory"}])
    site.wait_until_stable()
    assert site.tasks_per_zone() == [2]


def test_tasks_are_moved_from_a_draining_instance(account: Account) -> None:
    site = Site(account, instances=3)
    site.create_service(2, min_healthy=100)
    site.wait_until_stable()
    draining = site.tasks()[0]["containerInstanceArn"]
    site.ecs.update_container_instances_state(cluster="c", containerInstances=[draining], status="DRAINING")
    site.advance("2m")
    assert site.counts() == (2, 2, 0)
    assert draining not in {task["containerInstanceArn"] for task in site.tasks()}


# --- target groups


def test_tasks_are_targets_while_they_run(balanced: Site) -> None:
    balanced.create_service(2)
    balanced.advance("20s")
    assert balanced.counts()[1] == 2
    assert balanced.service()["deployments"][0]["rolloutState"] == "IN_PROGRESS", "its targets are not healthy yet"
    balanced.wait_until_stable()
    assert balanced.target_states() == ["healthy", "healthy"]
    assert balanced.count_messages("registered 1 targets in (target-group ") == 2
    balanced.update_service(desiredCount=1)
    assert balanced.target_states() == ["draining", "healthy"]
    (stopping,) = balanced.ecs.list_tasks(cluster="c", desiredStatus="STOPPED")["taskArns"]
    assert balanced.count_messages("has begun draining connections on 1 tasks.") == 1
    (stopped,) = balanced.describe_tasks([stopping])
    assert 38 <= (stopped["stoppedAt"] - stopped["stoppingAt"]).total_seconds() <= 42, "it drains for 30 s first"
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert balanced.target_states() == ["healthy"]


def test_an_unhealthy_task_is_replaced(balanced: Site) -> None:
    balanced.register(ESAWS_STATUS="500")
    balanced.create_service(1, healthCheckGracePeriodSeconds=120)
    balanced.advance("150s")
    first = balanced.tasks()[0]["taskArn"]
    balanced.advance("5m")
    assert balanced.count_messages("is unhealthy in (target-group ") >= 1
    assert first not in {task["taskArn"] for task in balanced.tasks()}
    (stopped,) = balanced.describe_tasks([first])
    assert stopped["stoppedReason"].startswith("Task failed ELB health checks in (target-group ")


# --- deployments


def test_a_deployment_replaces_the_tasks_and_keeps_the_minimum_healthy(balanced: Site) -> None:
    balanced.create_service(2, min_healthy=50)
    balanced.wait_until_stable()
    balanced.register(ALB_PREFIX="")
    balanced.update_service(taskDefinition="f")
    assert [deployment["status"] for deployment in balanced.service()["deployments"]] == ["PRIMARY", "ACTIVE"]
    fewest = 2
    for _ in range(40):
        balanced.advance("10s")
        fewest = min(fewest, balanced.target_states().count("healthy"))
    balanced.advance("200s")
    assert fewest == 1, "with static host ports, a task stops before its replacement starts"
    (deployment,) = balanced.service()["deployments"]
    assert (deployment["rolloutState"], deployment["taskDefinition"].split("/")[-1]) == ("COMPLETED", "f:2")
    assert {task["taskDefinitionArn"].split("/")[-1] for task in balanced.tasks()} == {"f:2"}
    assert balanced.count_messages("deployment completed.") == 2
    assert balanced.count_messages("has reached a steady state.") == 2


def test_a_deployment_with_dynamic_ports_starts_tasks_before_it_stops_others(site: Site) -> None:
    site.register(port=0)
    site.create_service(2, min_healthy=100)
    site.wait_until_stable()
    site.update_service(forceNewDeployment=True)
    assert site.counts() == (2, 2, 2)
    running = []
    for _ in range(10):
        site.advance("5s")
        running.append(site.counts()[1])
    assert min(running) == 2
    assert len(site.service()["deployments"]) == 1


def test_a_deployment_without_a_free_port_or_a_spare_task_is_blocked(site: Site) -> None:
    site.create_service(2, min_healthy=100)
    site.wait_until_stable()
    site.register(ALB_PREFIX="/new")
    site.update_service(taskDefinition="f")
    site.advance("10m")
    assert len(site.service()["deployments"]) == 2 and site.counts()[1] == 2
    assert "is already using a port required by your task" in site.messages()[0]


def test_no_task_is_stopped_for_one_that_fits_on_no_instance(site: Site) -> None:
    site.create_service(2, min_healthy=0)
    site.wait_until_stable()
    site.register(memory=4000)
    site.update_service(taskDefinition="f")
    site.advance("10m")
    assert site.counts() == (2, 2, 0)
    assert "has insufficient memory available" in site.messages()[0]


@pytest.mark.parametrize("rollback", [False, True])
def test_the_circuit_breaker_fails_a_deployment_whose_tasks_exit(site: Site, rollback: bool) -> None:
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": rollback}}
    site.register(port=0)
    site.create_service(1, breaker=breaker)
    site.wait_until_stable()
    site.register(port=0, ESAWS_EXIT_AFTER="0s")
    site.update_service(taskDefinition="f")
    site.advance("10m")
    assert site.count_messages("deployment failed: tasks failed to start.") == 1
    assert site.counts()[1] == 1
    service = site.service()
    revision = service["taskDefinition"].split(":")[-1]
    states = [deployment["rolloutState"] for deployment in service["deployments"]]
    if rollback:
        assert (revision, states) == ("2", ["COMPLETED"])
        assert site.count_messages("rolling back to (deployment ecs-svc/") == 1
    else:
        assert (revision, states) == ("3", ["FAILED", "COMPLETED"])


def test_the_circuit_breaker_fails_a_deployment_with_failing_health_checks(balanced: Site) -> None:
    balanced.register(port=0)
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    balanced.create_service(1, breaker=breaker)
    balanced.wait_until_stable()
    balanced.register(port=0, ESAWS_STATUS="500")
    balanced.update_service(taskDefinition="f")
    balanced.advance("40m")
    assert balanced.count_messages("deployment failed") == 1
    assert balanced.service()["taskDefinition"].endswith(":2") and balanced.target_states() == ["healthy"]


def test_each_failing_deployment_rolls_back_to_the_last_completed_one(site: Site) -> None:
    """The failures of one deployment do not count for the next."""
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    site.register(port=0)
    site.create_service(1, breaker=breaker)
    site.wait_until_stable()
    for rollbacks, completed in ((1, 2), (2, 4)):
        site.register(port=0, ESAWS_EXIT_AFTER="0s")
        site.update_service(taskDefinition="f")
        site.advance("10m")
        assert site.count_messages("rolling back to (deployment ecs-svc/") == rollbacks
        assert site.service()["taskDefinition"].endswith(f":{completed}") and site.counts() == (1, 1, 0)
        site.register(port=0)
        site.update_service(taskDefinition="f")
        site.wait_until_stable()


def test_a_waiter_needs_one_poll_for_a_roll_out_longer_than_itself(balanced: Site) -> None:
    slow = [{"Key": "deregistration_delay.timeout_seconds", "Value": "600"}]
    balanced.elbv2.modify_target_group_attributes(TargetGroupArn=balanced.target_group, Attributes=slow)
    balanced.create_service(2)
    balanced.wait_until_stable()
    balanced.register()
    balanced.update_service(taskDefinition="f")
    began = now(balanced.account)
    once = {"Delay": 0, "MaxAttempts": 1}
    balanced.ecs.get_waiter("services_stable").wait(cluster="c", services=["s"], WaiterConfig=once)
    assert now(balanced.account) - began > 600
    assert balanced.service()["taskDefinition"].endswith(":2") and balanced.counts() == (2, 2, 0)


def test_an_alarm_rolls_a_deployment_back(site: Site) -> None:
    cloudwatch = site.account.client("cloudwatch")
    alarm = {"Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 5}
    cloudwatch.put_metric_alarm(
        AlarmName="errors", Threshold=1, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore", **alarm
    )
    site.register(port=0)
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    site.create_service(1, breaker={"alarms": alarms})
    site.wait_until_stable()
    site.register(port=0)
    site.update_service(taskDefinition="f")
    site.advance("2m")
    assert site.service()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
    site.advance("2m")
    assert site.service()["taskDefinition"].endswith(":2")
    assert site.count_messages("deployment failed: alarm detected: errors.") == 1


def test_a_stopped_task_comes_back_in_its_revision_while_another_deployment_fails(site: Site) -> None:
    site.register(port=0)
    site.create_service(2, min_healthy=100)
    site.wait_until_stable()
    site.register(port=0, ESAWS_EXIT_AFTER="0s")
    site.update_service(taskDefinition="f")
    site.advance("5m")
    running = [task for task in site.tasks() if task["lastStatus"] == "RUNNING"]
    site.ecs.stop_task(cluster="c", task=running[0]["taskArn"])
    site.advance("2m")
    revisions = [task["taskDefinitionArn"].split(":")[-1] for task in site.tasks() if task["lastStatus"] == "RUNNING"]
    assert revisions == ["2", "2"]


def test_a_deleted_service_drains_first(balanced: Site) -> None:
    balanced.create_service(2)
    balanced.wait_until_stable()
    with pytest.raises(ClientError, match="scaled above 0"):
        balanced.ecs.delete_service(cluster="c", service="s")
    deleted = balanced.ecs.delete_service(cluster="c", service="s", force=True)["service"]
    assert (deleted["status"], deleted["desiredCount"]) == ("DRAINING", 0)
    assert balanced.ecs.list_services(cluster="c")["serviceArns"] == []
    assert balanced.target_states() == ["draining", "draining"]
    with pytest.raises(ClientError, match="still Draining"):
        balanced.create_service(1)
    balanced.ecs.get_waiter("services_inactive").wait(cluster="c", services=["s"])
    assert balanced.service()["status"] == "INACTIVE" and balanced.target_states() == []
    balanced.create_service(1)
    assert balanced.service()["status"] == "ACTIVE"


# --- capacity providers


def site_with_provider(account: Account, *, protects: bool = False, instances: int = 1) -> Site:
    """Return a site whose cluster uses a capacity provider with managed scaling by default."""
    site = Site(account, instances=instances, max_size=3, NewInstancesProtectedFromScaleIn=protects)
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
def test_managed_scaling_follows_the_tasks(account: Account, protects: bool) -> None:
    site = site_with_provider(account, protects=protects)
    site.create_service(3)
    site.advance("10m")
    assert capacity(site) == 3 and site.counts() == (3, 3, 0)
    site.update_service(desiredCount=1)
    site.advance("10m")
    assert capacity(site) == 3, "it scales in only after 15 minutes of low reservation"
    site.advance("20m")
    assert capacity(site) == 1 and site.counts() == (1, 1, 0)
    assert "desired capacity 1 → 3" in site.event_log("g")
    assert "desired capacity 3 → 1" in site.event_log("g")


def test_managed_scaling_waits_again_when_its_direction_changes(account: Account) -> None:
    site = site_with_provider(account, instances=2)
    site.create_service(1)
    site.advance("10m")
    assert capacity(site) == 2, "it has been about to scale in for less than 15 minutes"
    site.update_service(desiredCount=3)
    site.advance("30s")
    assert capacity(site) == 2, "it scales out after a minute"
    site.advance("2m")
    assert capacity(site) == 3


def test_tasks_are_split_by_base_and_weight_of_the_capacity_providers() -> None:
    strategy = [{"capacityProvider": "a", "base": 2, "weight": 1}, {"capacityProvider": "b", "weight": 3}]
    counts: Counter[str | None] = Counter()
    order = []
    for _ in range(10):
        order.append(next_capacity_provider(strategy, counts))
        counts[order[-1]] += 1
    assert order[:2] == ["a", "a"], "the base comes first"
    assert counts == {"a": 4, "b": 6}
    assert next_capacity_provider([], {}) is None


def test_instances_with_tasks_are_protected_from_scale_in(account: Account) -> None:
    site = site_with_provider(account, protects=True, instances=2)
    site.create_service(1)
    site.advance("2m")
    instances = site.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["Instances"]
    protected = [instance["InstanceId"] for instance in instances if instance["ProtectedFromScaleIn"]]
    assert protected == [site.instance_of(site.tasks()[0])]


# --- faults and Fargate


def test_a_killed_task_is_replaced(balanced: Site) -> None:
    balanced.create_service(2)
    balanced.wait_until_stable()
    killed = balanced.tasks()[0]["taskArn"]
    control(balanced.account, "POST", "fail", what="task", id=killed)
    (task,) = balanced.describe_tasks([killed])
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)
    assert balanced.service()["deployments"][0]["failedTasks"] == 0, "failures after a healthy task do not count"
    balanced.wait_until_stable()
    assert balanced.target_states().count("healthy") == 2


def test_a_fargate_service_runs_without_instances(account: Account) -> None:
    site = Site(account, instances=0)
    settings = {"subnets": site.subnets, "securityGroups": [site.security_group], "assignPublicIp": "ENABLED"}
    network = {"awsvpcConfiguration": settings}
    site.ecs.register_task_definition(
        family="f",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "c", "image": "nginx"}],
    )
    with pytest.raises(ClientError, match="Network Configuration must be provided"):
        site.create_service(1, launchType="FARGATE")
    site.create_service(1, launchType="FARGATE", networkConfiguration=network)
    site.wait_until_stable()
    assert site.counts() == (1, 1, 0)
    site.ecs.delete_service(cluster="c", service="s", force=True)
    site.ecs.get_waiter("services_inactive").wait(cluster="c", services=["s"])
    site.advance("1m")
    assert site.ec2.describe_network_interfaces()["NetworkInterfaces"] == []


# --- invariants


def test_one_jump_and_many_steps_of_the_clock_have_the_same_result(new_account: Callable[[], Account]) -> None:
    def messages_after(step: str, times: int) -> list[str]:
        site = Site(new_account(), balanced=True)
        site.create_service(2)
        site.advance("5m")
        site.update_service(forceNewDeployment=True)
        for _ in range(times):
            site.advance(step)
        return [re.sub(r"\([^)]*\)", "", message) for message in site.messages()]

    assert messages_after("60m", 1) == messages_after("4m", 15)


def check_invariants(site: Site) -> None:
    """No port or memory is used twice, and the service runs its desired count or explains why not."""
    for instance in site.container_instances():
        remaining = {resource["name"]: resource for resource in instance["remainingResources"]}
        ports = remaining["PORTS"]["stringSetValue"]
        assert len(ports) == len(set(ports)), "two tasks have one port"
        memory = next(each["integerValue"] for each in instance["registeredResources"] if each["name"] == "MEMORY")
        tasks = instance["runningTasksCount"] + instance["pendingTasksCount"]
        assert 256 * tasks <= memory - remaining["MEMORY"]["integerValue"] <= memory
    desired, running, pending = site.counts()
    stopping = site.ecs.list_tasks(cluster="c", serviceName="s", desiredStatus="STOPPED")["taskArns"]
    explained = any("unable to place" in message for message in site.messages()[:20])
    assert running + pending >= desired or stopping or explained, site.messages()[:5]


@pytest.mark.parametrize(
    ("seed", "steps"),
    [(1, 10), *(pytest.param(seed, 25, marks=pytest.mark.soak) for seed in range(2, 12))],
)
def test_random_changes_keep_the_invariants(account: Account, seed: int, steps: int) -> None:
    chance, site = random.Random(seed), Site(account, balanced=True)
    site.create_service(2)

    def lose_instance(operation: str) -> None:
        if instances := site.container_instances():
            chosen = chance.choice(sorted(instance["ec2InstanceId"] for instance in instances))
            getattr(site.ec2, operation)(InstanceIds=[chosen])

    changes = [
        lambda: site.update_service(desiredCount=chance.randrange(5)),
        lambda: site.update_service(forceNewDeployment=True),
        lambda: lose_instance("terminate_instances"),
        lambda: lose_instance("stop_instances"),
        lambda: site.scale_group(chance.randrange(1, 5)),
        lambda: site.update_service(taskDefinition=site.register(port=chance.choice([0, 8001, 8001]))),
    ]
    for _ in range(steps):
        chance.choice(changes)()
        check_invariants(site)
        site.advance(chance.choice(["1s", "10s", "40s", "2m", "7m"]))
        check_invariants(site)
    site.scale_group(3)
    site.update_service(desiredCount=2, taskDefinition=site.register(port=8001))
    site.advance("2h")
    assert site.counts() == (2, 2, 0) and len(site.service()["deployments"]) == 1
