"""What is remembered about the lab that runs in an account: a file beside the state of the local AWS."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
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
        content = json.loads(file.read_text("utf-8"))
        before = Baseline(**content.pop("before"))
        return Record(before=before, **content | {"diagnoses": tuple(content["diagnoses"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise EsawsError(f"{file} is damaged ({error}). Delete it, and start the lab again.") from error


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
    write_atomically(file, json.dumps(asdict(changed), indent=1))
    return changed


def delete_record(cloud: Cloud) -> None:
    """Forget the lab of an account."""
    _file(cloud).unlink(missing_ok=True)


def _file(cloud: Cloud) -> Path:
    return state_folder() / "labs" / f"{cloud.account}-{cloud.region}-{cloud.deployment}.json"
