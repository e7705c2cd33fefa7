"""Running notebooks: the same run writes the same file on every machine, and a failure names its cell."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from esaws.errors import UsageError
from esaws.notebooks import (
    KERNEL_ENV,
    CellEvent,
    NotebookRun,
    dumps,
    normalise,
    notebook_parameters,
    run_notebook,
    run_notebooks,
)

pytestmark = pytest.mark.slow

Write = Callable[..., Path]

PARAMETERS = 'name: str = "world"  # who: a=b\ncount: int = 2\nshare = 0.5\nwhole: bool = False\nwhere = None'


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a notebook from the sources of its cells; a pair is (source, tags), and "#" starts a markdown cell."""

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
    """All outputs of a notebook, in order."""
    return [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]


def printed(path: Path) -> str:
    return "".join(output["text"] for output in outputs(path) if output["output_type"] == "stream")


EVERYTHING = [
    "# A title",
    (PARAMETERS, ["parameters"]),
    "import sys, time\nprint('progress', time.time(), file=sys.stderr)\nprint(f'hello {name}')",
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
    assert "stderr" not in {output.get("name") for output in outputs(book)}, (
        "progress and warnings are not part of the result"
    )
    assert [o["text"] for o in outputs(book) if o["output_type"] == "stream"][:2] == ["hello world\n", "a\nb\n"]
    assert [o["data"]["text/plain"] for o in outputs(book) if o["output_type"] == "display_data"] == ["'3 of 3'"]
    assert "2 of 2" in printed(book) and "1 of 2" not in printed(book)
    [error] = [o for o in outputs(book) if o["output_type"] == "error"]
    assert error["ename"] == "ZeroDivisionError"
    assert len(error["traceback"]) == 1 and "File" not in error["traceback"][0]


def test_parameters_reach_the_cells_and_the_source_stays_as_it_was(write: Write, tmp_path: Path) -> None:
    book = write((PARAMETERS, ["parameters"]), "print(name, count + 1, share, whole, where)")
    before = book.read_bytes()
    parameters = {"name": 'a "quoted" name\\', "count": 6, "share": 0.25, "whole": True, "where": ["x", None]}
    cells: list[CellEvent] = []
    run = run_notebook(book, tmp_path / "new" / "out.ipynb", parameters, on_cell=cells.append)
    started = [(event.number, event.total, event.step) for event in cells if event.seconds is None]
    assert started == [(1, 3, "parameters"), (2, 3, ""), (3, 3, "")], "the cell of the parameters is inserted"
    assert [event.number for event in cells] == [1, 1, 2, 2, 3, 3]
    assert run == NotebookRun(book, tmp_path / "new" / "out.ipynb", "ok", run.seconds, None)
    assert run.output is not None
    assert printed(run.output) == "a \"quoted\" name\\ 7 0.25 True ['x', None]\n"
    assert [cell.metadata.get("tags") for cell in nbformat.read(run.output, 4).cells] == [
        ["parameters"],
        ["injected-parameters"],
        None,
    ]
    assert book.read_bytes() == before


def test_an_unknown_parameter_is_refused_with_the_known_ones(write: Write) -> None:
    book = write((PARAMETERS, ["parameters"]))
    with pytest.raises(UsageError, match=r"unknown parameter nmae; choose from name, count, share, whole, where"):
        run_notebook(book, None, {"nmae": "x"})
    with pytest.raises(UsageError, match="it has no parameters"):
        run_notebook(write("1", name="bare.ipynb"), None, {"name": "x"})


def test_a_parameter_that_is_not_json_is_refused(write: Write) -> None:
    with pytest.raises(UsageError, match="JSON-serialisable"):
        run_notebook(write((PARAMETERS, ["parameters"])), None, {"name": object()})


def test_parameters_are_read_without_running_the_notebook(write: Write) -> None:
    book = write((PARAMETERS + "\nmade = print(1)\ncheck: int", ["parameters"]))
    parameters = {"name": "world", "count": 2, "share": 0.5, "whole": False, "where": None, "made": ...}
    assert notebook_parameters(book) == parameters


def test_a_failing_cell_is_named_and_recorded(write: Write, tmp_path: Path) -> None:
    book = write("import sys", "print('why', file=sys.stderr)", "{}['alb']", "print('never')")
    out = tmp_path / "out.ipynb"
    run = run_notebook(book, out)
    assert not run.ok and run.status == "failed" and run.output == out
    assert run.error == f"{book}, cell [3]: KeyError: 'alb'"
    text = out.read_text()
    assert "why" in text and "never\\n" not in text
    assert (
        nbformat.read(out, 4).cells[0].source.startswith("## Failed in cell [3]\n\nCause:\n\n```text\nKeyError: 'alb'")
    )
    [error] = [o for o in outputs(out) if o["output_type"] == "error"]
    assert len(error["traceback"]) > 1, "a record keeps the whole traceback"


def test_marks_of_an_earlier_failure_are_removed(write: Write, tmp_path: Path) -> None:
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


def test_a_dead_kernel_is_a_failure(write: Write) -> None:
    run = run_notebook(write("import os; os._exit(7)"))
    assert run.error is not None and "cell [1]: DeadKernelError" in run.error


def test_sys_exit_ends_a_notebook_without_failing(write: Write, tmp_path: Path) -> None:
    book = write(("1 / 0", ["raises-exception"]), "import sys; sys.exit(0)", "print('never')")
    assert run_notebook(book, tmp_path / "out.ipynb").ok
    assert "never" not in printed(tmp_path / "out.ipynb")


def test_the_kernel_does_not_depend_on_the_machine(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is this Python, with the caller's settings and the notebook's folder, without the user's startup files."""
    other = tmp_path / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text(json.dumps({"argv": ["/bin/false"], "display_name": "x", "language": "R"}))
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("startup_file_was_run = 1")
    for name, value in {
        "JUPYTER_PATH": str(tmp_path / "jupyter"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "ESAWS_DEPLOYMENT": "team1",
        "TZ": "Asia/Tokyo",
    }.items():
        monkeypatch.setenv(name, value)
    names = ["ESAWS_DEPLOYMENT", "ESAWS_REGION", *KERNEL_ENV]
    book = write(
        "assert 'startup_file_was_run' not in globals()",
        f"import os, sys; print(sys.executable, *(os.environ.get(name) for name in {names}), os.getcwd(), sep='\\n')",
    )
    run = run_notebook(book, tmp_path / "out.ipynb", kernel_env={"ESAWS_REGION": "eu-west-1"})
    assert run.ok, run.error
    expected = [sys.executable, "team1", "eu-west-1", *KERNEL_ENV.values(), str(tmp_path)]
    assert printed(tmp_path / "out.ipynb").split() == expected


def test_several_notebooks_run_in_order_and_a_failing_one_is_not_replaced(write: Write, tmp_path: Path) -> None:
    missing = tmp_path / "none.ipynb"
    books = [write("print(1)", name="a.ipynb"), write("1/0", name="b.ipynb"), missing]
    failing = books[1].read_bytes()
    progress: list[tuple[str, str]] = []
    runs = run_notebooks(books, in_place=True, on_progress=lambda run: progress.append((run.notebook.stem, run.status)))
    assert [(run.status, run.output) for run in runs] == [("ok", books[0]), ("failed", None), ("failed", None)]
    assert "none.ipynb: not found" in str(runs[2].error)
    assert progress[:3] == [("a", "running"), ("a", "ok"), ("b", "running")]
    assert printed(books[0]) == "1\n" and books[1].read_bytes() == failing
    assert [run.status for run in run_notebooks([missing, books[0]], keep_going=False)] == ["failed"]
    with pytest.raises(UsageError, match="choose one of in_place and output_dir"):
        run_notebooks(books, in_place=True, output_dir=tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json"])
def test_a_file_that_is_not_a_notebook_is_a_usage_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.ipynb").write_text(text)
    with pytest.raises(UsageError, match="not a notebook"):
        run_notebook(tmp_path / "x.ipynb")


def test_normalising_is_idempotent() -> None:
    nb = new_notebook(cells=[new_code_cell("1"), new_code_cell("1"), new_markdown_cell("1"), new_code_cell("2")])
    nb.cells[3]["id"] = "the-plan"
    once = normalise(nb)
    assert normalise(once) == once
    ids = [cell.id for cell in once.cells]
    assert len(set(ids)) == 4 and ids[3] == "the-plan"
    assert [cell.id for cell in normalise(new_notebook(cells=[new_code_cell("1")])).cells] == ids[:1]


def test_the_committed_notebooks_are_in_normal_form() -> None:
    """A text that was edited by hand has the hash of the text before as its id: the next run would change the file."""
    files = [*(Path(__file__).parents[1] / "notebooks").rglob("*.ipynb")]
    notebooks = {file: file.read_text(encoding="utf-8") for file in files}
    other = [file.stem for file, text in notebooks.items() if dumps(nbformat.reads(text, as_version=4)) != text]
    assert len(notebooks) > 60 and not other, "run make notebooks"


def test_an_old_notebook_without_ids_gets_stable_ones() -> None:
    nb = new_notebook(cells=[new_code_cell("1"), new_markdown_cell("x")])
    for cell in nb.cells:
        del cell["id"]
    nb.nbformat_minor = 4
    assert dumps(nb) == dumps(nb)
    assert normalise(nb).nbformat_minor >= 5 and nb.nbformat_minor == 4, "the argument is not changed"


def test_the_normal_form_has_nothing_of_the_machine() -> None:
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
    ours, theirs = tmp_path / "ours.ipynb", tmp_path / "theirs.ipynb"
    assert run_notebook(book, ours, {"name": "you"}).ok
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "-p", "name", "you", str(book), str(theirs)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **KERNEL_ENV})
    assert dumps(nbformat.read(theirs, 4)) == ours.read_text()
    conftest = Path(__file__).parents[1] / "conftest.py"
    (tmp_path / "conftest.py").write_text(conftest.read_text())
    options = ["-q", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"]
    nbval = [sys.executable, "-m", "pytest", *options, str(ours)]
    done = subprocess.run(nbval, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_nbval_accepts_expected_errors_and_detects_other_outputs(write: Write, tmp_path: Path) -> None:
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


def test_reading_notebooks_compiles_no_grammar() -> None:
    code = "import sys, nbformat, papermill; print('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.skipif(os.name != "posix", reason="Windows sends Ctrl-C to all processes of a console")
def test_ctrl_c_interrupts_the_cell_and_reaches_the_caller(write: Write, tmp_path: Path) -> None:
    code = """\
import pathlib, time
from esaws.interrupts import finish_first
with finish_first(lambda: None):
    pathlib.Path("begun").touch()
    time.sleep(1)
    pathlib.Path("finished").touch()"""
    book = write(code, "print('never')")

    def interrupt() -> None:
        while not (tmp_path / "begun").exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run_notebook(book, tmp_path / "out.ipynb")
    assert (tmp_path / "finished").exists() and not (tmp_path / "out.ipynb").exists()
