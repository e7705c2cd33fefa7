"""An image is not put into a repository that does not exist.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
"""

from local_aws_server.call import Call
from local_aws_server.not_found import NotFoundRule, by


def _repositories(call: Call) -> set[str]:
    return set(call.backends.backend("ecr").repositories)


NotFoundRule(
    "ecr",
    "RepositoryNotFoundException",
    "The repository with name '{}' does not exist in the registry",
    _repositories,
    by("repositoryName", "PutImage"),
).install()
