"""Each notebook of the course and its labs, run as learners run it: cells twice, restarted, interrupted by a stop."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

from esaws.course.worlds import stop_all
from esaws.environment import environment_variables
from esaws.notebooks import KERNEL_ENV, run_notebook
from esaws.notebooks.kernel import KERNELSPEC, kernel_sockets

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(
    [*(ROOT / "notebooks" / "course").glob("[0-9][0-9]_*.ipynb"), *(ROOT / "notebooks" / "labs").glob("*.ipynb")]
)
COURSE = [path for path in NOTEBOOKS if path.parent.name == "course"]
CELL_SECONDS = 300

pytestmark = [pytest.mark.slow, pytest.mark.server]
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


class Kernel:
    """A kernel that runs cells one at a time, in a state folder of its own."""

    def __init__(self, folder: Path, cwd: Path) -> None:
        self.variables = {**KERNEL_ENV, "ESAWS_STATE": str(folder / "state"), "ESAWS_RUNS": str(folder / "runs")}
        self._cwd = str(cwd)
        self._manager = KernelManager(kernel_name=KERNELSPEC["name"], **kernel_sockets(str(folder)))

    def start(self) -> None:
        with environment_variables(self.variables):
            self._manager.start_kernel(cwd=self._cwd)
        self._connect()

    def restart(self) -> None:
        """Restart it as JupyterLab does: the kernel may end by itself first."""
        self._client.stop_channels()
        with environment_variables(self.variables):
            self._manager.restart_kernel(now=False)
        self._connect()

    def run(self, source: str) -> str:
        """Run a cell. Returns "", or the error: its name and text."""
        reply: dict[str, Any] = self._client.execute_interactive(
            source, timeout=CELL_SECONDS, allow_stdin=False, output_hook=self._hear
        )
        content = reply["content"]
        return "" if content["status"] == "ok" else self._error or f"{content['ename']}: {content['evalue']}"

    def stop(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=False)
        with environment_variables({"ESAWS_COURSE": f"{self.variables['ESAWS_STATE']}/course"}):
            stop_all()

    def _connect(self) -> None:
        self._error = ""
        self._client: BlockingKernelClient = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    def _hear(self, message: dict[str, Any]) -> None:
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "busy":
            self._error = ""
        if message["msg_type"] == "error":
            self._error = f"{message['content']['ename']}: {message['content']['evalue']}"


@pytest.fixture
def kernel(path: Path, tmp_path: Path) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path, path.parent)
    kernel.start()
    yield kernel
    kernel.stop()


class Section:
    """A heading with its code cells; `fails` has the indices of cells that are meant to fail."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.cells: list[tuple[str, bool]] = []


def read(path: Path) -> tuple[list[str], list[Section]]:
    """The code of a notebook: the cells up to `begin`, then sections."""
    nb = nbformat.read(path, as_version=4)
    code = [index for index, cell in enumerate(nb.cells) if cell.cell_type == "code"]
    first = next(index for index in code if re.search(r"course\.(begin|lab)\(", nb.cells[index].source))
    sections = [Section("")]
    for cell in nb.cells[first + 1 :]:
        if cell.cell_type == "markdown" and re.search(r"^## ", cell.source, re.MULTILINE):
            sections.append(Section(re.findall(r"^## (.+)$", cell.source, re.MULTILINE)[-1]))
        elif cell.cell_type == "code":
            sections[-1].cells.append((cell.source, "raises-exception" in cell.metadata.get("tags", ())))
    setup = [nb.cells[index].source for index in code if index <= first]
    return setup, [section for section in sections if section.cells]


@pytest.mark.course
@each_notebook
def test_every_cell_runs_twice_and_every_section_runs_after_a_restart(path: Path, kernel: Kernel) -> None:
    setup, sections = read(path)
    for number, section in enumerate(sections):
        if number:
            kernel.restart()
        for source in setup:
            for _ in range(2):
                assert not (error := kernel.run(source)), f"{section.title}, set-up: {source}\n{error}"
        for source, fails in section.cells:
            for time in ("first", "second"):
                error = kernel.run(source)
                assert fails or not error, f"section {section.title!r}, the {time} time: {source}\n{error}"


@pytest.mark.course
@each_notebook
def test_a_local_aws_that_stops_is_named_and_begin_continues(path: Path, kernel: Kernel) -> None:
    setup, sections = read(path)
    for source in setup:
        assert not kernel.run(source)
    stop = "from esaws.local_aws import process\n_ = process.stop()"
    for section in sections[: len(sections) // 2 + 1]:
        for place, (source, fails) in enumerate(section.cells):
            if place == len(section.cells) // 2:
                assert not kernel.run(stop)
                error = kernel.run(source)
                assert fails or not error or "is not running" in error, f"{section.title}: {source}\n{error}"
                assert not (error := kernel.run(setup[-1])), error
            error = kernel.run(source)
            assert fails or not error, f"section {section.title!r}: {source}\n{error}"


@pytest.mark.course
def test_notebooks_say_the_same_after_all_others(tmp_path: Path) -> None:
    variables = {"ESAWS_STATE": str(tmp_path / "state"), "ESAWS_RUNS": str(tmp_path / "runs")}
    different = []
    with environment_variables({"ESAWS_COURSE": str(tmp_path / "state" / "course")}):
        for path in reversed(COURSE):
            run = run_notebook(path, tmp_path / path.name, kernel_env=variables)
            same = run.ok and (tmp_path / path.name).read_bytes() == path.read_bytes()
            different += [] if same else [run.error or path.name]
        stop_all()
    assert not different


@each_notebook
def test_the_learner_s_cells_have_a_start_and_a_name_that_stays(path: Path) -> None:
    nb = nbformat.read(path, as_version=4)
    yours = [cell for cell in nb.cells if "yours" in cell.metadata.get("tags", ())]
    assert yours, "the learner has nothing to write"
    for cell in yours:
        assert "starter" in cell.metadata and cell.metadata.starter != cell.source
        assert not re.fullmatch(r"[0-9a-f]{8}", cell.id), f"give the cell an id: {cell.source}"
