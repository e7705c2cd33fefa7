"""The functions that a notebook of the course calls. They work on the chapter that `begin` has begun."""

from __future__ import annotations

import atexit
import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

from esaws import simulation
from esaws._display import in_lines
from esaws.cloud import Cloud
from esaws.course.chapters import find_chapter, find_exercise, require_prediction
from esaws.course.checking import Result, check_exercise, solution_code
from esaws.course.exercises import Attempt, Chapter, Exercise, Values
from esaws.course.growing_diagram import keep_diagram
from esaws.course.kept_work import keep_work
from esaws.course.learner import learner_id
from esaws.course.progress import Progress
from esaws.course.short_errors import install_short_errors
from esaws.course.shown import Shown, show_whole_texts
from esaws.course.worlds import Memory, World, command_path
from esaws.deploy.inventory import inventory
from esaws.deploy.leftovers import leftovers
from esaws.deploy.plan import plan_teardown
from esaws.errors import EsawsError, UsageError
from esaws.resource import Index

_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Session:
    """A chapter that has begun: its cloud, the learner, and the world, which is None on AWS and other endpoints."""

    chapter: Chapter
    cloud: Cloud
    learner: str
    world: World | None

    @property
    def memory(self) -> Memory:
        """What the course remembers about this account."""
        return Memory(self.cloud, self.world)

    @property
    def progress(self) -> Progress:
        """The learner's progress."""
        return Progress(self.learner)


_sessions: list[Session] = []
"""The chapter that has begun last in this process, if any."""


def begin(number: str, *, deployment: str | None = None, begins: str | None = None, start_over: bool = False) -> Cloud:
    """Begin or continue a chapter, and return its cloud. Prints where it is, what exists, and what that costs.

    With the local AWS as target the chapter has a server of its own, whose clock starts at `begins`. An empty account
    is brought to the state in which the chapter begins. What exists stays as it is, unless `start_over` is set.

    Args:
        number: the chapter, as in "02".
        deployment: default the parameter of this name in the notebook, else ESAWS_DEPLOYMENT.
        begins: default the parameter of this name in the notebook, else the chapter's.
        start_over: delete what this deployment has, and begin again.

    Raises:
        UsageError: there is no such chapter, a parameter is unknown or bad, or the chapter can't begin on AWS.
        WrongAccount: the credentials belong to another account than the one that was named.
    """
    install_short_errors()
    show_whole_texts()
    chapter = find_chapter(number)
    parameters = _notebook_parameters()
    deployment = deployment or parameters.get("deployment")
    begins = str(begins or parameters.get("begins") or chapter.begins)
    learner = learner_id(ask=True)
    cloud = Cloud.from_env(deployment=deployment)
    if chapter.moves_clock and cloud.is_aws:
        title = f"{chapter.number} {chapter.title}"
        raise UsageError(f"{title} moves the clock, which AWS can't do. Unset ESAWS_TARGET; nothing was deployed")
    world = World(chapter.number) if cloud.target == "local" else None
    if world is not None:
        world.enter(begins, settings=chapter.settings)
        if start_over or not Memory(cloud, world).read():
            world.enter(begins, fresh=True, settings=chapter.settings)
        atexit.unregister(world.stop)
        atexit.register(world.stop)
        cloud = Cloud.from_env(deployment=deployment)
    os.environ.update({"ESAWS_DEPLOYMENT": cloud.deployment, "PATH": command_path()})  # for `!esaws` and `!aws`
    cloud.start()
    cloud.check()
    session = Session(chapter, cloud, learner, world)
    _sessions[:] = [session]
    if world is None and start_over:
        _clean_up(session)
        plan_teardown(cloud).apply()
        session.memory.forget()
    _set_up(session, begins)
    return cloud


def end() -> Shown:
    """Delete everything that the deployment of the chapter owns, prove that nothing is left, and show what was deleted.

    Raises:
        EsawsError: something is left; the message lists it.
    """
    session = current_session()
    _clean_up(session)
    plan = plan_teardown(session.cloud)
    kinds = Counter(change.kind for change in plan)
    plan.apply()
    if left := leftovers(session.cloud):
        names = "\n".join(f"  {leftover}" for leftover in left)
        raise EsawsError(f"{len(left)} resources are left after the teardown:\n{names}\nRun this cell again.")
    session.memory.forget()
    deleted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return Shown(
        f"Deleted {sum(kinds.values())} resources ({deleted}). Nothing is left." if kinds else "Nothing is left."
    )


