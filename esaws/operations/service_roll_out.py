"""Roll out a task definition of an ECS service, watch it at each look, and roll it back if it fails.

ECS replaces the tasks and keeps the minimum healthy percent. Where a new task fails, or too few targets are healthy,
the service gets its previous task definition again. The previous one is kept in a tag while the roll-out lasts, so
that an interrupted roll-out can be watched on, and rolled back, by a second run.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
"""

from __future__ import annotations

from dataclasses import dataclass

from esaws.aws import CALL_ERRORS, pages
from esaws.cloud import Cloud
from esaws.deploy.serving import describe_stopped_task
from esaws.operations.services import ServiceState, read_state
from esaws.operations.watching import POLL_SECONDS, RollOutFailed, Sample, Timeline, let_time_pass, shown
from esaws.resources._ecs import describe, resource_name
from esaws.simulation import cloud_time

PREVIOUS_TAG = "esaws:rolled-out-from"
"""The tag of a service during a roll-out: the task definition that it ran before."""

MEND = "mend the image, push it, and run the roll-out again"

_ERRORS = 3
"""So many looks in a row may fail."""


@dataclass(frozen=True)
class ServiceRollOut:
    """One roll-out of a service, from the task definition `previous`."""

    cloud: Cloud
    before: ServiceState
    previous: str
    minutes: float
    failures: int

    def run(self, definition: str) -> Timeline:
        """Deploy a task definition and watch it; return what was seen.

        Raises:
            RollOutFailed: it failed, and was rolled back.
        """
        timeline = Timeline(self.before.name)
        watch = _Watch(self, timeline, definition)
        with shown(timeline):
            if watch.look_again().task_definition != definition:
                self._tag()
                self._deploy(definition)
            timeline.mark("started")
            problem = watch.until_settled(definition)
            if problem is None:
                timeline.mark("completed")
                self._untag()
                return timeline
            timeline.mark("rolled back")
            self._deploy(self.previous)
            rest = watch.until_settled(self.previous, rolling_back=True)
            causes = "; ".join([problem, *self._stopped_tasks(definition)])
            if rest is None:
                self._untag()
                raise RollOutFailed(
                    f"{self.before.name}: the new tasks failed ({causes}); rolled back to "
                    f"{resource_name(self.previous)}, {fewest(timeline)}",
                    timeline,
                    MEND,
                )
            raise RollOutFailed(
                f"{self.before.name}: the new tasks failed ({causes}), and the roll-back to "
                f"{resource_name(self.previous)} is not finished ({rest})",
                timeline,
                "look with `esaws health`; ECS goes on rolling back",
            )

    def _state(self) -> ServiceState:
        return read_state(self.cloud, self.before.name, self.before.cluster, self.before.arn)

    def _deploy(self, definition: str) -> None:
        self.cloud.client("ecs").update_service(
            cluster=self.before.cluster, service=self.before.arn, taskDefinition=definition
        )

    def _tag(self) -> None:
        tags = [{"key": PREVIOUS_TAG, "value": self.previous}]
        self.cloud.client("ecs").tag_resource(resourceArn=self.before.arn, tags=tags)

    def _untag(self) -> None:
        self.cloud.client("ecs").untag_resource(resourceArn=self.before.arn, tagKeys=[PREVIOUS_TAG])

    def _stopped_tasks(self, definition: str) -> list[str]:
        """Why tasks of a task definition stopped by themselves, each reason once, in ECS's words."""
        selected = {"cluster": self.before.cluster, "serviceName": self.before.raw["serviceName"]}
        arns = pages(self.cloud, "ecs", "list_tasks", "taskArns", **selected, desiredStatus="STOPPED")
        stopped = describe(self.cloud, "tasks", arns, cluster=self.before.cluster)
        of_definition = [task for task in stopped if task["taskDefinitionArn"] == definition]
        reasons = {describe_stopped_task(task): None for task in of_definition}
        return [f"a task stopped: {reason}" for reason in reasons if "Scaling activity" not in reason][:2]


