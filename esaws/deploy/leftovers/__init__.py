"""What a teardown left behind, and what AWS made below a deployment: seen on another path than that of the kinds."""

from esaws.deploy.leftovers.aws_managed import made_by_aws
from esaws.deploy.leftovers.proof import Leftover, left

__all__ = ["Leftover", "left", "made_by_aws"]
