"""Put, delete and describe alarms, set their state, and describe their history."""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, reconciler, replace
from local_aws_server.services.cloudwatch import alarms
from local_aws_server.services.cloudwatch.alarm_history import alarm_history, record_configuration
from local_aws_server.services.cloudwatch.metrics import to_timestamp

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="Alarms are evaluated as time passes: they change their state with AWS's reasons, call their "
        "actions, and have a history.",
        documentation=("https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html",),
    ),
)


@reconciler("cloudwatch", order=70)
def update_alarms(backends: Backends) -> float | None:
    return alarms.update_alarms(backends)


@before("cloudwatch", "PutMetricAlarm")
def note_existing_alarm(call: Call) -> None:
    call.notes["before"] = _alarms(call).get(call.params["AlarmName"])


@after("cloudwatch", "PutMetricAlarm")
def initialize_alarm(call: Call) -> None:
    alarm, existing = _alarms(call)[call.params["AlarmName"]], call.notes["before"]
    alarms.initialize_alarm(alarm, existing)
    record_configuration(call.backends, alarm, "Update" if existing else "Create")


@before("cloudwatch", "DeleteAlarms")
def note_deleted(call: Call) -> None:
    names = call.params.get("AlarmNames") or ()
    call.notes["deleted"] = [alarm for name in names if (alarm := _alarms(call).get(name))]


@after("cloudwatch", "DeleteAlarms")
def record_deletion(call: Call) -> None:
    """Record the deletion, and forget the tags: an alarm of the same name has none of them."""
    for alarm in call.notes["deleted"]:
        call.backends.backend("cloudwatch").tagger.delete_all_tags_for_resource(alarm.alarm_arn)
        record_configuration(call.backends, alarm, "Delete")


@before("cloudwatch", "SetAlarmState")
def note_state(call: Call) -> None:
    alarm = _alarms(call).get(call.params["AlarmName"])
    call.notes["before"] = alarm.state_value if alarm else ""


@after("cloudwatch", "SetAlarmState")
def hold_state(call: Call) -> None:
    """Keep the state until the next evaluation."""
    alarm = _alarms(call)[call.params["AlarmName"]]
    alarms.hold_state(alarm)
    if alarm.state_value != call.notes["before"]:
        alarms.record_state_change(call.backends, alarm, call.notes["before"])


@replace("cloudwatch", "DescribeAlarmHistory")
def describe_alarm_history(call: Call) -> dict[str, Any]:
    params = call.params
    start, end = (to_timestamp(params[name]) if name in params else None for name in ("StartDate", "EndDate"))
    types = params.get("AlarmTypes") or ["MetricAlarm"]
    items = [
        item
        for item in alarm_history(call.backends)
        if item["AlarmType"] in types
        and params.get("AlarmName") in (None, item["AlarmName"])
        and params.get("HistoryItemType") in (None, item["HistoryItemType"])
        and (start is None or start <= item["Timestamp"].timestamp())
        and (end is None or item["Timestamp"].timestamp() <= end)
    ]
    if params.get("ScanBy") != "TimestampAscending":
        items.reverse()
    token_of_page = params.get("NextToken") or "0"
    if not token_of_page.isdecimal():
        raise AwsError("InvalidNextToken", "The token is not valid.", 400)
    first, size = int(token_of_page), int(params.get("MaxRecords") or 100)
    token = {"NextToken": str(first + size)} if first + size < len(items) else {}
    return {"AlarmHistoryItems": items[first : first + size], **token}


def _alarms(call: Call) -> dict[str, Any]:
    known: dict[str, Any] = call.backends.backend("cloudwatch").alarms
    return known
