"""Run notebooks with parameters, so that the same notebook gives the same file, byte for byte, whoever runs it.

Jupyter's libraries are imported where they are used: they take a second, and the command line must answer at once.
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

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

KERNEL_ENV: Mapping[str, str] = {"PYTHONHASHSEED": "0", "TZ": "UTC", "COLUMNS": "100", "SOURCE_DATE_EPOCH": "0"}
"""What every kernel is started with, over the environment of the caller: outputs must not depend on the machine."""

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

_RANDOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}")
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class NotebookRun:
    """What became of one notebook.

    `status` is "ok" or "failed" ("running" while `on_progress` is told of the start), `seconds` wall time, `error` one
    line that names notebook, cell and exception, `output` the file that was written, None if none was.
    """

    notebook: Path
    output: Path | None = None
    status: str = "ok"
    seconds: float = 0.0
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether every cell ran as it should."""
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
    """Execute one notebook in a new kernel of this very Python, in the notebook's folder, and say how it went.

    `parameters` override the cell tagged `parameters`; a name it does not set raises UsageError. `kernel_env` is added
    to the caller's environment. `timeout` is in seconds, for each cell. `on_cell(n, of)` is told before each code cell.

    A cell that fails is no exception here but a status. The executed notebook is then written all the same, with
    papermill's marks at the error, unless `output` is the notebook itself: a source is only replaced by a success.
    Outputs are in the normal form of `normalise`; a failed run keeps its standard error and whole tracebacks.
    """
    path = Path(path)
    output = None if output is None else Path(output)
    began = time.monotonic()
    nb = _read(path)
    _inject(nb, path, parameters or {})
    error = _execute(nb, path, {**os.environ, **KERNEL_ENV, **(kernel_env or {})}, timeout, on_cell)
    in_place = output is not None and output.resolve() == path.resolve()
    written = None if error and in_place else output
    if written is not None:
        _write(written, dumps(nb, record=error is not None))
    status = "failed" if error else "ok"
    return NotebookRun(path, written, status, round(time.monotonic() - began, 3), error)


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
    """Execute notebooks one after the other and give one NotebookRun for each that was started, in order.

    Outputs go to `output_dir` under their own names, or replace the notebooks (`in_place`), or nowhere.
    `on_progress` is told when a notebook starts (status "running") and when it has ended. One that fails does not stop
    the others unless `keep_going` is False.
    """
    if in_place and output_dir is not None:
        raise UsageError("in_place and output_dir exclude each other: name one of them")
    tell = on_progress or (lambda run: None)
    runs = []
    for path in map(Path, paths):
        output = path if in_place else Path(output_dir, path.name) if output_dir is not None else None
        tell(NotebookRun(path, status="running"))
        try:
            run = run_notebook(path, output, kernel_env=kernel_env, timeout=timeout)
        except EsawsError as error:
            run = NotebookRun(path, status="failed", error=str(error))
        tell(run)
        runs.append(run)
        if not run.ok and not keep_going:
            break
    return runs


def parameters_of(path: Path | str) -> dict[str, Any]:
    """The names that the cell tagged `parameters` sets, in order, with their defaults; `...` for no literal."""
    return _defaults(_read(Path(path)), Path(path))


