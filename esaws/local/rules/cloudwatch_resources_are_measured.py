"""Load balancers, target groups, ECS services, instances and stores have metrics, worked out of the traffic.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html
"""

from esaws.local.cloudwatch import measuring
from esaws.local.seam import follows
from esaws.local.world import World


@follows("elbv2", "ecs", "ec2", "autoscaling", "rds", "elasticache", "mq", order=60)
def what_is_measured_is_written_down(world: World) -> float | None:
    return measuring.measure(world)
