"""Run notebooks with parameters. The same run writes the same file, byte for byte, on every machine.

Jupyter's libraries are imported where they are used, because that takes a second.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.errors import EsawsError, UsageError
from esaws.files import write_atomically

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

KERNEL_ENV: Mapping[str, str] = {"PYTHONHASHSEED": "0", "TZ": "UTC", "COLUMNS": "100", "SOURCE_DATE_EPOCH": "0"}
"""Environment variables of every kernel, over those of the caller, so that outputs do not depend on the machine."""

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

_RANDOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}")
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


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
    on_cell: Callable[[int, int], None] | None = None,
) -> NotebookRun:
    """Execute one notebook in a new kernel of this Python, with the notebook's folder as working directory.

    A failing cell does not raise: it sets the status. The executed notebook is then still written, with papermill's
    marks at the error, unless `output` is the notebook itself. Outputs are in the normal form of `normalise`; a failed
    run keeps its standard error and whole tracebacks.

    Args:
        path: the notebook.
        output: where to write the executed notebook; default nowhere.
        parameters: values for the cell tagged `parameters`.
        kernel_env: environment variables added to those of the caller.
        timeout: seconds for each cell.
        on_cell: called with (number, total) before each code cell.

    Raises:
        UsageError: the file is not a notebook, or has no such parameter.
    """
    path = Path(path)
    output = None if output is None else Path(output)
    start = time.monotonic()
    nb = _read(path)
    _inject(nb, path, parameters or {})
    error = _execute(nb, path, {**os.environ, **KERNEL_ENV, **(kernel_env or {})}, timeout, on_cell)
    in_place = output is not None and output.resolve() == path.resolve()
    written = None if error and in_place else output
    if written is not None:
        _write(written, dumps(nb, record=error is not None))
    status = "failed" if error else "ok"
    return NotebookRun(path, written, status, round(time.monotonic() - start, 3), error)


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


def notebook_parameters(path: Path | str) -> dict[str, Any]:
    """The parameters that the cell tagged `parameters` sets, in order: name → default, `...` if not a literal.

    They are parsed as Python: papermill's own inspection skips every line with a second "=", as in a URL or a comment.
    """
    return _parameters(_read(Path(path)), Path(path))


def normalise(nb: NotebookNode, *, record: bool = False) -> NotebookNode:
    """Return a copy of an executed notebook in normal form, which is the same on every machine.

    Removed are timings, metadata of papermill and widgets, the language version, empty tags, standard error (progress
    and warnings), and all but the last line of expected errors, because tracebacks contain paths and line numbers.
    Parts of one stream are merged, and carriage returns applied. Random, missing and duplicate cell ids are replaced by
    a hash of the cell's text; ids chosen by the author stay.

    `record=True` keeps standard error and tracebacks, as evidence of a failed run.
    """
    import nbformat
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    nb = nbformat.from_dict(json.loads(json.dumps(nb)))
    author_ids = _author_ids(nb)
    if nb.nbformat_minor < 5:
        nb = nbformat.v4.upgrade(nb)
    for name in ("papermill", "widgets", "orig_nbformat_minor", "signature"):
        nb.metadata.pop(name, None)
    nb.metadata["kernelspec"] = dict(KERNELSPEC)
    nb.metadata["language_info"] = {"name": "python"}
    taken: set[str] = set(filter(None, author_ids))
    for cell, identity in zip(nb.cells, author_ids, strict=True):
        cell["id"] = identity or _hashed_id(cell, taken)
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        if cell.metadata.get("tags") == []:
            del cell.metadata["tags"]
        if cell.cell_type == "code" and not record:
            cell.outputs = [_normalise_output(output) for output in cell.outputs if output.get("name") != "stderr"]
    nb, _ = CoalesceStreamsPreprocessor().preprocess(nb, {})
    return nb


def dumps(nb: NotebookNode, *, record: bool = False) -> str:
    """The file content of a notebook in normal form: keys sorted, one newline at the end."""
    import nbformat

    text: str = nbformat.writes(normalise(nb, record=record), indent=1, sort_keys=True, ensure_ascii=False)
    return text.rstrip("\n") + "\n"


def _read(path: Path) -> NotebookNode:
    """Read a notebook with papermill, which adds the metadata that it needs later."""
    import nbformat
    from papermill.iorw import load_notebook_node

    try:
        nb: NotebookNode = load_notebook_node(str(path))
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"{path}: not found") from None
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, KeyError, AttributeError) as error:
        raise UsageError(f"{path}: not a notebook ({str(error).splitlines()[0]})") from error
    return nb


def _inject(nb: NotebookNode, path: Path, parameters: Mapping[str, Any]) -> None:
    """Insert the parameters after the cell of their defaults, as papermill does. Raises UsageError for unknown ones."""
    if not parameters:
        return
    from papermill.parameterize import parameterize_notebook

    known = _parameters(nb, path)
    if unknown := [name for name in parameters if name not in known]:
        choices = f"choose from {', '.join(known)}" if known else "it has no parameters"
        raise UsageError(f"{path}: unknown parameter {', '.join(unknown)}; {choices}")
    try:
        plain = json.loads(json.dumps(dict(parameters)))
    except TypeError as error:
        raise UsageError(f"{path}: parameter values must be JSON-serialisable ({error})") from error
    nb.cells = parameterize_notebook(nb, plain, kernel_name=KERNELSPEC["name"], language="python").cells


def _parameters(nb: NotebookNode, path: Path) -> dict[str, Any]:
    from papermill.utils import find_first_tagged_cell_index

    index = find_first_tagged_cell_index(nb, "parameters")
    if index < 0:
        return {}
    try:
        statements = ast.parse(nb.cells[index].source).body
    except SyntaxError as error:
        raise UsageError(f"{path}: the parameters cell is not Python ({error})") from error
    parameters: dict[str, Any] = {}
    for statement in statements:
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets = [statement.target]
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                parameters[target.id] = _literal(statement.value)
    return parameters


def _literal(value: ast.expr | None) -> Any:
    try:
        return ast.literal_eval(value) if value is not None else ...
    except ValueError:
        return ...


def _execute(
    nb: NotebookNode,
    path: Path,
    env: Mapping[str, str],
    timeout: float | None,
    on_cell: Callable[[int, int], None] | None,
) -> str | None:
    """Run the cells and set their outputs. Returns None, or one line about the cell that failed.

    The loop and the marks at an error follow papermill: NotebookClient.execute() takes Ctrl-C away from the caller.
    `sys.exit(0)` ends a notebook early and is not a failure.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from nbconvert.preprocessors import ClearOutputPreprocessor
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import raise_for_execution_errors, remove_error_markers

    ClearOutputPreprocessor().preprocess(remove_error_markers(nb), {})
    with tempfile.TemporaryDirectory(prefix="esaws-ipython-") as ipython_dir:
        client = NotebookClient(
            nb,
            km=_kernel_manager(ipython_dir),
            timeout=None if timeout is None else max(1, round(timeout)),
            record_timing=False,
            store_widget_state=False,
            raise_on_iopub_timeout=True,
        )
        # In a fresh IPython folder, because startup files and settings of the user would change what cells print.
        kernel = {"cwd": str(path.resolve().parent), "env": {**env, "IPYTHONDIR": ipython_dir}, "cleanup_kc": True}
        code = [index for index, cell in enumerate(nb.cells) if cell.cell_type == "code"]
        with client.setup_kernel(**kernel):
            for n, index in enumerate(code, start=1):
                if on_cell is not None:
                    on_cell(n, len(code))
                cell = nb.cells[index]
                try:
                    client.execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
                except CellExecutionError as error:
                    if error.ename == "SystemExit" and error.evalue in {"", "0"}:
                        return None
                    break
                except (CellTimeoutError, DeadKernelError) as error:
                    _add_error(cell, client, error)
                    break
            else:
                return None
    try:
        raise_for_execution_errors(nb, None)
    except PapermillExecutionError as error:
        message = f"{error.ename}: {error.evalue}" if error.evalue else error.ename
        return f"{path}, cell [{error.exec_count}]: {message}"
    return None


