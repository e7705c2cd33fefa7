"""How many things one call of ECS can name, and how many tasks it can start."""

from __future__ import annotations

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A call names at least one thing and at most as many as its documentation says, such as 10 services "
        "or 100 tasks; RunTask starts up to 10 tasks.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html",
        ),
    ),
)

_LIMITS: dict[str, tuple[str, int, str, str]] = {
    "DescribeClusters": ("clusters", 100, "clusters", ""),
    "DescribeServices": ("services", 10, "service names", "Services cannot be empty."),
    "DescribeTasks": ("tasks", 100, "taskIds", "Tasks cannot be empty."),
    "DescribeContainerInstances": (
        "containerInstances", 100, "instanceIds", "Container Instances cannot be empty.",
    ),
    "DescribeCapacityProviders": ("capacityProviders", 100, "capacityProviders", ""),
    "StartTask": ("containerInstances", 10, "containerInstances", "Container Instances cannot be empty."),
    "UpdateContainerInstancesState": (
        "containerInstances", 10, "containerInstances", "Container Instances cannot be empty.",
    ),
    "PutAttributes": ("attributes", 10, "attributes", "attributes can not be empty"),
    "DeleteAttributes": ("attributes", 10, "attributes", "attributes can not be empty"),
    "PutClusterCapacityProviders": ("capacityProviders", 20, "capacityProviders", ""),
}  # fmt: skip
"""Operation → (parameter, most entries, what AWS's error calls them, the error for an empty list if AWS has one)."""

_CLIENT_ERRORS = ("DescribeContainerInstances", "StartTask", "UpdateContainerInstancesState")
"""Operations that refuse an empty list with ClientException."""

_MAX_COUNT = 10


@before("ecs", *_LIMITS)
def check_number_of_names(call: Call) -> None:
    parameter, most, label, empty = _LIMITS[call.operation]
    names = call.params.get(parameter) or ()
    if len(names) > most:
        raise AwsError("InvalidParameterException", f"{label} can have at most {most} items.")
    if not names and empty:
        code = "ClientException" if call.operation in _CLIENT_ERRORS else "InvalidParameterException"
        raise AwsError(code, empty)


@before("ecs", "RunTask")
def check_number_of_tasks(call: Call) -> None:
    count = call.params.get("count", 1)
    if not 1 <= count <= _MAX_COUNT:
        raise AwsError("InvalidParameterException", f"count must be between 1 and {_MAX_COUNT}, but was {count}.")


@before("ecs", "CreateService", "UpdateService")
def check_desired_count(call: Call) -> None:
    count = call.params.get("desiredCount")
    if count is not None and count < 0:
        raise AwsError("InvalidParameterException", "Desired count must be greater than or equal to 0.")
