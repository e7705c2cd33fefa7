"""An image is not put into a repository that does not exist.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
"""

from esaws.local.absent import Absent, by
from esaws.local.call import Call


def _repositories(call: Call) -> set[str]:
    return set(call.world.backend("ecr").repositories)


Absent(
    "ecr",
    "RepositoryNotFoundException",
    "The repository with name '{}' does not exist in the registry",
    _repositories,
    by("repositoryName", "PutImage"),
).install()
