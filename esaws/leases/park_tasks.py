"""Park tasks without a service, and register their targets again: ECS does neither by itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from esaws.cloud import Cloud
from esaws.deploy.standalone_tasks import (
    lost_targets,
    register_again,
    remember,
    remember_targets,
    run_again,
    stopped_tasks,
)
from esaws.deploy.steps import Step
from esaws.resource import Live, of_kind
from esaws.resources.task import Task


def stop_tasks(cloud: Cloud, resources: list[Live]) -> Iterator[Step]:
    """Yield the steps that note in tags what has to run and to be registered again, and stop the tasks."""
    groups = {live.id: live.name for live in of_kind(resources, "AutoScalingGroup")}
    for live in of_kind(resources, "TargetRegistration"):
        if group := groups.get(live.fields["group"]):
            note = partial(remember_targets, cloud, live, group)
            yield Step(live.kind, live.name, "registered", "noted, to register it again", note)
    for live in of_kind(resources, "Task"):

        def act(live: Live = live) -> None:
            remember(cloud, live)
            Task.delete(cloud, live)

        yield Step("Task", live.name, "running", "stopped", act)


def start_tasks(cloud: Cloud, resources: list[Live]) -> Iterator[Step]:
    """Yield the steps that run the noted tasks again, and register the noted targets."""
    for stopped in stopped_tasks(of_kind(resources, "Cluster")):
        yield Step("Task", stopped.name, "parked", "running", partial(run_again, cloud, stopped))
    for lost in lost_targets(of_kind(resources, "TargetGroup")):
        ports = " and ".join(map(str, lost.ports))
        yield Step(
            "TargetRegistration",
            lost.name,
            "parked",
            f"registered on port {ports}",
            partial(register_again, cloud, lost),
        )
