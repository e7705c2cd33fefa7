"""A class of six hands in, and is graded; `make class-of-sixty` is the long version."""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from esaws.course import session
from esaws.course.chapters import find_exercise
from esaws.course.classroom.checked import CHECKED
from esaws.course.classroom.class_grading import grade_class
from esaws.course.classroom.folder import Classroom, new_class, open_class
from esaws.course.classroom.keys import sign_in_code
from esaws.course.classroom.similar import similar_answers
from esaws.course.classroom.submission import read_submission
from esaws.course.classroom.workers import READY, Task, run_tasks
from esaws.course.worlds import COURSE_FOLDER, stop_all
from tests.course.classroom.simulated_class import copies, faults, play_class
from tests.test_json_keys import documented

pytestmark = [pytest.mark.slow, pytest.mark.server]

SIX = 6
BLOCK = "00-block"


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    """Six learners: one copied an answer, one file is damaged, and there are malicious files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESAWS_STILL", "1")
        yield play_class(tmp_path_factory.mktemp("class") / "six", SIX, (BLOCK,), processes=1)


def test_every_grade_is_as_recorded_and_a_malicious_file_runs_nothing(six: Classroom) -> None:
    graded = grade_class(six, workers=1)
    assert faults(six, graded) == []
    assert len(graded.grades) == SIX and graded.ungraded == 0 and not graded.ok
    problems = "\n".join(f"{file}: {problem}" for file, problem in graded.errors.items())
    assert len(graded.errors) == 5, problems
    assert "pickle.zip" in problems and "'../../HACKED'" in problems and "another program" in problems


def test_an_answer_that_was_checked_is_not_checked_again(six: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    first = grade_class(six, workers=1)
    asked: list[str] = []

    def run_none(tasks: list[Task], *arguments: object, **settings: object) -> Iterator[tuple[str, str, None, str]]:
        asked.extend(item for task in tasks for item in task.items)
        yield from ()

    monkeypatch.setattr("esaws.course.classroom.class_grading.run_tasks", run_none)
    assert grade_class(six, workers=1) == first
    assert not asked
    (six.folder / CHECKED).unlink()
    grade_class(six, workers=1)
    assert len(asked) == sum(bool(grade.file) for grade in first.grades)


def test_a_copied_answer_is_named_with_the_values(six: Classroom) -> None:
    pairs, errors = similar_answers(six, workers=1)
    assert {(pair.learner, pair.other, pair.exercise) for pair in pairs} == copies(six) != set()
    assert f"as {pairs[0].other}'s" in pairs[0].evidence and len(errors) == 5


# --- commands


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a class of one, whose learner has begun chapter 00 in this process as a notebook does."""
    monkeypatch.setenv(COURSE_FOLDER, str(tmp_path / "course"))
    monkeypatch.setenv("ESAWS_LEARNER", "ada")
    (tmp_path / "roster.csv").write_text("id,name,email\nada,Ada,ada@example.com\n")
    new_class(tmp_path / "roster.csv", tmp_path / "class")
    (tmp_path / "class" / "class.toml").write_text('[assignment]\nexercises = ["00-block", "00-by-hand"]\n')
    before = dict(os.environ)
    yield tmp_path / "class"
    stop_all()
    os.environ.clear()
    os.environ.update(before)


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    own = {COURSE_FOLDER, "ESAWS_LEARNER", "PATH", "HOME", "PYTHONPATH"}
    environment = {name: value for name, value in os.environ.items() if name in own}
    words = [sys.executable, "-m", "esaws.cli", *arguments]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, cwd=folder)


def test_what_is_solved_in_a_notebook_is_graded_from_the_file(begun: Path) -> None:
    cloud = session.begin("00")
    _, exercise = find_exercise(BLOCK)
    exercise.solutions[0](cloud, exercise.values_of("ada"))
    assert session.check(BLOCK).ok
    session.end()
    assert run("course", "submit", folder=begun).returncode == 3, "not signed in"
    code = sign_in_code(open_class(begun).secret, "ada")
    assert run("course", "sign-in", code[:-1], folder=begun).returncode == 2
    signed_in = run("course", "sign-in", code, "--json", folder=begun)
    assert json.loads(signed_in.stdout).keys() == documented()["course sign-in"]
    file = begun / "submissions" / "ada.submission.zip"
    done = json.loads(run("course", "submit", "-o", str(file), "--json", folder=begun).stdout)
    assert done["exercises"] == [BLOCK] and {*done} == {"file", "learner", "exercises", "bytes"}
    assert documented()["course submit"] == {"file", "learner", "exercises[]", "bytes"}
    assert read_submission(file, open_class(begun).key_of).exercises[BLOCK]["points"] == 3
    result = run("class", "grade", str(begun), "--totals", "t.csv", "--workers", "1", "--json", folder=begun)
    assert result.returncode == 0, result.stderr
    (grade,) = json.loads(result.stdout)["grades"]
    assert grade["total"] == 50 and [each["status"] for each in grade["exercises"]] == ["not handed in", "graded"]
    (block,) = [row for row in csv.DictReader((begun / "grades.csv").open()) if row["exercise"] == BLOCK]
    assert (block["points"], block["of"], block["recorded"]) == ("3", "3", "3 of 3") and block["evidence"]


def test_a_file_that_is_no_submission_is_an_error_line_and_exit_code_1(begun: Path) -> None:
    (begun / "submissions" / "essay.docx").write_bytes(b"PK")
    result = run("class", "grade", str(begun), "--moodle", "m.csv", "--canvas", "c.csv", folder=begun)
    assert result.returncode == 1 and "essay.docx: it is damaged" in result.stderr
    assert [row["status"] for row in csv.DictReader((begun / "grades.csv").open())] == ["error", *["not handed in"] * 2]
    assert (begun / "m.csv").exists() and (begun / "c.csv").exists()
    assert run("class", "similar", str(begun), "--json", folder=begun).returncode == 1
    assert run("class", "grade", str(begun.parent), folder=begun).returncode == 2, "not the folder of a class"


# --- workers


def serve_some(connection: Connection, folder: str) -> None:
    """A worker that hangs at the item `hangs`, and ends at the item `dies`."""
    connection.send_bytes(READY)
    while True:
        try:
            task = json.loads(connection.recv_bytes())
        except EOFError:
            return
        for item in task["items"]:
            if item == "hangs":
                time.sleep(60)
            if item == "dies":
                os._exit(1)
            connection.send_bytes(json.dumps({"item": item, "result": {"of": task["name"]}}).encode())


def test_a_worker_that_hangs_or_dies_loses_one_item() -> None:
    tasks = [
        Task("one", {"name": 1}, ("a", "hangs", "b")),
        Task("two", {"name": 2}, ("dies", "c")),
        Task("none", {}, ()),
    ]
    ended = {
        (task, item): (result, problem)
        for task, item, result, problem in run_tasks(tasks, serve_some, workers=2, limit=5)
    }
    assert ended == {
        ("one", "a"): ({"of": 1}, ""),
        ("one", "hangs"): (None, "the check took more than 5 seconds"),
        ("one", "b"): ({"of": 1}, ""),
        ("two", "dies"): (None, "the check ended its process"),
        ("two", "c"): ({"of": 2}, ""),
    }
