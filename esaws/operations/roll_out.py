"""Roll out a new image of a service: health is watched at each look, and a failure is rolled back.

`service_roll_out` replaces the tasks of an ECS service, `task_roll_out` tasks without a service.
"""

from __future__ import annotations

from collections.abc import Iterator

from esaws.cloud import Cloud
from esaws.deploy.steps import Step, StepPlan
from esaws.operations.checks import Check
from esaws.operations.images import resolve_image
from esaws.operations.revisions import find_revision, register_revision, revisions_of, wanted_definition
from esaws.operations.service_roll_out import PREVIOUS_TAG, ServiceRollOut
from esaws.operations.services import ServiceState, require_rolling_deployments, service_state
from esaws.operations.task_roll_out import task_roll_out_steps
from esaws.operations.watching import RollOutFailed
from esaws.resources._ecs import resource_name

__all__ = ["DEFAULT_MINUTES", "PREVIOUS_TAG", "RollOutFailed", "plan_roll_out", "roll_out_leaves", "verify_roll_out"]

DEFAULT_MINUTES = 30.0
"""A target drains for five minutes by default, and tasks with a fixed port are replaced one after the other."""


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
    wanted, tags = wanted_definition(cloud, state, pinned)
    registered = find_revision(cloud, state, wanted)
    steps = []
    if registered is None:
        now = resource_name(state.task_definition)

        def register() -> None:
            register_revision(cloud, wanted, tags)

        steps.append(Step("TaskDefinition", wanted["family"], now, "a new revision", register))

    def definition() -> str:
        found = find_revision(cloud, state, wanted)
        assert found is not None
        return found

    then = pinned if pinned == image else f"{image} ({pinned.rpartition('@')[2][:19]})"
    if not state.is_service:
        steps += task_roll_out_steps(cloud, state, registered, then, definition, minutes)
    elif state.image != pinned or PREVIOUS_TAG in state.tags or len(state.raw["deployments"]) > 1:
        previous = state.tags.get(PREVIOUS_TAG, state.task_definition)
        if previous == registered:  # an interrupted roll-out is taken back
            previous = state.task_definition
        roll_out = ServiceRollOut(cloud, state, previous, minutes, failures)
        steps.append(Step("Service", service, state.image, then, lambda: roll_out.run(definition())))
    return StepPlan(cloud, "roll out", tuple(steps), tuple(_remarks(state)) if steps else ())


def verify_roll_out(cloud: Cloud, service: str, image: str) -> list[Check]:
    """Check that a service runs the image, with all its tasks, and that all its targets are healthy.

    Raises:
        NotDeployed: the deployment has no such service, or its repository does not have the image.
    """
    state, pinned = service_state(cloud, service), resolve_image(cloud, image)
    again = "run the roll-out again, or look with `esaws health`"
    deployments = len(state.raw["deployments"]) if state.is_service else 1
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
    revisions = len(list(revisions_of(cloud, family)))
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
