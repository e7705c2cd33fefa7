"""A container instance on which tasks run is deregistered only by force.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterContainerInstance.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, before

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A container instance on which tasks run is deregistered only by force.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterContainerInstance.html",
        ),
    ),
)


@before("ecs", "DeregisterContainerInstance")
def no_task_runs_on_it(call: Call) -> None:
    """moto counts what it has placed, not what still runs."""
    identifier = call.params["containerInstance"].split("/")[-1]
    running = [
        task
        for task in call.backends.tasks
        if (task.container_instance_arn or "").endswith(f"/{identifier}") and task.last_status != "STOPPED"
    ]
    if running and not call.params.get("force"):
        raise AwsError("InvalidParameterException", "Found running tasks on the instance.")
