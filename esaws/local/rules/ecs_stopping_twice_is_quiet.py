"""Stopping a task that has stopped, with its instance or before, answers with the task; moto looks for its instance.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
"""

from esaws.local.call import Call
from esaws.local.seam import AwsError, before


@before("ecs", "StopTask")
def stopped_already(call: Call) -> None:
    asked = call.params["task"].rsplit("/", 1)[-1]
    task = next((task for task in call.world.tasks if task.task_arn.endswith(f"/{asked}")), None)
    if task is None:
        raise AwsError("InvalidParameterException", "The referenced task was not found.")
    if task.last_status == "STOPPED":
        call.result = {"task": task}