def parameters_from_text(path: Path | str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Parameters typed by a person, as values of the type that the notebook's own default has.

    Text stays text where the default is text (`007` is a name there); elsewhere it is read as a Python literal, with
    `true` and `false` as well. Raises UsageError where the two don't fit. Unknown names are left to `run_notebook`.
    """
    defaults = parameters_of(path)
    return {name: _value(name, text, defaults.get(name, ...)) for name, text in texts.items()}


def normalise(nb: NotebookNode, *, record: bool = False) -> NotebookNode:
    """The normal form of an executed notebook, as a copy: the same run gives the same notebook on every machine.

    Gone: timings, papermill's and widgets' metadata, versions of the language, empty tags, standard error (progress and
    warnings are for the one who watches), and of expected errors all but the last line, because tracebacks name paths
    and lines. Pieces of one stream are merged and carriage returns carried out. Ids that a program made up at random,
    missing and double ones, are replaced by ones made from the cell's text; ids that people chose stay.

    `record=True` keeps standard error and tracebacks: the evidence of a run that failed.
    """
    import nbformat
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    nb = nbformat.from_dict(json.loads(json.dumps(nb)))
    chosen = _chosen_ids(nb)
    if nb.nbformat_minor < 5:
        nb = nbformat.v4.upgrade(nb)
    for name in ("papermill", "widgets", "orig_nbformat_minor", "signature"):
        nb.metadata.pop(name, None)
    nb.metadata["kernelspec"] = dict(KERNELSPEC)
    nb.metadata["language_info"] = {"name": "python"}
    taken: set[str] = set(filter(None, chosen))
    for cell, identity in zip(nb.cells, chosen, strict=True):
        cell["id"] = identity or _id_from_text(cell, taken)
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        if cell.metadata.get("tags") == []:
            del cell.metadata["tags"]
        if cell.cell_type == "code" and not record:
            cell.outputs = [_plain(output) for output in cell.outputs if output.get("name") != "stderr"]
    nb, _ = CoalesceStreamsPreprocessor().preprocess(nb, {})
    return nb


def dumps(nb: NotebookNode, *, record: bool = False) -> str:
    """The text of a notebook's file in normal form: keys sorted, one newline at the end."""
    import nbformat

    text: str = nbformat.writes(normalise(nb, record=record), indent=1, sort_keys=True, ensure_ascii=False)
    return text.rstrip("\n") + "\n"


def _read(path: Path) -> NotebookNode:
    """The notebook as papermill wants it: its metadata in place, ids kept or left for `normalise` to make."""
    import nbformat
    from papermill.iorw import load_notebook_node

    try:
        nb: NotebookNode = load_notebook_node(str(path))
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"{path} is no notebook: there is no such file") from None
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, KeyError, AttributeError) as error:
        raise UsageError(f"{path} is no notebook: {str(error).splitlines()[0]}") from error
    return nb


def _inject(nb: NotebookNode, path: Path, parameters: Mapping[str, Any]) -> None:
    """Put the parameters behind the cell of their defaults, the way papermill does, or refuse unknown ones."""
    if not parameters:
        return
    from papermill.parameterize import parameterize_notebook

    known = _defaults(nb, path)
    if unknown := [name for name in parameters if name not in known]:
        may = f"it takes {', '.join(known)}" if known else "it takes none"
        raise UsageError(f"{path} has no parameter {', '.join(unknown)}: {may}")
    try:
        plain = json.loads(json.dumps(dict(parameters)))
    except TypeError as error:
        raise UsageError(f"a parameter of {path} is neither text, number, truth, list nor dict: {error}") from error
    nb.cells = parameterize_notebook(nb, plain, kernel_name=KERNELSPEC["name"], language="python").cells


def _defaults(nb: NotebookNode, path: Path) -> dict[str, Any]:
    from papermill.utils import find_first_tagged_cell_index

    index = find_first_tagged_cell_index(nb, "parameters")
    if index < 0:
        return {}
    try:
        statements = ast.parse(nb.cells[index].source).body
    except SyntaxError as error:
        raise UsageError(f"{path}: its parameters cell is not Python: {error}") from error
    found: dict[str, Any] = {}
    for statement in statements:
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets = [statement.target]
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                found[target.id] = _literal(statement.value)
    return found


def _literal(value: ast.expr | None) -> Any:
    try:
        return ast.literal_eval(value) if value is not None else ...
    except ValueError:
        return ...


def _value(name: str, text: str, default: Any) -> Any:
    if isinstance(default, str):
        return text
    try:
        value = ast.literal_eval({"true": "True", "false": "False", "none": "None"}.get(text.lower(), text))
    except (ValueError, SyntaxError):
        value = text
    fits = default is None or default is ... or value is None or type(value) is type(default)
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if not fits:
        raise UsageError(f"{name} is {type(default).__name__} (by default {default!r}), which {text!r} is not")
    return value