def exercise(name: str) -> Values:
    """Show the prompt of an exercise with the learner's values, and return the values as attributes.

    The first time it also brings the account to the state in which the exercise begins.

    Raises:
        UsageError: there is no such exercise, or another chapter has begun.
    """
    session, declared = _session_with(name)
    mine = declared.values_of(session.learner)
    remembered = session.memory.read()
    if name not in remembered.setdefault("before", {}):
        if declared.start is not None:
            declared.start(session.cloud, mine)
        remembered["before"][name] = {f"{kind}/{key}": id for (kind, key), id in _ids(session.cloud).items()}
        session.memory.write(remembered)
    Shown(declared.prompt_for(mine)).display()
    return mine


def check(name: str, answer: Any = None) -> Result:
    """Check an exercise against the state of the account, and keep the result in the learner's progress.

    The state of the local AWS at the best check is kept, to be handed in.

    Args:
        name: the exercise.
        answer: what the learner answers, if the exercise asks for it: a number, a name, a diagram.

    Raises:
        UsageError: there is no such exercise, or another chapter has begun.
    """
    session, declared = _session_with(name)
    remembered = session.memory.read().get("before", {}).get(name, {})
    before = {tuple(key.split("/", 1)): id for key, id in remembered.items()}
    mine = declared.values_of(session.learner)
    result = check_exercise(declared, Attempt(session.cloud, mine, answer, before))
    session.progress.record_check(name, result.points, result.of)
    if session.world is not None:
        points, of = result.points, result.of
        keep_work(session.learner, name, session.cloud, points=points, of=of, answer=answer, before=remembered)
    if declared.is_diagram and result.ok:
        keep_diagram(session.progress, session.chapter.number, answer)
    return result


def hint(name: str) -> Shown:
    """Show the next hint of an exercise: first a question, then a place to look, then the call.

    Raises:
        UsageError: there is no such exercise.
    """
    _, declared = find_exercise(name)
    learner = learner_id()
    shown = min(Progress(learner).record_hint(name), len(declared.hints) - 1)
    text = declared.hints[shown].format(mine=declared.values_of(learner))
    return Shown(f"**Hint {shown + 1} of {len(declared.hints)}.** {text}")


def solution(name: str) -> Shown:
    """Show different ways to solve an exercise, as code for a cell after `mine = course.exercise(…)`.

    Raises:
        UsageError: there is no such exercise.
    """
    _, declared = find_exercise(name)
    Progress(learner_id()).record_solution(name)
    blocks = [f"```python\n{solution_code(way)}\n```" for way in declared.solutions]
    return Shown("\n\nAnother way:\n\n".join(blocks))


def predict(name: str, value: Any) -> Shown:
    """Keep what the learner expects, to be shown beside the truth by `reveal`. `...` leaves it open.

    Raises:
        UsageError: the course has no prediction of this name, or the value is not JSON data.
    """
    session = current_session()
    require_prediction(name)
    if value is ...:
        return Shown("No prediction yet: replace `...` by your answer, and run the cell again.")
    session.progress.record_prediction(name, value)
    return Shown(f"Your prediction: {value}")


def reveal(name: str, truth: Any) -> Shown:
    """Show the learner's prediction beside the truth.

    Raises:
        UsageError: the course has no prediction of this name.
    """
    session = current_session()
    require_prediction(name)
    predicted = session.progress.prediction(name)
    if predicted is None:
        return Shown(f"It is {truth}. You made no prediction.")
    verdict = "You were right" if predicted == truth else f"You predicted {predicted}"
    return Shown(f"It is {truth}. {verdict}.")


