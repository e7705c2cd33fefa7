"""DefaultInstanceWarmup and MaxInstanceLifetime of an Auto Scaling group are kept.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingGroup.html
"""

from local_aws_server.fidelity import Behaviour
from local_aws_server.preserved_fields import PreservedFields

BEHAVIOURS = (
    Behaviour(
        service="EC2 Auto Scaling",
        statement="DefaultInstanceWarmup and MaxInstanceLifetime of an Auto Scaling group are kept.",
        documentation=("https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingGroup.html",),
    ),
)

PreservedFields(
    service="autoscaling",
    changes=("CreateAutoScalingGroup", "UpdateAutoScalingGroup"),
    shows={"DescribeAutoScalingGroups": "AutoScalingGroups"},
    find=lambda call, described: call.backends.group(described["AutoScalingGroupName"]),
    fields={"DefaultInstanceWarmup": None, "MaxInstanceLifetime": None},
).install()
