"""Write notebooks/labs/*.ipynb from the declarations of the labs: `python docs/labs.py [NAME…]`.

The cells are written without outputs; `python -m esaws.dev notebooks FILE…` executes them. A notebook whose code is the
same already keeps its outputs.
"""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from esaws.course.checking import solution_code
from esaws.course.labs.families import all_labs, find_lab
from esaws.course.labs.lab import Lab
from esaws.notebooks import dumps

FOLDER = Path(__file__).resolve().parents[1] / "notebooks" / "labs"
WIDTH = 88
METADATA = {
    "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3 (ipykernel)"},
    "language_info": {"name": "python"},
}

TITLE = """\
# {lab.title}

You find one fault in a running system, prove it, and repair it. The place is for you to find.

**Cost** nothing: a lab runs on a [local AWS](../../docs/glossary.md#local-aws) alone. **Time** {lab.minutes} minutes.
**Left behind** nothing: the last cell deletes the system."""

LEVEL = """\
## Start

First choose what you may use. Level 1 allows all tools. Level 2 takes `findings` and `health` away. At level 3 you have
the [AWS CLI](../../docs/glossary.md#aws-cli) and [boto3](../../docs/glossary.md#boto3) alone. Take level 1 if this is
your first lab, and come back for the others."""

START = """\
The next cell builds SecCom in an empty local AWS of this lab alone. Then it breaks one thing, and shows what users
report. This takes some seconds. Run the cell again at any time: it goes on from there. With `start_over=True` it breaks
a new system."""

LOOK = """\
## Look

A monitor outside of the system tries everything that users need, every minute. Its table says what works and what does
not. It does not say why. Read it before you look at any setting: which lines are red, and what do they share? Then
follow one request that fails, step by step, and note the last step that still works. The fault is in the next one."""

CAUSES = """\
## Diagnose

A diagnosis is a cause and one piece of evidence. You hand it in before you change anything, because a repair destroys
the evidence. The table has every cause that you can name, for all labs. Most of them are not yours."""

DIAGNOSE = """\
The evidence is one fact: a resource, and the value that you found there. You have three tries. `lab.hint()` helps by
degrees: first a question, then a place to look, then the call. The cell here shows the diagnosis of the solution; in
your copy you write your own."""

REPAIR = """\
## Repair

Now remove the cause. Change as little as you can: the check compares the account with the one before the fault. It
refuses a repair that opens a door to the world, relaxes a
[health check](../../docs/glossary.md#health-check), or replaces what was never broken. `lab.mine`
has the values that the report names."""

WAIT = """\
The system needs some minutes, and this clock stands still until you move it. Let ten minutes pass
before you look at the monitor again."""

AGAIN = """\
Is every line green now? A green monitor is not the end: it does not see what you opened, or what will fail tonight."""

CHECK = """\
Now the check. It works on a copy of your account, half an hour later. It wants to see that all works, that the cause is
gone, and that nothing else has changed. A ✘ says what it found, and where to look. In a class you hand in your best
check with its diagnosis: `esaws course submit` writes the file."""

END = """\
## End

The last cell deletes the system of this lab. You can begin the lab again at another level, or for practice with another
seed: `course.lab("{lab.name}", level=2, seed="7")`."""

NEXT = """\
Next: [the clinic](../course/19_clinic.ipynb) says how to search, and `esaws lab list` shows all labs."""


def cells_of(lab: Lab) -> list[nbformat.NotebookNode]:
    """Return the cells of the notebook of a lab."""

    def text(template: str) -> nbformat.NotebookNode:
        return new_markdown_cell(template.format(lab=lab))

    def yours(name: str, source: str, starter: str) -> nbformat.NotebookNode:
        return new_code_cell(source, id=f"{name}-yours", metadata={"tags": ["yours"], "starter": starter})

    repair = silent(formatted_repairs()[lab.name])
    cells = [
        text(TITLE),
        text(LEVEL),
        new_code_cell("level: int = 1  # 1, 2 or 3", metadata={"tags": ["parameters"]}),
        text(START),
        new_code_cell(
            f'from esaws import course, inventory, simulation\n\nlab = course.lab("{lab.name}", level=level)'
        ),
        text(LOOK),
        yours("look", "lab.monitor()", "# Show the monitor. Then look with the tools of your level.\n"),
        text(CAUSES),
        new_code_cell("lab.causes"),
        text(DIAGNOSE),
        yours(
            "diagnosis",
            f'print(lab.evidence)\nlab.diagnose("{lab.cause}", lab.evidence)',
            'lab.diagnose("…", "…: …")  # a cause of the table, and a resource with a value\n',
        ),
        text(REPAIR),
        yours(
            "repair",
            f"cloud, mine = lab.cloud, lab.mine\n{repair}",
            "cloud, mine = lab.cloud, lab.mine\n# Repair the system, with `!aws …` or cloud.client(…).\n",
        ),
        text(WAIT),
        new_code_cell('end = simulation.advance(lab.cloud, "10m")'),
        text(AGAIN),
        new_code_cell("lab.monitor()"),
        text(CHECK),
        new_code_cell("result = lab.check()\nassert result.ok, str(result)\nresult"),
        text(END),
        new_code_cell("lab.end()"),
        text(NEXT),
    ]
    for number, cell in enumerate(cells):
        if "yours" not in cell.get("id", ""):
            cell["id"] = f"cell-{number}"
    return cells


@cache
def formatted_repairs() -> dict[str, str]:
    """Return the code of each lab's repair, by the lab's name, with lines that fit a notebook."""
    short = "format.skip-magic-trailing-comma=true"
    with TemporaryDirectory() as name:
        folder = Path(name)
        for lab in all_labs():
            (folder / f"{lab.name}.py").write_text(solution_code(lab.repair), encoding="utf-8")
        command = [sys.executable, "-m", "ruff", "format", "--config", short, "--line-length", str(WIDTH), name]
        subprocess.run(command, capture_output=True, check=True)
        return {path.stem: path.read_text(encoding="utf-8").strip() for path in folder.glob("*.py")}


def silent(code: str) -> str:
    """Return code for a cell that shows no answer of AWS, whose ids differ in each run."""
    return f"{code};" if isinstance(ast.parse(code).body[-1], ast.Expr) else code


def is_current(path: Path, cells: list[nbformat.NotebookNode]) -> bool:
    """Whether a notebook has these cells already."""
    if not path.exists():
        return False
    kept = nbformat.read(path, 4).cells
    return [(cell.id, cell.source) for cell in kept] == [(cell.id, cell.source) for cell in cells]


def with_outputs(path: Path, cells: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Return the cells with the outputs of a notebook whose code is the same; without outputs if it is another."""
    kept = {cell.id: cell for cell in nbformat.read(path, 4).cells} if path.exists() else {}
    code = [cell for cell in cells if cell.cell_type == "code"]
    if all(cell.id in kept and kept[cell.id].source == cell.source for cell in code):
        for cell in code:
            cell.update(outputs=kept[cell.id].outputs, execution_count=kept[cell.id].execution_count)
    return cells


def main(names: list[str]) -> None:
    """Write the notebooks of some labs, or of all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for lab in [find_lab(name) for name in names] or all_labs():
        path, cells = FOLDER / f"{lab.name}.ipynb", cells_of(lab)
        if not is_current(path, cells):
            notebook = new_notebook(cells=with_outputs(path, cells), metadata=METADATA)
            path.write_text(dumps(notebook), encoding="utf-8")
            print(path.relative_to(FOLDER.parents[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