class _Watch:
    """Looks at a service until it has settled, and decides whether its roll-out fails."""

    def __init__(self, roll_out: ServiceRollOut, timeline: Timeline, definition: str) -> None:
        self.roll_out, self.timeline, self.definition = roll_out, timeline, definition
        self.began = cloud_time(roll_out.cloud)
        self.unhealthy_before = set(roll_out.before.unhealthy_targets())
        self.healthy_before = roll_out.before.healthy
        self.unhealthy_since: dict[str, float] = {}

    def look(self) -> ServiceState:
        """Look once, and add a sample to the timeline."""
        state = self.roll_out._state()
        counts = {True: 0, False: 0}
        for deployment in state.raw["deployments"]:
            counts[deployment["taskDefinition"] == self.definition] += deployment["runningCount"]
        seconds = (cloud_time(self.roll_out.cloud) - self.began).total_seconds()
        minimum = min(state.minimum, self.healthy_before)
        sample = Sample(round(seconds, 1), state.desired, minimum, state.healthy, counts[False], counts[True])
        self.timeline.samples.append(sample)
        return state

    def until_settled(self, definition: str, *, rolling_back: bool = False) -> str | None:
        """Look until the service runs a task definition alone; return None, or the problem that ended the wait."""
        deadline = self.timeline.seconds + self.roll_out.minutes * 60
        while True:
            state = self.look_again()
            if state.task_definition == definition and state.is_settled:
                return None
            if not rolling_back and (problem := self._problem(state)):
                return problem
            if self.timeline.seconds >= deadline:
                return f"not finished after {self.roll_out.minutes:g} minutes: {_last_event(state)}"
            let_time_pass(self.roll_out.cloud, POLL_SECONDS)

    def look_again(self) -> ServiceState:
        """Look, and try again a few times where AWS answers with an error: the watch must not end by that."""
        for _ in range(_ERRORS):
            try:
                return self.look()
            except CALL_ERRORS:
                let_time_pass(self.roll_out.cloud, POLL_SECONDS)
        return self.look()

    def _problem(self, state: ServiceState) -> str | None:
        """Return why the roll-out fails now, if it does."""
        sample = self.timeline.samples[-1]
        if sample.healthy < sample.minimum:
            return f"{sample.healthy} healthy, fewer than the required {sample.minimum}"
        if state.task_definition != self.definition:
            return "ECS's deployment circuit breaker rolled it back"
        if state.primary.get("rolloutState") == "FAILED":
            return str(state.primary.get("rolloutStateReason") or "ECS calls the deployment failed")
        overdue = self._overdue_targets(state)
        failed = state.primary.get("failedTasks", 0) + len(overdue)
        if failed < self.roll_out.failures:
            return None
        tasks = f"{failed} new task{'s' * (failed != 1)} failed"
        return "; ".join(
            [tasks, *(f"target {resource_name(name)} is unhealthy, {why}" for name, why in overdue.items())]
        )

    def _overdue_targets(self, state: ServiceState) -> dict[str, str]:
        """The targets that have been unhealthy for longer than the grace period, with their reasons."""
        unhealthy = {key: why for key, why in state.unhealthy_targets().items() if key not in self.unhealthy_before}
        self.unhealthy_before &= set(state.unhealthy_targets())
        self.unhealthy_since = {key: self.unhealthy_since.get(key, self.timeline.seconds) for key in unhealthy}
        grace = state.raw.get("healthCheckGracePeriodSeconds") or 0
        now = self.timeline.seconds
        return {key: why for key, why in unhealthy.items() if now - self.unhealthy_since[key] >= grace}


def fewest(timeline: Timeline) -> str:
    return f"never fewer than {timeline.fewest_healthy} healthy"


def _last_event(state: ServiceState) -> str:
    events = state.raw.get("events") or [{"message": "ECS gives no reason"}]
    return str(events[0]["message"])
