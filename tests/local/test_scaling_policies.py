"""Scaling policies: the capacity that they compute, and services and groups that scale with their traffic."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from local_aws_server.services.application_autoscaling import schedule_expressions
from local_aws_server.services.application_autoscaling.policy_math import (
    Capacity,
    Scaling,
    adjust,
    base_capacity,
    is_allowed,
    step_capacity,
    target_tracking_capacity,
)
from tests.local.living import Living
from tests.local.timing import advance, control, events, now

# --- pure functions


@pytest.mark.parametrize(
    ("now", "measured", "out", "expected"),
    [
        (2, 78.0, True, 4),  # 3.12 tasks would be at 50 %
        (2, 100.0, True, 4),
        (2, 51.0, True, 3),
        (2, 50.0, True, 2),
        (2, 900.0, True, 10),  # its maximum
        (4, 10.0, False, 3),  # one at a time
        (4, 49.0, False, 4),  # three would be over the target
        (2, 0.0, False, 2),  # its minimum
        (40, 1.0, False, 36),  # a tenth
        (12, 10.0, True, 12),
    ],
)
def test_target_tracking_scales_out_at_once_and_in_gradually(
    now: int, measured: float, out: bool, expected: int
) -> None:
    capacity = Capacity(now, 2, max(10, now))
    assert target_tracking_capacity(capacity, measured, 50.0, scale_out=out) == expected


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.floats(0, 1000), st.booleans())
def test_target_tracking_never_scales_in_the_wrong_direction(
    now: int, low: int, more: int, measured: float, out: bool
) -> None:
    capacity = Capacity(now, low, low + more)
    expected = target_tracking_capacity(capacity, measured, 50.0, scale_out=out)
    assert expected >= now if out else expected <= now
    if expected != now:
        assert (expected <= capacity.maximum) if out else (expected >= capacity.minimum)


STEPS = [
    {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 10},
    {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 30},
    {"MetricIntervalLowerBound": -10.0, "MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -10},
    {"MetricIntervalUpperBound": -10.0, "ScalingAdjustment": -30},
]
"""The example of AWS's documentation of step adjustments, without the steps that change nothing."""


@pytest.mark.parametrize(
    ("breach", "expected"), [(0.0, 11), (9.9, 11), (10.0, 13), (500.0, 13), (-0.1, 9), (-10.0, 7), (-99.0, 7)]
)
def test_the_breach_of_the_threshold_selects_the_step(breach: float, expected: int) -> None:
    policy = {"AdjustmentType": "PercentChangeInCapacity", "StepAdjustments": STEPS}
    assert step_capacity(Capacity(10, 0, 100), breach, policy) == expected


@pytest.mark.parametrize(
    ("kind", "adjustment", "least", "expected"),
    [
        ("ChangeInCapacity", 3, None, 13),
        ("ChangeInCapacity", -30, None, 2),
        ("ExactCapacity", 5, None, 5),
        ("ExactCapacity", 99, None, 20),
        ("PercentChangeInCapacity", 1, None, 11),  # 0.1 is one
        ("PercentChangeInCapacity", 19, None, 11),  # 1.9 is one
        ("PercentChangeInCapacity", -19, None, 9),
        ("PercentChangeInCapacity", 10, 4, 14),
    ],
)
def test_each_adjustment_type_rounds_and_limits_the_change(
    kind: str, adjustment: int, least: int | None, expected: int
) -> None:
    policy = {"AdjustmentType": kind, "MinAdjustmentMagnitude": least}
    assert adjust(Capacity(10, 2, 20), adjustment, policy) == expected


def test_a_cooldown_blocks_scaling_in_and_limits_scaling_out() -> None:
    out, inwards = Scaling(1000.0, 2, 4, 300.0), Scaling(1000.0, 4, 3, 300.0)
    assert (is_allowed(out, 1100.0, scale_out=False), is_allowed(out, 1300.0, scale_out=False)) == (False, True)
    assert is_allowed(inwards, 1100.0, scale_out=True), "a scale-out is always allowed"
    assert base_capacity(Capacity(4, 2, 9), out, 1100.0).current == 2, (
        "the next scale-out starts from the capacity before"
    )
    assert base_capacity(Capacity(4, 2, 9), out, 1300.0).current == 4
    assert base_capacity(Capacity(3, 2, 9), inwards, 1100.0).current == 3


NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC).timestamp()  # a Wednesday


@pytest.mark.parametrize(
    ("schedule", "zone", "expected"),
    [
        ("at(2026-03-04T12:00:01)", None, "2026-03-04 12:00:01"),
        ("at(2026-03-04T12:00:00)", None, None),
        ("at(2026-03-04T14:00:00)", "Europe/Paris", "2026-03-04 13:00:00"),
        ("rate(5 minutes)", None, "2026-03-04 12:03:20"),
        ("rate(1 day)", None, "2026-03-05 11:58:20"),
        ("cron(0 18 * * ? *)", None, "2026-03-04 18:00:00"),
        ("cron(0 12 * * ? *)", None, "2026-03-05 12:00:00"),
        ("cron(0/20 * * * ? *)", None, "2026-03-04 12:20:00"),
        ("cron(30 8 ? * MON-FRI *)", None, "2026-03-05 08:30:00"),
        ("cron(0 0 ? * SUN *)", None, "2026-03-08 00:00:00"),
        ("cron(0 0 L * ? *)", None, "2026-03-31 00:00:00"),
        ("cron(0 0 ? * L *)", None, "2026-03-07 00:00:00"),
        ("cron(0 2 ? * SAT#3 *)", None, "2026-03-21 02:00:00"),
        ("cron(0 2 ? * 3#5 *)", None, "2026-03-31 02:00:00"),
        ("cron(15 10 ? * 6L *)", None, "2026-03-27 10:15:00"),
        ("cron(0 9 15W * ? *)", None, "2026-03-16 09:00:00"),
        ("cron(0 9 28W * ? *)", None, "2026-03-27 09:00:00"),
        ("cron(0 9 1W 8 ? *)", None, "2026-08-03 09:00:00"),
        ("cron(0 9 31W 5 ? *)", None, "2026-05-29 09:00:00"),
        ("cron(15 10 29 2 ? *)", None, "2028-02-29 10:15:00"),
        ("cron(0 9 * * ? *)", "Europe/Paris", "2026-03-05 08:00:00"),
        ("cron(0 0 1 1 ? 2020)", None, None),
    ],
)
def test_the_next_time_of_a_schedule(schedule: str, zone: str | None, expected: str | None) -> None:
    due = schedule_expressions.next_time(schedule, NOON, since=NOON - 100, zone=zone)
    assert (due and datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%d %H:%M:%S")) == expected


@pytest.mark.parametrize(
    "schedule", ["noon", "at(noon)", "rate(5)", "rate(0 minutes)", "cron(0 18 * * ?)", "cron(x 1 * * ? *)"]
)
def test_an_invalid_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError):
        schedule_expressions.next_time(schedule, NOON)


# --- on the server


class Scaled(Living):
    """A service of two tasks with a maximum of four, and instances for four."""

    def __init__(self, account: Any) -> None:
        super().__init__(account)
        self.cloudwatch = account.client("cloudwatch")
        self.target = {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": f"service/{self.name}/{self.name}",
        }
        self.autoscaling.set_desired_capacity(AutoScalingGroupName=self.name, DesiredCapacity=4)
        self.scaling.register_scalable_target(**self.target, MinCapacity=2, MaxCapacity=4)
        advance(account, "6m")

    def track(self, target: float = 70.0, *, name: str = "cpu", **settings: Any) -> dict[str, Any]:
        metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
        config = {"TargetValue": target, "PredefinedMetricSpecification": metric, **settings}
        config = {key: value for key, value in config.items() if value != {}}
        answer: dict[str, Any] = self.scaling.put_scaling_policy(
            **self.target,
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=config,
        )
        return answer

    def traffic(self, **trace: Any) -> None:
        """Start traffic at a full minute, so that the first datapoint is as high as the others."""
        advance(self.account, f"{60 - now(self.account) % 60:g}s")
        control(self.account, "POST", "traffic", trace=trace)

    def service(self) -> dict[str, Any]:
        return dict(self.ecs.describe_services(cluster=self.name, services=[self.name])["services"][0])

    def alarms(self) -> list[dict[str, Any]]:
        return list(self.cloudwatch.describe_alarms()["MetricAlarms"])

    def activities(self) -> list[dict[str, Any]]:
        return list(self.scaling.describe_scaling_activities(ServiceNamespace="ecs")["ScalingActivities"])

    def scalings(self) -> list[str]:
        return [event["what"] for event in events(self.account) if event["what"].startswith("scaled")]


