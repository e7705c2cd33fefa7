"""Nothing new starts from a revision of a task definition that was deregistered.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deregister-task-definition-v2.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="Nothing new starts from a revision of a task definition that was deregistered.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deregister-task-definition-v2.html",
        ),
    ),
)


@before("ecs", "CreateService", "UpdateService", "RunTask", "StartTask")
def it_is_active(call: Call) -> None:
    """A service goes on with the one that it has."""
    family, _, revision = call.params.get("taskDefinition", "").split("/")[-1].partition(":")
    if call.answered or not revision.isdigit():
        return
    definition = call.backends.backend("ecs").task_definitions.get(family, {}).get(int(revision))
    service = call.backends.service(call.params.get("cluster"), call.params.get("service", ""))
    goes_on = service is not None and definition is not None and service.task_definition == definition.arn
    if definition is not None and definition.status != "ACTIVE" and not goes_on:
        raise AwsError("ClientException", "TaskDefinition is inactive")
