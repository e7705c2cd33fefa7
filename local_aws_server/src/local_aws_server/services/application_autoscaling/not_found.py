"""Refuse calls that name a scalable target, scaling policy or scheduled action that does not exist."""

from functools import partial

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.not_found import NotFoundRule, by_parameter

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="A call that names a scalable target, scaling policy or scheduled action that does not exist is "
        "refused with ObjectNotFoundException.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html",
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html",
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeleteScheduledAction.html",
        ),
    ),
)

_rule = partial(NotFoundRule, "application-autoscaling", "ObjectNotFoundException")


def _targets(call: Call) -> set[str]:
    targets = call.backends.backend("applicationautoscaling").targets
    return set(targets.get(call.params["ScalableDimension"], {}))


def _scheduled_actions(call: Call) -> set[str]:
    return {
        action.scheduled_action_name
        for action in call.backends.backend("applicationautoscaling").scheduled_actions
        if action.resource_id == call.params["ResourceId"]
    }


_rule(
    "No scalable target registered for resource ID: {}",
    _targets,
    by_parameter("ResourceId", "PutScalingPolicy", "PutScheduledAction"),
).register()
_rule(
    "No scheduled action found: {}", _scheduled_actions, by_parameter("ScheduledActionName", "DeleteScheduledAction")
).register()


@before("application-autoscaling", "DeregisterScalableTarget")
def require_target(call: Call) -> None:
    if call.params["ResourceId"] not in _targets(call):
        raise AwsError("ObjectNotFoundException", _message("scalable target", call.params))


@before("application-autoscaling", "DeleteScalingPolicy")
def require_policy(call: Call) -> None:
    params = call.params
    existing = {
        (policy.service_namespace, policy.resource_id, policy.scalable_dimension, policy.policy_name)
        for policy in call.backends.backend("applicationautoscaling").policies.values()
    }
    key = (params["ServiceNamespace"], params["ResourceId"], params["ScalableDimension"], params["PolicyName"])
    if key not in existing:
        raise AwsError("ObjectNotFoundException", _message("scaling policy", params))


def _message(kind: str, params: dict[str, str]) -> str:
    return (
        f"No {kind} found for service namespace: {params['ServiceNamespace']}, resource ID: "
        f"{params['ResourceId']}, scalable dimension: {params['ScalableDimension']}"
    )
