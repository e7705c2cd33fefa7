"""DefaultInstanceWarmup and MaxInstanceLifetime of an Auto Scaling group are kept.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingGroup.html
"""

from esaws.local.kept import Kept

Kept(
    service="autoscaling",
    changes=("CreateAutoScalingGroup", "UpdateAutoScalingGroup"),
    shows={"DescribeAutoScalingGroups": "AutoScalingGroups"},
    find=lambda call, described: call.world.group(described["AutoScalingGroupName"]),
    fields={"DefaultInstanceWarmup": None, "MaxInstanceLifetime": None},
).install()
