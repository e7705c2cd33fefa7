"""What an exercise and a chapter declare, and what a check looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from esaws import simulation
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.course.seed import Seed
from esaws.deploy.inventory import inventory
from esaws.resource import Index, Live, Resource
from esaws.resources import load_all

if TYPE_CHECKING:
    from esaws.inspect.account import Account

Values = SimpleNamespace
"""The seeded values of an exercise, as attributes."""
Solution = Callable[[Cloud, Any], Any]
"""A way to solve an exercise: it takes the cloud and the values, and returns the answer if the exercise takes one."""


@dataclass(frozen=True)
class Point:
    """One thing that a check looks at.

    `what` is a sentence that is true if the point is scored. `found` says what is there instead, `look_at` where the
    learner should look. Without a point that `is_needed`, the exercise scores 0.
    """

    what: str
    ok: bool
    found: str = ""
    look_at: str = ""
    is_needed: bool = False


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that learners give, and words that the check's reasons contain then."""

    answer: Solution
    words: str


class Attempt:
    """What a check looks at: the account, the learner's values and answer, and what existed at the start.

    `before` has the ids of the resources that existed when the exercise was first shown, by (kind, name). It is empty
    if the exercise was not shown.
    """

    def __init__(
        self, cloud: Cloud, mine: Values, answer: Any = None, before: Mapping[tuple[str, str], str] | None = None
    ) -> None:
        self.cloud = cloud
        self.mine = mine
        self.answer = answer
        self.before = dict(before or {})
        self._listings: dict[str, Index] = {}
        self._snapshots: dict[tuple[str, ...], Account] = {}

    @cached_property
    def index(self) -> Index:
        """The inventory of the deployment. It lists every kind: `live` and `of_kind` list only theirs."""
        return inventory(self.cloud)

    def live(self, kind: str, name: str) -> Live | None:
        """Return the deployment's resource of this kind and name, or None."""
        return self._listing(kind).get(kind, name)

    def of_kind(self, kind: str) -> list[Live]:
        """Return all of one kind that the deployment owns, sorted by name."""
        return [live for live in self._listing(kind) if live.kind == kind]

    def _listing(self, kind: str) -> Index:
        if "index" in self.__dict__:
            return self.index
        if kind not in self._listings:
            self._list({kind: load_all()[kind]})
        return self._listings[kind]

    def _list(self, kinds: Mapping[str, type[Resource]]) -> None:
        self.cloud.known_ids.clear()  # an id may be that of a resource which was deleted meanwhile
        sharing = self.cloud.sharing()
        with ThreadPoolExecutor(8) as pool:
            listed = pool.map(lambda kind: Index(kind.listed(sharing)), kinds.values())
            self._listings.update(zip(kinds, listed, strict=True))

    @cached_property
    def account(self) -> Account:
        """The describe answers of the account, for `esaws.inspect`."""
        from esaws import inspect

        return inspect.snapshot(self.cloud)

    def snapshot(self, *keys: str) -> Account:
        """Return the describe answers of some keys of the account."""
        from esaws import inspect

        if "account" in self.__dict__:
            return self.account
        if keys not in self._snapshots:
            self._snapshots[keys] = inspect.snapshot(self.cloud, *keys)
        return self._snapshots[keys]

    def with_values(self, mine: Values) -> Attempt:
        """Return the same attempt with another learner's values; what was read of the account is kept."""
        other = Attempt(self.cloud, mine, self.answer, self.before)
        other._listings, other._snapshots = self._listings, self._snapshots
        for name in ("index", "account"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    def copy(self) -> AbstractContextManager[Cloud]:
        """Yield a cloud on a copy of the account, which may be changed and is deleted at the end of the block.

        The copy begins when all that the learner has changed is done, as a learner sees it who looks at the account:
        reading what is in transition lets the transition end.
        """
        if "index" not in self.__dict__:
            changing = {kind: cls for kind, cls in load_all().items() if cls.pending or cls.deleting}
            self._list({kind: cls for kind, cls in changing.items() if kind not in self._listings})
        return simulation.copy(self.cloud)


def _no_values(seed: Seed) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Exercise:
    """One exercise of a chapter.

    Args:
        name: the chapter's number and a short name, as in `02-third-zone`.
        prompt: what to do, in Markdown; `{mine.cidr}` is replaced by the learner's value.
        check: yields the points of an attempt. It may not change the account; it may change a copy.
        hints: a question, a place to look, and the call.
        solutions: at least two different right ways; the code that `course.solution` shows.
        wrong: at least two wrong answers.
        start: brings the account to the state in which the exercise begins; called when it is shown for the first time.
        values: the learner's values, by name.
        notices: kinds, or `Kind:name`, of resources whose deletion from the solved account the check notices.
            A name may have values, as in `Subnet:{mine.name}`.
        is_diagram: its answer is the learner's diagram, which later chapters continue.
    """

    name: str
    prompt: str
    check: Callable[[Attempt], Iterable[Point]]
    hints: tuple[str, ...]
    solutions: tuple[Solution, ...]
    wrong: tuple[Wrong, ...]
    values: Callable[[Seed], Mapping[str, Any]] = _no_values
    notices: tuple[str, ...] = ()
    start: Callable[[Cloud, Values], None] | None = None
    is_diagram: bool = False

    def values_of(self, learner: str) -> Values:
        """Return the values of a learner."""
        return SimpleNamespace(**self.values(Seed(learner, self.name)))

    def prompt_for(self, mine: Values) -> str:
        """Return the prompt with the values of a learner."""
        return self.prompt.format(mine=mine)


@dataclass(frozen=True)
class Chapter:
    """One notebook of the course.

    Args:
        number: two digits.
        title: the heading of its notebook.
        minutes: what a learner needs for it.
        begins: where the clock of its local AWS starts, as an ISO 8601 date.
        start: the architecture that stands when it begins; None for an empty account.
        prepare: what is done after the architecture is deployed, such as advancing the clock.
        clean_up: deletes what esaws has no kind for, before the teardown at the end.
        exercises: in the order of the notebook.
        predictions: names of the predictions that its notebook takes.
        settings: settings of its local AWS, those of `simulation.start`, such as `regime`.
        moves_clock: its notebook moves the clock, so that it can't begin on AWS.
    """

    number: str
    title: str
    minutes: int
    exercises: tuple[Exercise, ...] = ()
    predictions: tuple[str, ...] = ()
    begins: str = "2022-02-28"
    start: Callable[[], Architecture] | None = None
    prepare: Callable[[Cloud], None] | None = None
    clean_up: Callable[[Cloud], object] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    moves_clock: bool = False

    def set_up(self, cloud: Cloud) -> None:
        """Bring an empty account to the state in which the chapter begins. It can be called again after a failure."""
        from esaws.deploy.plan import plan_deploy

        if self.start is not None:
            plan_deploy(self.start(), cloud).apply()
        if self.prepare is not None:
            self.prepare(cloud)
