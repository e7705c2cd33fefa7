"""A new exercise works at once."""

import importlib.util
from pathlib import Path

import pytest

from esaws.cloud import Cloud
from esaws.course.checking import check_exercise, solution_code
from esaws.course.exercises import Attempt, Exercise
from esaws.course.skeleton import create_exercise, create_lab
from esaws.deploy.plan import plan_teardown
from esaws.errors import UsageError


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    created = create_exercise("00-practice", tmp_path)
    spec = importlib.util.spec_from_file_location("practice", created.file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EXERCISES[0]  # type: ignore[no-any-return]


def test_a_new_exercise_is_refused_while_unsolved_or_wrong_and_accepted_in_two_ways(
    exercise: Exercise, cloud: Cloud
) -> None:
    mine = exercise.values_of("ada")
    assert not check_exercise(exercise, Attempt(cloud, mine)).ok
    for wrong in exercise.wrong:
        wrong.answer(cloud, mine)
        result = check_exercise(exercise, Attempt(cloud, mine))
        assert result.points == 0 and wrong.words in str(result)
        plan_teardown(cloud).apply()
    for way in exercise.solutions:
        way(cloud, mine)
        assert check_exercise(exercise, Attempt(cloud, mine)).ok
        plan_teardown(cloud).apply()


@pytest.mark.parametrize(
    ("name", "words"),
    [("practice", "not a name"), ("77-practice", "no chapter '77'"), ("00-block", "has it already")],
)
def test_a_name_that_can_t_be_is_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        create_exercise(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    Path(create_exercise("00-practice", tmp_path).file).write_text("mine")
    with pytest.raises(UsageError, match="already exists"):
        create_exercise("00-practice", tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_new_lab_is_one_like_the_others(tmp_path: Path) -> None:
    created = create_lab("late-answers", tmp_path)
    spec = importlib.util.spec_from_file_location("late_answers", created.file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    [lab] = module.LABS
    assert lab.report_for(lab.values_of("ada")) and solution_code(lab.repair)
    for name, words in (("late", "two lower-case words"), ("wrong-page", "has this name"), ("late-answers", "exists")):
        with pytest.raises(UsageError, match=words):
            create_lab(name, tmp_path)
