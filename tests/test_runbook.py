"""A notebook run twice gives the same file; a notebook that fails says where; nothing of the machine gets in."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from esaws.errors import UsageError
from esaws.notebooks import (
    KERNEL_ENV,
    NotebookRun,
    dumps,
    normalise,
    parameters_from_text,
    notebook_parameters,
    run_notebook,
    run_notebooks,
)

Write = Callable[..., Path]

PARAMETERS = 'name: str = "world"  # who: a=b\ncount: int = 2\nshare = 0.5\nwhole: bool = False\nwhere = None'


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a notebook from its cells' sources; one given as a pair has tags, "#" opens a markdown cell."""

    def to_file(*cells: str | tuple[str, list[str]], name: str = "book.ipynb") -> Path:
        nb = new_notebook(metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "any"}})
        for cell in cells:
            source, tags = (cell, []) if isinstance(cell, str) else cell
            new = new_markdown_cell if source.startswith("#") else new_code_cell
            nb.cells.append(new(source, metadata={"tags": tags} if tags else {}))
        path = tmp_path / name
        nbformat.write(nb, path)
        return path

    return to_file


def outputs(path: Path) -> list[dict[str, Any]]:
    """All outputs of a notebook's cells, in order."""
    return [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]


def printed(path: Path) -> str:
    return "".join(output["text"] for output in outputs(path) if output["output_type"] == "stream")


EVERYTHING = [
    "# A title",
    (PARAMETERS, ["parameters"]),
    "import sys, time\nprint('to watch', time.time(), file=sys.stderr)\nprint(f'hello {name}')",
    "print('a'); print('trouble', time.time_ns(), file=sys.stderr, flush=True); print('b')",
    "from IPython.display import display\nprint({'x', 'y', 'z'})",
    "shown = display('0 of 3', display_id=True)\nfor n in 1, 2, 3: shown.update(f'{n} of 3')",
    "for n in range(3): print(f'\\r{n} of 2', end='', flush=True)",
    ("1 / 0", ["raises-exception"]),
    "import pandas as pd\npd.DataFrame({'name': ['alb', 'db'], 'usd': [16.43, 0.0]})",
]


def test_a_second_run_writes_the_same_bytes(write: Write) -> None:
    book = write(*EVERYTHING)
    first = run_notebook(book, book)
    once = book.read_bytes()
    second = run_notebook(book, book)
    assert first.ok and second.ok
    assert book.read_bytes() == once
    assert once.endswith(b"}\n") and not once.endswith(b"\n\n")
    assert "stderr" not in {output.get("name") for output in outputs(book)}, "that is for the one who watches"
    assert [o["text"] for o in outputs(book) if o["output_type"] == "stream"][:2] == ["hello world\n", "a\nb\n"]
    assert [o["data"]["text/plain"] for o in outputs(book) if o["output_type"] == "display_data"] == ["'3 of 3'"]
    assert "2 of 2" in printed(book) and "1 of 2" not in printed(book)
    [error] = [o for o in outputs(book) if o["output_type"] == "error"]
    assert error["ename"] == "ZeroDivisionError"
    assert len(error["traceback"]) == 1 and "File" not in error["traceback"][0]


def test_parameters_reach_the_cells_and_the_source_stays_as_it_was(write: Write, tmp_path: Path) -> None:
    book = write((PARAMETERS, ["parameters"]), "print(name, count + 1, share, whole, where)")
    before = book.read_bytes()
    given = {"name": 'a "quoted" name\\', "count": 6, "share": 0.25, "whole": True, "where": ["x", None]}
    run = run_notebook(book, tmp_path / "new" / "out.ipynb", given)
    assert run == NotebookRun(book, tmp_path / "new" / "out.ipynb", "ok", run.seconds, None)
    assert run.output is not None
    assert printed(run.output) == "a \"quoted\" name\\ 7 0.25 True ['x', None]\n"
    assert [cell.metadata.get("tags") for cell in nbformat.read(run.output, 4).cells] == [
        ["parameters"],
        ["injected-parameters"],
        None,
    ]
    assert book.read_bytes() == before


def test_an_unknown_parameter_is_refused_and_the_known_ones_are_listed(write: Write) -> None:
    book = write((PARAMETERS, ["parameters"]))
    with pytest.raises(UsageError, match=r"has no parameter nmae: it takes name, count, share, whole, where"):
        run_notebook(book, None, {"nmae": "x"})
    with pytest.raises(UsageError, match="it takes none"):
        run_notebook(write("1", name="bare.ipynb"), None, {"name": "x"})


def test_a_parameter_that_no_notebook_could_hold_is_refused(write: Write) -> None:
    with pytest.raises(UsageError, match="neither text, number"):
        run_notebook(write((PARAMETERS, ["parameters"])), None, {"name": object()})


