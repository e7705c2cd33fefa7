"""The state of the account at the best check of each exercise and lab: what a learner hands in, and is graded again.

Each has two files in the folder of the course: `NAME.json` says what was checked, `NAME.esaws` is the saved state of
its local AWS. A lab has a third one, `lab NAME.diagnosis.esaws`: the evidence is in the account that is still broken.
"""

from __future__ import annotations

import http.client
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from esaws.cloud import Cloud
from esaws.course.answers import NotData, to_data
from esaws.course.learner import GUEST
from esaws.course.worlds import course_folder
from esaws.errors import EsawsError
from esaws.files import make_private_folder, write_atomically
from esaws.local_aws import control

_DIAGNOSIS = ".diagnosis.esaws"


@dataclass(frozen=True)
class KeptWork:
    """What was kept of an exercise or a lab: a record, and the saved state of the local AWS.

    The record has points, of, checked (UTC), deployment, account, region, before, answer (None if `answer_problem`
    says why it has no form as data). That of a lab has `lab`, too: its `Record` as data. `diagnosis_state` is the saved
    state at its last diagnosis.
    """

    record: dict[str, Any]
    state: bytes
    diagnosis_state: bytes | None = None


def keep_work(
    learner: str,
    name: str,
    cloud: Cloud,
    *,
    points: int,
    of: int,
    answer: Any = None,
    before: Mapping[str, str] = MappingProxyType({}),
    lab: Mapping[str, Any] | None = None,
    diagnosis_state: bytes | None = None,
) -> None:
    """Keep the state of a local AWS, unless an earlier check of this exercise or lab found more points.

    With it are kept the answer of an exercise, and the record of a lab with the state at its diagnosis. A guest's work
    is not kept: its values are those of every guest. If the state can't be saved, a warning says why.
    """
    if learner == GUEST:
        return
    file = _file(learner, name)
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
    if lab is not None:
        record["lab"] = dict(lab)
    if (state := saved_state(cloud, name)) is None:
        return
    make_private_folder(file.parent)
    write_atomically(file.with_suffix(".esaws"), state, private=True)
    if diagnosis_state is not None:
        write_atomically(file.with_suffix(_DIAGNOSIS), diagnosis_state, private=True)
    else:
        file.with_suffix(_DIAGNOSIS).unlink(missing_ok=True)
    write_atomically(file, json.dumps(record, indent=1), private=True)


def saved_state(cloud: Cloud, name: str) -> bytes | None:
    """Return the saved state of a local AWS. If it can't be saved, warn that `name` can't be handed in, return None."""
    try:
        return control.exchange(cloud.endpoint or "", "GET", "save")
    except (EsawsError, OSError, http.client.HTTPException) as error:
        warnings.warn(f"{name}: this check can't be handed in: its state was not saved ({error})", stacklevel=4)
        return None


def kept_work(learner: str) -> dict[str, KeptWork]:
    """Return what was kept of a learner, by exercise and lab. Raises EsawsError if a record is damaged."""
    kept = {}
    for file in sorted(_folder(learner).glob("*.json")):
        try:
            record = json.loads(file.read_text("utf-8"))
            diagnosis = file.with_suffix(_DIAGNOSIS)
            diagnosis_state = diagnosis.read_bytes() if diagnosis.exists() else None
            kept[file.stem] = KeptWork(record, file.with_suffix(".esaws").read_bytes(), diagnosis_state)
        except (OSError, ValueError) as error:
            raise EsawsError(f"{file}: can't be read ({error}). Delete it, and check {file.stem} again.") from error
    return kept


def _folder(learner: str) -> Path:
    return course_folder() / "work" / learner


def _file(learner: str, name: str) -> Path:
    return _folder(learner) / f"{name}.json"


def _points(file: Path) -> int:
    """The points of the kept check; -1 if there is none."""
    try:
        return int(json.loads(file.read_text("utf-8"))["points"])
    except (OSError, ValueError, KeyError, TypeError):
        return -1
