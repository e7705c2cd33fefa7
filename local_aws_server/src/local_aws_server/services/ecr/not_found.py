"""The RepositoryNotFoundException of PutImage."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.not_found import NotFoundRule, by_parameter

BEHAVIOURS = (
    Behaviour(
        service="ECR",
        statement="An image cannot be pushed to a repository that does not exist.",
        documentation=("https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html",),
    ),
)


def _repositories(call: Call) -> set[str]:
    return set(call.backends.backend("ecr").repositories)


NotFoundRule(
    "ecr",
    "RepositoryNotFoundException",
    "The repository with name '{}' does not exist in the registry",
    _repositories,
    by_parameter("repositoryName", "PutImage"),
).register()
