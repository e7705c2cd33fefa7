"""Composite alarms: put them, evaluate their rules when an alarm changes, and keep the alarms that they need.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-combining.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.isolation import each
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, reconciler, replace
from local_aws_server.services.cloudwatch import alarms
from local_aws_server.services.cloudwatch.alarm_history import record_configuration
from local_aws_server.services.cloudwatch.alarm_state import ALARM, OK
from local_aws_server.services.cloudwatch.composite_rules import InvalidRule, parse_rule

_PUT_COMPOSITE = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html"

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="Composite alarms follow the alarms of their rule, which cannot be deleted before them.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-combining.html",
            _PUT_COMPOSITE,
        ),
    ),
    Behaviour(
        service="CloudWatch",
        fidelity=NOT_SIMULATED,
        statement="A composite alarm whose actions are suppressed by another alarm is refused with NotSimulated.",
        documentation=(_PUT_COMPOSITE,),
    ),
)

_MAX_CHILDREN = 100


@replace("cloudwatch", "PutCompositeAlarm")
def put_composite_alarm(call: Call) -> dict[str, Any]:
    params, backend = call.params, call.backends.backend("cloudwatch")
    name, existing = params["AlarmName"], backend.alarms.get(params["AlarmName"])
    _check(call)
    alarm = backend.put_metric_alarm(
        name=name,
        namespace=None,
        metric_name=None,
        comparison_operator=None,
        evaluation_periods=None,
        period=None,
        threshold=None,
        statistic=None,
        description=params.get("AlarmDescription"),
        dimensions=[],
        alarm_actions=params.get("AlarmActions", []),
        ok_actions=params.get("OKActions", []),
        insufficient_data_actions=params.get("InsufficientDataActions", []),
        actions_enabled=params.get("ActionsEnabled", True),
        rule=params["AlarmRule"],
        tags=params.get("Tags", []),
    )
    alarms.initialize_alarm(alarm, existing)
    record_configuration(call.backends, alarm, "Update" if existing else "Create")
    return {}


def _check(call: Call) -> None:
    params, known = call.params, call.backends.backend("cloudwatch").alarms
    if unsupported := {name for name in params if name.startswith("ActionsSuppressor")}:
        message = f"the local AWS does not simulate {', '.join(sorted(unsupported))} of composite alarms"
        raise AwsError("NotSimulated", message, 501)
    try:
        rule = parse_rule(params["AlarmRule"])
    except InvalidRule as error:
        raise AwsError("ValidationError", f"AlarmRule is not valid: {error}", 400) from None
    if len(rule.alarms) > _MAX_CHILDREN:
        raise AwsError("ValidationError", f"AlarmRule may reference at most {_MAX_CHILDREN} alarms.", 400)
    if missing := [name for name in rule.alarms if name not in known]:
        message = f"Could not save the composite alarm as alarms [{', '.join(missing)}] in the alarm rule do not exist"
        raise AwsError("ValidationError", message, 400)
    existing = known.get(params["AlarmName"])
    if existing is not None and existing.rule is None:
        raise AwsError("ValidationError", "The type of an alarm cannot be changed.", 400)


@before("cloudwatch", "DeleteAlarms")
def keep_needed_alarms(call: Call) -> None:
    known = call.backends.backend("cloudwatch").alarms
    names = call.params.get("AlarmNames") or []
    composites = [name for name in names if name in known and known[name].rule is not None]
    if len(composites) > 1:
        message = "Only one composite alarm can be deleted per request."
        raise AwsError("ValidationError", message, 400)
    for parent in _composites(known.values()):
        needed = [name for name in parse_rule(parent.rule).alarms if name in names and name in known]
        if needed and parent.name not in names:
            message = f"Could not delete alarms [{', '.join(needed)}]: the composite alarm {parent.name} needs them"
            raise AwsError("ValidationError", message, 400)


@reconciler("cloudwatch", order=71)
def update_composite_alarms(backends: Backends) -> None:
    """Evaluate all rules; a change of state lets the reconcilers of CloudWatch run again."""
    known = backends.backend("cloudwatch").alarms
    composites = _composites(known.values())
    if composites:
        each(backends, "alarm", composites, lambda alarm: alarm.name, lambda alarm: _update(backends, alarm))


def _update(backends: Backends, alarm: Any) -> None:
    known, rule = backends.backend("cloudwatch").alarms, parse_rule(alarm.rule)
    if _is_in_cycle(known, alarm):
        return
    states = {name: known[name].state_value for name in rule.alarms if name in known}
    state = ALARM if rule.holds(states) else OK
    if state == alarm.state_value:
        return
    children = [known[name] for name in rule.alarms if name in known]
    latest = max(children, key=lambda child: child.state_updated_timestamp, default=None)
    reason, triggering = "The alarm rule has no alarms", []
    if latest is not None:
        at = latest.state_updated_timestamp
        reason = f"{latest.alarm_arn} transitioned to {latest.state_value} at {at:%A %d %B, %Y %H:%M:%S} UTC"
        its_state = {"value": latest.state_value, "timestamp": f"{at:%Y-%m-%dT%H:%M:%S.000+0000}"}
        triggering = [{"arn": latest.alarm_arn, "state": its_state}]
    alarms.change_state(backends, alarm, state, reason, json.dumps({"triggeringAlarms": triggering}))


def _is_in_cycle(known: dict[str, Any], alarm: Any) -> bool:
    """Whether an alarm depends on itself; CloudWatch does not evaluate it then."""
    seen, waiting = set[str](), [alarm.name]
    while waiting:
        current = known.get(waiting.pop())
        if current is None or current.rule is None:
            continue
        for name in parse_rule(current.rule).alarms:
            if name == alarm.name:
                return True
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return False


@after("cloudwatch", "DescribeAlarms")
def select_alarms(call: Call) -> None:
    """Return metric alarms unless composite ones are wanted, and apply all filters, of which moto takes the first."""
    params, known = call.params, call.backends.backend("cloudwatch").alarms
    types = params.get("AlarmTypes") or ["MetricAlarm"]
    names: set[str] | None = None
    if (child := params.get("ParentsOfAlarmName")) is not None:
        names = {parent.name for parent in _composites(known.values()) if child in parse_rule(parent.rule).alarms}
    elif (parent := known.get(params.get("ChildrenOfAlarmName", ""))) is not None and parent.rule is not None:
        names = set(parse_rule(parent.rule).alarms)
    for member, kind in (("MetricAlarms", "MetricAlarm"), ("CompositeAlarms", "CompositeAlarm")):
        call.result[member] = [
            described
            for described in call.result.get(member, [])
            if (names is None or described["AlarmName"] in names)
            and (kind in types or names is not None)
            and params.get("StateValue") in (None, described["StateValue"])
            and described["AlarmName"].startswith(params.get("AlarmNamePrefix", ""))
            and _has_action(described, params.get("ActionPrefix", ""))
        ]


def _has_action(described: dict[str, Any], prefix: str) -> bool:
    actions = [*described.get("AlarmActions", ()), *described.get("OKActions", ())]
    return not prefix or any(action.startswith(prefix) for action in actions)


def _composites(every: Iterable[Any]) -> list[Any]:
    return [alarm for alarm in every if alarm.rule is not None]
