"""Alarms are evaluated on the clock: their state, its reason in AWS's words, their history, and what they call.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before, reconciler, replace
from local_aws_server.services.cloudwatch import alarms, metrics

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="Alarms are evaluated on the clock: their state, its reason in AWS's words, their history, and "
        "what they call.",
        documentation=("https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html",),
    ),
)


@reconciler("cloudwatch", order=70)
def alarms_change_their_state(world: Backends) -> float | None:
    return alarms.follow(world)


@before("cloudwatch", "PutMetricAlarm")
def what_was_there(call: Call) -> None:
    call.notes["before"] = _alarms(call).get(call.params["AlarmName"])


@after("cloudwatch", "PutMetricAlarm")
def a_new_alarm_knows_nothing(call: Call) -> None:
    alarm, earlier = _alarms(call)[call.params["AlarmName"]], call.notes["before"]
    alarms.begin(alarm, earlier)
    summary = f'Alarm "{alarm.name}" {"updated" if earlier else "created"}'
    data = {"version": "1.0", "type": "Update" if earlier else "Create"}
    alarms.remember(call.backends, alarm, "ConfigurationUpdate", summary, data)


@before("cloudwatch", "DeleteAlarms")
def its_history_outlives_it(call: Call) -> None:
    for name in call.params.get("AlarmNames") or ():
        if alarm := _alarms(call).get(name):
            data = {"version": "1.0", "type": "Delete"}
            alarms.remember(call.backends, alarm, "ConfigurationUpdate", f'Alarm "{name}" deleted', data)


@before("cloudwatch", "SetAlarmState")
def the_state_before(call: Call) -> None:
    alarm = _alarms(call).get(call.params["AlarmName"])
    call.notes["before"] = alarm.state_value if alarm else ""


@after("cloudwatch", "SetAlarmState")
def a_state_set_by_hand_holds_until_the_next_evaluation(call: Call) -> None:
    alarm = _alarms(call)[call.params["AlarmName"]]
    alarms.hold(alarm)
    if alarm.state_value != call.notes["before"]:
        alarms.turned(call.backends, alarm, call.notes["before"])


@replace("cloudwatch", "DescribeAlarmHistory")
def alarm_history(call: Call) -> dict[str, Any]:
    asked = call.params
    begins, ends = (metrics.seconds(asked[word]) if word in asked else None for word in ("StartDate", "EndDate"))
    found = [
        item
        for item in alarms.history(call.backends)
        if asked.get("AlarmName") in (None, item["AlarmName"])
        and asked.get("HistoryItemType") in (None, item["HistoryItemType"])
        and (begins is None or begins <= item["Timestamp"].timestamp())
        and (ends is None or item["Timestamp"].timestamp() <= ends)
    ]
    if asked.get("ScanBy") != "TimestampAscending":
        found.reverse()
    first, most = int(asked.get("NextToken") or 0), int(asked.get("MaxRecords") or 100)
    more = {"NextToken": str(first + most)} if first + most < len(found) else {}
    return {"AlarmHistoryItems": found[first : first + most], **more}


def _alarms(call: Call) -> dict[str, Any]:
    known: dict[str, Any] = call.backends.backend("cloudwatch").alarms
    return known
