"""A lab is solved with the functions that a learner calls, handed in, and graded again from the file.

The first lab is graded with all tests, the others with `make test-course`.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from esaws.course.classroom.class_grading import grade_class
from esaws.course.classroom.folder import new_class, open_class
from esaws.course.classroom.grading import check_submitted, find_fitting
from esaws.course.classroom.keys import learner_key
from esaws.course.classroom.similar import similar_answers
from esaws.course.classroom.submission import (
    DIAGNOSIS_STATE,
    BadSubmission,
    Submission,
    pack,
    pack_submission,
    read_submission,
)
from esaws.course.kept_work import kept_work
from esaws.course.labs.causes import CAUSES
from esaws.course.labs.families import find_lab
from esaws.course.labs.record import read_diagnosis_state
from esaws.course.labs.result import LabResult
from esaws.course.labs.session import check_lab, describe_lab, hand_in, hint_lab, proof_of, solve_lab
from esaws.course.progress import Progress, progress_file
from esaws.course.worlds import COURSE_FOLDER
from esaws.errors import Refused
from tests.course.classroom.simulated_class import Opened
from tests.course.stage import LEARNER, Stage, labs, other_seed

pytestmark = [pytest.mark.slow, pytest.mark.server]

LAB = find_lab("flapping-targets")
OTHER = other_seed(LAB)
SECRET = b"s" * 32
WRONG = next(cause for cause in CAUSES if cause != LAB.cause)


def key_of(learner: str) -> bytes:
    return learner_key(SECRET, learner)


@pytest.fixture
def learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the course of a learner who has done nothing yet."""
    monkeypatch.setenv(COURSE_FOLDER, str(tmp_path / "course"))
    monkeypatch.setenv("ESAWS_LEARNER", LEARNER)
    return tmp_path