def kernel_sockets(folder: str) -> dict[str, str]:
    """Settings of a KernelManager that talks to its kernel through sockets in `folder` instead of ports.

    Jupyter finds free ports and releases them; if another process takes one before the kernel does, the kernel dies.
    Windows has ports only, and macOS limits socket names to 103 characters.
    """
    ip = str(Path(folder, "kernel"))
    return {"transport": "ipc", "ip": ip} if os.name == "posix" and len(os.fsencode(ip)) < 100 else {}


def _kernel_manager(folder: str) -> Any:
    """A manager of kernels of this Python: without folders to search, "python3" is ipykernel's own."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    return AsyncKernelManager(
        kernel_name=KERNELSPEC["name"],
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        transport_encryption="auto",
        **kernel_sockets(folder),
    )


def _add_error(cell: NotebookNode, client: NotebookClient, error: Exception) -> None:
    """Add the error to the cell's outputs, which a timed-out or dead kernel can't do itself."""
    import nbformat

    message = {"CellTimeoutError": f"the cell took more than {client.timeout} s"}.get(type(error).__name__, str(error))
    line = f"{type(error).__name__}: {message}"
    cell.execution_count = client.code_cells_executed
    cell.outputs.append(nbformat.v4.new_output("error", ename=type(error).__name__, evalue=message, traceback=[line]))


def _author_ids(nb: NotebookNode) -> list[str | None]:
    """The id of each cell that its author chose; None if it is random or a duplicate."""
    seen: set[str] = set()
    ids: list[str | None] = []
    for cell in nb.cells:
        identity = cell.get("id", "")
        keep = bool(identity) and not _RANDOM_ID.fullmatch(identity) and identity not in seen
        ids.append(identity if keep else None)
        seen.add(identity)
    return ids


def _hashed_id(cell: NotebookNode, taken: set[str]) -> str:
    text, n = f"{cell.cell_type}\n{cell.source}", 0
    while (identity := hashlib.sha256(f"{text}\n{n}".encode()).hexdigest()[:8]) in taken:
        n += 1
    taken.add(identity)
    return identity


def _normalise_output(output: NotebookNode) -> NotebookNode:
    if output.output_type == "error":
        output.traceback = output.traceback[-1:]
    output.get("data", {}).pop(_WIDGET_VIEW, None)
    return output


def _write(path: Path, text: str) -> None:
    """Write the file in one step, and not at all if its content is the same."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)


def main(arguments: list[str]) -> int:
    """`python -m esaws.notebooks FILE…`: execute notebooks in place, as `make notebooks` does."""
    if not arguments:
        print("usage: python -m esaws.notebooks FILE…", file=sys.stderr)
        return 2

    def report(run: NotebookRun) -> None:
        if run.status != "running":
            print(
                f"{run.status:6} {run.seconds:6.1f} s  {run.notebook}", *([run.error] if run.error else []), sep="\n  "
            )

    return 0 if all(run.ok for run in run_notebooks(arguments, in_place=True, on_progress=report)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
