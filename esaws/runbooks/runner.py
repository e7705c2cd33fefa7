"""Run a runbook in a kernel of its own, and complete the record that the kernel writes."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from esaws import errors
from esaws.errors import EsawsError, UsageError
from esaws.interrupts import in_main_thread
from esaws.masking import mask_json, register_secret, register_secrets_of_environment
from esaws.notebooks.banner import insert_banner, remove_banner
from esaws.notebooks.destination import Destination, choose_destination
from esaws.notebooks.execution import GRACE, CellEvent, CellFailure, Execution
from esaws.notebooks.file import read_cells, read_notebook, write_if_changed
from esaws.notebooks.kernel import KERNEL_ENV
from esaws.notebooks.normal_form import dumps
from esaws.notebooks.parameters import inject_parameters, notebook_parameters, parse_like_default
from esaws.notebooks.steps import STEPS, step_of
from esaws.runbooks.failure import RUN_AGAIN
from esaws.runbooks.record import EXIT_CODES, new_record, run_id, to_json, write_record

_NEEDS = {"plan": {"look"}, "act": {"look", "plan"}, "verify": {"look"}}
"""Steps that a step needs in the same run."""

_ENDED_BADLY = ("awaiting_approval", "refused", "failed", "interrupted")

_TITLES = {
    "refused": "Refused in",
    "awaiting_approval": "Waits for approval before",
    "interrupted": "Interrupted in",
}


@dataclass(frozen=True)
class RunbookRun:
    """A run that has ended: its record, its files, and the connection file of a kernel that was kept."""

    record: dict[str, Any]
    destination: Destination
    kernel: Path | None = None

    @property
    def exit_code(self) -> int:
        """0 done; 1 failed; 2 usage; 3 refused; 143 ended by SIGTERM."""
        return int(self.record["exit_code"])


def read_values(path: Path, given: Sequence[tuple[str, str]], file: Path | None = None) -> dict[str, Any]:
    """Parse and check the parameters of a command line: pairs of name and text, and before them those of a YAML file.

    Raises:
        UsageError: a parameter is unknown or has a bad value, or the file is not YAML with names and values.
    """
    texts: dict[str, Any] = {**(_read_yaml(file) if file else {}), **dict(given)}
    if not texts:
        return {}
    if _is_declared(path):
        from esaws.runbooks.declaration import read_declaration

        declaration = read_declaration(path)
        values = {
            name: declaration.parse(name, value) if isinstance(value, str) else value for name, value in texts.items()
        }
        declaration.validate(values)
        return values
    defaults = notebook_parameters(path)
    if unknown := [name for name in texts if name not in defaults]:
        choices = f"choose from {', '.join(defaults)}" if defaults else "it has no parameters"
        raise UsageError(f"{path}: unknown parameter {', '.join(unknown)}; {choices}")
    return {
        name: parse_like_default(name, value, defaults[name]) if isinstance(value, str) else value
        for name, value in texts.items()
    }


def run_runbook(
    path: Path,
    values: Mapping[str, Any] | None = None,
    *,
    output: str | None = None,
    from_step: str | None = None,
    timeout: float | None = None,
    grace: float = GRACE,
    keep_kernel: bool = False,
    kernel_env: Mapping[str, str] | None = None,
    on_cell: Callable[[CellEvent], None] | None = None,
) -> RunbookRun:
    """Run a notebook, write the executed copy and its record, and return what came of it. A failure does not raise.

    The executed notebook is written after each step, so that a killed run leaves what it has done. SIGTERM and Ctrl-C
    interrupt the running cell: a change in progress ends, no other starts, and the record is written.

    Args:
        path: the notebook.
        values: checked values of its parameters, as `read_values` returns them.
        output: a file, a folder or `s3://bucket/…`; see `choose_destination`.
        from_step: the first step to run. The account is checked all the same, and steps that a later one needs are run.
        timeout: seconds for each cell that does not set its own.
        grace: seconds that an interrupted cell has to end.
        keep_kernel: leave the kernel of a failed run.
        kernel_env: environment variables added to those of the caller.
        on_cell: called before and after each code cell.

    Raises:
        UsageError: the notebook can't be read, the output exists or can't be written, or there is no such step.
        EsawsError: S3 did not take the files; they remain on this machine.
    """
    path = path.resolve()
    skipped = _skipped_steps(path, from_step) if from_step else frozenset()
    started, began = datetime.now(UTC), time.monotonic()
    destination = choose_destination(output, run_id(path.stem))
    env = {**os.environ, **KERNEL_ENV, **(kernel_env or {})}
    env |= {"ESAWS_NOTEBOOK": str(path), "ESAWS_OUTPUT": destination.shown, "ESAWS_RUN_RECORD": str(destination.record)}
    register_secrets_of_environment(env)
    _register_named_secrets(values or {}, env)
    execution = Execution(path.parent, env, timeout=timeout, grace=grace, keep_kernel=keep_kernel)
    failure: CellFailure | None = None
    with _stopped_by_signals(execution), _removed_if_empty(destination.notebook):
        try:
            execution.start()
            nb = read_notebook(path)
            remove_banner(nb)
            inject_parameters(nb, path, values or {})

            def report(event: CellEvent) -> None:
                if event.seconds is not None:
                    destination.notebook.write_text(dumps(mask_json(nb), record=True), encoding="utf-8")
                if on_cell is not None:
                    on_cell(event)

            execution.on_cell = report
            execution.skipped = {index for index, cell in enumerate(nb.cells) if step_of(cell) in skipped}
            failure = execution.run(nb)
            for value in execution.evaluate(_SECRETS_OF_KERNEL) or ():
                register_secret(bytes.fromhex(value))
        finally:
            execution.close(failed=failure is not None)
    record = _read_record(destination.record) or new_record(run_id(path.stem), path.stem)
    record |= {"started": record["started"] or _timestamp(started), "ended": _timestamp(datetime.now(UTC))}
    record |= {"seconds": round(time.monotonic() - began, 3), "notebook": str(path), "output": destination.shown}
    _complete(record, failure, execution.received)
    target = str((values or {}).get("notify") or "")
    if target and record["notification"] is None and record["status"] != "done":  # the kernel died before it could
        from esaws.cloud import Cloud
        from esaws.runbooks.notify import notify

        record["notification"] = notify(target, record, Cloud.from_env())
    if failure:
        _insert_failure(nb, failure, record)
    write_if_changed(destination.notebook, dumps(mask_json(nb), record=failure is not None))
    write_record(destination.record, record)
    destination.copy_to_s3()
    return RunbookRun(mask_json(to_json(record)), destination, execution.connection_file)


def _complete(record: dict[str, Any], failure: CellFailure | None, received: signal.Signals | None) -> None:
    """Set status, exit code and error of a record, where the kernel could not."""
    status, exit_code, error = record["status"], record["exit_code"], record["error"]
    if failure is None:
        status = "done" if status == "running" else status
    else:
        if failure.name == "Interrupted":
            status, exit_code = "interrupted", None if received == signal.SIGTERM else 1
        elif failure.name in ("CellTimeoutError", "DeadKernelError"):
            status, exit_code = "failed", 1
        elif status not in _ENDED_BADLY:
            kind = getattr(errors, failure.name, EsawsError)
            status, exit_code = "refused" if issubclass(kind, errors.Refused) else "failed", kind.exit_code
        found = error or {}
        record["error"] = {
            "step": failure.step or found.get("step") or "cell",
            "resource": found.get("resource") or record["runbook"],
            "cause": failure.message,
            "code": failure.name,
            "next_step": RUN_AGAIN,
        }
        if found and failure.name not in ("CellTimeoutError", "DeadKernelError", "Interrupted"):
            record["error"] = found
        record["error"] |= {"cell": failure.number}
    record |= {"status": status, "exit_code": EXIT_CODES.get(status, 1) if exit_code is None else exit_code}
    for step in record["steps"]:
        if step["status"] == "running":
            step["status"] = "failed"


def _insert_failure(nb: Any, failure: CellFailure, record: Mapping[str, Any]) -> None:
    error = record["error"]
    place = f"step {error['step']}" if failure.step else f"cell [{failure.number}]"
    title = f"{_TITLES.get(record['status'], 'Failed in')} {place}: {error['resource']}"
    insert_banner(nb, failure.index, title, error["cause"] or error["code"], error["next_step"])


def _skipped_steps(path: Path, first: str) -> frozenset[str]:
    """The steps before `first` that no later step needs. The account is always checked.

    Raises:
        UsageError: the notebook has no such step.
    """
    has = {step for cell in read_cells(path) if (step := step_of(cell))}
    if first not in has:
        steps = ", ".join(step for step in STEPS if step in has) or "it has none"
        raise UsageError(f"{path}: no cell is tagged as the step {first!r}; its steps: {steps}")
    kept = {step for step in STEPS[STEPS.index(first) :] if step in has}
    kept |= {needed for step in kept for needed in _NEEDS.get(step, ())}
    return frozenset(set(STEPS) - kept - {"parameters", "account"})


def _is_declared(path: Path) -> bool:
    from esaws.runbooks.declaration import is_declaration

    return any("parameters" in cell.tags and is_declaration(cell.source) for cell in read_cells(path))


def _read_yaml(file: Path) -> dict[str, Any]:
    """Names and values of a YAML file. Every scalar stays text, so that 007 and no are what they look like."""
    import yaml

    try:
        values = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # it makes texts only
    except OSError as error:
        raise UsageError(f"{file}: can't be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not YAML ({' '.join(str(error).split())})") from error
    if values in (None, ""):
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"{file}: write one `name: value` a line")
    return values


def _register_named_secrets(values: Mapping[str, Any], env: Mapping[str, str]) -> None:
    """Mask the values of the environment variables that parameters name, as in env:DB_PASSWORD."""
    for value in values.values():
        if isinstance(value, str) and value.startswith("env:"):
            register_secret(env.get(value.removeprefix("env:"), ""))


_SECRETS_OF_KERNEL = (
    "__import__('esaws.masking').masking.registered_secrets() if 'esaws.masking' in __import__('sys').modules else []"
)


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return record if isinstance(record, dict) else None


@contextmanager
def _stopped_by_signals(execution: Execution) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C stop the execution. Works in the main thread; elsewhere signals do not arrive."""
    if not in_main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        execution.stop(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _removed_if_empty(file: Path) -> Iterator[None]:
    """Remove a file that was created for the output if an error ends the run before anything is in it."""
    try:
        yield
    except BaseException:
        if file.is_file() and not file.stat().st_size:
            file.unlink()
        raise


def _timestamp(time: datetime) -> str:
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")
