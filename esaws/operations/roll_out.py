"""Roll out a new image of a service: health is watched at each look, and a failure is rolled back.

ECS replaces the tasks and keeps the minimum healthy percent. Where a new task fails, or too few targets are healthy,
the service gets its previous task definition again. The previous one is kept in a tag while the roll-out lasts, so
that an interrupted roll-out can be watched on, and rolled back, by a second run.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from esaws.aws import CALL_ERRORS, pages
from esaws.cloud import Cloud
from esaws.deploy.serving import describe_stopped_task
from esaws.deploy.steps import Step, StepPlan
from esaws.errors import EsawsError
from esaws.operations.checks import Check
from esaws.operations.images import resolve_image
from esaws.operations.services import ServiceState, read_state, require_rolling_deployments, service_state
from esaws.operations.watching import POLL_SECONDS, Sample, Timeline, aws_now, let_time_pass, shown
from esaws.resources._ecs import describe, resource_name

PREVIOUS_TAG = "esaws:rolled-out-from"
"""The tag of a service during a roll-out: the task definition that it ran before."""

DEFAULT_MINUTES = 30.0
"""A target drains for five minutes by default, and tasks with a fixed port are replaced one after the other."""

_ERRORS = 3
"""So many looks in a row may fail."""

# What DescribeTaskDefinition adds to what RegisterTaskDefinition takes.
_DESCRIBED_ONLY = frozenset(
    {
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
        "deregisteredAt",
        "deleteRequestedAt",
    }
)


class RollOutFailed(EsawsError):
    """The new tasks failed. The service runs its previous task definition again, unless the message says otherwise.

    `timeline` has what was seen.
    """

    def __init__(self, message: str, timeline: Timeline, next_step: str) -> None:
        super().__init__(f"{message}; {next_step}")
        self.timeline, self.next_step = timeline, next_step


def plan_roll_out(
    cloud: Cloud, service: str, image: str, *, minutes: float = DEFAULT_MINUTES, failures: int = 1
) -> StepPlan:
    """Plan to run `image` in a service: a new revision of its task definition, then new tasks, watched.

    An image of this account's ECR is pinned by its digest, so a tag that was pushed again is rolled out. The plan is
    empty if the image runs already. After `failures` failed tasks, or `minutes`, the roll-out is rolled back.

    Raises:
        NotDeployed: the deployment has no such service, or its repository does not have the image.
        EsawsError: another controller than ECS makes the deployments of the service.
        UsageError: `image` is not the name of an image.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    cloud.check()
    state = service_state(cloud, service)
    require_rolling_deployments(state)
    pinned = resolve_image(cloud, image)
    if state.image == pinned and PREVIOUS_TAG not in state.tags and len(state.raw["deployments"]) == 1:
        return StepPlan(cloud, "roll out", ())
    wanted, tags = _wanted_definition(cloud, state, pinned)
    registered = _find_revision(cloud, state, wanted)
    previous = state.tags.get(PREVIOUS_TAG, state.task_definition)
    if previous == registered:  # an interrupted roll-out is taken back
        previous = state.task_definition
    now, then = state.image, pinned if pinned == image else f"{image} ({pinned.rpartition('@')[2][:19]})"
    steps = []
    if registered is None:
        name = f"{wanted['family']}:{_number(state.task_definition)}"
        steps.append(
            Step("TaskDefinition", wanted["family"], name, "a new revision", lambda: _register(cloud, wanted, tags))
        )
    roll_out = _RollOut(cloud, state, previous, minutes, failures)
    steps.append(Step("Service", service, now, then, lambda: roll_out.run(_find_revision(cloud, state, wanted))))
    return StepPlan(cloud, "roll out", tuple(steps), tuple(_remarks(state)))


def verify_roll_out(cloud: Cloud, service: str, image: str) -> list[Check]:
    """Check that a service runs the image, with all its tasks, and that all its targets are healthy.

    Raises:
        NotDeployed: the deployment has no such service, or its repository does not have the image.
    """
    state, pinned = service_state(cloud, service), resolve_image(cloud, image)
    again = "run the roll-out again, or look with `esaws health`"
    deployments = len(state.raw["deployments"])
    return [
        Check(f"{service} runs {image}", state.image == pinned, f"it runs {state.image}", again),
        Check(
            f"all {state.desired} tasks of {service} run, of one deployment",
            state.running == state.desired and deployments == 1,
            f"{state.running} run, of {deployments} deployment{'s' * (deployments != 1)}",
            again,
        ),
        Check(
            f"{state.desired} targets of {service} are healthy" if state.has_targets else f"{service} has no targets",
            not state.has_targets or state.healthy >= state.desired,
            f"{state.healthy} are healthy" if state.has_targets else "health is not checked by a load balancer",
            "`esaws health` says why targets are unhealthy",
        ),
    ]