def test_defaults_are_read_without_running_anything(write: Write) -> None:
    book = write((PARAMETERS + "\nmade = print(1)\ncheck: int", ["parameters"]))
    known = {"name": "world", "count": 2, "share": 0.5, "whole": False, "where": None, "made": ...}
    assert notebook_parameters(book) == known


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("name", "007", "007"),
        ("name", "true", "true"),
        ("count", "7", 7),
        ("share", "1", 1.0),
        ("whole", "true", True),
        ("where", "eu-west-3", "eu-west-3"),
        ("where", "[1, 2]", [1, 2]),
        ("unknown", "x", "x"),
    ],
)
def test_typed_parameters_take_the_type_of_the_default(write: Write, name: str, text: str, value: object) -> None:
    read = parameters_from_text(write((PARAMETERS, ["parameters"])), {name: text})
    assert read == {name: value} and type(read[name]) is type(value)


@pytest.mark.parametrize(("name", "text"), [("count", "many"), ("count", "2.5"), ("whole", "1"), ("share", "half")])
def test_typed_notebook_parameters_another_type_are_refused(write: Write, name: str, text: str) -> None:
    with pytest.raises(UsageError, match=name):
        parameters_from_text(write((PARAMETERS, ["parameters"])), {name: text})


def test_a_failing_cell_is_named_and_the_record_shows_it(write: Write, tmp_path: Path) -> None:
    book = write("import sys", "print('why', file=sys.stderr)", "{}['alb']", "print('never')")
    out = tmp_path / "out.ipynb"
    run = run_notebook(book, out)
    assert not run.ok and run.status == "failed" and run.output == out
    assert run.error == f"{book}, cell [3]: KeyError: 'alb'"
    text = out.read_text()
    assert "why" in text and "An Exception was encountered" in text and "never\\n" not in text
    [error] = [o for o in outputs(out) if o["output_type"] == "error"]
    assert len(error["traceback"]) > 1, "a record keeps the whole traceback"


def test_a_failing_notebook_is_not_replaced(write: Write) -> None:
    book = write("print(1)", "raise OSError('no')")
    before = book.read_bytes()
    run = run_notebook(book, book)
    assert (run.status, run.output) == ("failed", None)
    assert book.read_bytes() == before


def test_marks_of_an_earlier_failure_go_away(write: Write, tmp_path: Path) -> None:
    book, flag = write("open('flag').read()"), tmp_path / "flag"
    assert not run_notebook(book, tmp_path / "out.ipynb").ok
    flag.write_text("x")
    again = run_notebook(tmp_path / "out.ipynb", tmp_path / "out.ipynb")
    assert again.ok and len(nbformat.read(tmp_path / "out.ipynb", 4).cells) == 1


def test_a_cell_that_takes_too_long_is_stopped(write: Write, tmp_path: Path) -> None:
    book = write("import time; print('before', flush=True); time.sleep(60)", "print('never')")
    run = run_notebook(book, tmp_path / "out.ipynb", timeout=1)
    assert run.error == f"{book}, cell [1]: CellTimeoutError: the cell took more than 1 s"
    assert run.seconds < 15
    assert "before" in printed(tmp_path / "out.ipynb")


def test_a_kernel_that_dies_is_a_failure(write: Write) -> None:
    run = run_notebook(write("import os; os._exit(7)"))
    assert run.error is not None and "cell [1]: DeadKernelError" in run.error


def test_a_notebook_may_end_early_without_failing(write: Write, tmp_path: Path) -> None:
    book = write(("1 / 0", ["raises-exception"]), "import sys; sys.exit(0)", "print('never')")
    assert run_notebook(book, tmp_path / "out.ipynb").ok
    assert "never" not in printed(tmp_path / "out.ipynb")


