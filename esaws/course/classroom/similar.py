"""Which answers fit the values of another learner, and which accounts have the same resources."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from esaws.course.classroom.class_grading import LIMIT, WORKERS, check_submissions, in_assignment, read_submissions
from esaws.course.classroom.folder import Classroom
from esaws.course.classroom.submission import MAX_STATE_UNPACKED, Submission, read_submission
from esaws.course.items import find_item

_SHOWN = 6
_ID = re.compile(rb"\b(?:vpc|subnet|sg|rtb|igw|i|eni|eipalloc|nat|lt|vol|sgr|rtbassoc)-[0-9a-f]{17}\b")
"""Ids that AWS chooses at random when a resource is created."""


@dataclass(frozen=True)
class Similar:
    """A pair of learners: whose answer, to which exercise, fits the values of whom, and what shows it."""

    learner: str
    other: str
    exercise: str
    evidence: str

    def to_dict(self) -> dict[str, str]:
        """Return learner, other, exercise and evidence."""
        return {
            "learner": self.learner,
            "other": self.other,
            "exercise": self.exercise,
            "evidence": self.evidence,
        }


def similar_answers(
    classroom: Classroom, folder: Path | None = None, *, workers: int = WORKERS, limit: float = LIMIT
) -> tuple[list[Similar], dict[str, str]]:
    """Return the pairs whose answers fit another learner's values or whose accounts are copies, and unreadable files.

    An answer that misses the learner's own values is checked with the values of each other learner of the class.
    Members of one group are not compared.

    Raises:
        UsageError: the folder does not exist.
    """
    found, errors = read_submissions(classroom, folder)
    latest = {each.learner: (path, each) for path, each in sorted(found.items(), key=lambda pair: pair[1].submitted)}
    ids = [learner.id for learner in classroom.learners]
    wanted = in_assignment(latest.values(), classroom)
    own = check_submissions(classroom, wanted, workers=workers, limit=limit)
    missing = [
        (path, each, [name for name in names if own[each.digest][name]["misses"]]) for path, each, names in wanted
    ]
    results = check_submissions(classroom, missing, others=ids, workers=workers, limit=limit)
    pairs = [
        Similar(submission.learner, other, name, _evidence(name, submission.learner, other, len(result["fits"])))
        for _, submission in latest.values()
        for name, result in results.get(submission.digest, {}).items()
        for other in result["fits"]
    ]
    pairs += _copied_accounts(classroom, [*latest.values()])
    settings = classroom.settings
    strangers = [pair for pair in pairs if pair.other not in settings.members(pair.learner)]
    return sorted(strangers, key=lambda pair: (pair.learner, pair.other, pair.exercise)), errors


def _evidence(name: str, learner: str, other: str, count: int) -> str:
    """What the answer has in common with the other learner; values that several learners have say little."""
    shared = f"{count} learners have these values: " if count > 1 else ""
    return shared + _values_in_common(name, learner, other)


def _values_in_common(name: str, learner: str, other: str) -> str:
    """The values of the other learner that the answer has, and the learner's own."""
    item = find_item(name)
    own, theirs = vars(item.values_of(learner)), vars(item.values_of(other))
    differing = [
        f"{key} is {theirs[key]!r}, as {other}'s, and not {own[key]!r}"
        for key in own
        if own[key] != theirs[key] and isinstance(own[key], bool | int | float | str | list | tuple)
    ]
    return "; ".join(differing[:_SHOWN]) or f"it has what the check needs of {other}"


def _copied_accounts(classroom: Classroom, submissions: Sequence[tuple[Path, Submission]]) -> Iterator[Similar]:
    """Pairs that have resources with the same ids: ids are random, so one state was made from the other."""
    owners: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for path, _ in submissions:
        full = read_submission(path, classroom.key_of)
        for name in classroom.settings.exercises:
            if name in full.exercises:
                for id in _ids(full.state(name)) | _ids(full.diagnosis_state(name) or b""):
                    owners[name, id].add(full.learner)
    common: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    everyone = len(submissions)
    for (name, id), learners in sorted(owners.items()):
        if len(learners) > 1 and (len(learners) < everyone or everyone == 2):
            for one, other in combinations(sorted(learners), 2):
                common[one, other, name].append(id)
    for (one, other, name), ids in common.items():
        shown = ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
        yield Similar(one, other, name, f"both accounts have {shown}")


def _ids(state: bytes) -> set[str]:
    """The random ids in a saved state; none if it can't be read."""
    try:
        _, line, rest = state.split(b"\n", 2)
        header: Any = json.loads(line)
        found: set[bytes] = set()
        for part in header["accounts"]:
            packed, rest = rest[: part["packed"]], rest[part["packed"] :]
            with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
                found |= set(_ID.findall(file.read(MAX_STATE_UNPACKED)))
    except (ValueError, LookupError, TypeError, OSError, EOFError, RecursionError):
        return set()
    return {id.decode() for id in found}
