"""The engine `esaws` of papermill: `papermill --engine esaws IN OUT` starts kernels as `esaws run` does."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papermill.engines import Engine

if TYPE_CHECKING:
    from papermill.engines import NotebookExecutionManager

    from esaws.notebooks.execution import CellEvent


class EsawsEngine(Engine):
    """Runs the cells with their time-outs, stops as SIGTERM asks, masks secrets, and completes the record.

    papermill loads it by its entry point, so its own imports are made when a notebook runs.
    """

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        execution_timeout: float | None = None,
        input_path: str = "",
        **ignored: Any,
    ) -> None:
        """Run the notebook in a new kernel of this Python, in the working directory.

        Raises:
            SystemExit: SIGTERM stopped the run; the notebook and the record are written.
        """
        import nbformat

        from esaws.files import journal_folder
        from esaws.interrupts import EXIT_CODE
        from esaws.masking import mask_json, register_secrets_of_environment
        from esaws.notebooks.execution import Execution
        from esaws.notebooks.kernel import KERNEL_ENV
        from esaws.notebooks.signals import stopped_by_signals
        from esaws.runbooks.completion import complete_record, insert_failure, register_secrets_of_kernel
        from esaws.runbooks.record import run_id, write_record

        nb, started, name = nb_man.nb, datetime.now(UTC), Path(input_path or "notebook").stem
        record_path = journal_folder() / f"{run_id(name)}.json"
        output = nb.metadata.papermill.get("output_path") or ""
        env = {**os.environ, **KERNEL_ENV, "ESAWS_RUN_RECORD": str(record_path), "ESAWS_OUTPUT": str(output)}
        if Path(input_path).is_file():
            env["ESAWS_NOTEBOOK"] = str(Path(input_path).resolve())
        register_secrets_of_environment(env)

        def report(event: CellEvent) -> None:
            cell = nb.cells[event.index]
            if event.seconds is None:
                nb_man.cell_start(cell, event.index)
                return
            cell.outputs = [nbformat.from_dict(mask_json(output)) for output in cell.outputs]  # it is saved now
            if event.failed:
                nb_man.cell_exception(cell, cell_index=event.index)
            nb_man.cell_complete(cell, cell_index=event.index)

        execution = Execution(Path.cwd(), env, timeout=execution_timeout, on_cell=report)
        failure = None
        with stopped_by_signals(execution):
            try:
                execution.start()
                failure = execution.run(nb)
                register_secrets_of_kernel(execution)
            finally:
                execution.close()
        if record_path.is_file():
            record = complete_record(record_path, name, failure, execution.received, started)
            write_record(record_path, record)
            if failure:
                insert_failure(nb, failure, record)
        for cell in nb.cells:  # those of the banner are new to papermill
            cell.metadata.setdefault("papermill", nbformat.from_dict({"status": nb_man.COMPLETED}))
        nb.cells = [nbformat.from_dict(mask_json(cell)) for cell in nb.cells]
        nb.metadata = nbformat.from_dict(mask_json(nb.metadata))  # papermill keeps the parameters there, too
        if execution.received:
            raise SystemExit(EXIT_CODE)

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        """The kernel is this Python, whatever the notebook names."""
        return "python3"

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        """The language of the kernel."""
        return "python"
