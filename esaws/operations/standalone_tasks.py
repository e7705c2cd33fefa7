"""Run tasks without a service again: ECS does not replace them when they stop.

Before such a task is stopped, its task definition is written into a tag of its cluster. A run that is interrupted after
that finds the tag, and runs the task again.
"""

from __future__ import annotations

from dataclasses import dataclass

from esaws.aws import ignore_codes, tag_dict
from esaws.cloud import Cloud
from esaws.resource import Live
from esaws.resources._ecs import NO_CLUSTER
from esaws.resources.cluster import Cluster
from esaws.resources.task import Task, start_task, wait_until_running

RUN_AGAIN_TAG = "esaws:run-again:"
"""The start of the tag's key; the reference name of the task follows. Its value is the task definition."""


@dataclass(frozen=True)
class StoppedTask:
    """A task that has to run again, by the tag of its cluster."""

    name: str
    cluster: str
    definition: str


def standalone_tasks(cloud: Cloud) -> list[Live]:
    """Return the tasks of the deployment that belong to no service."""
    return [live for live in Task.list(cloud) if not live.foreign]


def stopped_tasks(cloud: Cloud) -> list[StoppedTask]:
    """Return the tasks that have to run again, from one description of the clusters."""
    return [
        StoppedTask(key.removeprefix(RUN_AGAIN_TAG), cluster.id, definition)
        for cluster in Cluster.list(cloud)
        for key, definition in sorted(tag_dict(cluster.raw.get("tags"), "key", "value").items())
        if key.startswith(RUN_AGAIN_TAG)
    ]


def remember(cloud: Cloud, task: Live) -> StoppedTask:
    """Write into the cluster that a task has to run again, and return what was written."""
    cluster, definition = task.fields["cluster"], task.fields["task_definition"]
    tag = {"key": RUN_AGAIN_TAG + task.name, "value": definition}
    cloud.client("ecs").tag_resource(resourceArn=cluster, tags=[tag])
    return StoppedTask(task.name, cluster, definition)


def run_again(cloud: Cloud, stopped: StoppedTask) -> str:
    """Run a task again unless it runs already, wait until it does, and return its ARN.

    A task that is still stopping is waited for: it may hold the host port.
    """
    arn = ""
    for live in standalone_tasks(cloud):
        if (live.name, live.fields["cluster"]) == (stopped.name, stopped.cluster):
            if live.state in Task.deleting:
                Task.delete(cloud, live)
            else:
                arn = live.id
    arn = arn or start_task(cloud, stopped.cluster, stopped.definition, stopped.name)
    wait_until_running(cloud, stopped.cluster, arn, stopped.name)
    forget(cloud, stopped)
    return arn


def forget(cloud: Cloud, stopped: StoppedTask) -> None:
    """Remove the tag of a task that runs again."""
    with ignore_codes(NO_CLUSTER):
        cloud.client("ecs").untag_resource(resourceArn=stopped.cluster, tagKeys=[RUN_AGAIN_TAG + stopped.name])


def restart(cloud: Cloud, task: Live) -> None:
    """Stop a task and run its task definition again in the same cluster."""
    stopped = remember(cloud, task)
    Task.delete(cloud, task)
    run_again(cloud, stopped)