def _execute(
    nb: NotebookNode,
    path: Path,
    env: Mapping[str, str],
    timeout: float | None,
    on_cell: Callable[[int, int], None] | None,
) -> str | None:
    """Run the cells and fill in their outputs; None, or one line about the cell that failed.

    The loop is papermill's rather than NotebookClient.execute(): that one takes Ctrl-C away from the caller. So are the
    marks at an error. `sys.exit(0)` ends a notebook early and is no failure.
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
        # A fresh IPython folder: start-up files and settings of the user's would change what cells print.
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
                    _mark(cell, client, error)
                    break
            else:
                return None
    try:
        raise_for_execution_errors(nb, None)
    except PapermillExecutionError as error:
        told = f"{error.ename}: {error.evalue}" if error.evalue else error.ename
        return f"{path}, cell [{error.exec_count}]: {told}"
    return None


def kernel_sockets(folder: str) -> dict[str, str]:
    """Settings of a KernelManager whose kernel is talked to by sockets in `folder`, not by ports.

    Jupyter looks for free ports and lets go of them again; until the kernel has come up and takes them, another process
    may, and the kernel dies. Windows has ports alone, and names of sockets end at 103 characters on macOS.
    """
    ip = str(Path(folder, "kernel"))
    return {"transport": "ipc", "ip": ip} if os.name == "posix" and len(os.fsencode(ip)) < 100 else {}


def _kernel_manager(folder: str) -> Any:
    """Starts kernels with this Python alone: searched in no folder, "python3" is the one that ipykernel itself is."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    return AsyncKernelManager(
        kernel_name=KERNELSPEC["name"],
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        transport_encryption="auto",
        **kernel_sockets(folder),
    )


def _mark(cell: NotebookNode, client: NotebookClient, error: Exception) -> None:
    """Note in the cell what the kernel could not say itself any more."""
    import nbformat

    told = {"CellTimeoutError": f"the cell took more than {client.timeout} s"}.get(type(error).__name__, str(error))
    line = f"{type(error).__name__}: {told}"
    cell.execution_count = client.code_cells_executed
    cell.outputs.append(nbformat.v4.new_output("error", ename=type(error).__name__, evalue=told, traceback=[line]))


def _chosen_ids(nb: NotebookNode) -> list[str | None]:
    """For each cell the id that somebody chose for it; None where a program made it up, or where it is a double."""
    seen: set[str] = set()
    chosen: list[str | None] = []
    for cell in nb.cells:
        identity = cell.get("id", "")
        keep = bool(identity) and not _RANDOM_ID.fullmatch(identity) and identity not in seen
        chosen.append(identity if keep else None)
        seen.add(identity)
    return chosen


def _id_from_text(cell: NotebookNode, taken: set[str]) -> str:
    text, n = f"{cell.cell_type}\n{cell.source}", 0
    while (identity := hashlib.sha256(f"{text}\n{n}".encode()).hexdigest()[:8]) in taken:
        n += 1
    taken.add(identity)
    return identity


def _plain(output: NotebookNode) -> NotebookNode:
    if output.output_type == "error":
        output.traceback = output.traceback[-1:]
    output.get("data", {}).pop(_WIDGET_VIEW, None)
    return output


def _write(path: Path, text: str) -> None:
    """All or nothing, and not at all where nothing changed."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def main(arguments: list[str]) -> int:
    """`python -m esaws.notebooks FILE…`: execute notebooks in place; what `make notebooks` does."""
    if not arguments:
        print("name the notebooks to execute in place", file=sys.stderr)
        return 2

    def tell(run: NotebookRun) -> None:
        if run.status != "running":
            print(
                f"{run.status:6} {run.seconds:6.1f} s  {run.notebook}", *([run.error] if run.error else []), sep="\n  "
            )

    return 0 if all(run.ok for run in run_notebooks(arguments, in_place=True, on_progress=tell)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
