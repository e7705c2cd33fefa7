"""An ECS cluster, capacity provider or container instance that does not exist is refused, not a failure of the service.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeContainerInstances.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before
from local_aws_server.not_found import NotFoundRule, by, last_part, stored

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="An ECS cluster, capacity provider or container instance that does not exist is refused, not a "
        "failure of the service.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeContainerInstances.html",
        ),
    ),
)

_FARGATE = ("FARGATE", "FARGATE_SPOT")


def _capacity_providers(call: Call) -> set[str]:
    return {*_FARGATE, *call.backends.backend("ecs").capacity_providers}


def _tagged_capacity_providers(call: Call) -> set[str]:
    """Of other kinds moto knows what is there."""
    arn = call.params["resourceArn"]
    return _capacity_providers(call) if ":capacity-provider/" in arn else {last_part(arn)}


def _container_instances(call: Call) -> set[str]:
    cluster = last_part(call.params.get("cluster") or "default")
    return {
        last_part(each.container_instance_arn) for name, each in call.backends.container_instances if name == cluster
    }


CLUSTER = NotFoundRule(
    "ecs",
    "ClusterNotFoundException",
    "Cluster not found.",
    stored("ecs", "clusters"),
    by(
        "cluster",
        "DeleteAttributes",
        "DeleteTaskSet",
        "DeregisterContainerInstance",
        "DescribeContainerInstances",
        "ListAttributes",
        "ListContainerInstances",
        "ListTasks",
        "PutAttributes",
        "RegisterContainerInstance",
        "UpdateContainerInstancesState",
    ),
    shortened=last_part,
    unnamed="default",
)

SERVICE = NotFoundRule(
    "ecs",
    "ServiceNotFoundException",
    "Service not found.",
    lambda call: {
        each.name for each in call.backends.services if each.cluster_name == last_part(call.params["cluster"])
    },
    by("service", "DeleteTaskSet"),
    shortened=last_part,
)

CAPACITY_PROVIDERS = (
    NotFoundRule(
        "ecs",
        "ClientException",
        "The specified capacity provider does not exist.",
        _capacity_providers,
        by("name", "UpdateCapacityProvider"),
        shortened=last_part,
    ),
    NotFoundRule(
        "ecs",
        "InvalidParameterException",
        "The specified capacity provider '{}' was not found.",
        _capacity_providers,
        by("capacityProviders", "PutClusterCapacityProviders"),
        shortened=last_part,
    ),
    NotFoundRule(
        "ecs",
        "InvalidParameterException",
        "The specified capacity provider does not exist. Specify a valid capacity provider and try again.",
        _tagged_capacity_providers,
        by("resourceArn", "ListTagsForResource", "TagResource", "UntagResource"),
        shortened=last_part,
    ),
)

CONTAINER_INSTANCE = NotFoundRule(
    "ecs",
    "InvalidParameterException",
    "Referenced container instance {} not found.",
    _container_instances,
    by("containerInstance", "DeregisterContainerInstance"),
    shortened=last_part,
)

for _each in (CLUSTER, SERVICE, *CAPACITY_PROVIDERS, CONTAINER_INSTANCE):
    _each.install()


@before("ecs", "DescribeContainerInstances", "StartTask", "UpdateContainerInstancesState")
def instances_are_missing_one_by_one(call: Call) -> None:
    """moto looks in vain for the instances of a cluster that never had one."""
    cluster = last_part(call.params.get("cluster") or "default")
    if cluster in call.backends.clusters:
        call.backends.backend("ecs").container_instances.setdefault(cluster, {})


@before("ecs", "StartTask")
def tasks_on_missing_instances(call: Call) -> None:
    cluster, known = last_part(call.params.get("cluster") or "default"), _container_instances(call)
    asked = call.params["containerInstances"]
    if cluster in call.backends.clusters and not any(last_part(each) in known for each in asked):
        call.result = {
            "tasks": [],
            "failures": [{"arn": _arn(call, cluster, each), "reason": "MISSING"} for each in asked],
        }


def _arn(call: Call, cluster: str, instance: str) -> str:
    if instance.startswith("arn:"):
        return instance
    return f"arn:aws:ecs:{call.region}:{call.account}:container-instance/{cluster}/{instance}"
