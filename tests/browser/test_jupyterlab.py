"""Each notebook in a real JupyterLab, by the keyboard and the menus, as a learner runs it on a small laptop."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest

from tests.browser.lab import Lab
from tests.browser.server import JupyterServer

ROOT = Path(__file__).resolve().parents[2]
COURSE = sorted((ROOT / "notebooks" / "course").glob("[0-9][0-9]_*.ipynb"))
COSTS = sorted((ROOT / "notebooks" / "costs").glob("*.ipynb"))
LABS = [
    ROOT / "notebooks" / "labs" / f"{name}.ipynb"
    for name in ("wrong-page", "answers-lost", "endless-restart", "lame-instance", "errors-on-data", "heavy-storage")
]
"""One of each family."""
PICTURES = {"image/png", "image/svg+xml"}


def notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook of the repository, with its outputs and with right solutions."""
    return nbformat.read(path, as_version=4)


def answers(path: Path) -> dict[str, str]:
    """The solutions of the cells that a learner writes, by the id of the cell."""
    return {cell.id: cell.source for cell in notebook(path).cells if "yours" in cell.metadata.get("tags", ())}


def meant_to_fail(path: Path) -> set[str]:
    return {cell.id for cell in notebook(path).cells if "raises-exception" in cell.metadata.get("tags", ())}


def verdict(text: str) -> str:
    """The ✔ or ✘ with which a check begins, or ""."""
    return next((line[0] for line in text.splitlines() if line.startswith(("✔", "✘"))), "")


def verdicts(path: Path) -> dict[str, str]:
    """What the checks of the executed notebook say, by the id of the cell."""
    outputs = [(cell.id, output) for cell in notebook(path).cells for output in cell.get("outputs", ())]
    shown = {identity: verdict(output.get("data", {}).get("text/plain", "")) for identity, output in outputs}
    return {identity: sign for identity, sign in shown.items() if sign}


def number_of_pictures(path: Path) -> int:
    """How many outputs of a notebook are pictures."""
    outputs = [output for cell in notebook(path).cells for output in cell.get("outputs", ())]
    return sum(not PICTURES.isdisjoint(output.get("data", {})) for output in outputs)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def run_to_its_end(path: Path, lab: Lab) -> None:
    """Type the answers in and run all: only the errors that are meant, and the same checks are green."""
    lab.open(relative(path))
    for identity, source in answers(path).items():
        lab.type_into(identity, source)
    lab.run_all()
    errors = {cell.id: cell.error for cell in lab.cells() if cell.error}
    assert set(errors) == meant_to_fail(path), errors
    assert {cell.id: sign for cell in lab.cells() if (sign := verdict(cell.text))} == verdicts(path)


@pytest.mark.parametrize("path", [*COURSE, *COSTS, *LABS], ids=lambda path: path.stem)
def test_a_notebook_with_the_answers_typed_in_runs_to_its_end(path: Path, lab: Lab) -> None:
    run_to_its_end(path, lab)
    for theme in ("Light", "Dark"):
        lab.choose_theme(theme)
        seen = lab.look(f"{path.stem}-{theme.lower()}")
        assert not seen.faults
        assert seen.pictures >= number_of_pictures(path)


def test_a_learner_types_a_solution_and_goes_on_after_a_restart(lab: Lab) -> None:
    path = COURSE[0]
    written, code = answers(path), [cell for cell in notebook(path).cells if cell.cell_type == "code"]
    lab.open(relative(path))
    lab.put_back({cell.id: cell.metadata.get("starter", cell.source) for cell in code})
    begin, end = (
        next(n for n, cell in enumerate(code) if text in cell.source) for text in ("course.begin(", "course.end(")
    )
    middle = next(n for n, cell in enumerate(code) if 'exercise("00-association")' in cell.source)
    unsolved = {}
    for cell in code[:middle]:
        lab.run_cell(cell.id)  # the cells of the learner as they are given, so that no check is green
        unsolved[cell.source] = lab.cell(cell.id).text
    assert "✘" in unsolved['course.check("00-by-hand")']
    for cell in code[:middle]:
        if cell.id in written:
            lab.type_into(cell.id, written[cell.id])
            lab.run_cell(cell.id)
    check = next(cell.id for cell in code if cell.source == 'course.check("00-by-hand")')
    assert lab.run_cell(check).text.startswith("✔")

    lab.restart_kernel()
    for cell in [*code[: begin + 1], *code[middle : end + 1]]:
        if cell.id in written:
            lab.type_into(cell.id, written[cell.id])
        shown = lab.run_cell(cell.id)
        assert not shown.error
        assert not cell.source.startswith("course.check") or shown.text.startswith("✔")


@pytest.mark.parametrize("path", [*COURSE, *COSTS], ids=lambda path: path.stem)
def test_the_pictures_of_a_notebook_are_there_before_it_is_trusted(
    path: Path, lab: Lab, jupyter: JupyterServer
) -> None:
    shown = jupyter.folder / "notebooks" / path.parent.name / f"shown_{path.name}"
    shutil.copyfile(path, shown)
    lab.open(relative(path.with_name(shown.name)))
    seen = lab.look(f"{path.stem}-untrusted")
    assert not seen.faults
    assert seen.pictures >= number_of_pictures(path)


@pytest.mark.usefixtures("running_system")
@pytest.mark.parametrize(
    "name, changes", [("status", {}), ("scale_a_service", {"service": "client-web-ui", "desired": 3})]
)
def test_a_runbook_with_its_parameters_typed_in_runs_to_its_record(
    name: str, changes: dict[str, object], lab: Lab
) -> None:
    path = ROOT / "notebooks" / "runbooks" / f"{name}.ipynb"
    parameters = next(cell for cell in notebook(path).cells if "parameters" in cell.metadata.get("tags", ()))
    source = parameters.source
    for parameter, value in changes.items():
        source = re.sub(rf"^({parameter}: .+? = )\S+", rf"\g<1>{value!r}", source, flags=re.MULTILINE)
    lab.open(relative(path))
    lab.type_into(parameters.id, source)
    lab.run_all()
    cells = lab.cells()
    assert not [cell.error for cell in cells if cell.error]
    assert "done" in cells[-1].text
    assert not lab.look(f"runbook-{name}").faults
