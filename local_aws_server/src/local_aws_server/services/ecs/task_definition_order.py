"""Task definitions are listed by family and revision, the newest first if asked for; moto lists them as they came.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="Task definitions are listed by family and revision, the newest first if asked for; moto lists "
        "them as they came.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html",),
    ),
)


def _place(arn: str) -> tuple[str, int]:
    family, _, revision = arn.rsplit("/", 1)[-1].rpartition(":")
    return family, int(revision)


@after("ecs", "ListTaskDefinitions")
def by_family_and_revision(call: Call) -> None:
    call.result["taskDefinitionArns"].sort(key=_place, reverse=call.params.get("sort") == "DESC")
