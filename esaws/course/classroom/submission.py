"""The file that a learner hands in: a ZIP archive of data, signed with the learner's key. Reading it runs nothing.

    signature.txt           esaws-submission 1 LEARNER HMAC   (of manifest.json, in hexadecimal digits)
    manifest.json           learner, times, predictions, and what was checked, with the SHA-256 of each state
    states/SHA-256.esaws    the saved states, as `esaws local save` writes them

Members are stored without compression, so that no member unpacks to more than the file has. Nothing is extracted to
the disk, and no name in the archive becomes a path.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from esaws.course.chapters import chapters
from esaws.course.classroom.keys import is_signature, sign
from esaws.course.kept_work import KeptWork, kept_work
from esaws.course.labs.lab import ITEM_PREFIX
from esaws.course.labs.record import record_from_data
from esaws.course.progress import Progress
from esaws.errors import EsawsError

FORMAT = 1
SUFFIX = ".submission.zip"

MAX_FILE = 200 << 20
MAX_MANIFEST = 8 << 20
MAX_MEMBERS = 500
MAX_STATE_UNPACKED = 64 << 20
"""Bytes of a state after the local AWS has unpacked it. All of SecCom has 3 MB."""

DIAGNOSIS_STATE = "diagnosis_state"
"""The key of a lab's record that has the SHA-256 of the state at its diagnosis."""

_MANIFEST, _SIGNATURE = "manifest.json", "signature.txt"
_STATE = re.compile(r"states/([0-9a-f]{64})\.esaws")
_SIGNED = re.compile(r"esaws-submission (\d{1,9}) ([A-Za-z0-9][A-Za-z0-9._@-]{0,63}) ([0-9a-f]{64})\n?")
_DATE = (1980, 1, 1, 0, 0, 0)


class BadSubmission(EsawsError):
    """A file that is not a submission, or is damaged, changed or not signed by its learner."""


@dataclass(frozen=True)
class Submission:
    """A verified submission. `exercises` has the record of each exercise and lab, `states` the bytes by SHA-256."""

    file: str
    learner: str
    submitted: datetime
    digest: str
    exercises: Mapping[str, Mapping[str, Any]]
    predictions: Mapping[str, Any]
    diagrams: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    states: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def state(self, name: str) -> bytes:
        """Return the saved state of an exercise or lab that was handed in."""
        return self.states[self.exercises[name]["state"]]

    def diagnosis_state(self, name: str) -> bytes | None:
        """Return the saved state at the diagnosis of a lab that was handed in; None if there is none."""
        digest = self.exercises[name].get(DIAGNOSIS_STATE)
        return None if digest is None else self.states[digest]


