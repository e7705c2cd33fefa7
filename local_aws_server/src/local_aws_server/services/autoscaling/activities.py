"""Record the scaling activities of an Auto Scaling group, with AWS's texts as their causes."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.clock.clock import CLOCK, format_timestamp
from local_aws_server.services.autoscaling.capacity import weight

_RETENTION_SECONDS = 42 * 86400
"""https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeScalingActivities.html"""


_IN_PROGRESS = ("InProgress", "PreInService")


def activities_of(group: Any) -> list[dict[str, Any]]:
    """Return the activities of a group in boto3's shape, the oldest first."""
    activities: list[dict[str, Any]] = sidecar(group).setdefault("activities", [])
    return activities


# --- causes


def set_capacity_cause(group: Any, sentence: str) -> None:
    """Note why the capacity is about to change, in AWS's words: `a user request …`."""
    sidecar(group)["capacity_cause"] = f"At {format_timestamp(CLOCK.now())} {sentence}."


def set_launch_reason(group: Any, reason: str) -> None:
    """Note what the next launch is in response to."""
    sidecar(group)["launch_reason"] = reason


def get_launch_reason(group: Any) -> str:
    """Return what the next launch is in response to; "" for a difference in capacity."""
    return str(sidecar(group).get("launch_reason", ""))


def clear_causes(group: Any) -> None:
    """Forget the causes, once the group has its desired capacity."""
    sidecar(group).pop("capacity_cause", None)
    sidecar(group).pop("launch_reason", None)


def _reason(group: Any) -> str:
    return get_launch_reason(group) or "a difference between desired and actual capacity"


# --- activities


def add_launch(group: Any, state: Any, capacity: int) -> None:
    """Add the launch of an instance to a group with this capacity."""
    grown = capacity + weight(state)
    change = "" if get_launch_reason(group) else f", increasing the capacity from {capacity} to {grown}"
    cause = f"an instance was started in response to {_reason(group)}{change}."
    add(group, state, f"Launching a new EC2 instance: {state.instance.id}", cause)


def add_termination(group: Any, state: Any, reason: str) -> None:
    time = format_timestamp(CLOCK.now())
    cause = f"{reason}  At {time} instance {state.instance.id} was selected for termination."
    add(group, state, f"Terminating EC2 instance: {state.instance.id}", cause)


def add_failed_launch(group: Any, capacity: int, message: str) -> bool:
    """Add a failed launch; return False, and add nothing, if the last activity is the same failure."""
    activities = activities_of(group)
    if activities and activities[-1]["StatusCode"] == "Failed" and activities[-1]["StatusMessage"] == message:
        return False
    change = f"increasing the capacity from {capacity} to {capacity + 1}"
    cause = f"an instance was started in response to {_reason(group)}, {change}."
    text = f"{message} Launching EC2 instance failed."
    add(group, None, f"Launching a new EC2 instance.  Status Reason: {text}", cause)
    activities[-1].update(StatusCode="Failed", StatusMessage=message, Progress=100, EndTime=_now())
    return True


def finish(group: Any, instance_id: str) -> None:
    """Mark the activities in progress of an instance as successful."""
    for activity in activities_of(group):
        if activity["StatusCode"] in _IN_PROGRESS and activity["Description"].endswith(instance_id):
            activity.update(StatusCode="Successful", Progress=100, EndTime=_now())


def add(group: Any, state: Any | None, description: str, cause: str) -> dict[str, Any]:
    """Add an activity in progress, and return it; the cause starts with the noted cause of the change in capacity."""
    capacity_cause = sidecar(group).get("capacity_cause", "")
    details = {}
    if state is not None:
        details = {"Subnet ID": state.instance.subnet_id, "Availability Zone": state.availability_zone}
    activities = activities_of(group)
    activities.append(
        {
            "ActivityId": str(uuid.uuid4()),
            "AutoScalingGroupName": group.name,
            "AutoScalingGroupARN": group.arn,
            "Description": description,
            "Cause": f"{capacity_cause}  At {format_timestamp(CLOCK.now())} {cause}".strip(),
            "StartTime": _now(),
            "StatusCode": "InProgress",
            "StatusMessage": "",
            "Progress": 50,
            "Details": json.dumps(details),
        }
    )
    oldest = datetime.fromtimestamp(CLOCK.now() - _RETENTION_SECONDS, UTC)
    activities[:] = [activity for activity in activities if activity["StartTime"] >= oldest]
    return activities[-1]


def _now() -> datetime:
    return datetime.fromtimestamp(CLOCK.now(), UTC)
