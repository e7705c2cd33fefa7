"""Scheduled actions set the bounds of a scalable target at their time: at(…), rate(…) and cron(…).

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-overview.html
"""

from esaws.local.call import Call
from esaws.local.scaling import scheduled, schedules
from esaws.local.seam import AwsError, after, before, follows
from esaws.local.world import World


@follows("application-autoscaling", order=71)
def scheduled_actions_are_done(world: World) -> float | None:
    return scheduled.act(world)


@before("application-autoscaling", "PutScheduledAction")
def a_schedule_is_one(call: Call) -> None:
    if "Schedule" in call.params:
        try:
            schedules.following(call.params["Schedule"], 0.0, zone=call.params.get("Timezone"))
        except ValueError as problem:
            raise AwsError("ValidationException", str(problem)) from None


@after("application-autoscaling", "PutScheduledAction")
def it_is_planned(call: Call) -> None:
    for action in call.world.backend("applicationautoscaling").scheduled_actions:
        same = action.scheduled_action_name == call.params["ScheduledActionName"]
        if same and action.resource_id == call.params["ResourceId"]:
            scheduled.plan(action)
