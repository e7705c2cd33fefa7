"""Check what was handed in: each saved state is loaded into a scratch server, and checked there.

A lab has two states: the diagnosis is graded in the account that is still broken, and the repair in the one after it,
which is compared with the measures of the system before the fault. These are in the record that the learner signed.
"""

from __future__ import annotations

import json
import os
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from esaws.cloud import Cloud
from esaws.course.answers import from_data
from esaws.course.checking import EXAMINABLE, Result, check_exercise
from esaws.course.classroom.submission import MAX_STATE_UNPACKED, Submission, read_submission
from esaws.course.classroom.workers import READY, own_folder
from esaws.course.exercises import Attempt, Exercise, Point, Values
from esaws.course.items import Item, find_item
from esaws.course.labs.diagnosis import grade_diagnosis, missing_diagnosis
from esaws.course.labs.lab import Lab
from esaws.course.labs.record import Record, record_from_data
from esaws.course.labs.repair import check_repair
from esaws.course.progress import Progress
from esaws.course.worlds import COURSE_FOLDER
from esaws.errors import EsawsError, describe_error
from esaws.local_aws import control
from esaws.local_aws.scratch import reused_server

_LONGEST = 1000
"""Characters of a reason: those of a damaged account may be long."""


def serve_checks(connection: Connection, folder: str) -> None:
    """Check exercises and labs of submissions in a worker process, until the connection ends.

    A task has file, key (hexadecimal), items (their names) and others: the learners whose values are tried instead.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    _isolate(own_folder(folder))
    warnings.simplefilter("ignore")
    with reused_server() as url:
        connection.send_bytes(READY)
        while True:
            try:
                task = json.loads(connection.recv_bytes())
            except (EOFError, OSError):
                return
            submission = _read(task)
            _keep_diagrams(submission)
            for name in task["items"]:
                others = task.get("others")
                result = (
                    check_submitted(submission, name, url)
                    if others is None
                    else find_fitting(submission, name, url, others)
                )
                connection.send_bytes(json.dumps({"item": name, "result": result}).encode())


def _read(task: Mapping[str, Any]) -> Submission:
    key = bytes.fromhex(task["key"])
    return read_submission(Path(task["file"]), lambda learner: key)


def check_submitted(submission: Submission, name: str, url: str) -> dict[str, Any]:
    """Load what was handed in of an exercise or a lab into the server at `url`, and check it there.

    Returns {points, of, passed, failed, problem, misses}. `problem` says why it could not be graded; points and of are
    None then. `misses` is whether it may have another learner's values: a point that is needed is missing, or the
    diagnosis of a lab is not right.
    """
    item, record = find_item(name), submission.exercises[name]
    if record.get("answer_problem"):
        return ungraded(f"{record['answer_problem']}; ask the learner to show it")
    try:
        if isinstance(item, Lab):
            results, misses = _lab_results(submission, item, url)
        else:
            results, misses = _exercise_results(submission, item, url)
    except EsawsError as error:
        return ungraded(str(error))
    except Exception as error:  # of a check that meets data which no learner's notebook makes
        return ungraded(describe_error(error))
    points = [point for result in results for point in result.all_points]
    if unknown := [point.found for point in points if point.what == EXAMINABLE]:
        return ungraded(unknown[0])
    found = [result.to_dict() for result in results]
    failed = [{key: text[:_LONGEST] for key, text in point.items()} for each in found for point in each["failed"]]
    return {
        "points": sum(each["points"] for each in found),
        "of": sum(each["of"] for each in found),
        "passed": [what for each in found for what in each["passed"]],
        "failed": failed,
        "problem": "",
        "misses": misses,
    }


def _exercise_results(submission: Submission, exercise: Exercise, url: str) -> tuple[list[Result], bool]:
    """The result of an exercise, and whether it may be an answer with another learner's values."""
    _load(url, submission.state(exercise.name))
    result = check_exercise(exercise, _attempt(submission, exercise, url))
    return [result], any(point.is_needed and not point.ok for point in result.all_points)


def _lab_results(submission: Submission, lab: Lab, url: str) -> tuple[list[Result], bool]:
    """The results of a lab, diagnosis and repair, and whether it may have another learner's values.

    A repaired system is the same whatever was broken, so that a lab of other values scores nothing, like an exercise.
    """
    diagnosis = _diagnosis(submission, lab, url)(submission.learner)
    _load(url, submission.state(lab.item))
    repair = check_repair(_cloud(submission, lab.item, url), lab, _lab_record(submission, lab))
    seed = submission.exercises[lab.item]["lab"]["seed"]
    if lab.values_of(seed) == lab.values_of(submission.learner):
        return [diagnosis, repair], not diagnosis.ok
    own = Point("It has the learner's own values", False, f"those of {seed:.64}", is_needed=True)
    return [Result(lab.item, (own, *diagnosis.all_points, *repair.all_points))], True


def _diagnosis(submission: Submission, lab: Lab, url: str) -> Callable[[str], Result]:
    """Load the account of a lab's last diagnosis; returns what grades that with the values of a learner."""
    record = _lab_record(submission, lab)
    if not record.diagnoses:
        return lambda learner: missing_diagnosis(lab)
    state = submission.diagnosis_state(lab.item)
    if state is None:
        raise EsawsError("the account at the diagnosis was not saved; ask the learner to start the lab again")
    _load(url, state)
    cloud, (*before, last) = _cloud(submission, lab.item, url), record.diagnoses
    earlier = replace(record, diagnoses=tuple(before))
    return lambda learner: grade_diagnosis(cloud, lab, replace(earlier, seed=learner), last["cause"], last["evidence"])


