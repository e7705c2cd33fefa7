"""The notebooks in a kernel that nothing has prepared, as VS Code starts one: no settings, another path, the folder of
the notebook."""

import os
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

from esaws.course.worlds import stop_all
from esaws.environment import environment_variables
from esaws.notebooks.kernel import KERNELSPEC, kernel_sockets

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks" / "course").glob("[0-9][0-9]_*.ipynb"))

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.course]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_in_a_plain_kernel(path: Path, tmp_path: Path) -> None:
    nb = nbformat.read(path, as_version=4)
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "ESAWS_COURSE": str(tmp_path / "course")}
    manager = KernelManager(kernel_name=KERNELSPEC["name"], **kernel_sockets(str(tmp_path)))
    client = NotebookClient(nb, km=manager, timeout=300, resources={"metadata": {"path": str(path.parent)}})
    try:
        client.execute(env=environment)
    finally:
        with environment_variables({"ESAWS_COURSE": environment["ESAWS_COURSE"]}):
            stop_all()
    checks = [cell for cell in nb.cells if cell.source.startswith("course.check(")]
    shown = [output.data["text/plain"] for cell in checks for output in cell.outputs if "data" in output]
    assert len(shown) >= len(checks) and shown[-1].startswith("✔")
