"""A capacity provider with managed scaling gives its Auto Scaling group the instances that tasks wait for.

It takes back after a quarter of an hour what nothing runs on.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-auto-scaling.html
"""

from esaws.local.ecs import managed_scaling
from esaws.local.seam import follows
from esaws.local.world import World


@follows("ecs", "ec2", "autoscaling", order=45)
def groups_follow_the_tasks(world: World) -> float | None:
    return managed_scaling.follow(world)