def _lab_record(submission: Submission, lab: Lab) -> Record:
    """The record of a lab, with the learner's own values instead of those that it names."""
    return replace(record_from_data(submission.exercises[lab.item]["lab"]), lab=lab.name, seed=submission.learner)


def find_fitting(submission: Submission, name: str, url: str, others: Sequence[str]) -> dict[str, Any]:
    """Load the state of an exercise, or of a lab's diagnosis, into the server at `url`, and try the values of others.

    Returns {fits, problem}: those whose values it fits, and why it could not be checked.
    """
    item = find_item(name)
    try:
        if isinstance(item, Lab):
            points = _diagnosis_points(_diagnosis(submission, item, url))
        else:
            _load(url, submission.state(name))
            points = _answer_points(item, _attempt(submission, item, url))
        return {"fits": list(_fitting(item, submission.learner, others, points)), "problem": ""}
    except EsawsError as error:
        return {"fits": [], "problem": str(error)[:_LONGEST]}
    except Exception as error:  # of data which no learner's notebook makes
        return {"fits": [], "problem": describe_error(error)[:_LONGEST]}


Points = Callable[[str], Iterable[Point]]
"""The points of what was handed in, with the values of a learner."""


def _answer_points(exercise: Exercise, attempt: Attempt) -> Points:
    return lambda learner: exercise.check(attempt.with_values(exercise.values_of(learner)))


def _diagnosis_points(diagnosis: Callable[[str], Result]) -> Points:
    """Points of a diagnosis, each of which is needed: it names the fault of those values, or it does not."""
    return lambda learner: [replace(point, is_needed=True) for point in diagnosis(learner).all_points]


def _fitting(item: Item, learner: str, others: Sequence[str], points: Points) -> Iterator[str]:
    """The learners whose values fit, and are others than the learner's. Values that several share are tried once."""
    own = _plain_values(item.values_of(learner))
    verdicts: dict[str, bool] = {}
    for other in others:
        key = _plain_values(item.values_of(other))
        if key == own:
            continue
        if key not in verdicts:
            verdicts[key] = _fits(points, other)
        if verdicts[key]:
            yield other


def _fits(points: Points, other: str) -> bool:
    """Whether the values of another learner fit: each point that is needed is scored, and at least one.

    The first that is missing ends the check.
    """
    scored = False
    try:
        for point in points(other):
            if point.is_needed and not point.ok:
                return False
            scored = scored or point.ok
    except Exception:  # values that the account has nothing for
        return False
    return scored


def _plain_values(mine: Values) -> str:
    """Values as text, without those that are objects, such as the learner's own diagram."""
    plain = (bool, int, float, str, list, tuple, dict)
    return json.dumps({name: value for name, value in vars(mine).items() if isinstance(value, plain)}, default=str)


def _attempt(submission: Submission, exercise: Exercise, url: str) -> Attempt:
    record = submission.exercises[exercise.name]
    before = {(kind, key): str(id) for name, id in record["before"].items() for kind, _, key in [name.partition("/")]}
    answer = from_data(record["answer"])
    cloud = _cloud(submission, exercise.name, url)
    return Attempt(cloud, exercise.values_of(submission.learner), answer, before)


def _cloud(submission: Submission, name: str, url: str) -> Cloud:
    """The deployment of an exercise or a lab, on the server at `url`."""
    record = submission.exercises[name]
    return _clients(url, **{key: record[key] for key in ("account", "region", "deployment")}).anew()


@cache
def _clients(url: str, account: str, region: str, deployment: str) -> Cloud:
    """The clients for one deployment at `url`: they take longer to make than a check to run."""
    return Cloud.at(url, account=account, region=region, deployment=deployment)


def _load(url: str, state: bytes) -> None:
    """Load a saved state. Raises EsawsError if it is not one, or would unpack to too much."""
    try:
        header = json.loads(state[: 1 << 21].split(b"\n", 2)[1])
        unpacked = sum(account["unpacked"] for account in header["accounts"])
    except (ValueError, LookupError, TypeError, RecursionError):
        raise EsawsError("the saved state is not one of the local AWS") from None
    if not 0 <= unpacked <= MAX_STATE_UNPACKED:
        raise EsawsError(f"the saved state unpacks to {unpacked >> 20} MB; at most {MAX_STATE_UNPACKED >> 20} are read")
    control.exchange(url, "POST", "load", state)


def ungraded(problem: str) -> dict[str, Any]:
    """Return what `check_submitted` returns of an exercise or a lab that could not be graded."""
    return {"points": None, "of": None, "passed": [], "failed": [], "problem": problem[:_LONGEST], "misses": False}


def _keep_diagrams(submission: Submission) -> None:
    """Let the checks of this process find the diagrams that the learner drew in earlier chapters."""
    progress = Progress(submission.learner)
    for chapter, diagram in submission.diagrams.items():
        progress.record_diagram(str(chapter), dict(diagram))


def _isolate(folder: Path) -> None:
    """Let this process have its own state and course, and none of the user's settings."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "ESAWS_"))]:
        del os.environ[name]
    own: Mapping[str, str] = {"ESAWS_STATE": str(folder / "state"), COURSE_FOLDER: str(folder / "course")}
    os.environ.update(own)
