"""What checks found, kept in the folder of the class, so that an unchanged answer is not checked again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from esaws.course.classroom.submission import DIAGNOSIS_STATE, Submission
from esaws.files import write_atomically

CHECKED = "checked.json"
_RECORDED = ("state", "account", "region", "deployment", "before", "answer", "lab", DIAGNOSIS_STATE)
"""What a check depends on, of the record of an exercise or a lab."""
_PACKAGES = ("esaws", "local_aws_server")
_LIBRARIES = ("moto", "botocore")


class Checked:
    """The results of earlier checks with this version of esaws.

    A result counts for the same account, answer, learner and diagrams. A change of any file of esaws makes all of them
    void, and so does another version of moto or botocore. What could not be graded is not kept.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / CHECKED
        self._results: dict[str, dict[str, Any]] = {}
        with suppress(OSError, ValueError, KeyError, TypeError):  # none, or damaged: everything is checked
            kept = json.loads(self._file.read_text("utf-8"))
            if kept["made_by"] == fingerprint():
                self._results = dict(kept["results"])

    def find(self, submission: Submission, name: str, others: Sequence[str] | None = None) -> dict[str, Any] | None:
        """Return the result of a check, or of one with the values of others; None if it was not checked."""
        return self._results.get(_key(submission, name, others))

    def keep(
        self, submission: Submission, name: str, result: Mapping[str, Any], others: Sequence[str] | None = None
    ) -> None:
        """Keep the result of a check, unless it could not be graded."""
        if not result["problem"]:
            self._results[_key(submission, name, others)] = dict(result)

    def save(self) -> None:
        """Write the results, if the folder of the class can be written."""
        with suppress(OSError):
            text = json.dumps({"made_by": fingerprint(), "results": self._results})
            write_atomically(self._file, text, private=True)


def _key(submission: Submission, name: str, others: Sequence[str] | None) -> str:
    record = {key: submission.exercises[name].get(key) for key in _RECORDED}
    about = [name, submission.learner, record, submission.diagrams, others]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


@cache
def fingerprint() -> str:
    """Return the SHA-256 of all files of esaws and its local AWS, and of the versions of what they check with."""
    digest = hashlib.sha256(repr([(name, version(name)) for name in _LIBRARIES]).encode())
    for package in _PACKAGES:
        spec = find_spec(package)
        for folder in sorted(map(Path, spec.submodule_search_locations or ()) if spec else ()):
            for file in sorted(folder.rglob("*")):
                if file.suffix in (".py", ".json"):
                    digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
