"""A free plan ends with its credits or after six months: the account is closed, until it is upgraded within 90 days.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier.html
"""

from esaws.local.billing import plans
from esaws.local.seam import follows
from esaws.local.world import World

_SPENT_ON = ("ec2", "autoscaling", "elbv2", "rds", "elasticache", "mq", "s3", "ecr", "logs", "cloudwatch", "freetier")


@follows(*_SPENT_ON, order=96)
def free_plans_end(world: World) -> float | None:
    return plans.follow(world.account)
