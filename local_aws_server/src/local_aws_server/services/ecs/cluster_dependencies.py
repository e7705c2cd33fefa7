"""A cluster is deleted only once no service, no task and no container instance is in it.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html
"""

from local_aws_server.call import Call
from local_aws_server.clock.transitions import PACE
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before
from local_aws_server.services.ecs import tasks

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A cluster is deleted only once no service, no task and no container instance is in it.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html",),
    ),
)


@before("ecs", "DeleteCluster")
def nothing_is_left_in_it(call: Call) -> None:
    name = call.params["cluster"].split("/")[-1]
    cluster = call.backends.clusters.get(name)
    if cluster is None:
        return
    stopping = [each for each in call.backends.tasks if each.cluster_arn == cluster.arn and not tasks.alive(each)]
    ends = [end for each in stopping if (end := tasks.arrives(each)) is not None]
    if ends and PACE.really is None and not call.again:
        call.wait(max(ends))
        return
    services = any(each.cluster_arn == cluster.arn and each.status != "INACTIVE" for each in call.backends.services)
    instances = any(of_cluster == name for of_cluster, _ in call.backends.container_instances)
    running = any(each.cluster_arn == cluster.arn and each.last_status != "STOPPED" for each in call.backends.tasks)
    for there, code, what in (
        (services, "ClusterContainsServicesException", "Services are active"),
        (instances, "ClusterContainsContainerInstancesException", "Container Instances are active or draining"),
        (running, "ClusterContainsTasksException", "Tasks are active"),
    ):
        if there:
            raise AwsError(code, f"The Cluster cannot be deleted while {what}.")