@pytest.fixture
def scaled(account: Any) -> Scaled:
    return Scaled(account)


SPIKE = {"shape": "spike", "requests_per_second": 20, "peak": 6, "minutes": 30}


@pytest.mark.parametrize("pauses", [["3h"], ["13m", "1s", "4m", "30s", "17m", "33m", "112m"]])
def test_a_spike_scales_a_service_from_two_tasks_to_four_and_back(scaled: Scaled, pauses: list[str]) -> None:
    scaled.track()
    scaled.traffic(**SPIKE)
    for pause in pauses:
        advance(scaled.account, pause)
    assert scaled.scalings() == [
        "scaled out from 2 to 3 tasks",
        "scaled out from 3 to 4 tasks",
        "scaled in from 4 to 3 tasks",
        "scaled in from 3 to 2 tasks",
    ]
    reasons = [event["because"] for event in events(scaled.account) if event["what"].startswith("scaled")]
    assert reasons[0] == "CPU 100 % over its target of 70 %"
    assert reasons[3].endswith("% under its target of 70 %")
    assert (scaled.service()["desiredCount"], scaled.service()["runningCount"]) == (2, 2)
    latest, *_, first = scaled.activities()
    assert (first["Description"], latest["Description"]) == (
        "Setting desired count to 3.",
        "Setting desired count to 2.",
    )
    high = next(alarm["AlarmName"] for alarm in scaled.alarms() if "-AlarmHigh-" in alarm["AlarmName"])
    assert first["Cause"] == f"monitor alarm {high} in state ALARM triggered policy cpu"
    assert {item["StatusCode"] for item in scaled.activities()} == {"Successful"}
    assert first["EndTime"] > first["StartTime"], "it ends when the tasks run"


def test_requests_that_need_little_cpu_scale_nothing(account: Any) -> None:
    scaled = Scaled(account)
    container = {
        "name": "web",
        "image": "nginx",
        "memory": 256,
        "portMappings": [{"containerPort": 8000, "hostPort": 8001}],
        "environment": [{"name": "ESAWS_CPU_MS", "value": "2"}],
    }
    scaled.ecs.register_task_definition(family=scaled.name, containerDefinitions=[container])
    scaled.ecs.update_service(cluster=scaled.name, service=scaled.name, taskDefinition=scaled.name)
    advance(account, "20m")
    scaled.track()
    scaled.traffic(**SPIKE)
    advance(account, "2h")
    assert scaled.scalings() == []


def test_the_alarms_of_target_tracking_are_kept_and_deleted_with_the_policy(scaled: Scaled) -> None:
    named = {item["AlarmName"] for item in scaled.track(60.0)["Alarms"]}
    alarms = {alarm["AlarmName"]: alarm for alarm in scaled.alarms()}
    assert alarms.keys() == named
    settings = sorted(
        (name.split("-Alarm")[1][:4], a["ComparisonOperator"], a["Threshold"], a["EvaluationPeriods"], a["Period"])
        for name, a in alarms.items()
    )
    assert settings == [("High", "GreaterThanThreshold", 60.0, 3, 60), ("Low-", "LessThanThreshold", 54.0, 15, 60)]
    assert all(name.startswith(f"TargetTracking-{scaled.target['ResourceId']}-Alarm") for name in named)
    advance(scaled.account, "20m")
    assert [alarm["StateValue"] for alarm in scaled.alarms()] == ["OK", "ALARM"], "the service is idle"
    again = scaled.track(80.0, DisableScaleIn=True)
    (left,) = scaled.alarms()
    assert left["AlarmName"] in named
    assert (left["Threshold"], left["StateValue"]) == (80.0, "OK")
    shown = scaled.scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert [(item["PolicyARN"], len(item["Alarms"])) for item in shown] == [(again["PolicyARN"], 1)]
    scaled.scaling.delete_scaling_policy(**scaled.target, PolicyName="cpu")
    assert scaled.alarms() == []


