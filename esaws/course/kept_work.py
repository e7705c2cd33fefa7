"""The state of the account at the best check of each exercise: what a learner hands in, and what is graded again.

Each exercise has two files in the folder of the course: `NAME.json` says what was checked, `NAME.esaws` is the saved
state of its local AWS.
"""

from __future__ import annotations

import http.client
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from esaws.cloud import Cloud
from esaws.course.answers import NotData, to_data
from esaws.course.learner import GUEST
from esaws.course.worlds import course_folder
from esaws.errors import EsawsError
from esaws.files import make_private_folder, write_atomically
from esaws.local_aws import control


@dataclass(frozen=True)
class KeptWork:
    """What was kept of one exercise: a record, and the saved state of the local AWS.

    The record has points, of, checked (UTC), deployment, account, region, before, answer (None if `answer_problem`
    says why it has no form as data).
    """

    record: dict[str, Any]
    state: bytes


def keep_work(
    learner: str,
    exercise: str,
    cloud: Cloud,
    *,
    points: int,
    of: int,
    answer: Any,
    before: Mapping[str, str],
) -> None:
    """Keep the state of a local AWS and the answer, unless an earlier check of this exercise found more points.

    A guest's work is not kept: its values are those of every guest. If the state can't be saved, a warning says why.
    """
    if learner == GUEST:
        return
    file = _file(learner, exercise)
    if _points(file) > points:
        return
    record: dict[str, Any] = {
        "points": points,
        "of": of,
        "checked": datetime.now(UTC).isoformat(timespec="seconds"),
        "deployment": cloud.deployment,
        "account": cloud.account,
        "region": cloud.region,
        "before": dict(before),
        "answer": None,
        "answer_problem": None,
    }
    try:
        record["answer"] = to_data(answer)
    except NotData as error:
        record["answer_problem"] = str(error)
    try:
        state = control.exchange(cloud.endpoint or "", "GET", "save")
    except (EsawsError, OSError, http.client.HTTPException) as error:
        warnings.warn(f"{exercise}: this check can't be handed in: its state was not saved ({error})", stacklevel=3)
        return
    make_private_folder(file.parent)
    write_atomically(file.with_suffix(".esaws"), state, private=True)
    write_atomically(file, json.dumps(record, indent=1), private=True)


def kept_work(learner: str) -> dict[str, KeptWork]:
    """Return what was kept of a learner, by exercise. Raises EsawsError if a record is damaged."""
    kept = {}
    for file in sorted(_folder(learner).glob("*.json")):
        try:
            record = json.loads(file.read_text("utf-8"))
            kept[file.stem] = KeptWork(record, file.with_suffix(".esaws").read_bytes())
        except (OSError, ValueError) as error:
            raise EsawsError(
                f"{file}: can't be read ({error}). Delete it, and check {file.stem} again in its notebook."
            ) from error
    return kept


def _folder(learner: str) -> Path:
    return course_folder() / "work" / learner


def _file(learner: str, exercise: str) -> Path:
    return _folder(learner) / f"{exercise}.json"


def _points(file: Path) -> int:
    """The points of the kept check; -1 if there is none."""
    try:
        return int(json.loads(file.read_text("utf-8"))["points"])
    except (OSError, ValueError, KeyError, TypeError):
        return -1
