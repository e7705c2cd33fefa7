"""Check what was handed in: each saved state is loaded into a scratch server, and the exercise is checked there."""

from __future__ import annotations

import json
import os
import signal
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from esaws.cloud import Cloud
from esaws.course.answers import from_data
from esaws.course.chapters import find_exercise
from esaws.course.checking import EXAMINABLE, check_exercise
from esaws.course.classroom.submission import MAX_STATE_UNPACKED, Submission, read_submission
from esaws.course.classroom.workers import READY, own_folder
from esaws.course.exercises import Attempt, Exercise, Values
from esaws.course.progress import Progress
from esaws.course.worlds import COURSE_FOLDER
from esaws.errors import EsawsError, describe_error
from esaws.local_aws import control
from esaws.local_aws.scratch import reused_server

_LONGEST = 1000
"""Characters of a reason: those of a damaged account may be long."""


def serve_checks(connection: Connection, folder: str) -> None:
    """Check exercises of submissions in a worker process, until the connection ends.

    A task has file, key (hexadecimal), items (exercises) and others: the learners whose values are tried instead.
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
    """Load the state of an exercise into the server at `url`, and check it there.

    Returns {points, of, passed, failed, problem, misses}. `problem` says why it could not be graded; points and of are
    None then. `misses` is whether a point that is needed is missing, as in an answer with another learner's values.
    """
    _, exercise = find_exercise(name)
    record = submission.exercises[name]
    if record.get("answer_problem"):
        return ungraded(f"{record['answer_problem']}; ask the learner to show it")
    try:
        _load(url, submission.state(name))
        result = check_exercise(exercise, _attempt(submission, exercise, url))
        if any(point.what == EXAMINABLE for point in result.all_points):
            return ungraded(result.all_points[-1].found)
    except EsawsError as error:
        return ungraded(str(error))
    except Exception as error:  # of a check that meets data which no learner's notebook makes
        return ungraded(describe_error(error))
    found = result.to_dict()
    failed = [{key: text[:_LONGEST] for key, text in point.items()} for point in found["failed"]]
    own = {"points": found["points"], "of": found["of"], "passed": found["passed"], "failed": failed}
    misses = any(point.is_needed and not point.ok for point in result.all_points)
    return {**own, "problem": "", "misses": misses}


def find_fitting(submission: Submission, name: str, url: str, others: Sequence[str]) -> dict[str, Any]:
    """Load the state of an exercise into the server at `url`, and check it there with the values of others.

    Returns {fits, problem}: those whose values it fits, and why it could not be checked.
    """
    _, exercise = find_exercise(name)
    try:
        _load(url, submission.state(name))
        attempt = _attempt(submission, exercise, url)
        return {"fits": list(_fitting(exercise, attempt, submission.learner, others)), "problem": ""}
    except EsawsError as error:
        return {"fits": [], "problem": str(error)[:_LONGEST]}
    except Exception as error:  # of data which no learner's notebook makes
        return {"fits": [], "problem": describe_error(error)[:_LONGEST]}


def _fitting(exercise: Exercise, attempt: Attempt, learner: str, others: Sequence[str]) -> Iterator[str]:
    """The learners whose values the attempt fits: no point that is needed is missing, and at least one is scored."""
    own = exercise.values_of(learner)
    verdicts: dict[str, bool] = {}
    for other in others:
        mine = exercise.values_of(other)
        key = _plain_values(mine)
        if key == _plain_values(own):
            continue
        if key not in verdicts:
            verdicts[key] = _fits(exercise, attempt.with_values(mine))
        if verdicts[key]:
            yield other


def _fits(exercise: Exercise, attempt: Attempt) -> bool:
    """Whether an attempt has every point that is needed. The first that is missing ends the check."""
    scored = False
    try:
        for point in exercise.check(attempt):
            if point.is_needed and not point.ok:
                return False
            scored = scored or point.ok
    except Exception:  # values that the attempt has nothing for
        return False
    return scored


def _plain_values(mine: Values) -> str:
    """Values as text, without those that are objects, such as the learner's own diagram."""
    plain = (bool, int, float, str, list, tuple, dict)
    return json.dumps({name: value for name, value in vars(mine).items() if isinstance(value, plain)}, default=str)


def _attempt(submission: Submission, exercise: Exercise, url: str) -> Attempt:
    record = submission.exercises[exercise.name]
    place = {name: record[name] for name in ("account", "region", "deployment")}
    before = {(kind, key): str(id) for name, id in record["before"].items() for kind, _, key in [name.partition("/")]}
    answer = from_data(record["answer"])
    return Attempt(_clients(url, **place).anew(), exercise.values_of(submission.learner), answer, before)


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
    """Return what `check_submitted` returns of an exercise that could not be graded."""
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
