"""Run a runbook in a kernel of its own, and complete the record that the kernel writes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from esaws.errors import UsageError
from esaws.masking import mask_json, register_secrets_of_environment
from esaws.notebooks.banner import remove_banner
from esaws.notebooks.destination import Destination, choose_destination
from esaws.notebooks.execution import GRACE, CellEvent, CellFailure, Execution
from esaws.notebooks.file import read_cells, read_notebook, write_if_changed
from esaws.notebooks.kernel import KERNEL_ENV
from esaws.notebooks.normal_form import dumps
from esaws.notebooks.parameters import inject_parameters
from esaws.notebooks.signals import stopped_by_signals
from esaws.notebooks.steps import STEPS, step_of
from esaws.runbooks.completion import (
    complete_record,
    insert_failure,
    register_named_secrets,
    register_secrets_of_kernel,
)
from esaws.runbooks.record import run_id, to_json, write_record

_NEEDS = {"plan": {"look"}, "act": {"look", "plan"}, "verify": {"look"}}
"""Steps that a step needs in the same run."""


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
    """Run a notebook in the working directory, and write the executed copy and its record. A failure does not raise.

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
        UsageError: the notebook can't be read, the output can't be written, or there is no such step.
        EsawsError: S3 did not take the files; they remain on this machine.
    """
    path = path.resolve()
    skipped = skipped_steps(path, from_step) if from_step else frozenset()
    started = datetime.now(UTC)
    destination = choose_destination(output, run_id(path.stem))
    env = {**os.environ, **KERNEL_ENV, **(kernel_env or {})}
    env |= {"ESAWS_NOTEBOOK": str(path), "ESAWS_OUTPUT": destination.shown, "ESAWS_RUN_RECORD": str(destination.record)}
    register_secrets_of_environment(env)
    register_named_secrets(values or {}, env)
    execution = Execution(Path.cwd(), env, timeout=timeout, grace=grace, keep_kernel=keep_kernel)
    failure: CellFailure | None = None
    with stopped_by_signals(execution), _removed_if_empty(destination.notebook):
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
            register_secrets_of_kernel(execution)
        finally:
            execution.close(failed=failure is not None)
    record = complete_record(destination.record, path.stem, failure, execution.received, started)
    record |= {"notebook": str(path), "output": destination.shown}
    _notify_instead(record, str((values or {}).get("notify") or ""), failure)
    if failure:
        insert_failure(nb, failure, record)
    write_if_changed(destination.notebook, dumps(mask_json(nb), record=failure is not None))
    write_record(destination.record, record)
    if destination.url is not None:
        destination = destination.copy_notebook()
        write_record(destination.record, record | {"output": destination.shown})
        destination.copy_record()
    return RunbookRun(
        mask_json(to_json(record | {"output": destination.shown})), destination, execution.connection_file
    )


def _notify_instead(record: dict[str, Any], target: str, failure: CellFailure | None) -> None:
    """Send the notification of a run whose kernel died before it could."""
    if target and failure is not None and record["notification"] is None:
        from esaws.cloud import Cloud
        from esaws.runbooks.notify import notify

        record["notification"] = notify(target, record, Cloud.from_env())


def skipped_steps(path: Path, first: str) -> frozenset[str]:
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


@contextmanager
def _removed_if_empty(file: Path) -> Iterator[None]:
    """Remove a file that was created for the output if an error ends the run before anything is in it."""
    try:
        yield
    except BaseException:
        if file.is_file() and not file.stat().st_size:
            file.unlink()
        raise
