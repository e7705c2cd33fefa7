"""Alarms: the state that their periods mean, and when they turn."""

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

OK, ALARM, UNKNOWN, KEPT = "OK", "ALARM", "INSUFFICIENT_DATA", "as it was"
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def _points(drawn: str) -> list[tuple[float, float | None]]:
    """`0` is below the threshold, `X` above it, `-` missing; the newest last."""
    values = {"0": 0.0, "X": 9.0, "-": None}
    return [(60.0 * number, values[letter]) for number, letter in enumerate(drawn.split())]


def _state(drawn: str, datapoints: int, missing: str) -> str:
    condition = AlarmCondition("GreaterThanThreshold", 5.0, 3, datapoints, missing)
    return evaluate_state(condition, _points(drawn), KEPT)


@pytest.mark.parametrize(
    ("datapoints", "drawn", "states"),
    [
        # the two tables of AWS: "Configuring how CloudWatch alarms treat missing data"
        (3, "0 - X - X", [OK, OK, OK, OK]),
        (3, "0 - - - -", [OK, OK, OK, OK]),
        (3, "- - - - -", [UNKNOWN, KEPT, ALARM, OK]),
        (3, "0 X X - X", [ALARM, ALARM, ALARM, ALARM]),
        (3, "- - X - -", [ALARM, KEPT, ALARM, OK]),
        (2, "0 - X - X", [ALARM, ALARM, ALARM, ALARM]),
        (2, "0 0 X 0 X", [ALARM, ALARM, ALARM, ALARM]),
        (2, "0 - X - -", [OK, OK, ALARM, OK]),
        (2, "- - - - 0", [OK, OK, ALARM, OK]),
        (2, "- - - X -", [ALARM, KEPT, ALARM, OK]),
    ],
)
def test_missing_data_is_treated_as_asked(datapoints: int, drawn: str, states: list[str]) -> None:
    assert [_state(drawn, datapoints, missing) for missing in TREATMENTS] == states


@given(st.lists(st.sampled_from("0X"), min_size=5, max_size=5), st.integers(1, 3))
def test_with_all_data_only_the_last_periods_count(drawn: list[str], datapoints: int) -> None:
    expected = ALARM if drawn[2:].count("X") >= datapoints else OK
    assert {_state(" ".join(drawn), datapoints, missing) for missing in TREATMENTS} == {expected}


@pytest.mark.parametrize(
    ("comparison", "value", "breached"),
    [
        ("GreaterThanThreshold", 5.0, False),
        ("GreaterThanOrEqualToThreshold", 5.0, True),
        ("LessThanThreshold", 5.0, False),
        ("LessThanOrEqualToThreshold", 5.0, True),
    ],
)
def test_the_threshold_itself(comparison: str, value: float, breached: bool) -> None:
    assert AlarmCondition(comparison, 5.0, 1, 1).is_breached(value) is breached


def test_reasons_are_in_the_words_of_aws() -> None:
    condition = AlarmCondition("GreaterThanThreshold", 5.0, 3, 2)
    assert state_reason(condition, _points("0 0 X 0 X"), OK, ALARM) == (
        "Threshold Crossed: 2 out of the last 3 datapoints [9.0 (01/01/70 00:04:00), 9.0 (01/01/70 00:02:00)] were "
        "greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)."
    )
    assert state_reason(AlarmCondition("LessThanThreshold", 5.0, 1, 1), _points("X"), ALARM, OK) == (
        "Threshold Crossed: 1 out of the last 1 datapoints [9.0 (01/01/70 00:00:00)] was not less than the threshold "
        "(5.0) (minimum 1 datapoint for ALARM -> OK transition)."
    )
    assert state_reason(condition, _points("- - -"), OK, UNKNOWN) == "Insufficient Data: 3 datapoints were unknown."


# --- from change to change


class Minutes:
    """An alarm over a metric that steps, in a world of its own; woken every minute, or only when it asks for it."""

    def __init__(self, steps: list[tuple[int, float, float]], condition: AlarmCondition, statistic: str) -> None:
        self.steps, self.series, self.now = steps, Series("Count", counts=False), 0.0
        self.turns: list[tuple[float, str]] = []
        self.alarm: Any = SimpleNamespace(
            name="a",
            rule=None,
            namespace="n",
            metric_name="m",
            dimensions=[],
            metric_data_queries=[],
            statistic=statistic,
            extended_statistic=None,
            period=60,
            comparison_operator=condition.comparison,
            threshold=condition.threshold,
            evaluation_periods=condition.periods,
            datapoints_to_alarm=condition.datapoints,
            treat_missing_data=condition.missing,
            state_value="INSUFFICIENT_DATA",
        )

    def follow(self) -> float | None:
        metrics, backends = MetricSources({Metric("n", "m"): self.series}, {}), cast("Backends", None)

        def change_state(backends: Backends, alarm: Any, state: str, reason: str, data: str) -> None:
            alarm.state_value = state
            self.turns.append((self.now, state))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(alarms, "CLOCK", SimpleNamespace(now=lambda: self.now))
            patch.setattr(alarms, "change_state", change_state)
            return alarms.update_alarm(backends, metrics, self.alarm)

    def play(self, until: float, *, every_minute: bool) -> list[tuple[float, str]]:
        """The changes of its state, and when they come."""
        ahead, wake = list(self.steps), self.follow()
        while True:
            minute = self.now // 60 * 60 + 60 if every_minute else None
            moments = [at for at in (wake, minute, ahead[0][0] if ahead else None) if at is not None]
            if not moments or min(moments) > until:
                return self.turns
            self.now = float(min(moments))
            if ahead and ahead[0][0] == self.now:
                _, rate, value = ahead.pop(0)
                self.series.steps.append(self.now, rate, value)
            wake = self.follow()


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
def test_an_alarm_that_is_woken_when_it_asks_misses_nothing(
    steps: list[tuple[int, float, float]], periods: int, missing: str, statistic: str, data: st.DataObject
) -> None:
    condition = AlarmCondition("GreaterThanThreshold", 5.0, periods, data.draw(st.integers(1, periods)), missing)
    rarely, always = (Minutes(sorted(steps), condition, statistic) for _ in range(2))
    assert rarely.play(4000, every_minute=False) == always.play(4000, every_minute=True)


