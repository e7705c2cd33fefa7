"""A deleted revision of a task definition stays, in DELETE_IN_PROGRESS, until no service and no task uses it.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html
"""

from local_aws_server.backends import Backends
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before, reconciler

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A deleted revision of a task definition stays, in DELETE_IN_PROGRESS, until no service and no "
        "task uses it.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html",),
    ),
)

_LEAVING = "DELETE_IN_PROGRESS"


@before("ecs", "DeleteTaskDefinitions")
def remember_the_revisions(call: Call) -> None:
    """moto drops them at once."""
    families = call.backends.backend("ecs").task_definitions
    call.notes["revisions"] = {each.arn: each for family in families.values() for each in family.values()}


@after("ecs", "DeleteTaskDefinitions")
def those_in_use_stay(call: Call) -> None:
    used = _used(call.backends)
    for described in call.result["taskDefinitions"]:
        revision = call.notes["revisions"][described["taskDefinitionArn"]]
        if _name(revision.arn) in used:
            revision.status = _LEAVING
            call.backends.backend("ecs").task_definitions[revision.family][revision.revision] = revision


@reconciler("ecs", order=90)
def those_no_longer_used_go(world: Backends) -> None:
    families = world.backend("ecs").task_definitions
    leaving = [each for family in families.values() for each in family.values() if each.status == _LEAVING]
    used = _used(world) if leaving else set()
    for revision in leaving:
        if _name(revision.arn) not in used:
            del families[revision.family][revision.revision]


def _used(world: Backends) -> set[str]:
    services = {_name(each.task_definition) for each in world.services if each.status != "INACTIVE"}
    return services | {_name(each.task_definition_arn) for each in world.tasks if each.last_status != "STOPPED"}


def _name(arn: str) -> str:
    """Family and revision; moto keeps a service's as it was given last, with or without the rest of the ARN."""
    return arn.split("/")[-1]
