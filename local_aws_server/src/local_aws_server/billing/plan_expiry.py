"""A free plan ends with its credits or after six months: the account is closed, until it is upgraded within 90 days.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier.html
"""

from local_aws_server.backends import Backends
from local_aws_server.billing import plans
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import reconciler

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="A free plan ends with its credits or after six months: the account is closed, until it is "
        "upgraded within 90 days.",
        documentation=("https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier.html",),
    ),
)

_SPENT_ON = ("ec2", "autoscaling", "elbv2", "rds", "elasticache", "mq", "s3", "ecr", "logs", "cloudwatch", "freetier")


@reconciler(*_SPENT_ON, order=96)
def free_plans_end(world: Backends) -> float | None:
    return plans.follow(world.account)
