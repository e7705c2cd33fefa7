"""The scaling activities of an Auto Scaling group, with the causes that AWS writes."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import remembered
from local_aws_server.clock.clock import CLOCK, iso

_KEPT_SECONDS = 42 * 86400
"""https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeScalingActivities.html"""


def of(group: Any) -> list[dict[str, Any]]:
    """The activities of a group, as DescribeScalingActivities gives them but the oldest first."""
    kept: list[dict[str, Any]] = remembered(group).setdefault("activities", [])
    return kept


def under_way(group: Any) -> bool:
    return any(activity["StatusCode"] == "InProgress" for activity in of(group))


def asked(group: Any, sentence: str) -> None:
    """Why the capacity is about to change, in AWS's words: `a user request …`."""
    remembered(group)["asked"] = f"At {iso(CLOCK.now())} {sentence}."


def because(group: Any, reason: str) -> None:
    """What the next launch is in response to."""
    remembered(group)["because"] = reason


def reason(group: Any) -> str:
    return special_reason(group) or "a difference between desired and actual capacity"


def special_reason(group: Any) -> str:
    """What the next launch is in response to; "" for the usual."""
    return str(remembered(group).get("because", ""))


def settled(group: Any) -> None:
    """The group has what it should: what comes next has other reasons."""
    remembered(group).pop("asked", None)
    remembered(group).pop("because", None)


def launching(group: Any, state: Any, have: int) -> None:
    change = f", increasing the capacity from {have} to {have + 1}" if "because" not in remembered(group) else ""
    cause = f"an instance was started in response to {reason(group)}{change}."
    _add(group, state, f"Launching a new EC2 instance: {state.instance.id}", cause)


def terminating(group: Any, state: Any, why: str) -> None:
    cause = f"{why}  At {iso(CLOCK.now())} instance {state.instance.id} was selected for termination."
    _add(group, state, f"Terminating EC2 instance: {state.instance.id}", cause)


def finish(group: Any, instance_id: str) -> None:
    """What was under way for an instance is done."""
    for activity in of(group):
        if activity["StatusCode"] == "InProgress" and activity["Description"].endswith(instance_id):
            activity.update(StatusCode="Successful", Progress=100, EndTime=_now())


def failed(group: Any, have: int, message: str) -> bool:
    """A launch has failed; False where the last one failed alike, which is not told again."""
    known = of(group)
    if known and known[-1]["StatusCode"] == "Failed" and known[-1]["StatusMessage"] == message:
        return False
    cause = (
        f"an instance was started in response to {reason(group)}, increasing the capacity from {have} to {have + 1}."
    )
    text = f"{message} Launching EC2 instance failed."
    _add(group, None, f"Launching a new EC2 instance.  Status Reason: {text}", cause)
    known[-1].update(StatusCode="Failed", StatusMessage=message, Progress=100, EndTime=_now())
    return True


def _add(group: Any, state: Any | None, description: str, cause: str) -> None:
    before = remembered(group).get("asked", "")
    place = {}
    if state is not None:
        place = {"Subnet ID": state.instance.subnet_id, "Availability Zone": state.availability_zone}
    of(group).append(
        {
            "ActivityId": str(uuid.uuid4()),
            "AutoScalingGroupName": group.name,
            "AutoScalingGroupARN": group.arn,
            "Description": description,
            "Cause": f"{before}  At {iso(CLOCK.now())} {cause}".strip(),
            "StartTime": _now(),
            "StatusCode": "InProgress",
            "StatusMessage": "",
            "Progress": 50,
            "Details": json.dumps(place),
        }
    )
    oldest = datetime.fromtimestamp(CLOCK.now() - _KEPT_SECONDS, UTC)
    of(group)[:] = [activity for activity in of(group) if activity["StartTime"] >= oldest]


def _now() -> datetime:
    return datetime.fromtimestamp(CLOCK.now(), UTC)
