"""Load balancers, target groups, ECS services, instances and stores have metrics, worked out of the traffic.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html
"""

from local_aws_server.backends import Backends
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import reconciler
from local_aws_server.services.cloudwatch import measurements

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="Load balancers, target groups, ECS services, instances and stores have metrics, worked out of "
        "the traffic.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html",
        ),
    ),
)


@reconciler("elbv2", "ecs", "ec2", "autoscaling", "rds", "elasticache", "mq", order=60)
def what_is_measured_is_written_down(world: Backends) -> float | None:
    return measurements.measure(world)
