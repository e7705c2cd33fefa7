"""What a teardown left behind, and what AWS created below a deployment. Both are listed independently of the kinds."""

from esaws.deploy.leftovers.aws_managed import aws_managed_children
from esaws.deploy.leftovers.proof import Leftover, Leftovers, leftovers

__all__ = ["Leftover", "Leftovers", "aws_managed_children", "leftovers"]