def pack_submission(learner: str, key: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return the file of what was kept of a learner, and its manifest.

    Raises:
        EsawsError: nothing was kept, a record is damaged, or the file would be too large.
    """
    kept = kept_work(learner)
    if not kept:
        raise EsawsError(f"{learner} has checked no exercise or lab yet on this computer; there is nothing to hand in")
    progress = Progress(learner)
    names = [name for chapter in chapters().values() for name in chapter.predictions]
    manifest = {
        "format": FORMAT,
        "esaws": version("esaws"),
        "learner": learner,
        "submitted": datetime.now(UTC).isoformat(timespec="seconds"),
        "exercises": {name: _record(work, progress.exercise(name)) for name, work in kept.items()},
        "predictions": {name: value for name in names if (value := progress.prediction(name)) is not None},
        "diagrams": {number: drawn for number in chapters() if (drawn := progress.diagram(number)) is not None},
    }
    states = [state for work in kept.values() for state in (work.state, work.diagnosis_state) if state is not None]
    return pack(manifest, states, key), manifest


def pack(manifest: Mapping[str, Any], states: list[bytes], key: bytes) -> bytes:
    """Return the bytes of a submission. Raises EsawsError if it would be too large."""
    text = json.dumps(manifest, indent=1, sort_keys=True).encode()
    signed = f"esaws-submission {FORMAT} {manifest['learner']} {sign(key, text)}\n".encode()
    members = {_SIGNATURE: signed, _MANIFEST: text}
    members |= {f"states/{hashlib.sha256(state).hexdigest()}.esaws": state for state in states}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)
    packed = buffer.getvalue()
    if len(packed) > MAX_FILE or len(text) > MAX_MANIFEST:
        raise EsawsError(f"the file would have {len(packed) >> 20} MB, and at most {MAX_FILE >> 20} MB are accepted")
    return packed


def read_submission(path: Path, key_of: Callable[[str], bytes]) -> Submission:
    """Return a submission whose signature is that of its learner.

    Args:
        path: the file.
        key_of: returns the key of a learner; it may raise BadSubmission for one who is not in the class.

    Raises:
        BadSubmission: it is another file, damaged, changed, or not signed with the learner's key.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE:
            raise BadSubmission(f"it has {size >> 20} MB, and at most {MAX_FILE >> 20} MB are accepted")
        content = path.read_bytes()
    except OSError as error:
        raise BadSubmission(f"it can't be read ({error.strerror})") from error
    members = _members(content)
    manifest = _verified_manifest(members, key_of)
    try:
        return _submission(path.name, hashlib.sha256(content).hexdigest(), manifest, members)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadSubmission(f"its manifest is not of the documented form ({type(error).__name__}: {error})") from error


def _members(content: bytes) -> dict[str, bytes]:
    """The members of the archive by name; none is compressed, and each has a documented name."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_MEMBERS:
                raise BadSubmission(f"it has {len(entries)} members, and at most {MAX_MEMBERS} are accepted")
            for entry in entries:
                if entry.filename not in (_MANIFEST, _SIGNATURE) and not _STATE.fullmatch(entry.filename):
                    raise BadSubmission(f"it has a member {entry.filename!r:.80}, which a submission does not have")
                if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                    raise BadSubmission("it was packed by another program; hand in the file as esaws wrote it")
            if len({entry.filename for entry in entries}) != len(entries):
                raise BadSubmission("it has two members of one name")
            if sum(entry.file_size for entry in entries) > len(content):
                raise BadSubmission("its members are larger than the file")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError, OSError) as error:
        raise BadSubmission(f"it is damaged, or was not written by `esaws course submit` ({error})") from error


def _verified_manifest(members: Mapping[str, bytes], key_of: Callable[[str], bytes]) -> dict[str, Any]:
    """The manifest, read only after its signature was verified."""
    if _MANIFEST not in members or _SIGNATURE not in members or len(members[_MANIFEST]) > MAX_MANIFEST:
        raise BadSubmission("it was not written by `esaws course submit`: it has no manifest or no signature")
    signed = _SIGNED.fullmatch(members[_SIGNATURE].decode("utf-8", errors="replace"))
    if signed is None:
        raise BadSubmission("its signature is damaged")
    if int(signed[1]) != FORMAT:
        raise BadSubmission(f"it has the format {signed[1]}, and this esaws reads format {FORMAT}")
    if not is_signature(key_of(signed[2]), members[_MANIFEST], signed[3]):
        raise BadSubmission(f"its signature is not that of {signed[2]}: it was changed, or signed with another key")
    try:
        manifest = json.loads(members[_MANIFEST])
    except (ValueError, RecursionError) as error:
        raise BadSubmission(f"its manifest is not JSON ({error!s:.80})") from error
    if not isinstance(manifest, dict) or manifest.get("learner") != signed[2]:
        raise BadSubmission("its manifest names another learner than its signature")
    return manifest


def _submission(file: str, digest: str, manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> Submission:
    states = {named[1]: content for name, content in members.items() if (named := _STATE.fullmatch(name))}
    for name, content in states.items():
        if hashlib.sha256(content).hexdigest() != name:
            raise BadSubmission(f"the state {name:.12} is damaged")
    exercises = {str(name): _checked(name, record, states) for name, record in manifest["exercises"].items()}
    submitted = datetime.fromisoformat(manifest["submitted"])
    if submitted.tzinfo is None:
        raise ValueError("the time has no zone")
    predictions, diagrams = manifest["predictions"], manifest.get("diagrams", {})
    if not isinstance(predictions, dict) or not isinstance(diagrams, dict):
        raise TypeError("predictions and diagrams are objects")
    return Submission(file, manifest["learner"], submitted, digest, exercises, predictions, diagrams, states)


def _checked(name: str, record: Mapping[str, Any], states: Mapping[str, bytes]) -> Mapping[str, Any]:
    """The record of an exercise or a lab, if it has the documented form."""
    digests = [record["state"], *([record[DIAGNOSIS_STATE]] if record.get(DIAGNOSIS_STATE) is not None else ())]
    if any(digest not in states for digest in digests):
        raise BadSubmission(f"the state of {name:.40} is missing")
    if name.startswith(ITEM_PREFIX):
        record_from_data(record["lab"])
    kinds = {"deployment": str, "account": str, "region": str, "before": dict, "attempts": int, "hints": int}
    kinds |= {"points": int, "of": int, "solution_shown": bool, "checked": str}
    for key, kind in kinds.items():
        if not isinstance(record[key], kind):
            raise TypeError(f"{key} of {name:.40} is not a {kind.__name__}")
        if kind is int and record[key] < 0:
            raise ValueError(f"{key} of {name:.40} is below 0")
    return record


def _record(work: KeptWork, tried: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says of an exercise or a lab."""
    done = {name: tried[name] for name in ("attempts", "hints", "solution_shown")}
    states = {"state": work.state, DIAGNOSIS_STATE: work.diagnosis_state}
    digests = {key: hashlib.sha256(state).hexdigest() for key, state in states.items() if state is not None}
    return {**work.record, **done, **digests}
