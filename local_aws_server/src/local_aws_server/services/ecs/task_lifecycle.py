"""Answer StopTask and DescribeTasks, and let tasks start and stop with the clock."""

from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, reconciler, replace
from local_aws_server.reset import on_reset
from local_aws_server.services.ecs import processes, tasks

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A task starts in about 15 seconds, stops in 10, and can be described for an hour after that; "
        "describing a task does not change its status.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html",
            "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html",
        ),
    ),
)

_WAITER_TIMEOUT = 600.0
"""Seconds; boto3's waiters poll for that long."""

_DEFAULT_REASON = "Task stopped by user"


@on_reset
def disable_transitions_of_moto() -> None:
    """Turn off moto's own transitions, which move a task to its next state with each describe."""
    from moto.moto_api import state_manager

    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 2**62})


@reconciler("ecs", "ec2", "ecr", order=25)
def advance_tasks(backends: Backends) -> float | None:
    return tasks.advance_tasks(backends)


@replace("ecs", "StopTask")
def stop_task(call: Call) -> dict[str, Any]:
    """Stop a task; one that is stopping or has stopped stays as it is."""
    id, cluster = call.params["task"].rsplit("/", 1)[-1], call.params.get("cluster", "default").split("/")[-1]
    in_cluster = (task for task in call.backends.ecs_tasks if task.cluster_name == cluster)
    task = next((task for task in in_cluster if tasks.task_id(task) == id), None)
    if task is None:
        raise AwsError("InvalidParameterException", "The referenced task was not found.")
    reason = call.params.get("reason") or _DEFAULT_REASON
    tasks.stop_task(call.backends, task, "UserInitiated", reason, cause="a user stopped it")
    return {"task": task}


@after("ecs", "DescribeTasks")
def wait_for_tasks(call: Call) -> None:
    """Let time pass until the described tasks have started or stopped."""
    arns = {task["taskArn"] for task in call.result["tasks"]}
    described = [task for task in call.backends.ecs_tasks if task.task_arn in arns]
    if PROVISIONING_SPEED.factor is not None or processes.any_in(described):
        return
    if call.is_from_waiter and any("waiting" in sidecar(task) for task in described):
        until = CLOCK.now() + _WAITER_TIMEOUT
        call.wait_until(until, unless=lambda: not _any_starts(described) or processes.any_in(described))
        return
    if ends := [end for task in described if (end := tasks.transition_end(task)) is not None]:
        call.wait_until(max(ends), unless=lambda: not _any_changes(described) or processes.any_in(described))


def _any_starts(described: list[Any]) -> bool:
    return any(task.last_status in tasks.STARTING for task in described)


def _any_changes(described: list[Any]) -> bool:
    return any(tasks.transition_end(task) is not None for task in described)


@after("ecs", "DescribeTasks")
def report_missing_tasks(call: Call) -> None:
    described = {task["taskArn"].split("/")[-1] for task in call.result["tasks"]}
    cluster = call.params.get("cluster", "default").split("/")[-1]
    call.result["failures"] = [
        {"arn": _arn(call, cluster, task), "reason": "MISSING"}
        for task in call.params["tasks"]
        if task.split("/")[-1] not in described
    ]


def _arn(call: Call, cluster: str, task: str) -> str:
    return task if task.startswith("arn:") else f"arn:aws:ecs:{call.region}:{call.account}:task/{cluster}/{task}"
