"""Requests that load balancers carry where the services run: their metrics, and what follows from them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from local_aws_server.services.cloudwatch.event_counts import EventCounts, ObservedSeries
from local_aws_server.services.cloudwatch.step_series import Summary
from tests.local.living import Living
from tests.local.test_scaling_policies import Scaled
from tests.local.timing import advance, control, now

MINUTE = 60.0


# --- how they are kept


def test_counts_are_exact_and_belong_to_the_minute_of_the_event() -> None:
    counts = EventCounts()
    for time, value, samples in ((119.9, 0.5, 3), (60.0, 2.0, 1), (180.0, 0.5, 7), (61.0, 0.5, 1)):
        counts.add(time, value, samples, now=200.0)
    assert counts.summarize(60.0, 120.0) == Summary(5, 4.0, 0.5, 2.0)
    assert counts.summarize(120.0, 180.0) is None
    assert counts.distribution(0.0, 240.0) == [(0.5, 4), (2.0, 1), (0.5, 7)]
    assert counts.last_change == 200.0


def test_minutes_are_forgotten_after_fifteen_months() -> None:
    counts = EventCounts()
    for day in (0, 1, 456):
        counts.add(day * 86400.0, 1.0, 1, now=day * 86400.0)
    assert counts.starts == list(counts.minutes) == [86400.0, 456 * 86400.0]


def test_observed_requests_are_added_to_simulated_ones() -> None:
    series = ObservedSeries("Count", counts=True)
    series.steps.append(600.0, 2.0, 1.0)
    series.observed.add(60.0, 1.0, 5, now=60.0)
    series.observed.add(605.0, 1.0, 5, now=610.0)
    totals = [each.total for start in (60.0, 600.0) if (each := series.summarize_whole(start, start + MINUTE))]
    assert totals == [5, 125]
    assert list(series.period_starts(MINUTE, 0.0, 180.0)) == [60.0, 120.0]
    assert (series.last_change, series.bounds(600.0, 660.0)) == (610.0, None)


# --- on the server


class Carrying:
    """A living system whose load balancer reports what it carried in the current minute."""

    def __init__(self, system: Living) -> None:
        self.account = system.account
        self.cloudwatch = system.account.client("cloudwatch")
        self.group = system.target_group
        balancer = system.elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
        self.balancer = balancer.split(":loadbalancer/")[-1]
        self.minute = now(self.account) // MINUTE * MINUTE

    def carry(self, requests: int, status: int | None = 200, *, minute: float | None = None, **settings: Any) -> None:
        report = {
            "minute": self.minute if minute is None else minute,
            "load_balancer": self.balancer,
            "target_group": self.group,
            "action": "forward",
            "elb_status": status,
            "target_status": status,
            "requests": requests,
            "seconds": [],
        }
        control(self.account, "POST", "running", requests=[{**report, **settings}])

    def measured(self, name: str, *dimensions: str, statistic: str = "Sum") -> float | None:
        """Return a statistic of the current minute: of the load balancer, or of dimensions."""
        values = {"LoadBalancer": self.balancer, "TargetGroup": self.group.split(":")[-1]}
        kind = "ExtendedStatistics" if statistic.startswith("p") else "Statistics"
        points = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/ApplicationELB",
            MetricName=name,
            Dimensions=[{"Name": each, "Value": values[each]} for each in dimensions or ("LoadBalancer",)],
            StartTime=datetime.fromtimestamp(self.minute, UTC),
            EndTime=datetime.fromtimestamp(self.minute + MINUTE, UTC),
            Period=60,
            **{kind: [statistic]},
        )["Datapoints"]
        found = [point.get(statistic, point.get("ExtendedStatistics", {}).get(statistic)) for point in points]
        return float(found[0]) if found else None


@pytest.fixture
def system(account: Any) -> Carrying:
    living = Living(account)
    advance(account, "6m")
    return Carrying(living)


def test_requests_that_are_carried_are_counted_by_load_balancer_and_target_group(system: Carrying) -> None:
    system.carry(300, seconds=[[0.01, 297], [0.5, 3]])
    system.carry(7, 404, seconds=[[0.01, 7]])
    system.carry(2, elb_status=502, target_status=None)
    for dimensions in (("LoadBalancer",), ("LoadBalancer", "TargetGroup")):
        assert system.measured("RequestCount", *dimensions) == 309
        assert system.measured("HTTPCode_Target_2XX_Count", *dimensions) == 300
        assert system.measured("HTTPCode_Target_4XX_Count", *dimensions) == 7
        assert system.measured("TargetResponseTime", *dimensions, statistic="SampleCount") == 307
    assert system.measured("TargetResponseTime") == pytest.approx(304 * 0.01 + 3 * 0.5)
    assert [system.measured("TargetResponseTime", statistic=name) for name in ("p99", "p100")] == [0.01, 0.5]
    assert [system.measured(f"HTTPCode_ELB_{code}_Count") for code in ("5XX", "502", "504")] == [2, 2, None]
    assert system.measured("RequestCountPerTarget", "TargetGroup") == 154.5, "two targets are healthy"
    listed = system.cloudwatch.list_metrics(MetricName="HTTPCode_ELB_502_Count")["Metrics"]
    assert [each["Dimensions"] for each in listed] == [[{"Name": "LoadBalancer", "Value": system.balancer}]]


def test_a_request_for_which_no_target_was_chosen_is_counted_by_its_response_alone(system: Carrying) -> None:
    own: dict[str, Any] = {"target_group": "", "target_status": None}
    system.carry(4, 301, action="redirect", **own)
    system.carry(3, 418, action="fixed-response", **own)
    system.carry(2, 503, **own)
    names = ("HTTP_Redirect_Count", "HTTPCode_ELB_3XX_Count", "HTTP_Fixed_Response_Count", "HTTPCode_ELB_4XX_Count")
    assert [system.measured(name) for name in (*names, "HTTPCode_ELB_503_Count")] == [4, 4, 3, 3, 2]
    assert system.measured("RequestCount") is None


def test_an_alarm_sees_requests_that_are_reported_after_their_minute(system: Carrying) -> None:
    system.cloudwatch.put_metric_alarm(
        AlarmName="busy",
        Namespace="AWS/ApplicationELB",
        MetricName="RequestCount",
        Dimensions=[{"Name": "LoadBalancer", "Value": system.balancer}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=99,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    system.carry(60)
    advance(system.account, "70s")
    assert system.cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "OK"
    system.carry(40)
    assert system.cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "ALARM"


def test_requests_that_are_carried_scale_a_service(account: Any) -> None:
    scaled = Scaled(account)
    system = Carrying(scaled)
    label = f"{system.balancer}/{system.group.split(':')[-1]}"
    metric = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}
    scaled.track(400.0, PredefinedMetricSpecification=metric)
    for _ in range(5):
        system.carry(1500, minute=now(account))
        advance(account, "60s")
    assert scaled.scalings() == ["scaled out from 2 to 4 tasks"], "750 a minute each"