def test_suspended_scaling_changes_nothing(scaled: Scaled) -> None:
    scaled.scaling.register_scalable_target(**scaled.target, SuspendedState={"DynamicScalingOutSuspended": True})
    scaled.track()
    scaled.traffic(**SPIKE)
    advance(scaled.account, "30m")
    assert scaled.scalings() == []


def test_target_tracking_of_requests_per_target(scaled: Scaled) -> None:
    balancer = scaled.elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"].split("loadbalancer/")[-1]
    label = f"{balancer}/{scaled.target_group.split(':')[-1]}"
    metric = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}
    scaled.track(400.0, PredefinedMetricSpecification=metric)
    scaled.traffic(requests_per_second=25)
    advance(scaled.account, "15m")
    assert scaled.scalings() == ["scaled out from 2 to 4 tasks"], "750 a minute each"


def test_bounds_that_exclude_the_capacity_change_it_at_once(scaled: Scaled) -> None:
    scaled.scaling.register_scalable_target(**scaled.target, MinCapacity=3)
    assert scaled.service()["desiredCount"] == 3
    (activity,) = scaled.activities()
    assert activity["Cause"] == "minimum capacity was set to 3"
    scaled.scaling.register_scalable_target(**scaled.target, MinCapacity=1, MaxCapacity=1)
    assert scaled.service()["desiredCount"] == 1


def test_a_newer_activity_overrides_one_in_progress(scaled: Scaled) -> None:
    scaled.scaling.register_scalable_target(**scaled.target, MinCapacity=3)
    scaled.scaling.register_scalable_target(**scaled.target, MinCapacity=4)
    advance(scaled.account, "10m")
    activities = [(activity["Description"], activity["StatusCode"]) for activity in scaled.activities()]
    assert activities == [
        ("Setting desired count to 4.", "Successful"),
        ("Setting desired count to 3.", "Overridden"),
    ]


def track_jobs(scaled: Scaled, **settings: Any) -> Callable[[float, int], None]:
    """Add a policy that keeps the custom metric `Jobs` at 100; return a function that puts a value every minute."""
    metric = {"Namespace": "Team", "MetricName": "Jobs", "Statistic": "Average"}
    scaled.track(100.0, name="jobs", PredefinedMetricSpecification={}, CustomizedMetricSpecification=metric, **settings)

    def measure(value: float, minutes: int) -> None:
        for _ in range(minutes):
            scaled.cloudwatch.put_metric_data(Namespace="Team", MetricData=[{"MetricName": "Jobs", "Value": value}])
            advance(scaled.account, "60s")

    return measure


def test_target_tracking_scales_in_only_if_all_its_policies_agree(scaled: Scaled) -> None:
    scaled.track()
    measure_jobs = track_jobs(scaled)
    scaled.ecs.update_service(cluster=scaled.name, service=scaled.name, desiredCount=3)
    measure_jobs(95.0, 20)
    assert scaled.service()["desiredCount"] == 3, "the CPU is low, but the jobs are near their target"
    measure_jobs(10.0, 20)
    assert scaled.service()["desiredCount"] == 2


def test_a_suspended_scale_out_still_prevents_scaling_in(scaled: Scaled) -> None:
    scaled.scaling.register_scalable_target(**scaled.target, SuspendedState={"DynamicScalingOutSuspended": True})
    scaled.track()
    measure_jobs = track_jobs(scaled, DisableScaleIn=True)
    scaled.ecs.update_service(cluster=scaled.name, service=scaled.name, desiredCount=3)
    measure_jobs(200.0, 20)
    assert scaled.service()["desiredCount"] == 3


