"""A task is pulled and started in about fifteen seconds, stops in ten, and is described for an hour after that.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from local_aws_server.backends import Backends
from local_aws_server.call import Call
from local_aws_server.clock.transitions import PACE
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, after, before, patch, reconciler
from local_aws_server.services.ecs import tasks

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A task is pulled and started in about fifteen seconds, stops in ten, and is described for an "
        "hour after that.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html",),
    ),
)

# moto reads it of an interface in a network without names, where it was never set.
patch("moto.ec2.models.elastic_network_interfaces", "NetworkInterface.private_dns_name", new=True)(None)

_BY_USER = "Task stopped by user"


@reconciler("ecs", "ec2", "ecr", order=25)
def tasks_move(world: Backends) -> float | None:
    return tasks.move(world)


@before("ecs", "StopTask")
def it_stops(call: Call) -> None:
    """Stopping a task that stops, or has stopped, changes nothing.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
    """
    asked = call.params["task"].rsplit("/", 1)[-1]
    task = next((task for task in call.backends.tasks if tasks.short(task) == asked), None)
    if task is None:
        raise AwsError("InvalidParameterException", "The referenced task was not found.")
    tasks.stop(call.backends, task, "UserInitiated", call.params.get("reason") or _BY_USER, why="somebody stopped it")
    call.result = {"task": task}


@after("ecs", "DescribeTasks")
def what_is_under_way_is_awaited(call: Call) -> None:
    """Tasks that start or stop are described once they have."""
    shown = {task["taskArn"] for task in call.result["tasks"]}
    under_way = [task for task in call.backends.tasks if task.task_arn in shown and tasks.arrives(task) is not None]
    if under_way and PACE.really is None:
        until = max(filter(None, map(tasks.arrives, under_way)))
        call.wait(until, unless=lambda: all(tasks.arrives(task) is None for task in under_way))


@after("ecs", "DescribeTasks")
def what_is_not_there_is_missing(call: Call) -> None:
    shown = {task["taskArn"].split("/")[-1] for task in call.result["tasks"]}
    cluster = call.params.get("cluster", "default").split("/")[-1]
    call.result["failures"] = [
        {"arn": _arn(call, cluster, asked), "reason": "MISSING"}
        for asked in call.params["tasks"]
        if asked.split("/")[-1] not in shown
    ]


def _arn(call: Call, cluster: str, task: str) -> str:
    return task if task.startswith("arn:") else f"arn:aws:ecs:{call.region}:{call.account}:task/{cluster}/{task}"
