"""A task stays RUNNING however often it is described; moto moves it one state on with each describe.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from esaws.local.seam import at_start


@at_start
def describing_does_not_stop_tasks() -> None:
    from moto.moto_api import state_manager

    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 2**62})
