"""Progress: one updated line in a notebook, nothing without a terminal."""

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from esaws.notebooks import run_notebook
from esaws.progress import progress

LOOP = """\
from esaws.progress import progress
with progress("deploy", 3) as bar:
    for name in ("a long name of something", "b", "c"):
        bar.step(name)"""


def test_a_notebook_keeps_only_the_last_state(tmp_path):
    path = tmp_path / "loop.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(LOOP)]), path)
    assert run_notebook(path, path).ok
    (output,) = nbformat.read(path, 4).cells[0].outputs
    assert (output.name, output.text) == ("stdout", "deploy: 3 of 3\n")


def test_without_a_terminal_nothing_is_printed(capfd):
    with progress("deploy", 1) as bar:
        bar.step("a")
    assert capfd.readouterr() == ("", "")
