"""A task names the Availability Zone of the container instance that it was placed on.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A task names the Availability Zone of the container instance that it was placed on.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html",),
    ),
)


@after("ecs", "DescribeTasks", "RunTask", "StartTask", "StopTask")
def zones_of_tasks(call: Call) -> None:
    zones = {
        instance.container_instance_arn: instance.attributes.get("ecs.availability-zone")
        for _, instance in call.backends.container_instances
    }
    for task in call.result.get("tasks") or [call.result.get("task", {})]:
        if zone := zones.get(task.get("containerInstanceArn", "")):
            task["availabilityZone"] = zone
