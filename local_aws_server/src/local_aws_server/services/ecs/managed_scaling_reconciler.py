"""A capacity provider with managed scaling gives its Auto Scaling group the instances that tasks wait for.

It takes back after a quarter of an hour what nothing runs on.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-auto-scaling.html
"""

from local_aws_server.backends import Backends
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import reconciler
from local_aws_server.services.ecs import managed_scaling

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A capacity provider with managed scaling gives its Auto Scaling group the instances that tasks "
        "wait for.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-auto-scaling.html",),
    ),
)


@reconciler("ecs", "ec2", "autoscaling", order=45)
def groups_follow_the_tasks(world: Backends) -> float | None:
    return managed_scaling.follow(world)
