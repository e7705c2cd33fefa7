"""Commands beside a chapter that its notebook has begun: check, hint, env, certificate; progress and the learner."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from esaws.cloud import Cloud
from esaws.course import session
from esaws.course.chapters import find_exercise
from esaws.course.learner import learner_id, set_learner
from esaws.course.progress import Progress, progress_file
from esaws.course.report import certificate, status
from esaws.course.worlds import COURSE_FOLDER, command_path, stop_all
from esaws.errors import EsawsError, Refused, UsageError
from tests.test_json_keys import documented

pytestmark = [pytest.mark.slow, pytest.mark.server]

BLOCK = "00-block"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the course, for this test alone."""
    monkeypatch.setenv(COURSE_FOLDER, str(tmp_path / "course"))
    monkeypatch.setenv("ESAWS_LEARNER", "ada")
    return tmp_path / "course"


@pytest.fixture
def begun(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Chapter 00, begun in this process as a notebook does."""
    before = dict(os.environ)
    yield session.begin("00")
    stop_all()
    os.environ.clear()
    os.environ.update(before)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `esaws …` as a terminal does, without the variables that a notebook sets."""
    own = {COURSE_FOLDER, "ESAWS_LEARNER", "PATH", "HOME"}
    environment = {name: value for name, value in os.environ.items() if name in own}
    words = [sys.executable, "-m", "esaws.cli", *arguments]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_a_terminal_checks_what_the_notebook_made_and_gets_the_variables(begun: Cloud) -> None:
    first = run("course", "check", BLOCK, "--json")
    assert first.returncode == 1
    result = json.loads(first.stdout)
    assert result.keys() == {"exercise", "points", "of", "passed", "failed"}
    assert result["points"] == 0 and {"what", "found", "look_at"} == result["failed"][0].keys()
    _, exercise = find_exercise(BLOCK)
    exercise.solutions[0](begun, exercise.values_of("ada"))
    solved = run("course", "check", BLOCK)
    assert solved.returncode == 0 and "3 of 3 points" in solved.stdout
    assert Progress("ada").exercise(BLOCK)["points"] == 3
    variables = json.loads(run("course", "env", "00", "--json").stdout)
    assert variables.keys() >= documented()["course env"]
    assert variables["AWS_ENDPOINT_URL"] == begun.endpoint
    begun.client("ec2").describe_vpcs()  # the notebook's server runs on


def test_a_chapter_that_has_not_begun_is_named_with_the_next_step(folder: Path) -> None:
    result = run("course", "check", BLOCK)
    assert result.returncode == 2 and 'course.begin("00")' in result.stderr
    assert run("course", "check", "00-nothing").returncode == 2
    assert run("course", "env", "77").returncode == 2


def test_hints_come_by_degrees_and_a_shown_solution_is_noted(folder: Path) -> None:
    hints = [run("course", "hint", BLOCK).stdout for _ in range(4)]
    assert [text[:12] for text in hints] == ["Hint 1 of 3.", "Hint 2 of 3.", "Hint 3 of 3.", "Hint 3 of 3."]
    assert "plan_deploy" in run("course", "solution", BLOCK).stdout
    assert Progress("ada").exercise(BLOCK)["solution_shown"] is True


def test_the_status_lists_the_labs_that_were_checked(folder: Path) -> None:
    assert "labs" not in str(status()) and status().to_dict()["labs"] == []
    progress = Progress(status().learner)
    progress.record_check("lab wrong-page", 15, 15)
    progress.record_check("lab answers-lost", 3, 22)
    state = status()
    assert str(state).endswith("labs passed: wrong-page; answers-lost 3 of 22 points")
    assert "answers-lost 3 of 22" in state._repr_html_()
    assert {lab["name"]: lab["attempts"] for lab in state.to_dict()["labs"]} == {"wrong-page": 1, "answers-lost": 1}
    assert state.solved == 0, "labs are counted beside the exercises"


def test_a_certificate_needs_a_complete_chapter(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no chapter completely"):
        certificate(status())
    for exercise in session.find_chapter("00").exercises:
        Progress("ada").record_check(exercise.name, 3, 3)
    page = tmp_path / "page.html"
    done = run("course", "certificate", "-o", str(page), "--json")
    assert done.returncode == 0 and json.loads(done.stdout).keys() == documented()["course certificate"]
    text = page.read_text()
    assert "ada" in text and "http" not in text, "it needs no network"


def test_progress_keeps_the_best_result_and_survives_unknown_keys(folder: Path) -> None:
    progress = Progress("ada")
    progress.record_check(BLOCK, 2, 3)
    progress.record_check(BLOCK, 1, 3)
    assert progress.exercise(BLOCK) | {"hints": 0} == {
        "points": 2,
        "of": 3,
        "attempts": 2,
        "hints": 0,
        "solution_shown": False,
    }
    content = json.loads(progress_file().read_text())
    content["learners"]["bob"] = {"later": 1}
    progress_file().write_text(json.dumps(content))
    progress.record_prediction("00-lines", 6)
    assert json.loads(progress_file().read_text())["learners"]["bob"] == {"later": 1}
    progress_file().write_text(json.dumps({"version": 99}))
    with pytest.raises(EsawsError, match="newer esaws"):
        progress.exercise(BLOCK)
    progress_file().write_text("{")
    with pytest.raises(EsawsError, match="damaged"):
        progress.record_check(BLOCK, 3, 3)
    assert progress_file().read_text() == "{", "nothing is lost"


def test_a_learner_id_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert learner_id() == "ada"
    monkeypatch.delenv("ESAWS_LEARNER")
    assert learner_id() == "guest"
    set_learner("grace")
    assert learner_id() == "grace"
    with pytest.raises(UsageError, match="start with a letter or digit"):
        set_learner("../x")


def test_begin_continues_and_starts_over_only_if_asked(begun: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    _, exercise = find_exercise(BLOCK)
    exercise.solutions[0](begun, exercise.values_of("ada"))
    again = session.begin("00")
    printed = capsys.readouterr().out
    assert "(continued)" in printed and "2 Subnet" in printed
    session.begin("00", begins="2022-03-01")
    assert "it began on 2022-02-28" in capsys.readouterr().out
    assert session.check(BLOCK).ok
    fresh = session.begin("00", start_over=True)
    assert "Exists: nothing" in capsys.readouterr().out and fresh.endpoint != again.endpoint


def test_predictions_are_shown_beside_the_truth(begun: Cloud) -> None:
    assert "No prediction yet" in str(session.predict("00-lines", ...))
    assert "You made no prediction" in str(session.reveal("00-lines", 6))
    session.predict("00-lines", 4)
    assert str(session.reveal("00-lines", 6)) == "It is 6. You predicted 4."
    session.predict("00-lines", 6)
    assert str(session.reveal("00-lines", 6)) == "It is 6. You were right."
    with pytest.raises(UsageError, match="no prediction '00-nope'"):
        session.predict("00-nope", 1)


@pytest.mark.parametrize("number", ["12", "13"])
def test_a_chapter_that_moves_the_clock_does_not_begin_on_aws(
    number: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESAWS_TARGET", "aws")
    monkeypatch.setenv("ESAWS_ACCOUNT", "123456789012")
    with pytest.raises(UsageError, match=f"{number} .* moves the clock, which AWS can't do.*nothing was deployed"):
        session.begin(number)


def test_the_commands_of_a_cell_are_those_of_its_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    assert command_path().split(os.pathsep) == [str(Path(sys.executable).parent), "/usr/bin"]