def test_a_users_alarm_triggers_a_step_policy(scaled: Scaled) -> None:
    steps = [
        {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 50.0, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 50.0, "ScalingAdjustment": 2},
    ]
    config = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps, "Cooldown": 600}
    policy = scaled.scaling.put_scaling_policy(
        **scaled.target, PolicyName="steps", PolicyType="StepScaling", StepScalingPolicyConfiguration=config
    )["PolicyARN"]
    scaled.cloudwatch.put_metric_alarm(
        AlarmName="jobs",
        Namespace="Team",
        MetricName="Jobs",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=100.0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[policy],
    )

    def measure(value: float, minutes: int) -> None:
        for _ in range(minutes):
            scaled.cloudwatch.put_metric_data(Namespace="Team", MetricData=[{"MetricName": "Jobs", "Value": value}])
            advance(scaled.account, "60s")

    measure(120, 3)
    assert scaled.service()["desiredCount"] == 3, "the cooldown is not over"
    measure(160, 1)
    assert scaled.service()["desiredCount"] == 4, "a larger step adds to the capacity before"
    assert scaled.activities()[0]["Cause"] == "monitor alarm jobs in state ALARM triggered policy steps"


def test_scheduled_actions_set_the_bounds(scaled: Scaled) -> None:
    now = datetime.fromisoformat(control(scaled.account, "GET", "clock")["time"])
    put = scaled.scaling.put_scheduled_action
    named = {**scaled.target, "ScheduledActionName": "evening"}
    evening = f"cron({now.minute} {(now.hour + 2) % 24} * * ? *)"
    put(**named, Schedule=evening, ScalableTargetAction={"MinCapacity": 4, "MaxCapacity": 4})
    advance(scaled.account, "1h")
    assert scaled.service()["desiredCount"] == 2
    advance(scaled.account, "61m")
    assert scaled.service()["desiredCount"] == 4
    assert scaled.activities()[0]["Cause"] == "scheduled action name evening was triggered"
    with pytest.raises(ClientError, match="ValidationException"):
        put(**named, Schedule="soon")


def test_target_tracking_of_the_cpu_of_an_auto_scaling_group(account: Any) -> None:
    living = Living(account)
    advance(account, "6m")
    metric = {"PredefinedMetricType": "ASGAverageCPUUtilization"}
    response = living.autoscaling.put_scaling_policy(
        AutoScalingGroupName=living.name,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={"TargetValue": 50.0, "PredefinedMetricSpecification": metric},
    )
    assert len(response["Alarms"]) == 2
    control(account, "POST", "traffic", trace={"requests_per_second": 80})
    advance(account, "10m")
    assert len(living.hosts()) == 4
    scaled = [(event["what"], event["because"]) for event in events(account) if event["what"].startswith("scaled")]
    assert scaled == [("scaled out from 2 to 4 instances", "CPU 82 % over its target of 50 %")]
    (policy,) = living.autoscaling.describe_policies()["ScalingPolicies"]
    assert policy["Alarms"] == response["Alarms"]
    launches = living.autoscaling.describe_scaling_activities(AutoScalingGroupName=living.name)["Activities"]
    assert (
        f"a monitor alarm {response['Alarms'][0]['AlarmName']} in state ALARM triggered policy cpu"
        in launches[0]["Cause"]
    )
    living.autoscaling.delete_policy(AutoScalingGroupName=living.name, PolicyName="cpu")
    assert account.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_a_simple_policy_of_a_group_waits_for_its_cooldown(account: Any) -> None:
    living, cloudwatch = Living(account), account.client("cloudwatch")
    policy = living.autoscaling.put_scaling_policy(
        AutoScalingGroupName=living.name,
        PolicyName="more",
        AdjustmentType="ChangeInCapacity",
        ScalingAdjustment=1,
        Cooldown=300,
    )["PolicyARN"]
    cloudwatch.put_metric_alarm(
        AlarmName="always",
        Namespace="Team",
        MetricName="Nothing",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="breaching",
        AlarmActions=[policy],
    )
    expected = []
    for _ in range(3):
        advance(account, "4m")
        group = living.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
        expected.append(group["DesiredCapacity"])
    assert expected == [3, 4, 4]
