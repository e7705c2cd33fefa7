"""Alarms: their state, its reason, and when it changes."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws_server.backends import Backends
from local_aws_server.services.cloudwatch import alarms
from local_aws_server.services.cloudwatch.alarm_state import AlarmCondition, evaluate_state, state_reason
from local_aws_server.services.cloudwatch.metrics import Metric, MetricSources, Series
from tests.local.living import Living
from tests.local.timing import advance, control, events

OK, ALARM, UNKNOWN, CURRENT = "OK", "ALARM", "INSUFFICIENT_DATA", "the current state"
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def _points(text: str) -> list[tuple[float, float | None]]:
    """Parse datapoints, the newest last: `0` is below the threshold, `X` above it, `-` missing."""
    values = {"0": 0.0, "X": 9.0, "-": None}
    return [(60.0 * number, values[letter]) for number, letter in enumerate(text.split())]


def _state(text: str, datapoints: int, missing: str) -> str:
    condition = AlarmCondition("GreaterThanThreshold", 5.0, 3, datapoints, missing)
    return evaluate_state(condition, _points(text), CURRENT)


@pytest.mark.parametrize(
    ("datapoints", "text", "states"),
    [
        # the two tables of AWS: "Configuring how CloudWatch alarms treat missing data"
        (3, "0 - X - X", [OK, OK, OK, OK]),
        (3, "0 - - - -", [OK, OK, OK, OK]),
        (3, "- - - - -", [UNKNOWN, CURRENT, ALARM, OK]),
        (3, "0 X X - X", [ALARM, ALARM, ALARM, ALARM]),
        (3, "- - X - -", [ALARM, CURRENT, ALARM, OK]),
        (2, "0 - X - X", [ALARM, ALARM, ALARM, ALARM]),
        (2, "0 0 X 0 X", [ALARM, ALARM, ALARM, ALARM]),
        (2, "0 - X - -", [OK, OK, ALARM, OK]),
        (2, "- - - - 0", [OK, OK, ALARM, OK]),
        (2, "- - - X -", [ALARM, CURRENT, ALARM, OK]),
    ],
)
def test_missing_data_is_treated_as_configured(datapoints: int, text: str, states: list[str]) -> None:
    assert [_state(text, datapoints, missing) for missing in TREATMENTS] == states


@given(st.lists(st.sampled_from("0X"), min_size=5, max_size=5), st.integers(1, 3))
def test_without_gaps_only_the_evaluation_periods_count(text: list[str], datapoints: int) -> None:
    expected = ALARM if text[2:].count("X") >= datapoints else OK
    assert {_state(" ".join(text), datapoints, missing) for missing in TREATMENTS} == {expected}


@pytest.mark.parametrize(
    ("comparison", "value", "breached"),
    [
        ("GreaterThanThreshold", 5.0, False),
        ("GreaterThanOrEqualToThreshold", 5.0, True),
        ("LessThanThreshold", 5.0, False),
        ("LessThanOrEqualToThreshold", 5.0, True),
    ],
)
def test_comparison_with_a_value_at_the_threshold(comparison: str, value: float, breached: bool) -> None:
    assert AlarmCondition(comparison, 5.0, 1, 1).is_breached(value) is breached


def test_reasons_are_those_of_aws() -> None:
    condition = AlarmCondition("GreaterThanThreshold", 5.0, 3, 2)
    assert state_reason(condition, _points("0 0 X 0 X"), OK, ALARM) == (
        "Threshold Crossed: 2 out of the last 3 datapoints [9.0 (01/01/70 00:04:00), 9.0 (01/01/70 00:02:00)] were "
        "greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)."
    )
    assert state_reason(AlarmCondition("LessThanThreshold", 5.0, 1, 1), _points("X"), ALARM, OK) == (
        "Threshold Crossed: 1 out of the last 1 datapoints [9.0 (01/01/70 00:00:00)] was not less than the threshold "
        "(5.0) (minimum 1 datapoint for ALARM -> OK transition)."
    )
    assert state_reason(
        AlarmCondition("GreaterThanThreshold", 5.0, 1, 1, is_m_of_n=False), _points("X"), OK, ALARM
    ) == ("Threshold Crossed: 1 datapoint [9.0 (01/01/70 00:00:00)] was greater than the threshold (5.0).")
    assert state_reason(condition, _points("- - -"), OK, UNKNOWN) == "Insufficient Data: 3 datapoints were unknown."


# --- evaluation at computed times


class SimulatedAlarm:
    """An alarm on a metric with steps, evaluated every minute, or only at the times that it computes."""

    def __init__(self, steps: list[tuple[int, float, float]], condition: AlarmCondition, statistic: str) -> None:
        self.steps, self.series, self.now = steps, Series("Count", counts=False), 0.0
        self.changes: list[tuple[float, str]] = []
        self.alarm: Any = SimpleNamespace(
            name="a",
            rule=None,
            namespace="n",
            metric_name="m",
            dimensions=[],
            metric_data_queries=[],
            statistic=statistic,
            extended_statistic=None,
            unit=None,
            period=60,
            comparison_operator=condition.comparison,
            threshold=condition.threshold,
            evaluation_periods=condition.periods,
            datapoints_to_alarm=condition.datapoints,
            treat_missing_data=condition.missing,
            state_value="INSUFFICIENT_DATA",
        )

    def evaluate(self) -> float | None:
        metrics, backends = MetricSources({Metric("n", "m"): self.series}, {}), cast("Backends", None)

        def change_state(backends: Backends, alarm: Any, state: str, reason: str, data: str) -> None:
            alarm.state_value = state
            self.changes.append((self.now, state))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(alarms, "CLOCK", SimpleNamespace(now=lambda: self.now))
            patch.setattr(alarms, "change_state", change_state)
            return alarms.update_alarm(backends, metrics, self.alarm)

    def play(self, until: float, *, every_minute: bool) -> list[tuple[float, str]]:
        """Run until a time; return the changes of the state with their times."""
        ahead, wake = list(self.steps), self.evaluate()
        while True:
            minute = self.now // 60 * 60 + 60 if every_minute else None
            moments = [at for at in (wake, minute, ahead[0][0] if ahead else None) if at is not None]
            if not moments or min(moments) > until:
                return self.changes
            self.now = float(min(moments))
            if ahead and ahead[0][0] == self.now:
                _, rate, value = ahead.pop(0)
                self.series.steps.append(self.now, rate, value)
            wake = self.evaluate()


@given(
    st.lists(
        st.tuples(st.integers(1, 3000), st.sampled_from([0.0, 1 / 60]), st.sampled_from([0.0, 4.0, 6.0])),
        max_size=8,
        unique_by=lambda step: step[0],
    ),
    st.integers(1, 4),
    st.sampled_from(TREATMENTS),
    st.sampled_from(["Average", "Maximum", "Sum"]),
    st.data(),
)
def test_evaluating_only_at_computed_times_has_the_same_result_as_every_minute(
    steps: list[tuple[int, float, float]], periods: int, missing: str, statistic: str, data: st.DataObject
) -> None:
    condition = AlarmCondition("GreaterThanThreshold", 5.0, periods, data.draw(st.integers(1, periods)), missing)
    rarely, always = (SimulatedAlarm(sorted(steps), condition, statistic) for _ in range(2))
    assert rarely.play(4000, every_minute=False) == always.play(4000, every_minute=True)


# --- on the server


class CustomAlarm:
    """An alarm on a custom metric: above 5 for two minutes."""

    def __init__(self, account: Any, **settings: Any) -> None:
        self.account, self.cloudwatch = account, account.client("cloudwatch")
        self.put(**settings)

    def put(self, **settings: Any) -> None:
        alarm = {
            "AlarmName": "deep",
            "Namespace": "Team",
            "MetricName": "Depth",
            "Dimensions": [{"Name": "Queue", "Value": "jobs"}],
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 2,
            "Threshold": 5.0,
            "ComparisonOperator": "GreaterThanThreshold",
            **settings,
        }
        self.cloudwatch.put_metric_alarm(**alarm)

    def now(self) -> datetime:
        return datetime.fromisoformat(control(self.account, "GET", "clock")["time"])

    def measure(self, *values: float) -> None:
        """Put values, one a minute."""
        for value in values:
            datum = {"MetricName": "Depth", "Value": value, "Dimensions": [{"Name": "Queue", "Value": "jobs"}]}
            self.cloudwatch.put_metric_data(Namespace="Team", MetricData=[datum])
            advance(self.account, "60s")

    def describe(self) -> dict[str, Any]:
        described: dict[str, Any] = self.cloudwatch.describe_alarms(AlarmNames=["deep"])["MetricAlarms"][0]
        return described

    @property
    def state(self) -> str:
        return str(self.describe()["StateValue"])


def test_an_alarm_on_a_custom_metric_changes_its_state(account: Any) -> None:
    alarm = CustomAlarm(account)
    assert alarm.state == UNKNOWN
    alarm.measure(1)
    assert alarm.state == OK
    alarm.measure(9)
    assert alarm.state == OK, "it needs two periods"
    alarm.measure(9)
    assert alarm.state == ALARM
    assert alarm.describe()["StateReason"].startswith("Threshold Crossed: 2 datapoints [9.0 (")
    alarm.measure(1)
    assert alarm.state == OK
    advance(account, "10m")
    assert alarm.state == UNKNOWN, "there is no data any more"


def test_a_state_set_by_a_user_lasts_until_the_next_evaluation(account: Any) -> None:
    alarm = CustomAlarm(account, TreatMissingData="notBreaching")
    advance(account, "2m")
    assert alarm.state == OK
    alarm.cloudwatch.set_alarm_state(AlarmName="deep", StateValue=ALARM, StateReason="a rehearsal")
    assert (alarm.state, alarm.describe()["StateReason"]) == (ALARM, "a rehearsal")
    advance(account, "60s")
    assert alarm.state == OK


def test_updating_an_alarm_keeps_its_state(account: Any) -> None:
    alarm = CustomAlarm(account)
    alarm.measure(9, 9)
    alarm.put(Threshold=8.0)
    assert alarm.state == ALARM
    alarm.put(Threshold=20.0)
    advance(account, "60s")
    assert alarm.state == OK


def test_the_history_lists_changes_actions_and_the_deletion(account: Any) -> None:
    topic = account.client("sns").create_topic(Name="pager")["TopicArn"]
    alarm = CustomAlarm(account, AlarmActions=[topic])
    alarm.measure(9, 9)
    alarm.cloudwatch.delete_alarms(AlarmNames=["deep"])
    items = alarm.cloudwatch.describe_alarm_history(AlarmName="deep", ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [(item["HistoryItemType"], item["HistorySummary"]) for item in items] == [
        ("ConfigurationUpdate", 'Alarm "deep" created'),
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
        ("Action", f"Successfully executed action {topic}"),
        ("ConfigurationUpdate", 'Alarm "deep" deleted'),
    ]
    assert [(event["subject"], event["what"]) for event in events(account)] == [
        ("deep", "alarm in ALARM"),
        ("pager", "notified"),
    ]
    only = alarm.cloudwatch.describe_alarm_history(HistoryItemType="Action", MaxRecords=1)
    assert (len(only["AlarmHistoryItems"]), "NextToken" in only) == (1, False)


def test_disabled_actions_are_not_called(account: Any) -> None:
    alarm = CustomAlarm(account, AlarmActions=["arn:aws:sns:eu-west-3:123456789012:pager"], ActionsEnabled=False)
    alarm.measure(9, 9)
    assert alarm.state == ALARM
    assert [event["subject"] for event in events(account)] == ["deep"]


def test_an_alarm_on_a_metric_math_expression(account: Any) -> None:
    metric = {"Namespace": "Team", "MetricName": "Depth", "Dimensions": [{"Name": "Queue", "Value": "jobs"}]}
    cloudwatch = account.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="deep",
        EvaluationPeriods=1,
        Threshold=50.0,
        ComparisonOperator="GreaterThanThreshold",
        Metrics=[
            {"Id": "share", "Expression": "depth / 10 * 100", "ReturnData": True},
            {
                "Id": "depth",
                "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"},
                "ReturnData": False,
            },
        ],
    )
    for value, expected in ((4.0, OK), (6.0, ALARM)):
        datum = {"MetricName": "Depth", "Value": value, "Dimensions": metric["Dimensions"]}
        cloudwatch.put_metric_data(Namespace="Team", MetricData=[datum])
        advance(account, "60s")
        assert cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"] == expected


def _unhealthy_hosts(living: Living) -> Any:
    cloudwatch = living.account.client("cloudwatch")
    balancer = living.elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    cloudwatch.put_metric_alarm(
        AlarmName="unhealthy",
        Namespace="AWS/ApplicationELB",
        MetricName="UnHealthyHostCount",
        Dimensions=[
            {"Name": "LoadBalancer", "Value": balancer.split(":loadbalancer/")[-1]},
            {"Name": "TargetGroup", "Value": living.target_group.split(":")[-1]},
        ],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=2,
        Threshold=0.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    return cloudwatch


def _changes(cloudwatch: Any) -> list[tuple[str, datetime]]:
    items = cloudwatch.describe_alarm_history(HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    return [(item["HistorySummary"].split()[-1], item["Timestamp"]) for item in reversed(items)]


@pytest.mark.parametrize("pauses", [["40m"], ["3m", "90s", "1s", "17m", "30m"]])
def test_an_alarm_on_unhealthy_targets_fires_at_the_same_time_in_one_jump_and_in_many(
    account: Any, pauses: list[str]
) -> None:
    living = Living(account)
    advance(account, "6m")
    cloudwatch = _unhealthy_hosts(living)
    advance(account, "3m")
    assert [state for state, _ in _changes(cloudwatch)] == [OK]
    closed = datetime.fromisoformat(control(account, "GET", "clock")["time"])
    living.ec2.revoke_security_group_ingress(**living.rule)
    for pause in pauses:
        advance(account, pause)
    (_, first), (state, changed), *_ = _changes(cloudwatch)
    assert first < closed
    assert state == ALARM
    assert timedelta(minutes=1) < changed - closed < timedelta(minutes=4), "after two checks and two periods"
    assert (changed.second, changed.microsecond) == (0, 0), "it changes at the end of a period"