# --- on the server


class Alarmed:
    """An alarm on a metric that the test puts: above 5, two minutes long."""

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
        """Each in a minute of its own."""
        for value in values:
            datum = {"MetricName": "Depth", "Value": value, "Dimensions": [{"Name": "Queue", "Value": "jobs"}]}
            self.cloudwatch.put_metric_data(Namespace="Team", MetricData=[datum])
            advance(self.account, "60s")

    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cloudwatch.describe_alarms(AlarmNames=["deep"])["MetricAlarms"][0]
        return found

    @property
    def state(self) -> str:
        return str(self.seen()["StateValue"])


def test_an_alarm_follows_what_users_put(account: Any) -> None:
    alarmed = Alarmed(account)
    assert alarmed.state == UNKNOWN
    alarmed.measure(1)
    assert alarmed.state == OK
    alarmed.measure(9)
    assert alarmed.state == OK, "one minute is not enough"
    alarmed.measure(9)
    assert alarmed.state == ALARM
    assert alarmed.seen()["StateReason"].startswith("Threshold Crossed: 2 out of the last 2 datapoints [9.0 (")
    alarmed.measure(1)
    assert alarmed.state == OK
    advance(account, "10m")
    assert alarmed.state == UNKNOWN, "nobody measures any more"


def test_a_state_set_by_hand_holds_until_the_next_evaluation(account: Any) -> None:
    alarmed = Alarmed(account, TreatMissingData="notBreaching")
    advance(account, "2m")
    assert alarmed.state == OK
    alarmed.cloudwatch.set_alarm_state(AlarmName="deep", StateValue=ALARM, StateReason="a rehearsal")
    assert (alarmed.state, alarmed.seen()["StateReason"]) == (ALARM, "a rehearsal")
    advance(account, "60s")
    assert alarmed.state == OK


def test_changing_an_alarm_keeps_its_state(account: Any) -> None:
    alarmed = Alarmed(account)
    alarmed.measure(9, 9)
    alarmed.put(Threshold=8.0)
    assert alarmed.state == ALARM
    alarmed.put(Threshold=20.0)
    advance(account, "60s")
    assert alarmed.state == OK


def test_the_history_tells_all_of_it(account: Any) -> None:
    alarmed = Alarmed(account, AlarmActions=["arn:aws:sns:eu-west-3:123456789012:pager"])
    alarmed.measure(9, 9)
    alarmed.cloudwatch.delete_alarms(AlarmNames=["deep"])
    told = alarmed.cloudwatch.describe_alarm_history(AlarmName="deep", ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [(item["HistoryItemType"], item["HistorySummary"]) for item in told] == [
        ("ConfigurationUpdate", 'Alarm "deep" created'),
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
        ("Action", "Successfully executed action arn:aws:sns:eu-west-3:123456789012:pager"),
        ("ConfigurationUpdate", 'Alarm "deep" deleted'),
    ]
    assert [(event["subject"], event["what"]) for event in events(account)] == [
        ("deep", "alarm in ALARM"),
        ("pager", "notified"),
    ]
    only = alarmed.cloudwatch.describe_alarm_history(HistoryItemType="Action", MaxRecords=1)
    assert (len(only["AlarmHistoryItems"]), "NextToken" in only) == (1, False)


def test_disabled_actions_are_not_called(account: Any) -> None:
    alarmed = Alarmed(account, AlarmActions=["arn:aws:sns:eu-west-3:123456789012:pager"], ActionsEnabled=False)
    alarmed.measure(9, 9)
    assert alarmed.state == ALARM
    assert [event["subject"] for event in events(account)] == ["deep"]


def test_an_alarm_may_watch_an_expression(account: Any) -> None:
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
def test_targets_that_fail_set_an_alarm_off_whenever_somebody_looks(account: Any, pauses: list[str]) -> None:
    living = Living(account)
    advance(account, "6m")
    cloudwatch = _unhealthy_hosts(living)
    advance(account, "3m")
    assert [what for what, _ in _changes(cloudwatch)] == [OK]
    closed = datetime.fromisoformat(control(account, "GET", "clock")["time"])
    living.ec2.revoke_security_group_ingress(**living.rule)
    for pause in pauses:
        advance(account, pause)
    (_, first), (what, turned), *_ = _changes(cloudwatch)
    assert first < closed
    assert what == ALARM
    assert timedelta(minutes=1) < turned - closed < timedelta(minutes=4), "two checks, two periods"
    assert (turned.second, turned.microsecond) == (0, 0), "at the end of a period"
