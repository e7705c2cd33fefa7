"""What the kernel knows of its notebook: the cells so far, the file, and the parameters that were given."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esaws.errors import UsageError
from esaws.masking import mask_json
from esaws.runbooks.declaration import INJECTED_BY_PAPERMILL, Declaration, is_declaration, parse_declaration

INJECTED_HEAD = "# Parameters"
"""The first line of the cell that papermill injects."""
PARAMETERS_TAGS = frozenset({"parameters", "injected-parameters"})


@dataclass(frozen=True)
class Session:
    """A notebook that runs: the IPython shell, its file if that is known, and the file it will be written to."""

    shell: Any
    notebook: Path | None
    output: Path | None

    @property
    def name(self) -> str:
        """The notebook's name without its suffix; `notebook` if its file is not known."""
        return self.notebook.stem if self.notebook else "notebook"

    @property
    def notebook_hash(self) -> str | None:
        """A hash of the code of the notebook's file without its parameters; None if the file is not known."""
        return None if self.notebook is None else hash_code(self.notebook)

    def given_parameters(self) -> tuple[Declaration, dict[str, Any]]:
        """Return the declaration of the parameters cell and the values that its names have now.

        Raises:
            UsageError: no parameters cell has run, or the injected cell has unknown names.
        """
        declaration, injected = self._cells()
        unknown = injected - set(declaration.names) - INJECTED_BY_PAPERMILL
        if unknown:
            declaration.validate(dict.fromkeys(sorted(unknown)))
        values = {name: self.shell.user_ns[name] for name in declaration.names if name in self.shell.user_ns}
        return declaration, values

    def _cells(self) -> tuple[Declaration, set[str]]:
        """The declaration of the last parameters cell that ran, and the names that an injected cell set after it."""
        history = list(self.shell.history_manager.input_hist_raw)
        for index in range(len(history) - 1, -1, -1):
            if is_declaration(history[index]):
                injected = [cell for cell in history[index + 1 :] if cell.lstrip().startswith(INJECTED_HEAD)]
                return parse_declaration(history[index], self.name), _assigned_names(injected)
        # A client that keeps no history, such as nbval, leaves the annotations of the cell.
        annotations = self.shell.user_ns.get("__annotations__") or {}
        if not annotations:
            raise UsageError(f"{self.name}: the parameters are not set; run their cell first")
        cell = "\n".join(f"{name}: {annotation!r} = ''" for name, annotation in annotations.items())
        return parse_declaration(cell, self.name), set()

    def mask_outputs(self) -> None:
        """Mask registered secrets in everything that the kernel prints or displays from now on."""
        kernel = getattr(self.shell, "kernel", None)
        if kernel is None or getattr(kernel.session, "_masks_secrets", False):
            return
        session = kernel.session
        send = session.send

        def send_masked(stream: Any, msg_or_type: Any, content: Any = None, *args: Any, **kwargs: Any) -> Any:
            if isinstance(msg_or_type, dict):
                msg_or_type = {**msg_or_type, "content": mask_json(msg_or_type.get("content", {}))}
            elif content is not None:
                content = mask_json(content)
            return send(stream, msg_or_type, content, *args, **kwargs)

        session.send, session._masks_secrets = send_masked, True


def current_session() -> Session:
    """Return the session of this kernel.

    Raises:
        UsageError: the code does not run in a notebook.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise UsageError("a runbook runs in a notebook: use `esaws run NAME`, papermill or JupyterLab")
    notebook, output = _files(shell)
    return Session(shell, notebook, output)


def hash_code(notebook: Path) -> str:
    """Return a hash of the sources of a notebook's code cells, without the parameters and the injected ones.

    Raises:
        UsageError: the file is not a notebook.
    """
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        sources = [
            "".join(cell["source"])
            for cell in cells
            if cell["cell_type"] == "code" and not PARAMETERS_TAGS & set(cell["metadata"].get("tags", ()))
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{notebook}: can't be read as a notebook ({error})") from error
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def _files(shell: Any) -> tuple[Path | None, Path | None]:
    """The notebook's file and its output, as the runner, Jupyter or papermill's command line names them."""
    for name in (os.environ.get("ESAWS_NOTEBOOK"), os.environ.get("JPY_SESSION_NAME"), _of_vs_code(shell)):
        if name and Path(name).is_file():
            output = os.environ.get("ESAWS_OUTPUT")
            return Path(name).resolve(), Path(output) if output else None
    return _files_of_papermill()


def _of_vs_code(shell: Any) -> str | None:
    return shell.user_ns.get("__vsc_ipynb_file__")


def _files_of_papermill() -> tuple[Path | None, Path | None]:
    """The input and the output that papermill's command line has; it passes neither to the kernel."""
    import psutil

    try:
        parent = psutil.Process(os.getppid())
        words, folder = parent.cmdline(), Path(parent.cwd())
    except psutil.Error:
        return None, None
    if not any(Path(word).stem == "papermill" for word in words[:4]):
        return None, None
    names = [word for word in words if word.endswith(".ipynb")]
    if not names or not (folder / names[0]).is_file():
        return None, None
    output = folder / names[1] if len(names) > 1 and "://" not in names[1] else None
    return (folder / names[0]).resolve(), output


def _assigned_names(cells: list[str]) -> set[str]:
    import ast

    return {
        target.id
        for cell in cells
        for statement in ast.parse(cell).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