def test_the_kernel_is_this_python_whatever_else_is_called_python3(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impostor = tmp_path / "jupyter" / "kernels" / "python3"
    impostor.mkdir(parents=True)
    (impostor / "kernel.json").write_text(json.dumps({"argv": ["/bin/false"], "display_name": "x", "language": "R"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    book = write("import sys; print(sys.executable)")
    run = run_notebook(book, tmp_path / "out.ipynb")
    assert run.ok, run.error
    assert printed(tmp_path / "out.ipynb").strip() == sys.executable


def test_the_kernel_sees_the_callers_settings_and_the_notebooks_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESAWS_DEPLOYMENT", "team1")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    names = ["ESAWS_DEPLOYMENT", "ESAWS_REGION", *KERNEL_ENV]
    book = write(f"import os; print(*(os.environ.get(name) for name in {names}), os.getcwd(), sep='\\n')")
    run_notebook(book, tmp_path / "out.ipynb", kernel_env={"ESAWS_REGION": "eu-west-1"})
    assert printed(tmp_path / "out.ipynb").split() == ["team1", "eu-west-1", *KERNEL_ENV.values(), str(tmp_path)]


def test_start_up_files_of_the_users_change_nothing(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("intruder = 1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    assert run_notebook(write("assert 'intruder' not in globals()")).ok


def test_several_notebooks_run_in_order_and_one_failure_stops_no_other(write: Write, tmp_path: Path) -> None:
    books = [
        write("1", name="a.ipynb"),
        write("1/0", name="b.ipynb"),
        tmp_path / "none.ipynb",
        write("3", name="c.ipynb"),
    ]
    told: list[tuple[str, str]] = []
    runs = run_notebooks(
        books, output_dir=tmp_path / "out", on_progress=lambda run: told.append((run.notebook.stem, run.status))
    )
    assert [run.status for run in runs] == ["ok", "failed", "failed", "ok"]
    assert "no such file" in str(runs[2].error)
    assert told[:3] == [("a", "running"), ("a", "ok"), ("b", "running")]
    assert (tmp_path / "out" / "c.ipynb").is_file()
    assert [run.status for run in run_notebooks(books[1:], keep_going=False)] == ["failed"]


def test_cells_are_counted_out_loud(write: Write) -> None:
    heard: list[tuple[int, int]] = []
    run_notebook(write("# prose", "1", "2"), on_cell=lambda n, of: heard.append((n, of)))
    assert heard == [(1, 2), (2, 2)]


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json"])
def test_what_is_no_notebook_is_a_usage_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.ipynb").write_text(text)
    with pytest.raises(UsageError, match="is no notebook"):
        run_notebook(tmp_path / "x.ipynb")


def test_normalising_twice_changes_nothing_more() -> None:
    nb = new_notebook(cells=[new_code_cell("1"), new_code_cell("1"), new_markdown_cell("1"), new_code_cell("2")])
    nb.cells[3]["id"] = "the-plan"
    once = normalise(nb)
    assert normalise(once) == once
    ids = [cell.id for cell in once.cells]
    assert len(set(ids)) == 4 and ids[3] == "the-plan"
    assert [cell.id for cell in normalise(new_notebook(cells=[new_code_cell("1")])).cells] == ids[:1]


def test_an_old_notebook_without_ids_gets_stable_ones() -> None:
    nb = new_notebook(cells=[new_code_cell("1"), new_markdown_cell("x")])
    for cell in nb.cells:
        del cell["id"]
    nb.nbformat_minor = 4
    assert dumps(nb) == dumps(nb)
    assert normalise(nb).nbformat_minor >= 5 and nb.nbformat_minor == 4, "the argument is not changed"


def test_the_normal_form_holds_nothing_of_the_machine_that_ran_it() -> None:
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "f00"}, "text/plain": "Bar"}
    cell = new_code_cell("1", metadata={"tags": [], "execution": {"iopub": "now"}, "papermill": {"duration": 1}})
    cell.outputs = [
        new_output("stream", name="stdout", text="a"),
        new_output("stream", name="stderr", text="!"),
        new_output("stream", name="stdout", text="b"),
        new_output("display_data", data=view),
    ]
    machine = {"papermill": {}, "widgets": {}, "language_info": {"name": "python", "version": "3.11.7"}}
    nb = normalise(new_notebook(cells=[cell], metadata=machine))
    assert set(nb.metadata) == {"kernelspec", "language_info"} and nb.metadata.language_info == {"name": "python"}
    assert nb.cells[0].metadata == {}
    assert [output.get("text", output.get("data")) for output in nb.cells[0].outputs] == ["ab", {"text/plain": "Bar"}]
    assert len(normalise(new_notebook(cells=[cell]), record=True).cells[0].outputs) == 4


def test_papermill_and_nbval_see_the_same_outputs(write: Write, tmp_path: Path) -> None:
    book = write(*[cell for cell in EVERYTHING if "raises-exception" not in cell[1]])  # papermill fails at those
    mine, theirs = tmp_path / "mine.ipynb", tmp_path / "theirs.ipynb"
    assert run_notebook(book, mine, {"name": "you"}).ok
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "-p", "name", "you", str(book), str(theirs)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **KERNEL_ENV})
    assert dumps(nbformat.read(theirs, 4)) == mine.read_text()
    conftest = Path(__file__).parents[1] / "conftest.py"
    (tmp_path / "conftest.py").write_text(conftest.read_text())
    options = ["-q", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"]
    nbval = [sys.executable, "-m", "pytest", *options, str(mine)]
    done = subprocess.run(nbval, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_nbval_accepts_expected_errors_and_notices_other_outputs(write: Write, tmp_path: Path) -> None:
    book = write(*EVERYTHING, "import os\nprint(os.path.exists('other'))")
    assert run_notebook(book, book).ok
    (tmp_path / "conftest.py").write_text((Path(__file__).parents[1] / "conftest.py").read_text())
    (tmp_path / "other").touch()
    options = ["-q", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(book)], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert "1 failed, 8 passed" in done.stdout, done.stdout


def test_importing_the_module_is_cheap() -> None:
    heavy = ["nbformat", "nbclient", "papermill", "jupyter_client", "pandas", "IPython"]
    code = f"import sys, esaws.notebooks; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
