"""What a runner adds to the record that the kernel writes, and to the notebook of a failed run."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws import errors
from esaws.errors import EsawsError
from esaws.masking import register_secret
from esaws.notebooks.banner import insert_banner
from esaws.runbooks.failure import RUN_AGAIN
from esaws.runbooks.record import EXIT_CODES, new_record, run_id

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from esaws.notebooks.execution import CellFailure, Execution

_TITLES = {
    "refused": "Refused in",
    "awaiting_approval": "Waits for approval before",
    "interrupted": "Interrupted in",
}
_NEXT_STEPS = {
    "CellTimeoutError": f"find what it waits for, or allow more time with --timeout; then {RUN_AGAIN}",
    "DeadKernelError": f"find what ended it, such as a lack of memory; then {RUN_AGAIN}",
    "Interrupted": RUN_AGAIN,
}
"""Next steps after failures that the kernel can't explain itself."""

_SECRETS_OF_KERNEL = (
    "__import__('esaws.masking').masking.registered_secrets() if 'esaws.masking' in __import__('sys').modules else []"
)


def register_named_secrets(values: Mapping[str, Any], env: Mapping[str, str]) -> None:
    """Mask the values of the environment variables that parameters name, as in env:DB_PASSWORD."""
    for value in values.values():
        if isinstance(value, str) and value.startswith("env:"):
            register_secret(env.get(value.removeprefix("env:"), ""))


def register_secrets_of_kernel(execution: Execution) -> None:
    """Mask the values that the kernel masks, such as a password that it read from SSM."""
    for value in execution.evaluate(_SECRETS_OF_KERNEL) or ():
        register_secret(bytes.fromhex(value))


def complete_record(
    path: Path, name: str, failure: CellFailure | None, received: signal.Signals | None, started: datetime
) -> dict[str, Any]:
    """Return the record in a file, or a new one if the kernel wrote none, with how the run ended.

    Args:
        path: the file of the record.
        name: the notebook's name.
        failure: the cell that ended the run.
        received: the signal that stopped it.
        started: when it began.
    """
    record = _read(path) or new_record(run_id(name), name)
    now = datetime.now(UTC)
    record |= {"started": record["started"] or _timestamp(started), "ended": _timestamp(now)}
    record["seconds"] = round((now - started).total_seconds(), 3)
    status, exit_code = record["status"], record["exit_code"]
    if failure is None:
        status = "done" if status == "running" else status
    else:
        if failure.name == "Interrupted":
            status, exit_code = "interrupted", None if received == signal.SIGTERM else 1
        elif failure.name in _NEXT_STEPS:
            status, exit_code = "failed", 1
        elif record["error"] is None:
            kind = getattr(errors, failure.name, EsawsError)
            status, exit_code = "refused" if issubclass(kind, errors.Refused) else "failed", kind.exit_code
        record["error"] = _error(record, failure)
    record |= {"status": status, "exit_code": EXIT_CODES.get(status, 1) if exit_code is None else exit_code}
    for step in record["steps"]:
        if step["status"] == "running":
            step["status"] = "failed"
    return record


def _error(record: Mapping[str, Any], failure: CellFailure) -> dict[str, Any]:
    """The error of a failed run: as the kernel explained it, unless it could not."""
    found = record["error"]
    if found and failure.name not in _NEXT_STEPS:
        return {**found, "cell": failure.number}
    running = [step["title"] for step in record["steps"] if step["status"] == "running"]
    return {
        "step": failure.step or "cell",
        "resource": found["resource"] if found else running[-1] if running else record["runbook"],
        "cause": failure.message,
        "code": failure.name,
        "next_step": _NEXT_STEPS.get(failure.name, RUN_AGAIN),
        "cell": failure.number,
    }


def insert_failure(nb: NotebookNode, failure: CellFailure, record: Mapping[str, Any]) -> None:
    """Insert at the top of a notebook which step failed on which resource, why, and what to do next."""
    error = record["error"]
    place = f"step {failure.step}" if failure.step else f"cell [{failure.number}]"
    title = f"{_TITLES.get(record['status'], 'Failed in')} {place}: {error['resource']}"
    insert_banner(nb, failure.index, title, error["cause"] or error["code"], error["next_step"])


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _timestamp(time: datetime) -> str:
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")