def roll_out_leaves(cloud: Cloud, service: str) -> list[str]:
    """What a roll-out leaves: the revisions of the task definition, and the declaration that a deploy would restore.

    Raises:
        NotDeployed: the deployment has no such service.
    """
    state = service_state(cloud, service)
    family = resource_name(state.task_definition).partition(":")[0]
    revisions = len(list(_revisions(cloud, family)))
    return [
        f"{service} runs {state.image}",
        f"task definition {family} has {revisions} active revision{'s' * (revisions != 1)}; they cost nothing",
        "a deploy runs the declared image again: change the declaration too",
    ]


def _remarks(state: ServiceState) -> Iterator[str]:
    if state.healthy < state.minimum:
        yield (
            f"{state.healthy} of the required {state.minimum} are healthy now: the roll-out may make it no worse, "
            "and that is all it can promise"
        )
    if state.desired == 0:
        yield "the service has 0 tasks: the image starts once it is scaled"


# -- task definitions ------------------------------------------------------------------------------------------------


def _wanted_definition(cloud: Cloud, state: ServiceState, image: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the current task definition with another image, as RegisterTaskDefinition takes it, and its tags."""
    response = cloud.client("ecs").describe_task_definition(taskDefinition=state.task_definition, include=["TAGS"])
    wanted = _registrable(response["taskDefinition"])
    for container in wanted["containerDefinitions"]:
        if container["name"] == state.container["name"]:
            container["image"] = image
    return wanted, response.get("tags", [])


def _registrable(definition: dict[str, Any]) -> dict[str, Any]:
    return deepcopy({name: value for name, value in definition.items() if name not in _DESCRIBED_ONLY})


def _register(cloud: Cloud, wanted: dict[str, Any], tags: list[dict[str, str]]) -> str:
    own_tags = {"tags": tags} if tags else {}
    response = cloud.client("ecs").register_task_definition(**wanted, **own_tags)
    return str(response["taskDefinition"]["taskDefinitionArn"])


def _find_revision(cloud: Cloud, state: ServiceState, wanted: dict[str, Any]) -> str | None:
    """Return the active revision with the same content, that of the service or else the newest; None without one."""
    for arn in dict.fromkeys([state.task_definition, *_revisions(cloud, wanted["family"])]):
        described = cloud.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        if _registrable(described) == wanted:
            return arn
    return None


def _revisions(cloud: Cloud, family: str) -> Iterator[str]:
    """Yield the ARNs of a family's active revisions, the newest first."""
    listed = {"familyPrefix": family, "status": "ACTIVE", "sort": "DESC"}
    for arn in pages(cloud, "ecs", "list_task_definitions", "taskDefinitionArns", **listed):
        if resource_name(arn).partition(":")[0] == family:
            yield arn


def _number(arn: str) -> str:
    return arn.rpartition(":")[2]


# -- the roll-out ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _RollOut:
    """One roll-out of a service, from the task definition `previous`."""

    cloud: Cloud
    before: ServiceState
    previous: str
    minutes: float
    failures: int

    def run(self, definition: str | None) -> Timeline:
        """Deploy a task definition and watch it; return what was seen.

        Raises:
            RollOutFailed: it failed, and was rolled back.
        """
        assert definition is not None
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
                    f"{resource_name(self.previous)}, {_fewest(timeline)}",
                    timeline,
                    "mend the image, push it, and run the roll-out again",
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

    def __init__(self, roll_out: _RollOut, timeline: Timeline, definition: str) -> None:
        self.roll_out, self.timeline, self.definition = roll_out, timeline, definition
        self.began = aws_now(roll_out.cloud)
        self.unhealthy_before = set(roll_out.before.unhealthy_targets())
        self.healthy_before = roll_out.before.healthy
        self.unhealthy_since: dict[str, float] = {}

    def look(self) -> ServiceState:
        """Look once, and add a sample to the timeline."""
        state = self.roll_out._state()
        counts = {True: 0, False: 0}
        for deployment in state.raw["deployments"]:
            counts[deployment["taskDefinition"] == self.definition] += deployment["runningCount"]
        seconds = (aws_now(self.roll_out.cloud) - self.began).total_seconds()
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


def _fewest(timeline: Timeline) -> str:
    return f"never fewer than {timeline.fewest_healthy} healthy"


def _last_event(state: ServiceState) -> str:
    events = state.raw.get("events") or [{"message": "ECS gives no reason"}]
    return str(events[0]["message"])
