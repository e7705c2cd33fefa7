"""A scalable target whose bounds leave out the present number of tasks brings it within them.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after
from local_aws_server.services.application_autoscaling.scalables import ServiceTasks, scalables
from local_aws_server.services.application_autoscaling.scheduled_actions import keep_within

BEHAVIOURS = (
    Behaviour(
        service="Application Auto Scaling",
        statement="A scalable target whose bounds leave out the present number of tasks brings it within them.",
        documentation=(
            "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html",
        ),
    ),
)


@after("application-autoscaling", "RegisterScalableTarget")
def capacity_is_within_its_bounds(call: Call) -> None:
    for found in scalables(call.backends):
        if isinstance(found, ServiceTasks) and found.target.resource_id == call.params["ResourceId"]:
            capacity = found.capacity()
            low = capacity.now < capacity.minimum
            bound = f"its minimum is {capacity.minimum}" if low else f"its maximum is {capacity.maximum}"
            keep_within(call.backends, found, "", bound)
