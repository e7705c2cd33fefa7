"""What a teardown left behind, and what AWS made below a deployment: seen on another path than that of the kinds."""

from esaws.leftovers.below import made_by_aws
from esaws.leftovers.proof import Leftover, left

__all__ = ["Leftover", "left", "made_by_aws"]
