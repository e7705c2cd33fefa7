"""A task stays RUNNING however often it is described; moto moves it one state on with each describe.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import on_reset

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A task stays RUNNING however often it is described; moto moves it one state on with each describe.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html",),
    ),
)


@on_reset
def describing_does_not_stop_tasks() -> None:
    from moto.moto_api import state_manager

    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 2**62})
