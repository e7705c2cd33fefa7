"""Record and describe the scaling activities of Application Auto Scaling, in AWS's words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.errors import AwsError
from local_aws_server.hooks import reconciler, replace

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="Scaling activities of the last six weeks are described, with their cause and status.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingActivities.html",
        ),
    ),
)

_RETENTION = timedelta(weeks=6)


def list_activities(backends: Backends) -> list[dict[str, Any]]:
    """Return the scaling activities of the last six weeks in boto3's shape, the oldest first."""
    backend = backends.backend("applicationautoscaling")
    activities: list[dict[str, Any]] = sidecar(backend).setdefault("activities", [])
    return activities


def add_activity(backends: Backends, target: Any, count: int, cause: str) -> None:
    """Add an activity that sets a service's desired count; it overrides those in progress."""
    activities, now = list_activities(backends), datetime.fromtimestamp(CLOCK.now(), UTC)
    for activity in activities:
        if activity["StatusCode"] == "InProgress" and activity["ResourceId"] == target.resource_id:
            activity.update(StatusCode="Overridden", EndTime=now)
    activities.append(
        {
            "ActivityId": str(uuid4()),
            "ServiceNamespace": target.service_namespace,
            "ResourceId": target.resource_id,
            "ScalableDimension": target.scalable_dimension,
            "Description": f"Setting desired count to {count}.",
            "Cause": cause,
            "StartTime": now,
            "StatusCode": "InProgress",
            "StatusMessage": f"Successfully set desired count to {count}. Waiting for change to be fulfilled by ecs.",
        }
    )
    while activities[0]["StartTime"] < now - _RETENTION:
        activities.pop(0)


@reconciler("application-autoscaling", "ecs", order=72)
def finish_activities(backends: Backends) -> None:
    """Mark activities as successful once their service runs the desired number of tasks."""
    for activity in list_activities(backends):
        if activity["StatusCode"] != "InProgress":
            continue
        _, cluster, name = activity["ResourceId"].split("/")
        service = backends.ecs_service(cluster, name)
        if service is not None and service.running_count == service.desired_count:
            count = service.desired_count
            message = f"Successfully set desired count to {count}. Change successfully fulfilled by ecs."
            now = datetime.fromtimestamp(CLOCK.now(), UTC)
            activity.update(StatusCode="Successful", StatusMessage=message, EndTime=now)


@replace("application-autoscaling", "DescribeScalingActivities")
def describe_scaling_activities(call: Call) -> dict[str, Any]:
    params = call.params
    activities = [
        activity
        for activity in reversed(list_activities(call.backends))
        if activity["ServiceNamespace"] == params["ServiceNamespace"]
        and params.get("ResourceId") in (None, activity["ResourceId"])
        and params.get("ScalableDimension") in (None, activity["ScalableDimension"])
    ]
    token = params.get("NextToken") or "0"
    if not token.isdecimal():
        raise AwsError("InvalidNextTokenException", "The next token is not valid.")
    first, size = int(token), int(params.get("MaxResults") or 50)
    following = {"NextToken": str(first + size)} if first + size < len(activities) else {}
    return {"ScalingActivities": activities[first : first + size], **following}