def resume(number: str, *, stays: bool = False) -> Session:
    """Continue a chapter that was begun, from another process than its notebook's, and return its session.

    A server that does not run is started with the state that it had. It stops with this process, unless it `stays`.

    Raises:
        UsageError: there is no such chapter, or it has not begun.
    """
    chapter = find_chapter(number)
    cloud = Cloud.from_env()
    world = World(chapter.number) if cloud.target == "local" else None
    begun = Memory(cloud, world).read()
    if not begun.get("is_set_up"):
        raise UsageError(
            f'chapter {number} has not begun: run the cell with `course.begin("{number}")` in its notebook'
        )
    if world is not None:
        if world.enter(begun["begins"], settings=chapter.settings) and not stays:
            atexit.register(world.stop)
        cloud = Cloud.from_env(deployment=begun["deployment"])
    cloud.check()
    session = Session(chapter, cloud, learner_id(), world)
    _sessions[:] = [session]
    return session


def current_session() -> Session:
    """Return the chapter that has begun. Raises UsageError if none has."""
    if not _sessions:
        raise UsageError('no chapter has begun: run the cell with `course.begin("…")` first')
    return _sessions[0]


# --- helpers


def _session_with(name: str) -> tuple[Session, Exercise]:
    """The session and an exercise of its chapter."""
    chapter, declared = find_exercise(name)
    session = current_session()
    if session.chapter is not chapter:
        raise UsageError(f'{name} belongs to chapter {chapter.number}: run `course.begin("{chapter.number}")` first')
    return session, declared


def _clean_up(session: Session) -> None:
    """Delete what the chapter's learner made and esaws has no kind for."""
    if session.chapter.clean_up is not None:
        session.chapter.clean_up(session.cloud)


def _set_up(session: Session, begins: str) -> None:
    """Bring an empty account to the chapter's start, or leave what exists; print which."""
    remembered, cloud = session.memory.read(), session.cloud
    stands: Index | None = None
    if remembered.get("is_set_up"):
        how = "continued"
        if session.world and remembered["begins"] != begins:
            how += f"; it began on {remembered['begins']}: `start_over=True` begins on {begins}"
    elif session.world is None and not remembered and len(stands := inventory(cloud)):
        how = (
            "these resources existed before, and stay as they are; "
            "`start_over=True` deletes them, and another `deployment` leaves them alone"
        )
    else:
        begun = {"begins": begins, "deployment": cloud.deployment}
        session.memory.write(begun)
        session.chapter.set_up(cloud)
        session.memory.write({**begun, "is_set_up": True})
        stands, how = None, "new"
    print(_summary(session, inventory(cloud) if stands is None else stands, how))


def _summary(session: Session, stands: Index, how: str) -> str:
    """Where the chapter is, what exists there, and what that costs an hour."""
    from esaws.inspect import snapshot
    from esaws.inspect.monthly_total import monthly_total

    chapter, cloud = session.chapter, session.cloud
    where = f"account {cloud.account}, {cloud.region}"
    if session.world is not None:
        where = f"the local AWS of this notebook, {simulation.now(cloud):%d %B %Y}"
    kinds = Counter(live.kind for live in stands if not live.foreign)
    exist = ", ".join(f"{count}{_NO_BREAK}{kind}" for kind, count in sorted(kinds.items())) or "nothing"
    lines = in_lines(f"Exists: {exist}").replace(_NO_BREAK, " ")
    total = monthly_total(snapshot(cloud), cloud.prices)
    cost = "unknown" if total.usd is None else f"{total.usd / 730:.3f}{'' if total.is_complete else ' or more'}"
    return (
        f"{chapter.number} {chapter.title} · {session.learner} · deployment {cloud.deployment} ({how})\n"
        f"Where: {where}\n{lines}\nCosts: {cost} USD an hour at list price"
    )


def _ids(cloud: Cloud) -> dict[tuple[str, str], str]:
    return {(live.kind, live.name): live.id for live in inventory(cloud) if not live.foreign}


def _notebook_parameters() -> dict[str, Any]:
    """The validated parameters of the notebook, or none outside a notebook and in one that declares none."""
    from esaws.runbooks.session import current_session as notebook_session

    try:
        session = notebook_session()
    except UsageError:
        return {}
    declaration, values = session.given_parameters()
    return {name: value for name, value in declaration.validate(values) if value is not None}
