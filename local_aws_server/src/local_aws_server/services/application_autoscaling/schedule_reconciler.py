"""Scheduled actions set the bounds of a scalable target at their time: at(…), rate(…) and cron(…).

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-overview.html
"""

from local_aws_server.backends import Backends
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, after, before, reconciler
from local_aws_server.services.application_autoscaling import schedule_expressions, scheduled_actions

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="Scheduled actions set the bounds of a scalable target at their time: at(…), rate(…) and cron(…).",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-overview.html",
        ),
    ),
)


@reconciler("application-autoscaling", order=71)
def scheduled_actions_are_done(world: Backends) -> float | None:
    return scheduled_actions.act(world)


@before("application-autoscaling", "PutScheduledAction")
def a_schedule_is_one(call: Call) -> None:
    if "Schedule" in call.params:
        try:
            schedule_expressions.following(call.params["Schedule"], 0.0, zone=call.params.get("Timezone"))
        except ValueError as problem:
            raise AwsError("ValidationException", str(problem)) from None


@after("application-autoscaling", "PutScheduledAction")
def it_is_planned(call: Call) -> None:
    for action in call.backends.backend("applicationautoscaling").scheduled_actions:
        same = action.scheduled_action_name == call.params["ScheduledActionName"]
        if same and action.resource_id == call.params["ResourceId"]:
            scheduled_actions.plan(action)
