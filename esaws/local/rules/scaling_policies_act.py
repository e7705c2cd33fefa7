"""Scaling policies change the number of a service's tasks when their alarms say so; the activities tell why.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
"""

from typing import Any

from esaws.local.call import Call
from esaws.local.scaling import policies, scalables
from esaws.local.seam import follows, instead
from esaws.local.world import World


@follows("cloudwatch", "application-autoscaling", order=71)
def policies_scale(world: World) -> float | None:
    return policies.act(world)


@follows("application-autoscaling", "ecs", order=72)
def activities_are_fulfilled(world: World) -> None:
    scalables.fulfil(world)


@instead("application-autoscaling", "DescribeScalingActivities")
def scaling_activities(call: Call) -> dict[str, Any]:
    asked = call.params
    found = [
        activity
        for activity in reversed(scalables.noted(call.world))
        if activity["ServiceNamespace"] == asked["ServiceNamespace"]
        and asked.get("ResourceId") in (None, activity["ResourceId"])
        and asked.get("ScalableDimension") in (None, activity["ScalableDimension"])
    ]
    first, most = int(asked.get("NextToken") or 0), int(asked.get("MaxResults") or 50)
    more = {"NextToken": str(first + most)} if first + most < len(found) else {}
    return {"ScalingActivities": found[first : first + most], **more}
