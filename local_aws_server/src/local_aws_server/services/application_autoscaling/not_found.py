"""A policy or schedule needs a scalable target, and a schedule that does not exist is not deleted.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeleteScheduledAction.html
"""

from functools import partial

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.not_found import NotFoundRule, by

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="A policy or schedule needs a scalable target, and a schedule that does not exist is not deleted.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html",
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeleteScheduledAction.html",
        ),
    ),
)

_kind = partial(NotFoundRule, "application-autoscaling", "ObjectNotFoundException")


def _targets(call: Call) -> set[str]:
    targets = call.backends.backend("applicationautoscaling").targets
    return set(targets.get(call.params["ScalableDimension"], {}))


def _schedules(call: Call) -> set[str]:
    return {
        each.scheduled_action_name
        for each in call.backends.backend("applicationautoscaling").scheduled_actions
        if each.resource_id == call.params["ResourceId"]
    }


for _each in (
    _kind(
        "No scalable target registered for resource ID: {}",
        _targets,
        by("ResourceId", "PutScalingPolicy", "PutScheduledAction"),
    ),
    _kind("No scheduled action found: {}", _schedules, by("ScheduledActionName", "DeleteScheduledAction")),
):
    _each.install()
