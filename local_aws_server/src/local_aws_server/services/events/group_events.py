"""The events of Auto Scaling groups: launches and terminations, and the lifecycle actions that wait.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.services.autoscaling import lifecycle_hooks
from local_aws_server.services.autoscaling.activities import activities_of
from local_aws_server.services.autoscaling.instance_refresh import refreshes_of

_ENDED = {"Successful": "Successful", "Failed": "Unsuccessful", "Cancelled": "Unsuccessful"}
_REFRESHES = {
    "InProgress": "EC2 Auto Scaling Instance Refresh Started",
    "Successful": "EC2 Auto Scaling Instance Refresh Succeeded",
    "Failed": "EC2 Auto Scaling Instance Refresh Failed",
    "Cancelled": "EC2 Auto Scaling Instance Refresh Cancelled",
    "RollbackInProgress": "EC2 Auto Scaling Instance Refresh Rollback Started",
    "RollbackSuccessful": "EC2 Auto Scaling Instance Refresh Rollback Succeeded",
}
_GROUP, _EC2 = "AutoScalingGroup", "EC2"

Event = tuple[str, str, list[str], dict[str, Any]]
"""(what it is about, detail type, resources, detail)."""


def events_of(backends: Backends, group: Any) -> Iterator[Event]:
    """Yield the events of a group's ended activities and of its waiting lifecycle actions."""
    for activity in activities_of(group):
        verb = activity["Description"].split(" ")[0]
        if activity["StatusCode"] in _ENDED and verb in ("Launching", "Terminating"):
            yield _activity_event(backends, group, activity, launches=verb == "Launching")
    for refresh in refreshes_of(group):
        if kind := _REFRESHES.get(refresh["Status"]):
            detail = {"InstanceRefreshId": refresh["InstanceRefreshId"], "AutoScalingGroupName": group.name}
            yield f"refresh {refresh['InstanceRefreshId']}", kind, [group.arn], detail
    for state in group.instance_states:
        if state.lifecycle_state in ("Pending:Wait", "Terminating:Wait"):
            launches = state.lifecycle_state == "Pending:Wait"
            hook = lifecycle_hooks.find_hook(backends, group, "LAUNCHING" if launches else "TERMINATING")
            if hook is not None:
                yield _lifecycle_event(backends, group, state, hook, launches=launches)


def _activity_event(backends: Backends, group: Any, activity: dict[str, Any], *, launches: bool) -> Event:
    instance = activity["Description"].rsplit(" ", 1)[-1]
    instance = instance if instance.startswith("i-") else ""
    origin, destination = (_EC2, _GROUP) if launches else (_GROUP, _EC2)
    detail = {
        "StatusCode": "Failed" if activity["StatusCode"] == "Failed" else "InProgress",
        "Description": activity["Description"],
        "AutoScalingGroupName": group.name,
        "ActivityId": activity["ActivityId"],
        "RequestId": activity["ActivityId"],
        "Details": json.loads(activity["Details"]),
        "StatusMessage": activity["StatusMessage"],
        "StartTime": _time(activity["StartTime"]),
        "EndTime": _time(activity["EndTime"]),
        "EC2InstanceId": instance,
        "Cause": activity["Cause"],
        "Origin": origin,
        "Destination": destination,
    }
    kind = f"EC2 Instance {'Launch' if launches else 'Terminate'} {_ENDED[activity['StatusCode']]}"
    return f"activity {activity['ActivityId']}", kind, _resources(backends, group, instance), detail


def _lifecycle_event(backends: Backends, group: Any, state: Any, hook: Any, *, launches: bool) -> Event:
    token = sidecar(state).setdefault("token", str(uuid.uuid4()))
    origin, destination = (_EC2, _GROUP) if launches else (_GROUP, _EC2)
    detail = {
        "LifecycleActionToken": token,
        "AutoScalingGroupName": group.name,
        "LifecycleHookName": hook.name,
        "EC2InstanceId": state.instance.id,
        "LifecycleTransition": hook.lifecycle_transition,
        "Origin": origin,
        "Destination": destination,
    }
    kind = f"EC2 Instance-{'launch' if launches else 'terminate'} Lifecycle Action"
    return f"hook of {state.instance.id}", kind, [group.arn], detail


def _resources(backends: Backends, group: Any, instance: str) -> list[str]:
    of_instance = f"arn:aws:ec2:{backends.region}:{backends.account}:instance/{instance}"
    return [group.arn, *([of_instance] if instance else [])]


def _time(time: Any) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"
