"""A scalable target whose bounds leave out the present number of tasks brings it within them.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
"""

from esaws.local.call import Call
from esaws.local.scaling.scalables import ServiceTasks, scalables
from esaws.local.scaling.scheduled import keep_within
from esaws.local.seam import after


@after("application-autoscaling", "RegisterScalableTarget")
def capacity_is_within_its_bounds(call: Call) -> None:
    for found in scalables(call.world):
        if isinstance(found, ServiceTasks) and found.target.resource_id == call.params["ResourceId"]:
            capacity = found.capacity()
            low = capacity.now < capacity.minimum
            bound = f"its minimum is {capacity.minimum}" if low else f"its maximum is {capacity.maximum}"
            keep_within(call.world, found, "", bound)
