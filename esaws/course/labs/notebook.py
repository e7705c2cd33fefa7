"""The functions of a lab's notebook."""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass

from esaws.cloud import Cloud
from esaws.course.checking import Result
from esaws.course.exercises import Values
from esaws.course.labs import session
from esaws.course.labs.causes import CAUSES
from esaws.course.labs.lab import Lab
from esaws.course.labs.record import read_record
from esaws.course.labs.result import LabResult
from esaws.course.learner import learner_id
from esaws.course.short_errors import install_short_errors
from esaws.course.shown import Shown, show_whole_texts
from esaws.course.worlds import World, command_path
from esaws.errors import Refused

BEGINS = "2022-02-28"
"""Where the clock of a lab starts by default."""


@dataclass(frozen=True)
class RunningLab:
    """A lab that runs in a local AWS of its own."""

    lab: Lab
    cloud: Cloud

    @property
    def mine(self) -> Values:
        """The learner's values, which the report names."""
        return self.lab.values_of(session.require_record(self.cloud).seed)

    @property
    def report(self) -> Shown:
        """What a user or a colleague reports."""
        return session.describe_lab(session.require_record(self.cloud))

    @property
    def causes(self) -> Shown:
        """The causes that a diagnosis can name."""
        rows = "\n".join(f"| `{key}` | {text} |" for key, text in CAUSES.items())
        return Shown(f"| cause | |\n|---|---|\n{rows}")

    @property
    def evidence(self) -> str:
        """The fact that the solution hands in as evidence. It counts as the solution: find your own first."""
        return session.proof_of(self.cloud)

    def monitor(self) -> Shown:
        """Show what a monitor outside sees: each thing that users need, and whether it works."""
        return session.watch(self.cloud)

    def diagnose(self, cause: str, evidence: str) -> Result:
        """Grade a diagnosis. Hand it in before you change anything.

        Args:
            cause: one of `causes`.
            evidence: one fact, at most 300 characters: a resource and the value that you found there.

        Raises:
            UsageError: the cause is unknown, or the evidence is empty or too long.
            Refused: three diagnoses were handed in already.
        """
        return session.hand_in(self.cloud, cause, evidence)

    def check(self) -> LabResult:
        """Check the repair on a copy of the account. What the best check found is kept, to be handed in."""
        return session.check_lab(self.cloud)

    def hint(self) -> Shown:
        """Show the next hint."""
        return session.hint_lab(self.cloud)

    def solution(self) -> Shown:
        """Show the cause and the reference repair."""
        return session.solve_lab(self.cloud)

    def end(self) -> Shown:
        """Delete the system of the lab."""
        return session.end_lab(self.cloud)


def lab(
    name: str,
    *,
    level: int = 1,
    seed: str | None = None,
    begins: str = BEGINS,
    deployment: str | None = None,
    start_over: bool = False,
) -> RunningLab:
    """Start or continue a lab in a local AWS of its own, and show its report.

    Args:
        name: the lab, or `random`.
        level: 1 all tools, 2 without findings and health, 3 the AWS CLI and boto3 alone.
        seed: what the values, and a random lab, are drawn from; default the learner's id.
        begins: where the clock starts, an ISO 8601 date.
        deployment: default ESAWS_DEPLOYMENT, else seccom.
        start_over: delete the lab that runs there, and start it again.

    Raises:
        UsageError: there is no such lab or level.
        Refused: the target is not the local AWS.
    """
    install_short_errors()
    show_whole_texts()
    seed = seed or learner_id(ask=True)
    chosen = session.choose_lab(name, seed)
    cloud = Cloud.from_env(deployment=deployment)
    if cloud.target != "local":
        raise Refused("a lab breaks the system that it runs in, so it runs on the local AWS alone: unset ESAWS_TARGET")
    world = World(f"lab-{chosen.name}")
    world.enter(begins)
    record = read_record(Cloud.from_env(deployment=deployment))
    if start_over or record is None or (record.level, record.seed) != (level, seed):
        world.enter(begins, fresh=True)
        cloud = Cloud.from_env(deployment=deployment)
        session.start_lab(cloud, chosen, level=level, seed=seed)
    else:
        cloud = Cloud.from_env(deployment=deployment)
    atexit.unregister(world.stop)
    atexit.register(world.stop)
    os.environ.update({"ESAWS_DEPLOYMENT": cloud.deployment, "PATH": command_path()})  # for `!esaws` and `!aws`
    running = RunningLab(chosen, cloud)
    running.report.display()
    return running
