"""Scaling policies change the number of a service's tasks when their alarms say so; the activities tell why.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
"""

from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import reconciler, replace
from local_aws_server.services.application_autoscaling import policies, scalables

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="Scaling policies change the number of a service's tasks when their alarms say so; the "
        "activities tell why.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html",
        ),
    ),
)


@reconciler("cloudwatch", "application-autoscaling", order=71)
def policies_scale(world: Backends) -> float | None:
    return policies.act(world)


@reconciler("application-autoscaling", "ecs", order=72)
def activities_are_fulfilled(world: Backends) -> None:
    scalables.fulfil(world)


@replace("application-autoscaling", "DescribeScalingActivities")
def scaling_activities(call: Call) -> dict[str, Any]:
    asked = call.params
    found = [
        activity
        for activity in reversed(scalables.noted(call.backends))
        if activity["ServiceNamespace"] == asked["ServiceNamespace"]
        and asked.get("ResourceId") in (None, activity["ResourceId"])
        and asked.get("ScalableDimension") in (None, activity["ScalableDimension"])
    ]
    first, most = int(asked.get("NextToken") or 0), int(asked.get("MaxResults") or 50)
    more = {"NextToken": str(first + most)} if first + most < len(found) else {}
    return {"ScalingActivities": found[first : first + most], **more}
