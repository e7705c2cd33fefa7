"""CloudWatch: alarms that are refused, composite alarms, and what descriptions of alarms contain."""

from typing import Any

from tests.local.cases import case, outcome

ALARM: dict[str, Any] = {
    "Namespace": "X",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


def without(name: str, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in {**ALARM, **more}.items() if key != name}


def query(**more: Any) -> dict[str, Any]:
    metric = {"Namespace": "X", "MetricName": "m"}
    return {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, **more}


def of_metrics(*queries: dict[str, Any], **more: Any) -> dict[str, Any]:
    common = {name: ALARM[name] for name in ("EvaluationPeriods", "Threshold", "ComparisonOperator")}
    return {**common, "Metrics": list(queries), **more}


RATE = {"Id": "e1", "Expression": "RATE(m1)"}
REFUSED = (
    ("a threshold", without("Threshold"), "MissingParameter"),
    ("a period", without("Period"), "MissingParameter"),
    ("one statistic", {**ALARM, "ExtendedStatistic": "p99"}, "InvalidParameterCombination"),
    ("a known statistic", without("Statistic", ExtendedStatistic="p101"), "InvalidParameterValue"),
    ("a period of whole minutes", {**ALARM, "Period": 45}, "ValidationError"),
    ("at most a day of periods", {**ALARM, "EvaluationPeriods": 1441}, "ValidationError"),
    ("at most as many datapoints", {**ALARM, "DatapointsToAlarm": 2}, "ValidationError"),
    ("a known treatment", {**ALARM, "TreatMissingData": "guess"}, "ValidationError"),
    ("one result", of_metrics(query(), query(Id="m2")), "ValidationError"),
    ("a metric or metrics", {**ALARM, "Metrics": [query()]}, "InvalidParameterCombination"),
    ("a simulated expression", of_metrics(query(ReturnData=False), RATE), "NotSimulated"),
)


@case(
    "an alarm that CloudWatch does not take is refused, and not kept",
    aws=([(name, code) for name, _, code in REFUSED], []),
    stock=([(name, "accepted") for name, _, _ in REFUSED[:3]], ["a"]),
)
def case_refused_alarms(account: Any) -> Any:
    cloudwatch = account.client("cloudwatch")
    tried = REFUSED if account.wrapped else REFUSED[:3]
    outcomes = [
        (name, outcome(lambda alarm=alarm: cloudwatch.put_metric_alarm(AlarmName="a", **alarm) and "accepted"))
        for name, alarm, _ in tried
    ]
    return outcomes, [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]]


@case(
    "a composite alarm follows the alarms of its rule, which outlive it",
    aws=(["OK", "ALARM", "OK", "ALARM"], ["one", "two"], "ValidationError", [], ["both"]),
    stock="500",
)
def case_composite(account: Any) -> Any:
    cloudwatch, states = account.client("cloudwatch"), []
    for name in ("one", "two"):
        cloudwatch.put_metric_alarm(AlarmName=name, **ALARM)
    rule = 'ALARM("one") AND NOT (ALARM(two) OR INSUFFICIENT_DATA(two))'
    put = outcome(lambda: cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule=rule) and "accepted")
    if put != "accepted":
        return put

    def state() -> str:
        found = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
        return str(found[0]["StateValue"])

    for name, value in (("", ""), ("one", "ALARM"), ("two", "ALARM"), ("two", "OK")):
        if name:
            cloudwatch.set_alarm_state(AlarmName=name, StateValue=value, StateReason="test")
        if name == "one":
            cloudwatch.set_alarm_state(AlarmName="two", StateValue="OK", StateReason="test")
        states.append(state())
    children = cloudwatch.describe_alarms(ChildrenOfAlarmName="both")["MetricAlarms"]
    needed = outcome(lambda: cloudwatch.delete_alarms(AlarmNames=["one"]) and "deleted")
    history = cloudwatch.describe_alarm_history(AlarmTypes=["CompositeAlarm"])["AlarmHistoryItems"]
    cloudwatch.delete_alarms(AlarmNames=["both"])
    cloudwatch.delete_alarms(AlarmNames=["one", "two"])
    left = [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]]
    return states, [child["AlarmName"] for child in children], needed, left, sorted({i["AlarmName"] for i in history})


@case(
    "a rule of a composite alarm must be valid, and its alarms exist",
    aws=["ValidationError"] * 4 + ["NotSimulated"],
    stock=["500"] * 5,
)
def case_composite_rules(account: Any) -> Any:
    cloudwatch = account.client("cloudwatch")
    rules = ("ALARM(nobody)", "ALARM(", "TRUE AND", "NOISE(a)")
    settings = [{"AlarmRule": rule} for rule in rules] + [{"AlarmRule": "TRUE", "ActionsSuppressor": "a"}]
    return [
        outcome(lambda each=each: cloudwatch.put_composite_alarm(AlarmName="c", **each) and "accepted")
        for each in settings
    ]


@case(
    "a new alarm has no data of a reason, and the time of its last transition",
    aws=(False, True, ["b"], []),
    stock=(True, False, ["a", "b"], [{"Key": "k", "Value": "v"}]),
)
def case_description(account: Any) -> Any:
    cloudwatch = account.client("cloudwatch")
    for name in ("a", "b"):
        cloudwatch.put_metric_alarm(AlarmName=name, **ALARM, Tags=[{"Key": "k", "Value": "v"}])
    cloudwatch.set_alarm_state(AlarmName="b", StateValue="ALARM", StateReason="test")
    found = cloudwatch.describe_alarms(StateValue="ALARM", AlarmNamePrefix="b")["MetricAlarms"]
    both = cloudwatch.describe_alarms(StateValue="ALARM", AlarmNames=["a", "b"])["MetricAlarms"]
    alarm = cloudwatch.describe_alarms(AlarmNames=["a"])["MetricAlarms"][0]
    cloudwatch.delete_alarms(AlarmNames=["b"])
    tags = cloudwatch.list_tags_for_resource(ResourceARN=found[0]["AlarmArn"])["Tags"]
    names = [each["AlarmName"] for each in both]
    return "StateReasonData" in alarm, "StateTransitionedTimestamp" in alarm, names, tags
