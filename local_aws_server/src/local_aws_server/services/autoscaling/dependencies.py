"""An Auto Scaling group has a name of its own, and is deleted with its instances only by force.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before
from local_aws_server.services.autoscaling import fleet

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="An Auto Scaling group has a name of its own, and is deleted with its instances only by force.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html",),
    ),
)


@before("autoscaling", "DeleteAutoScalingGroup")
def no_instance_is_left(call: Call) -> None:
    group = call.backends.group(call.params["AutoScalingGroupName"])
    if group is None or call.params.get("ForceDelete"):
        return
    if group.instance_states and not fleet.members(group):
        message = "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group."
        raise AwsError("ScalingActivityInProgress", message)
    if group.instance_states:
        raise AwsError(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) "
            "still in the group.",
        )


@before("autoscaling", "CreateAutoScalingGroup")
def no_other_has_its_name(call: Call) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html"""
    name = call.params["AutoScalingGroupName"]
    if call.backends.group(name) is not None:
        raise AwsError(
            "AlreadyExists",
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
        )
