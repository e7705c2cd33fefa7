"""What a break-it lab declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.exercises import Attempt, Point, Values, Wrong
from esaws.course.labs.causes import CAUSES
from esaws.course.seed import Seed
from esaws.reference.seccom import seccom

FAMILIES = ("routing", "network", "containers", "capacity", "data", "money")
LEVELS: dict[int, str] = {
    1: "all tools",
    2: "all tools but findings and health",
    3: "the AWS CLI and boto3 alone",
}
"""What a learner may use at each level."""
ITEM_PREFIX = "lab "
"""What the name of a lab begins with among the exercises of an assignment."""


@dataclass(frozen=True)
class Evidence:
    """A fact that proves the cause: one of the names of a resource, and one of the values that it has there.

    A learner's line is right if it contains a word of `resource` and a word of `value`. Give the forms in which AWS and
    esaws show them: id, name with and without the deployment, port, path.
    """

    resource: tuple[str, ...]
    value: tuple[str, ...]


def _no_values(seed: Seed) -> Mapping[str, Any]:
    return {}


def _no_points(attempt: Attempt) -> Iterable[Point]:
    return ()


def _whole_system() -> Architecture:
    return seccom("ha")


@dataclass(frozen=True)
class Lab:
    """One break-it lab: a fault in a running system, and how its diagnosis and its repair are checked.

    Args:
        name: lower-case words with hyphens, which do not give the cause away.
        family: one of `FAMILIES`.
        title: what is seen, in a few words.
        report: what a user or a colleague reports, in Markdown; `{mine.path}` is replaced by the learner's value.
        cause: the key in `CAUSES`.
        inject: breaks the running system, with boto3 calls.
        evidence: the facts that prove the cause, read from the broken account.
        broken: beginnings of the promises (`promises.py`) that the fault breaks, with the learner's values. The
            first one is always broken, the others may be; empty if `symptom` yields the symptom.
        symptom: yields points that are not scored while the symptom is there, beside the promises.
        mended: yields points that are scored if the cause is gone and not papered over.
        repair: the reference repair. The statements of its body are the solution, which can be run twice.
        non_repairs: at least three tempting answers that are wrong, and words of the reasons that the check gives.
        hints: a question, a place to look, and the call.
        values: the learner's values, by name.
        system: the architecture that runs, and that the plan is compared with.
        wait: how long the clock runs after the fault, until the symptom shows.
        allowed: patterns of plan lines and settings that a right repair may change, as in `update Service hdm*`.
        trial: yields points from a copy of the repaired account, which it may change: load, a night, a lost zone.
        recreates: patterns of `Kind name` that a right repair may create anew.
        clean_up: deletes what the fault created beside the system, if it still exists; the end of the lab calls it.
        minutes: what a learner has for it.
    """

    name: str
    family: str
    title: str
    report: str
    cause: str
    inject: Callable[[Cloud, Values], None]
    evidence: Callable[[Cloud, Values], Iterable[Evidence]]
    mended: Callable[[Attempt], Iterable[Point]]
    repair: Callable[[Cloud, Values], Any]
    non_repairs: tuple[Wrong, ...]
    hints: tuple[str, ...]
    broken: tuple[str, ...] = ()
    symptom: Callable[[Attempt], Iterable[Point]] = _no_points
    values: Callable[[Seed], Mapping[str, Any]] = _no_values
    system: Callable[[], Architecture] = _whole_system
    wait: str = "10m"
    allowed: tuple[str, ...] = ()
    trial: Callable[[Cloud, Values], Iterable[Point]] | None = None
    recreates: tuple[str, ...] = ()
    clean_up: Callable[[Cloud, Values], Any] | None = None
    minutes: int = 20

    def __post_init__(self) -> None:
        assert self.family in FAMILIES, f"{self.name}: {self.family} is not one of {', '.join(FAMILIES)}"
        assert self.cause in CAUSES, f"{self.name}: {self.cause} is not in causes.py"
        assert len(self.non_repairs) >= 3, f"{self.name}: it needs three non-repairs"

    @property
    def item(self) -> str:
        """Its name among the exercises of an assignment, and in the learner's progress."""
        return f"{ITEM_PREFIX}{self.name}"

    def values_of(self, seed: str) -> Values:
        """Return the values of a learner, or of a seed."""
        return SimpleNamespace(**self.values(Seed(seed, self.item)))

    def broken_for(self, mine: Values) -> tuple[str, ...]:
        """Return the beginnings of the promises that the fault breaks."""
        return tuple(beginning.format(mine=mine) for beginning in self.broken)

    def report_for(self, mine: Values) -> str:
        """Return the report with the values of a learner."""
        return self.report.format(mine=mine)
