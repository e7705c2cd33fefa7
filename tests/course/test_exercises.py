"""Every exercise of every chapter is played: unsolved, wrong, solved in each way, with another learner's values.

Each chapter has a local AWS of its own, with the chapter's clock, and its start is loaded anew for each attempt.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from esaws.cloud import Cloud
from esaws.course.chapters import chapters
from esaws.course.checking import Result, check_exercise, solution_code
from esaws.course.exercises import Attempt, Chapter, Exercise
from esaws.deploy.inventory import inventory
from esaws.local_aws import control
from esaws.local_aws.scratch import scratch_server
from esaws.resource import Live
from esaws.resources import load_all

pytestmark = [pytest.mark.slow, pytest.mark.server]

EXERCISES = [(chapter, exercise) for chapter in chapters().values() for exercise in chapter.exercises]
LEARNER = "ada"
FEWEST = 3
"""Exercises of a chapter, hints of an exercise."""


def cases(count: Callable[[Exercise], int]) -> Any:
    """A parameter for each exercise and number below `count`, named after both."""
    rows = [
        pytest.param((chapter, exercise), number, id=f"{exercise.name}-{number}")
        for chapter, exercise in EXERCISES
        for number in range(count(exercise))
    ]
    return pytest.mark.parametrize(("played", "number"), rows, indirect=["played"], scope="module")


each_exercise = pytest.mark.parametrize(
    "played", [pytest.param(pair, id=pair[1].name) for pair in EXERCISES], indirect=True, scope="module"
)


class Start:
    """A chapter's local AWS, and its saved start."""

    def __init__(self, chapter: Chapter, url: str) -> None:
        self.url = url
        self.cloud = Cloud.at(url)
        chapter.set_up(self.cloud)
        self.state = control.exchange(url, "GET", "save")

    def load(self, state: bytes | None = None) -> Cloud:
        """Bring the account back to the start, or to another state."""
        control.exchange(self.url, "POST", "load", state or self.state)
        return Cloud.at(self.url)

    def save(self) -> bytes:
        return control.exchange(self.url, "GET", "save")


class Played:
    """An exercise, and the start of its chapter."""

    def __init__(self, exercise: Exercise, start: Start) -> None:
        self.exercise = exercise
        self.start = start
        self.mine = exercise.values_of(LEARNER)

    def begin(self, mine: Any = None) -> None:
        """Go to the start of the exercise, for these values or the learner's, and remember what exists there."""
        self.cloud = self.start.load()
        if self.exercise.start is not None:
            self.exercise.start(self.cloud, mine or self.mine)
        self.before = {(live.kind, live.name): live.id for live in inventory(self.cloud) if not live.foreign}

    def check(self, answer: Any = None, mine: Any = None) -> Result:
        return check_exercise(self.exercise, Attempt(self.cloud, mine or self.mine, answer, self.before))


@pytest.fixture(scope="module")
def starts() -> Iterator[Callable[[Chapter], Start]]:
    """Return a function that gives the start of a chapter. Chapters that begin on the same day share a server."""
    urls: dict[str, str] = {}
    made: dict[str, Start] = {}
    with ExitStack() as servers, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESAWS_STILL", "1")

        def start(chapter: Chapter) -> Start:
            if chapter.number not in made:
                settings = {"at": chapter.begins, **chapter.settings}
                key = repr(settings)
                if key in urls:
                    control.call(urls[key], "POST", "reset")
                else:
                    urls[key] = servers.enter_context(scratch_server(**settings))
                made[chapter.number] = Start(chapter, urls[key])
            return made[chapter.number]

        yield start


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest, starts: Callable[[Chapter], Start]) -> Played:
    chapter, exercise = request.param
    return Played(exercise, starts(chapter))


def test_names_begin_with_the_chapter_and_are_unique() -> None:
    names = [exercise.name for _, exercise in EXERCISES]
    assert len(set(names)) == len(names)
    for chapter, exercise in EXERCISES:
        assert re.fullmatch(rf"{chapter.number}(-[a-z0-9]+)+", exercise.name)
    for chapter in chapters().values():
        assert all(name.startswith(f"{chapter.number}-") for name in chapter.predictions)


