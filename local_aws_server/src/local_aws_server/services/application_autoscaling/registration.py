"""Register and deregister scalable targets: valid bounds, a capacity within them, and what is deleted with a target."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before
from local_aws_server.services.application_autoscaling.scalables import (
    ServiceTasks,
    bring_within_bounds,
    list_scalables,
)

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="The maximum of a scalable target is not below its minimum; a capacity outside of them is changed "
        "at once.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html",
        ),
    ),
    Behaviour(
        service="Application Auto Scaling",
        statement="Deregistering a scalable target deletes its scaling policies with their alarms, and its scheduled "
        "actions.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html",
        ),
    ),
)


@before("application-autoscaling", "RegisterScalableTarget")
def validate_bounds(call: Call) -> None:
    params = call.params
    targets = call.backends.backend("applicationautoscaling").targets.get(params["ScalableDimension"], {})
    existing = targets.get(params["ResourceId"])
    low = params.get("MinCapacity", existing.min_capacity if existing else None)
    high = params.get("MaxCapacity", existing.max_capacity if existing else None)
    if low is not None and high is not None and low > high:
        raise AwsError("ValidationException", "Maximum capacity cannot be less than minimum capacity")


@after("application-autoscaling", "RegisterScalableTarget")
def apply_bounds(call: Call) -> None:
    for scalable in list_scalables(call.backends):
        if isinstance(scalable, ServiceTasks) and scalable.target.resource_id == call.params["ResourceId"]:
            capacity = scalable.capacity()
            is_low = capacity.current < capacity.minimum
            reason = f"its minimum is {capacity.minimum}" if is_low else f"its maximum is {capacity.maximum}"
            bring_within_bounds(call.backends, scalable, "", reason)


@after("application-autoscaling", "DeregisterScalableTarget")
def delete_policies_and_actions(call: Call) -> None:
    """Delete what belongs to the target, but not the alarms of step policies, which users create."""
    backend = call.backends.backend("applicationautoscaling")
    target = tuple(call.params[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension"))
    for policy in list(backend.policies.values()):
        if (policy.service_namespace, policy.resource_id, policy.scalable_dimension) == target:
            backend.delete_scaling_policy(policy.policy_name, *target)
    backend.scheduled_actions = [
        action
        for action in backend.scheduled_actions
        if (action.service_namespace, action.resource_id, action.scalable_dimension) != target
    ]
