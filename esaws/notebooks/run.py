"""Run a notebook, or several, and write the executed copies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esaws.errors import EsawsError, UsageError
from esaws.interrupts import Terminated
from esaws.notebooks.banner import insert_banner, remove_banner
from esaws.notebooks.execution import CellEvent, Execution
from esaws.notebooks.file import read_notebook, write_if_changed
from esaws.notebooks.kernel import KERNEL_ENV
from esaws.notebooks.normal_form import dumps
from esaws.notebooks.parameters import check_names, inject_parameters
from esaws.notebooks.signals import stopped_by_signals

_NEXT_STEP = "Correct the cause, and run the notebook again."


@dataclass(frozen=True)
class NotebookRun:
    """The result of running one notebook.

    `status` is "ok" or "failed", and "running" when `on_progress` is called at the start. `seconds` is wall time.
    `error` is one line with notebook, cell and exception. `output` is the file that was written, or None.
    """

    notebook: Path
    output: Path | None = None
    status: str = "ok"
    seconds: float = 0.0
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether all cells succeeded."""
        return self.status == "ok"


def run_notebook(
    path: Path | str,
    output: Path | str | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    kernel_env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    on_cell: Callable[[CellEvent], None] | None = None,
) -> NotebookRun:
    """Execute one notebook in a new kernel of this Python, with the notebook's folder as working directory.

    A failing cell does not raise: it sets the status. The executed notebook is then still written, with the failure at
    its top, unless `output` is the notebook itself. Outputs are in the normal form of `normalise`; a failed run keeps
    its standard error and whole tracebacks.

    Args:
        path: the notebook.
        output: where to write the executed notebook; default nowhere.
        parameters: values for the cell tagged `parameters`.
        kernel_env: environment variables added to those of the caller.
        timeout: seconds for each cell that does not set its own.
        on_cell: called before and after each code cell.

    Raises:
        UsageError: the file is not a notebook, or has no such parameter.
        KeyboardInterrupt: Ctrl-C or SIGTERM stopped it, after the change in progress.
    """
    path = Path(path)
    output = None if output is None else Path(output)
    start = time.monotonic()
    check_names(path, parameters or {})
    execution = Execution(
        path.resolve().parent,
        {**os.environ, **KERNEL_ENV, **(kernel_env or {})},
        timeout=timeout,
        on_cell=on_cell,
    )
    with stopped_by_signals(execution):
        try:
            execution.start()
            nb = read_notebook(path)
            remove_banner(nb)
            inject_parameters(nb, path, parameters or {})
            failure = execution.run(nb)
        finally:
            execution.close()
    if failure is not None and execution.received is not None:
        raise Terminated if execution.received == signal.SIGTERM else KeyboardInterrupt
    error = None if failure is None else f"{path}, {failure}"
    if failure:
        insert_banner(
            nb, failure.index, f"Failed in cell [{failure.number}]", f"{failure.name}: {failure.message}", _NEXT_STEP
        )
    in_place = output is not None and output.resolve() == path.resolve()
    written = None if error and in_place else output
    if written is not None:
        write_if_changed(written, dumps(nb, record=error is not None))
    return NotebookRun(path, written, "failed" if error else "ok", round(time.monotonic() - start, 3), error)


def run_notebooks(
    paths: Iterable[Path | str],
    *,
    output_dir: Path | str | None = None,
    in_place: bool = False,
    keep_going: bool = True,
    kernel_env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    on_progress: Callable[[NotebookRun], None] | None = None,
) -> list[NotebookRun]:
    """Execute notebooks one after the other, and return a NotebookRun for each that was started.

    Outputs go to `output_dir`, or replace the notebooks (`in_place`), or are discarded. `on_progress` is called when a
    notebook starts (status "running") and when it ends. With `keep_going=False` the first failure ends the run.
    """
    if in_place and output_dir is not None:
        raise UsageError("choose one of in_place and output_dir")
    report = on_progress or (lambda run: None)
    runs = []
    for path in map(Path, paths):
        output = path if in_place else Path(output_dir, path.name) if output_dir is not None else None
        report(NotebookRun(path, status="running"))
        try:
            run = run_notebook(path, output, kernel_env=kernel_env, timeout=timeout)
        except EsawsError as error:
            run = NotebookRun(path, status="failed", error=str(error))
        report(run)
        runs.append(run)
        if not run.ok and not keep_going:
            break
    return runs
