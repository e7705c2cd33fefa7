"""Refuse calls that name an ECS resource that does not exist."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import before
from local_aws_server.not_found import NotFoundRule, by_parameter, last_part, store_keys
from local_aws_server.services.ecs.placement import FARGATE

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A call that names a cluster, capacity provider or container instance that does not exist is "
        "refused.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeContainerInstances.html",
        ),
    ),
)


def _capacity_providers(call: Call) -> set[str]:
    return {*FARGATE, *call.backends.backend("ecs").capacity_providers}


def _tagged_capacity_providers(call: Call) -> set[str]:
    """Return the known capacity providers; moto itself refuses unknown ARNs of other kinds."""
    arn = call.params["resourceArn"]
    return _capacity_providers(call) if ":capacity-provider/" in arn else {last_part(arn)}


def _container_instances(call: Call) -> set[str]:
    cluster = last_part(call.params.get("cluster") or "default")
    return {
        last_part(instance.container_instance_arn)
        for cluster_name, instance in call.backends.container_instances
        if cluster_name == cluster
    }


CLUSTER = NotFoundRule(
    "ecs",
    "ClusterNotFoundException",
    "Cluster not found.",
    store_keys("ecs", "clusters"),
    by_parameter(
        "cluster",
        "CreateService",
        "CreateTaskSet",
        "DeleteAttributes",
        "DeleteService",
        "DeleteTaskSet",
        "DeregisterContainerInstance",
        "DescribeContainerInstances",
        "DescribeServices",
        "DescribeTaskSets",
        "DescribeTasks",
        "ListAttributes",
        "ListContainerInstances",
        "ListServices",
        "ListTasks",
        "PutAttributes",
        "RegisterContainerInstance",
        "RunTask",
        "StartTask",
        "StopTask",
        "UpdateContainerInstancesState",
        "UpdateService",
        "UpdateServicePrimaryTaskSet",
        "UpdateTaskSet",
    ),
    normalize=last_part,
    default_name="default",
)

SERVICE = NotFoundRule(
    "ecs",
    "ServiceNotFoundException",
    "Service not found.",
    lambda call: {
        service.name
        for service in call.backends.ecs_services
        if service.cluster_name == last_part(call.params["cluster"])
    },
    by_parameter("service", "DeleteTaskSet", "UpdateTaskSet", "UpdateServicePrimaryTaskSet"),
    normalize=last_part,
)

TASK_SET = NotFoundRule(
    "ecs",
    "TaskSetNotFoundException",
    "The specified task set does not exist.",
    lambda call: {
        task_set.task_set_arn.rsplit("/", 1)[-1]
        for service in call.backends.ecs_services
        if service.name == last_part(call.params["service"])
        for task_set in service.task_sets
    },
    {"UpdateTaskSet": "taskSet", "UpdateServicePrimaryTaskSet": "primaryTaskSet"},
    normalize=last_part,
)

CAPACITY_PROVIDERS = (
    NotFoundRule(
        "ecs",
        "ClientException",
        "The specified capacity provider does not exist.",
        _capacity_providers,
        by_parameter("name", "UpdateCapacityProvider"),
        normalize=last_part,
    ),
    NotFoundRule(
        "ecs",
        "InvalidParameterException",
        "The specified capacity provider '{}' was not found.",
        _capacity_providers,
        by_parameter("capacityProviders", "PutClusterCapacityProviders"),
        normalize=last_part,
    ),
    NotFoundRule(
        "ecs",
        "InvalidParameterException",
        "The specified capacity provider does not exist. Specify a valid capacity provider and try again.",
        _tagged_capacity_providers,
        by_parameter("resourceArn", "ListTagsForResource", "TagResource", "UntagResource"),
        normalize=last_part,
    ),
)

CONTAINER_INSTANCE = NotFoundRule(
    "ecs",
    "InvalidParameterException",
    "Referenced container instance {} not found.",
    _container_instances,
    by_parameter("containerInstance", "DeregisterContainerInstance"),
    normalize=last_part,
)

for _rule in (CLUSTER, SERVICE, TASK_SET, *CAPACITY_PROVIDERS, CONTAINER_INSTANCE):
    _rule.register()


@before("ecs", "DescribeContainerInstances", "UpdateContainerInstancesState")
def create_container_instance_store(call: Call) -> None:
    """Create moto's store of a cluster that never had a container instance; moto fails without it."""
    cluster = last_part(call.params.get("cluster") or "default")
    if cluster in call.backends.ecs_clusters:
        call.backends.backend("ecs").container_instances.setdefault(cluster, {})
