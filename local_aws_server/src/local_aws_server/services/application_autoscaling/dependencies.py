"""A scalable target that is deregistered takes its policies along, their alarms, and its scheduled actions.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="A scalable target that is deregistered takes its policies along, their alarms, and its "
        "scheduled actions.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html",
        ),
    ),
)


@after("application-autoscaling", "DeregisterScalableTarget")
def nothing_of_it_is_left(call: Call) -> None:
    """Only the alarms that target tracking made itself: one that calls a step policy stays."""
    backend = call.backends.backend("applicationautoscaling")
    target = tuple(call.params[word] for word in ("ServiceNamespace", "ResourceId", "ScalableDimension"))
    for policy in list(backend.policies.values()):
        if (policy.service_namespace, policy.resource_id, policy.scalable_dimension) == target:
            backend.delete_scaling_policy(policy.policy_name, *target)
    backend.scheduled_actions = [
        action
        for action in backend.scheduled_actions
        if (action.service_namespace, action.resource_id, action.scalable_dimension) != target
    ]
