"""Validate the names of clusters and task definition families, and the task definitions that requests refer to."""

import json
import re

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="Names of clusters and task definition families contain up to 255 letters, digits, hyphens and "
        "underscores.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html",
        ),
    ),
    Behaviour(
        service="ECS",
        statement="A deregistered task definition cannot be used for new tasks or services.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deregister-task-definition-v2.html",
        ),
    ),
)

_WITH_TASK_DEFINITION = (
    "CreateService",
    "CreateTaskSet",
    "DeleteTaskDefinitions",
    "DescribeTaskDefinition",
    "RunTask",
    "StartTask",
    "UpdateService",
)
_WITH_TAGS = (
    "CreateCapacityProvider",
    "CreateCluster",
    "CreateService",
    "CreateTaskSet",
    "RegisterContainerInstance",
    "RegisterTaskDefinition",
    "RunTask",
    "StartTask",
    "TagResource",
)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


@before("ecs", "CreateCluster")
def validate_cluster_name(call: Call) -> None:
    name = call.params.get("clusterName", "default")
    if not _NAME.fullmatch(name):
        raise AwsError("InvalidParameterException", rf"Cluster must match ^[a-zA-Z0-9\-_]{{1,255}}$, but was {name}")


@before("ecs", "CreateService", "RunTask", "StartTask", "RegisterContainerInstance")
def require_active_cluster(call: Call) -> None:
    cluster = call.backends.ecs_clusters.get((call.params.get("cluster") or "default").split("/")[-1])
    if cluster is not None and cluster.status == "INACTIVE":
        raise AwsError("ClientException", "The referenced cluster was inactive.")


@before("ecs", "RegisterTaskDefinition")
def validate_family_name(call: Call) -> None:
    family = call.params["family"]
    if len(family) <= 255 and not _NAME.fullmatch(family):  # moto checks the length
        raise AwsError("ClientException", "Family contains invalid characters.")


@before("ecs", *_WITH_TASK_DEFINITION)
def validate_task_definition_name(call: Call) -> None:
    """Refuse a name that is neither a family nor a family and the number of its revision; moto fails on others."""
    names = call.params.get("taskDefinitions") or [call.params.get("taskDefinition") or ""]
    for name in names:
        _, has_revision, revision = name.split("/")[-1].partition(":")
        if has_revision and not revision.isdigit():
            raise AwsError("ClientException", f"Invalid revision number. Number: {revision}")


def identified_instance(call: Call) -> str:
    """Return the id of the instance whose identity document a request has. Raises AwsError if there is none."""
    try:
        id = json.loads(call.params.get("instanceIdentityDocument") or "")["instanceId"]
    except (ValueError, KeyError, TypeError):
        raise AwsError("ClientException", "The instance identity document is invalid.") from None
    if all(instance.id != id for instance in call.backends.instances):
        raise AwsError("ClientException", f"The instance {id} of the identity document does not exist.")
    return str(id)


@before("ecs", *_WITH_TAGS)
def validate_tags(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html"""
    for tag in call.params.get("tags") or ():
        key = tag.get("key")
        if not key:
            raise AwsError("InvalidParameterException", "Tag keys must not be null or empty.")
        if key.lower().startswith("aws:"):
            raise AwsError("InvalidParameterException", "Tag keys starting with 'aws:' are reserved for system use.")


@before("ecs", "CreateService", "UpdateService", "RunTask", "StartTask")
def reject_inactive_task_definition(call: Call) -> None:
    """Refuse a deregistered revision, unless it is the one that the service to update already runs."""
    family, _, revision = call.params.get("taskDefinition", "").split("/")[-1].partition(":")
    if call.has_result or not revision.isdigit():
        return
    definition = call.backends.backend("ecs").task_definitions.get(family, {}).get(int(revision))
    if definition is None or definition.status == "ACTIVE":
        return
    service = call.backends.ecs_service(call.params.get("cluster"), call.params.get("service", ""))
    if service is None or service.task_definition != definition.arn:
        raise AwsError("ClientException", "TaskDefinition is inactive")