@pytest.fixture(scope="module")
def solved(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> tuple[LabResult, dict[str, Any], list[bytes]]:
    """What the learner sees of a solved lab, with a first diagnosis that was wrong; its manifest and its states."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(COURSE_FOLDER, str(tmp_path_factory.mktemp("solved")))
        patch.setenv("ESAWS_LEARNER", LEARNER)
        played = stage.broken(LAB.name)
        proof = played.proof()
        hint_lab(played.cloud)
        hand_in(played.cloud, WRONG, "the network ACL")
        assert hand_in(played.cloud, LAB.cause, proof).ok
        hand_in(played.cloud, WRONG, "after the right one")
        LAB.repair(played.cloud, played.mine)
        result = check_lab(played.cloud)
        _, manifest = pack_submission(LEARNER, key_of(LEARNER))
        kept = kept_work(LEARNER)[LAB.item]
        assert kept.diagnosis_state is not None
        return result, manifest, [kept.state, kept.diagnosis_state]


def handed_in(folder: Path, content: bytes) -> Submission:
    file = folder / "handed_in.zip"
    file.write_bytes(content)
    return read_submission(file, key_of)


def submitted(folder: Path) -> Submission:
    return handed_in(folder, pack_submission(LEARNER, key_of(LEARNER))[0])


def forged(
    folder: Path,
    solved: tuple[LabResult, dict[str, Any], list[bytes]],
    record: dict[str, Any] | None = None,
    states: list[bytes] | None = None,
    signed_by: str = LEARNER,
    **about: Any,
) -> Submission:
    """The solved lab with changes in what is known about it and in the lab's record, signed by a learner."""
    _, manifest, true_states = solved
    work = manifest["exercises"][LAB.item]
    work = {**work, "lab": {**work["lab"], **(record or {})}, **about}
    changed = {**manifest, "learner": signed_by, "exercises": {LAB.item: work}}
    return handed_in(folder, pack(changed, states or true_states, key_of(signed_by)))


def grade(stage: Stage, submission: Submission) -> dict[str, Any]:
    return check_submitted(submission, LAB.item, stage.url)


# --- the same points as on the learner's screen


def test_a_solved_lab_is_graded_from_the_file_as_on_the_screen(stage: Stage, tmp_path: Path, solved: Any) -> None:
    screen, _, _ = solved
    submission = forged(tmp_path, solved)
    work = submission.exercises[LAB.item]
    assert work["points"] == screen.points == screen.of and (work["hints"], work["solution_shown"]) == (1, False)
    found = grade(stage, submission)
    assert (found["points"], found["of"], found["problem"]) == (screen.points, screen.of, "")
    assert "The cause is right" in found["passed"] and "Nothing was created anew" in found["passed"]
    assert not found["misses"]


@pytest.mark.parametrize("name", [each for each in labs() if each.values != (LAB.name,)])
def test_every_other_lab_is_graded_as_on_the_screen(stage: Stage, learner: Path, name: str) -> None:
    played = stage.broken(name)
    hand_in(played.cloud, played.lab.cause, played.proof())
    played.lab.repair(played.cloud, played.mine)
    screen = check_lab(played.cloud)
    found = check_submitted(submitted(learner), played.lab.item, stage.url)
    assert (found["points"], found["of"], found["problem"]) == (screen.points, screen.of, "")
    assert screen.ok and not found["misses"]


def test_a_wrong_diagnosis_and_a_tempting_repair_are_graded_as_on_the_screen(stage: Stage, learner: Path) -> None:
    tempting = LAB.non_repairs[0]
    played = stage.broken(LAB.name)
    hand_in(played.cloud, WRONG, played.proof())
    tempting.answer(played.cloud, played.mine)
    screen = check_lab(played.cloud)
    assert screen.diagnosis == (3, 4) and not screen.repair.ok
    found = grade(stage, submitted(learner))
    assert (found["points"], found["of"]) == (screen.points, screen.of)
    reasons = " ".join(f"{each['what']} {each['found']} {each['look_at']}" for each in found["failed"])
    assert tempting.words.lower() in reasons.lower() and f"{WRONG}: {CAUSES[WRONG]}" in reasons


def test_a_lab_without_a_diagnosis_scores_none_of_its_points(stage: Stage, tmp_path: Path, solved: Any) -> None:
    screen, _, _ = solved
    found = grade(stage, forged(tmp_path, solved, {"diagnoses": []}))
    assert (found["points"], found["of"]) == (screen.of - 4, screen.of)
    assert {each["found"] for each in found["failed"]} == {"no diagnosis was handed in"}


def test_a_diagnosis_of_the_repaired_account_scores_nothing(stage: Stage, tmp_path: Path, solved: Any) -> None:
    screen, manifest, _ = solved
    found = grade(stage, forged(tmp_path, solved, **{DIAGNOSIS_STATE: manifest["exercises"][LAB.item]["state"]}))
    assert (found["points"], found["of"]) == (screen.of - 4, screen.of)
    assert "It is handed in before anything is changed" in {each["what"] for each in found["failed"]}


def test_hints_and_the_solution_count_for_every_later_start(stage: Stage, learner: Path) -> None:
    for _ in range(2):
        assert "Hint 1 of 3" in str(hint_lab(stage.broken(LAB.name).cloud)), "a new start begins with the first"
    tried = Progress(LEARNER).exercise(LAB.item)
    assert (tried["hints"], tried["solution_shown"]) == (2, False)
    for show in (proof_of, solve_lab):
        progress_file().unlink()
        show(stage.broken(LAB.name).cloud)
        assert Progress(LEARNER).exercise(LAB.item)["solution_shown"], show


# --- the values of others


def test_a_lab_with_the_values_of_another_seed_is_practice(
    stage: Stage, learner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = stage.broken(LAB.name)
    assert "practice" not in str(describe_lab(played.record))
    monkeypatch.setenv("ESAWS_LEARNER", OTHER)
    assert "this is practice" in str(describe_lab(played.record))
    hand_in(played.cloud, LAB.cause, played.proof())
    assert read_diagnosis_state(played.cloud) is None
    assert check_lab(played.cloud).is_diagnosed
    assert kept_work(OTHER) == {} and Progress(OTHER).exercise(LAB.item)["attempts"] == 1


def test_the_work_of_another_learner_misses_and_is_named(stage: Stage, tmp_path: Path, solved: Any) -> None:
    """The other learner signs the states and the record of the first; once with the own seed in it."""
    submission = forged(tmp_path, solved, signed_by=OTHER)
    assert submission.exercises[LAB.item]["lab"]["seed"] == LEARNER
    found = grade(stage, submission)
    assert (found["problem"], found["points"], found["misses"]) == ("", 0, True)
    assert {"what": "It has the learner's own values", "found": f"those of {LEARNER}", "look_at": ""} in found["failed"]
    hidden = forged(tmp_path, solved, {"seed": OTHER}, signed_by=OTHER)
    found = grade(stage, hidden)
    assert found["points"] < found["of"] and found["misses"], "its evidence is that of other values"
    assert find_fitting(hidden, LAB.item, stage.url, [OTHER, LEARNER]) == {"fits": [LEARNER], "problem": ""}


# --- damaged and forged


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"started": "2022-02-28T00:15:00"}, "the time of the start has no zone"),
        ({"started": 5}, "documented form"),
        ({"broken": {"I passed": ""}}, "the system does not promise I passed"),
        ({"broken": ["GET /"]}, "broken is not of texts"),
        ({"before": {}}, "KeyError: 'promises'"),
        ({"diagnoses": [{"cause": "weights"}]}, "KeyError: 'evidence'"),
        ({"diagnoses": [{"cause": 1, "evidence": "", "points": 4, "of": 4}]}, "cause of a diagnosis is not a str"),
        ({"diagnoses": None}, "documented form"),
        ({"code": "import os"}, "the record of a lab has"),
    ],
)
def test_a_record_of_another_form_is_refused(tmp_path: Path, solved: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadSubmission) as error:
        forged(tmp_path, solved, changes)
    assert words in str(error.value)


