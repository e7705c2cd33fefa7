"""What is remembered about the lab that runs in an account: a file beside the state of the local AWS."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from esaws.cloud import Cloud
from esaws.course.labs.baseline import Baseline
from esaws.errors import EsawsError, UsageError
from esaws.files import make_private_folder, write_atomically
from esaws.local_aws.state import state_folder


@dataclass(frozen=True)
class Record:
    """A lab that was started.

    Attributes:
        lab: its name.
        level: what the learner may use.
        seed: what its values are drawn from.
        started: when the fault could be seen, on the clock of the local AWS, as an ISO 8601 timestamp.
        before: the system before the fault.
        broken: the promises that the fault breaks, each with what is found.
        diagnoses: those that were handed in, the last one last: cause, evidence, points, of.
        hints: how many were shown.
        solution_shown: whether the reference repair was shown.
    """

    lab: str
    level: int
    seed: str
    started: str
    before: Baseline
    broken: dict[str, str]
    diagnoses: tuple[dict[str, Any], ...] = ()
    hints: int = 0
    solution_shown: bool = field(default=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, as JSON data, which `record_from_data` reads."""
        return asdict(self)

    @property
    def is_diagnosed(self) -> bool:
        """Whether the last diagnosis was right."""
        return bool(self.diagnoses) and self.diagnoses[-1]["points"] == self.diagnoses[-1]["of"]


def read_record(cloud: Cloud) -> Record | None:
    """Return the lab of an account and deployment, or None if none was started.

    Raises:
        EsawsError: the file is damaged.
    """
    file = _file(cloud)
    try:
        return record_from_data(json.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise EsawsError(f"{file} is damaged ({error}). Delete it, and start the lab again.") from error


def record_from_data(content: Any) -> Record:
    """Return a record from JSON data, each part of which is verified.

    Raises:
        KeyError, TypeError, ValueError: the data is not of this form.
    """
    known = {each.name for each in fields(Record)}
    if not isinstance(content, dict) or content.keys() - known:
        raise TypeError(f"the record of a lab has {', '.join(sorted(known))}")
    before = content["before"]
    baseline = Baseline(
        promises=_texts(before["promises"], "promises"),
        settings=_texts(before["settings"], "settings"),
        world=list(_texts(dict.fromkeys(before["world"], ""), "world")),
        usd=before["usd"],
        ids=_texts(before["ids"], "ids"),
    )
    if baseline.usd is not None and not isinstance(baseline.usd, int | float):
        raise TypeError("usd is not a number")
    record = Record(**{**content, "before": baseline, "broken": _texts(content["broken"], "broken")})
    kinds = {"lab": str, "level": int, "seed": str, "hints": int, "solution_shown": bool}
    for name, kind in kinds.items():
        if not isinstance(getattr(record, name), kind):
            raise TypeError(f"{name} is not a {kind.__name__}")
    if datetime.fromisoformat(record.started).tzinfo is None:
        raise ValueError("the time of the start has no zone")
    if unknown := record.broken.keys() - baseline.promises.keys():
        raise ValueError(f"the system does not promise {min(unknown):.80}")
    return replace(record, diagnoses=tuple(_diagnosis(each) for each in content["diagnoses"]))


def require_record(cloud: Cloud) -> Record:
    """Return the lab of an account. Raises UsageError if none was started."""
    if (record := read_record(cloud)) is None:
        raise UsageError("no lab runs in this account: start one with `esaws lab start NAME` or `course.lab(NAME)`")
    return record


def write_record(cloud: Cloud, record: Record, **changes: Any) -> Record:
    """Keep a record with some fields changed, and return it."""
    changed = replace(record, **changes)
    file = _file(cloud)
    make_private_folder(file.parent)
    write_atomically(file, json.dumps(changed.to_dict(), indent=1))
    return changed


def delete_record(cloud: Cloud) -> None:
    """Forget the lab of an account, and its state at the diagnosis."""
    _file(cloud).unlink(missing_ok=True)
    _state_file(cloud).unlink(missing_ok=True)


def write_diagnosis_state(cloud: Cloud, state: bytes | None) -> None:
    """Keep the saved state of the local AWS at the last diagnosis; without one, delete that of an earlier diagnosis."""
    file = _state_file(cloud)
    if state is None:
        file.unlink(missing_ok=True)
    else:
        make_private_folder(file.parent)
        write_atomically(file, state, private=True)


def read_diagnosis_state(cloud: Cloud) -> bytes | None:
    """Return the saved state at the last diagnosis; None if there is none."""
    try:
        return _state_file(cloud).read_bytes()
    except FileNotFoundError:
        return None


def _file(cloud: Cloud) -> Path:
    return state_folder() / "labs" / f"{cloud.account}-{cloud.region}-{cloud.deployment}.json"


def _state_file(cloud: Cloud) -> Path:
    return _file(cloud).with_suffix(".esaws")


def _texts(value: Any, name: str) -> dict[str, str]:
    """A value that is an object of texts."""
    if not isinstance(value, dict) or not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise TypeError(f"{name} is not of texts")
    return value


def _diagnosis(value: Any) -> dict[str, Any]:
    """A diagnosis that was handed in, if it has the documented form."""
    for name, kind in {"cause": str, "evidence": str, "points": int, "of": int}.items():
        if not isinstance(value[name], kind):
            raise TypeError(f"{name} of a diagnosis is not a {kind.__name__}")
    return dict(value)