@pytest.mark.parametrize("chapter", chapters().values(), ids=lambda chapter: chapter.number)
def test_a_chapter_has_at_least_three_exercises(chapter: Chapter) -> None:
    assert len(chapter.exercises) >= FEWEST


@pytest.mark.parametrize(("chapter", "exercise"), EXERCISES, ids=lambda value: getattr(value, "name", ""))
def test_an_exercise_has_hints_by_degrees_two_right_ways_and_two_wrong_answers(
    chapter: Chapter, exercise: Exercise
) -> None:
    assert len(exercise.hints) == FEWEST and "?" in exercise.hints[0]
    mine = exercise.values_of(LEARNER)
    assert exercise.prompt_for(mine) and all(hint.format(mine=mine) for hint in exercise.hints)
    assert len(exercise.wrong) >= 2
    codes = [solution_code(way) for way in exercise.solutions]
    assert len(set(codes)) == len(codes) >= 2
    assert exercise.values_of(LEARNER) == mine, "the values of a learner stay the same"


@pytest.mark.course
@each_exercise
def test_an_unsolved_exercise_is_refused_with_a_reason(played: Played) -> None:
    played.begin()
    result = played.check()
    assert not result.ok
    assert any(point.found or point.look_at for point in result.all_points if not point.ok), str(result)


@pytest.mark.course
@cases(lambda exercise: 1)
def test_the_first_way_scores_all_points(played: Played, number: int) -> None:
    played.begin()
    result = played.check(played.exercise.solutions[number](played.cloud, played.mine))
    assert result.ok, str(result)


@pytest.mark.course
@cases(lambda exercise: len(exercise.solutions) - 1)
def test_every_other_way_scores_all_points(played: Played, number: int) -> None:
    played.begin()
    result = played.check(played.exercise.solutions[number + 1](played.cloud, played.mine))
    assert result.ok, str(result)


@pytest.mark.course
@cases(lambda exercise: len(exercise.wrong))
def test_a_wrong_answer_is_refused_and_the_reason_names_what_to_look_at(played: Played, number: int) -> None:
    played.begin()
    wrong = played.exercise.wrong[number]
    result = played.check(wrong.answer(played.cloud, played.mine))
    assert not result.ok
    reasons = "\n".join(f"{point.what}\n{point.found}\n{point.look_at}" for point in result.all_points if not point.ok)
    assert wrong.words in reasons, str(result)


@pytest.mark.course
@each_exercise
def test_a_solution_with_another_learner_s_values_scores_nothing(played: Played) -> None:
    others = (played.exercise.values_of(f"{LEARNER}{number}") for number in range(50))
    other = next((values for values in others if values != played.mine), None)
    if other is None:
        pytest.skip("the exercise has no values")
    played.begin(other)
    answer = played.exercise.solutions[0](played.cloud, played.mine)
    assert played.check(answer, other).points == 0


@pytest.mark.course
@each_exercise
def test_every_missing_resource_that_the_check_claims_to_notice_is_noticed(played: Played) -> None:
    if not played.exercise.notices:
        pytest.skip("the answer is not a state of the account")
    played.begin()
    answer = played.exercise.solutions[0](played.cloud, played.mine)
    assert played.check(answer).ok
    solved = played.start.save()
    notices = tuple(notice.format(mine=played.mine) for notice in played.exercise.notices)
    mutants = [live for live in inventory(played.cloud) if is_noticed(live, notices)]
    assert mutants, "the solved account has none of them"
    made = 0
    for live in mutants:
        played.cloud = played.start.load(solved)
        if not delete(played.cloud, live):
            continue
        made += 1
        result = played.check(answer)
        assert not result.ok, f"the check does not notice that {live.kind} {live.name} is missing"
    assert made, "AWS refuses to delete any of them"


def is_noticed(live: Live, notices: tuple[str, ...]) -> bool:
    return not live.foreign and (live.kind in notices or f"{live.kind}:{live.name}" in notices)


def delete(cloud: Cloud, live: Live) -> bool:
    """Delete a resource. Returns False if AWS refuses, because another one depends on it."""
    from botocore.exceptions import ClientError

    try:
        load_all()[live.kind].delete(cloud, live)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("DependencyViolation", "ResourceInUse", "DeleteConflict"):
            return False
        raise
    return True