def test_a_changed_state_or_a_missing_one_is_refused(tmp_path: Path, solved: Any) -> None:
    _, manifest, states = solved
    content = pack(manifest, states, key_of(LEARNER))
    position = content.index(states[1]) + len(states[1]) // 2
    with pytest.raises(BadSubmission, match="damaged"):
        handed_in(tmp_path, content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
    with pytest.raises(BadSubmission, match=f"the state of {LAB.item} is missing"):
        handed_in(tmp_path, pack(manifest, states[:1], key_of(LEARNER)))
    with pytest.raises(BadSubmission, match="hints of lab flapping-targets is below 0"):
        forged(tmp_path, solved, hints=-9)


def test_what_can_not_be_graded_says_why(stage: Stage, tmp_path: Path, solved: Any) -> None:
    _, manifest, _ = solved
    last = manifest["exercises"][LAB.item]["lab"]["diagnoses"][-1]
    wrong = {**last, "cause": WRONG, "points": 3}
    none = {"points": None, "of": None, "passed": [], "failed": [], "misses": False}

    def problem(*arguments: Any, **changes: Any) -> str:
        found = grade(stage, forged(tmp_path, solved, *arguments, **changes))
        assert {**found, "problem": ""} == {**none, "problem": ""}
        return str(found["problem"])

    assert "3 diagnoses were handed in, which is the limit" in problem({"diagnoses": [wrong, wrong, wrong, last]})
    assert "no cause 'magic'" in problem({"diagnoses": [{**last, "cause": "magic"}]})
    assert "the evidence has 3999 characters" in problem({"diagnoses": [{**last, "evidence": "word " * 800}]})
    assert "the account at the diagnosis was not saved" in problem(**{DIAGNOSIS_STATE: None})
    assert problem({"started": "0001-01-01T00:00:00+14:00"})
    assert problem(account="../..")


def test_a_fourth_diagnosis_is_refused_on_the_screen_as_well(stage: Stage, learner: Path) -> None:
    played = stage.broken(LAB.name)
    for _ in range(3):
        hand_in(played.cloud, WRONG, "the network ACL")
    with pytest.raises(Refused, match="3 diagnoses were handed in"):
        hand_in(played.cloud, LAB.cause, "the health check")


def test_a_malicious_state_or_record_runs_nothing(stage: Stage, tmp_path: Path, solved: Any) -> None:
    import pickle

    _, manifest, states = solved
    mark = tmp_path / "HACKED"
    attack = pickle.dumps(Opened(mark))
    header, rest = states[1].split(b"\n", 2)[1], states[1].split(b"\n", 2)[2]
    accounts = json.loads(header)["accounts"]
    inside = b"\n".join([states[1].split(b"\n", 1)[0], header, attack + rest[len(attack) :]])
    assert accounts and len(inside) == len(states[1])
    for state in (attack, inside):
        digest = hashlib.sha256(state).hexdigest()
        found = grade(stage, forged(tmp_path, solved, states=[*states, state], **{DIAGNOSIS_STATE: digest}))
        assert found["problem"] and found["points"] is None
        found = grade(stage, forged(tmp_path, solved, states=[*states, state], state=digest))
        assert found["problem"] and found["points"] is None
    code = f"__import__('os').system('touch {mark}')"
    diagnosis = {**manifest["exercises"][LAB.item]["lab"]["diagnoses"][-1], "evidence": f"{{mine.__class__}} {code}"}
    found = grade(stage, forged(tmp_path, solved, {"diagnoses": [diagnosis]}))
    assert found["problem"] == "" and found["points"] == found["of"] - 2
    assert not mark.exists()


# --- the class


def test_a_class_with_labs_is_graded_and_compared(tmp_path: Path, solved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada solved the lab; the other learner handed in her states and record under the own id."""
    monkeypatch.setenv("ESAWS_STILL", "1")
    roster = tmp_path / "roster.csv"
    roster.write_text(f"id,name\n{LEARNER},Ada\n{OTHER},Other\n")
    new_class(roster, tmp_path / "class")
    toml = f'[assignment]\nexercises = ["{LAB.item}", "00-block"]\n[weights]\n"{LAB.item}" = 3\n[help]\nhint = 0.1\n'
    (tmp_path / "class" / "class.toml").write_text(toml)
    classroom = open_class(tmp_path / "class")
    _, manifest, states = solved
    helped = {**manifest["exercises"][LAB.item], "hints": 2}
    for id, work in ((LEARNER, helped), (OTHER, manifest["exercises"][LAB.item])):
        content = pack({**manifest, "learner": id, "exercises": {LAB.item: work}}, states, classroom.key_of(id))
        (classroom.folder / "submissions" / f"{id}.zip").write_bytes(content)
    graded = grade_class(classroom, workers=1)
    ada, other = graded.grades
    assert graded.ok and [each.status for each in ada.exercises] == ["not handed in", "graded"]
    assert ada.total == pytest.approx(100 * 0.8 * 3 / 4), "three quarters of the weight, less two hints"
    assert ada.exercises[1].recorded.endswith(", level 1")
    assert other.total == 0 and other.exercises[1].points == 0
    pairs, errors = similar_answers(classroom, workers=1)
    assert not errors and {(pair.learner, pair.other, pair.exercise) for pair in pairs} >= {(OTHER, LEARNER, LAB.item)}
    evidence = " ".join(pair.evidence for pair in pairs)
    assert f"as {LEARNER}'s" in evidence and "both accounts have" in evidence
