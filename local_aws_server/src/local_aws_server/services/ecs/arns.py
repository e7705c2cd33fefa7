"""A task or container instance keeps the ARN that it got; moto makes it anew from the account's settings each time.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html
"""

from typing import Any

from local_aws_server.backends import remembered
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import patch

BEHAVIOURS = (
    Behaviour(
        service="ECS",
        statement="A task or container instance keeps the ARN that it got; moto makes it anew from the account's "
        "settings each time.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html",),
    ),
)


@patch("moto.ecs.models", "Task.task_arn", attribute=True)
def of_a_task(self: Any) -> str:
    return _kept(self, "task", "taskLongArnFormat")


@patch("moto.ecs.models", "ContainerInstance.container_instance_arn", attribute=True)
def of_a_container_instance(self: Any) -> str:
    return _kept(self, "container-instance", "containerInstanceLongArnFormat")


def _kept(thing: Any, kind: str, setting: str) -> str:
    kept = remembered(thing)
    if "arn" not in kept:
        from moto.utilities.utils import get_partition

        place = f"{thing.cluster_name}/" if thing._backend.enable_long_arn_for_name(name=setting) else ""
        prefix = f"arn:{get_partition(thing.region_name)}:ecs:{thing.region_name}:{thing._account_id}"
        kept["arn"] = f"{prefix}:{kind}/{place}{thing.id}"
    return str(kept["arn"])
