"""Roll out a task definition of tasks without an ECS service: each new task serves before an old one stops.

A task with a fixed port needs an instance of its own, so the group gets a spare instance meanwhile. A tag of the
cluster has the number of tasks, so that an interrupted roll-out is finished by a second run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from esaws.aws import tag_dict
from esaws.cloud import Cloud
from esaws.deploy.steps import Step
from esaws.errors import EsawsError
from esaws.operations.capacity import capacity_of
from esaws.operations.lone_tasks import register, start_lone_task, stop_lone_tasks, task_health
from esaws.operations.service_roll_out import MEND, fewest
from esaws.operations.services import LoneTask, ServiceState, service_state
from esaws.operations.spare import add_spare, has_spare, remove_spare, spare_before
from esaws.operations.watching import RollOutFailed, Sample, Timeline, let_time_pass, shown
from esaws.resource import Live
from esaws.resources._ecs import describe
from esaws.simulation import cloud_time

COUNT_TAG = "esaws:tasks:"
"""The start of the key of a cluster's tag; the name of the tasks follows. Its value is their number."""


def task_roll_out_steps(
    cloud: Cloud,
    state: ServiceState,
    registered: str | None,
    then: str,
    definition: Callable[[], str],
    minutes: float,
) -> list[Step]:
    """Return the steps of a roll-out; empty if all tasks run the registered task definition, and nothing is left.

    `then` is the image in words, and `definition` returns the task definition once it is registered.
    """
    outdated = [task for task in state.tasks if task.definition != registered]
    count = _count_tag(cloud, state)
    group = capacity_of(cloud, state).group
    steps = []
    if group and outdated and not has_spare(group):
        steps.append(_spare_step(cloud, group))
    if outdated or count is not None:
        roll_out = _TaskRollOut(cloud, state, group, count or len(state.tasks), minutes)
        steps.append(Step("Task", state.name, state.image, then, lambda: roll_out.run(definition())))
    if group and (outdated or spare_before(group)):
        steps.append(
            Step("AutoScalingGroup", group.name, "a spare instance", "as before", lambda: remove_spare(cloud, group))
        )
    return steps


def _spare_step(cloud: Cloud, group: Live) -> Step:
    now = f"{group.raw['DesiredCapacity']} instances" if group.raw["DesiredCapacity"] != 1 else "1 instance"
    return Step("AutoScalingGroup", group.name, now, "1 more meanwhile", lambda: add_spare(cloud, group))


def _count_tag(cloud: Cloud, state: ServiceState) -> int | None:
    for raw in describe(cloud, "clusters", [state.cluster]):
        value = tag_dict(raw.get("tags"), "key", "value").get(COUNT_TAG + state.name)
        return int(value) if value and value.isdigit() else None
    return None


@dataclass(frozen=True)
class _TaskRollOut:
    """One roll-out of `count` tasks of one name."""

    cloud: Cloud
    before: ServiceState
    group: Live | None
    count: int
    minutes: float

    def run(self, definition: str) -> Timeline:
        """Replace the tasks one by one, and return what was seen.

        Raises:
            RollOutFailed: a new task failed; those that were replaced are replaced back, and the spare instance ends.
        """
        timeline = Timeline(self.before.name)
        watch = _Watch(self, timeline, definition)
        tag = {"key": COUNT_TAG + self.before.name, "value": str(self.count)}
        self.cloud.client("ecs").tag_resource(resourceArn=self.before.cluster, tags=[tag])
        with shown(timeline):
            watch.look()
            timeline.mark("started")
            problem = self._replace(definition, watch)
            if problem is None:
                timeline.mark("completed")
                self._untag()
                return timeline
            timeline.mark("rolled back")
            rest = self._roll_back(definition, watch)
            if self.group:
                remove_spare(self.cloud, self.group)
            name = self.before.name
            if rest is None:
                self._untag()
                back = f"rolled back, {fewest(timeline)}"
                raise RollOutFailed(f"{name}: a new task failed ({problem}); {back}", timeline, MEND)
            raise RollOutFailed(
                f"{name}: a new task failed ({problem}), and the roll-back is not finished ({rest})",
                timeline,
                "look with `esaws health`, and run the roll-out of the previous image",
            )

    def _replace(self, definition: str, watch: _Watch) -> str | None:
        """Replace the tasks of other definitions; return None, or why a new task does not serve."""
        while True:
            state = watch.look()
            outdated = [task for task in state.tasks if task.definition != definition]
            if not outdated:
                return None
            arrived = [task for task in state.tasks if task.definition == definition]
            try:
                if len(state.tasks) > self.count and arrived:  # it was started by a run that was interrupted
                    register(self.cloud, state, arrived[-1])
                    task = arrived[-1]
                else:
                    task = start_lone_task(self.cloud, state, definition)
            except EsawsError as error:
                return str(error)
            if problem := watch.until_healthy(task):
                return problem
            stop_lone_tasks(self.cloud, watch.look(), outdated[:1])

    def _roll_back(self, definition: str, watch: _Watch) -> str | None:
        """Stop the new tasks that do not serve, and replace the others; return why that failed, or None."""
        state = watch.look()
        new = [task for task in state.tasks if task.definition == definition]
        stop_lone_tasks(self.cloud, state, [task for task in new if not task_health(state, task)[0]])
        old = [task.definition for task in self.before.tasks if task.definition != definition]
        problem = self._replace(old[0], watch) if old else None
        watch.look()
        return problem

    def _untag(self) -> None:
        keys = [COUNT_TAG + self.before.name]
        self.cloud.client("ecs").untag_resource(resourceArn=self.before.cluster, tagKeys=keys)


class _Watch:
    """Looks at the tasks, and adds a sample to the timeline at each look."""

    def __init__(self, roll_out: _TaskRollOut, timeline: Timeline, definition: str) -> None:
        self.roll_out, self.timeline, self.definition = roll_out, timeline, definition
        self.began = cloud_time(roll_out.cloud)

    def look(self) -> ServiceState:
        state = service_state(self.roll_out.cloud, self.roll_out.before.name)
        new = sum(task.runs for task in state.tasks if task.definition == self.definition)
        minimum = min(self.roll_out.count, self.roll_out.before.healthy)
        seconds = round((cloud_time(self.roll_out.cloud) - self.began).total_seconds(), 1)
        old = state.running - new
        self.timeline.samples.append(Sample(seconds, self.roll_out.count, minimum, state.healthy, old, new))
        return state

    def until_healthy(self, task: LoneTask) -> str | None:
        """Look until a task serves; return None, or why it does not."""
        deadline = self.timeline.seconds + self.roll_out.minutes * 60
        while True:
            state = self.look()
            found = next((each for each in state.tasks if each.live.id == task.live.id), None)
            if found is None:
                return "it stopped"
            is_healthy, why = task_health(state, found)
            if is_healthy:
                return None
            if why:
                return f"its target is unhealthy, {why}"
            if self.timeline.seconds >= deadline:
                return f"it does not serve after {self.roll_out.minutes:g} minutes"
            let_time_pass(self.roll_out.cloud)
