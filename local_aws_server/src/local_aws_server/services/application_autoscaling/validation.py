"""A scalable target has a maximum that is not below its minimum.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="A scalable target has a maximum that is not below its minimum.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html",
        ),
    ),
)


@before("application-autoscaling", "RegisterScalableTarget")
def bounds_are_in_order(call: Call) -> None:
    asked = call.params
    known = call.backends.backend("applicationautoscaling").targets.get(asked["ScalableDimension"], {})
    existing = known.get(asked["ResourceId"])
    low = asked.get("MinCapacity", existing.min_capacity if existing else None)
    high = asked.get("MaxCapacity", existing.max_capacity if existing else None)
    if low is not None and high is not None and low > high:
        raise AwsError("ValidationException", "Maximum capacity cannot be less than minimum capacity")
