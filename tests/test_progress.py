"""Progress: one updated line in a notebook, a line every ten seconds without a terminal."""

import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from esaws import progress as progress_module
from esaws.notebooks import run_notebook
from esaws.progress import list_names, progress, reporting

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


def test_short_work_prints_nothing_without_a_terminal(capfd):
    with progress("deploy", 1) as bar:
        bar.step("a")
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def lines(monkeypatch, capsys):
    """Print a line every hundredth of a second; return a function that waits for the next one."""
    monkeypatch.setattr(progress_module, "SECONDS", 0.01)

    def next_line():
        deadline = time.monotonic() + 10
        capsys.readouterr()
        while time.monotonic() < deadline:
            if "\n" in (printed := capsys.readouterr().err):
                return printed.splitlines()[0]
            time.sleep(0.005)
        raise AssertionError("no line was printed")

    return next_line


def test_long_work_prints_what_it_waits_for_without_a_terminal(lines):
    with progress("deploy", 9) as bar:
        assert lines() == "deploy: 0 of 9; 0 s"
        bar.step("VPC vpc")
        bar.wait_for(["DBInstance database", "Broker broker"])
        assert lines() == "deploy: 1 of 9, waiting for Broker broker, DBInstance database; 0 s"


def test_the_innermost_work_is_printed(lines):
    with reporting(lambda: "esaws deploy: 7 API calls"):
        assert lines() == "esaws deploy: 7 API calls; 0 s"
        with progress("serving", 2):
            assert lines() == "serving: 0 of 2; 0 s"
        assert lines() == "esaws deploy: 7 API calls; 0 s"


def test_no_line_is_printed_after_the_end(lines, capsys):
    with progress("deploy", 1):
        lines()
    time.sleep(0.05)
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_an_interrupt_says_what_was_in_progress():
    with pytest.raises(KeyboardInterrupt) as interrupt, reporting(lambda: "esaws park"), progress("park", 2) as bar:
        bar.wait_for(["DBInstance database"])
        raise KeyboardInterrupt
    assert interrupt.value.__notes__ == ["park: 0 of 2, waiting for DBInstance database"]


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), ("ba", "a, b"), ("cab", "a, b, c"), ("dcba", "a, b, c and 1 more")],
)
def test_many_names_are_shortened(names, text):
    assert list_names(names) == text
