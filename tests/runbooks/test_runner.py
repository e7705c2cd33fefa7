"""`esaws run`: parameters, outputs, exit codes, time-outs and signals, with kernels that import almost nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from esaws.cloud import Cloud
from esaws.errors import EsawsError, UsageError
from esaws.notebooks.destination import Destination, choose_destination
from esaws.notebooks.execution import CellEvent, Execution
from esaws.notebooks.parameters import parse_like_default
from esaws.progress import progress
from esaws.runbooks.runner import RunbookRun, run_runbook, skipped_steps
from esaws.runbooks.values import read_values
from tests.shell import Shell

TYPED = 'name: "Text" = ""  # who\ntasks: "TaskCount" = 2\nzones: "ListOf[Zone]" = []\nsure: "Bool" = False'
PLAIN = 'name = "x"\ncount = 2\nshare = 0.5\nwhole = False\nwhere = None\nmade = print(1)'

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a notebook from the sources of its cells; a pair is (source, tag). `metadata` is that of the last cell."""

    def to_file(*cells: str | tuple[str, str], name: str = "book", **metadata: Any) -> Path:
        nb = new_notebook(cells=[new_markdown_cell("# A book\n\nIt does a thing. More.")])
        for cell in cells:
            source, tag = cell if isinstance(cell, tuple) else (cell, "")
            nb.cells.append(new_code_cell(source, metadata={"tags": [tag]} if tag else {}))
        nb.cells[-1].metadata |= metadata
        nbformat.write(nb, tmp_path / f"{name}.ipynb")
        return tmp_path / f"{name}.ipynb"

    return to_file


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., RunbookRun]:
    """Run a notebook; its output is `out/…` unless it is given."""

    def start(path: Path, values: dict[str, Any] | None = None, **options: Any) -> RunbookRun:
        return run_runbook(path, values, **{"output": str(tmp_path / "out"), **options})

    return start


def outputs(path: Path) -> str:
    """Everything that is in the file of an executed notebook."""
    return path.read_text("utf-8")


def printed(path: Path) -> str:
    nb = nbformat.read(path, 4)
    return "".join(o.get("text", "") for cell in nb.cells for o in cell.get("outputs", ()))


# -- parameters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (("name", "007"), "007"),
        (("name", "true"), "true"),
        (("tasks", "03"), 3),
        (("zones", "eu-west-3a, eu-west-3b"), ["eu-west-3a", "eu-west-3b"]),
        (("sure", "true"), True),
    ],
)
def test_values_have_the_declared_types(write: Write, given: tuple[str, str], value: Any) -> None:
    assert read_values(write((TYPED, "parameters")), [given]) == {given[0]: value}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("nmae", "x"), "unknown parameter nmae; choose from name, tasks, zones, sure"),
        (("tasks", "many"), "tasks='many': it takes tasks, 0 to 100"),
        (("tasks", "101"), "tasks='101'"),
        (("zones", "eu-west-3a,nowhere"), "zones="),
        (("sure", "perhaps"), "sure='perhaps'"),
    ],
)
def test_a_bad_value_is_refused_before_a_kernel_starts(
    write: Write, esaws_alone: Shell, monkeypatch: pytest.MonkeyPatch, given: tuple[str, str], message: str
) -> None:
    monkeypatch.setattr(Execution, "start", lambda self: pytest.fail("a kernel started"))
    book = write((TYPED, "parameters"))
    assert message in esaws_alone("run", str(book), "-p", *given, code=2)
    assert not list(esaws_alone.folder.glob("runs/*"))


def test_a_missing_value_is_refused_before_a_kernel_starts(write: Write) -> None:
    book = write(('service: "Required[ServiceName]" = ""  # which', "parameters"))
    for given in ([], [("service", "")]):
        with pytest.raises(UsageError, match="service is required: an ECS service"):
            read_values(book, given)
    assert read_values(book, [("service", "web")]) == {"service": "web"}


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [
        ("007", "x", "007"),
        ("6", 2, 6),
        ("1", 0.5, 1),
        ("TRUE", False, True),
        ("12", None, 12),
        ("07", None, "07"),
        ("null", ..., None),
        ("some text", None, "some text"),
    ],
)
def test_values_of_other_notebooks_are_like_their_defaults(text: str, default: Any, value: Any) -> None:
    assert parse_like_default("p", text, default) == value


@pytest.mark.parametrize(("text", "default"), [("x", 2), ("1", False), ("true", 2), ("0.5", 2)])
def test_values_unlike_the_default_are_refused(text: str, default: Any) -> None:
    with pytest.raises(UsageError, match=f"p='{text}'"):
        parse_like_default("p", text, default)


def test_a_yaml_file_gives_texts_and_the_command_line_goes_before_it(write: Write, tmp_path: Path) -> None:
    book, file = write((TYPED, "parameters")), tmp_path / "p.yaml"
    file.write_text("name: 007\ntasks: 4\nsure: yes\nzones: [eu-west-3a]\n")
    with pytest.raises(UsageError, match="sure='perhaps'"):
        read_values(book, [("sure", "perhaps")], file)
    assert read_values(book, [("tasks", "5"), ("sure", "true")], file) == {
        "name": "007",
        "tasks": 5,
        "sure": True,
        "zones": ["eu-west-3a"],
    }
    assert read_values(write((PLAIN, "parameters")), [("where", "b")], None) == {"where": "b"}


@pytest.mark.parametrize(("text", "message"), [("- a", "one `name: value` a line"), ("a: [", "not YAML")])
def test_a_file_without_parameters_is_refused(write: Write, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_values(write((TYPED, "parameters")), [], tmp_path / "p.yaml")


# -- outputs ---------------------------------------------------------------------------------------------------------


def test_outputs_go_to_a_file_or_a_folder_and_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    file = choose_destination(str(tmp_path / "a" / "b.ipynb"), "n")
    assert (file.notebook, file.record) == (tmp_path / "a" / "b.ipynb", tmp_path / "a" / "b.json")
    folder = choose_destination(str(tmp_path / "new"), "20261129-book")
    assert folder.notebook == tmp_path / "new" / "20261129-book.ipynb" and folder.notebook.exists()
    again = [choose_destination(str(file.notebook), "n").notebook.name for _ in range(2)]
    assert again == ["b-2.ipynb", "b-3.ipynb"], "the same line can be run again"
    assert choose_destination(str(tmp_path / "new"), "20261129-book").record.name == "20261129-book-2.json"
    (tmp_path / "c.json").write_text("mine")
    assert choose_destination(str(tmp_path / "c.ipynb"), "n").notebook.name == "c-2.ipynb"
    with pytest.raises(UsageError, match="can't be written"):
        choose_destination(str(tmp_path / "c.json" / "d.ipynb"), "n")


@pytest.mark.parametrize(
    ("output", "notebook", "record"),
    [
        ("s3://bucket", "s3://bucket/n.ipynb", "s3://bucket/n.json"),
        ("s3://bucket/runs/", "s3://bucket/runs/n.ipynb", "s3://bucket/runs/n.json"),
        ("s3://bucket/a.ipynb", "s3://bucket/a.ipynb", "s3://bucket/a.json"),
    ],
)
def test_an_address_in_s3_is_a_file_or_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, notebook: str, record: str
) -> None:
    monkeypatch.setenv("ESAWS_RUNS", str(tmp_path))
    monkeypatch.setattr("esaws.notebooks.destination._require_bucket", lambda name: None)
    chosen = choose_destination(output, "n")
    assert (chosen.shown, chosen.shown_record, chosen.notebook) == (notebook, record, tmp_path / "n.ipynb")


def test_files_are_copied_to_s3_and_nothing_is_overwritten(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="my-runs", CreateBucketConfiguration={"LocationConstraint": cloud.region})
    monkeypatch.setenv("ESAWS_TARGET", str(cloud.endpoint))
    monkeypatch.setenv("ESAWS_ACCOUNT", str(cloud.account))
    for name in ("n.ipynb", "n.json"):
        (tmp_path / name).write_text(name)
    files = Destination(tmp_path / "n.ipynb", tmp_path / "n.json", "s3://my-runs/a/n.ipynb")
    assert files.copy_notebook() == files
    files.copy_record()
    assert s3.get_object(Bucket="my-runs", Key="a/n.json")["Body"].read() == b"n.json"
    assert s3.get_object(Bucket="my-runs", Key="a/n.ipynb")["Body"].read() == b"n.ipynb"
    assert files.copy_notebook().shown_record == "s3://my-runs/a/n-2.json"
    with pytest.raises(EsawsError, match=r"a/n\.json: exists, and is not overwritten; .*n\.json is the record"):
        files.copy_record()
    assert choose_destination("s3://my-runs/a/", "n").url == "s3://my-runs/a/n.ipynb"
    with pytest.raises(UsageError, match="not-there: there is no such bucket"):
        choose_destination("s3://not-there/", "m")
    with pytest.raises(EsawsError, match="NoSuchBucket"):
        Destination(tmp_path / "n.ipynb", tmp_path / "n.json", "s3://not-there/n.ipynb").copy_notebook()


# -- steps -----------------------------------------------------------------------------------------------------------

CHANGING = [("1", step) for step in ("parameters", "account", "look", "plan", "act", "verify", "left", "result")]


@pytest.mark.parametrize(
    ("first", "skipped"),
    [
        ("look", set()),
        ("plan", set()),
        ("act", set()),
        ("verify", {"plan", "act"}),
        ("left", {"look", "plan", "act", "verify"}),
        ("result", {"look", "plan", "act", "verify", "left"}),
    ],
)
def test_a_later_start_skips_what_no_later_step_needs(write: Write, first: str, skipped: set[str]) -> None:
    assert skipped_steps(write(*CHANGING), first) == skipped


def test_a_step_that_the_notebook_lacks_is_refused(write: Write) -> None:
    with pytest.raises(UsageError, match="'act'; its steps: parameters, look"):
        skipped_steps(write(("", "parameters"), ("", "look")), "act")


@pytest.mark.slow
def test_skipped_cells_do_not_run(write: Write, run: Callable[..., RunbookRun]) -> None:
    book = write("print('always')", ("print('account')", "account"), ("1 / 0", "look"), ("print('last')", "result"))
    events: list[CellEvent] = []
    done = run(book, from_step="result", on_cell=events.append)
    assert done.exit_code == 0 and printed(done.destination.notebook) == "always\naccount\nlast\n"
    assert [event.step for event in events if event.seconds is not None] == ["", "account", "result"]


# -- results ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_prints_the_steps_and_the_record_that_it_writes(write: Write, esaws_alone: Shell) -> None:
    (esaws_alone.folder / "books").mkdir()
    book = write(("count = 2", "parameters"), ("import os\nprint(count + 1, os.getcwd())", "look"), name="books/book")
    result = esaws_alone.json("run", str(book), "-p", "count", "3", "-o", "out/")
    [file] = esaws_alone.folder.glob("out/*.json")
    assert json.loads(file.read_text()) == result
    assert (result["runbook"], result["status"], result["exit_code"]) == ("book", "done", 0)
    assert (
        result["output"] == str(file.with_suffix(".ipynb"))
        and printed(file.with_suffix(".ipynb")) == f"4 {esaws_alone.folder}\n"
    ), "relative paths are those of the caller"


def test_a_line_is_printed_for_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    from esaws.cli.run import _StepLines

    with progress("run book", 1) as shown:
        lines = _StepLines(shown)
        for event in (CellEvent(1, 3, 0, ""), CellEvent(2, 3, 1, "look"), CellEvent(3, 3, 2, "act")):
            lines(event)
            lines(CellEvent(event.number, 3, event.index, event.step, 2.04 * event.number, failed=event.step == "act"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "look          4.1 s     6.1 s so far",
        "act           6.1 s    12.2 s so far  failed",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "status", "exit_code", "cause"),
    [
        ("{}['alb']", "failed", 1, "'alb'"),
        ("from esaws.errors import Refused\nraise Refused('not here')", "refused", 3, "not here"),
        pytest.param(
            "from esaws.errors import InvalidResource\nraise InvalidResource('bad')",
            "failed",
            2,
            "bad",
            marks=pytest.mark.runbooks,
        ),
        ("import os\nos._exit(7)", "failed", 1, "the process of the kernel ended, with exit code 7"),
        pytest.param(
            "import os\nos.kill(os.getpid(), 9)",
            "failed",
            1,
            "the process of the kernel ended, with SIGKILL",
            marks=pytest.mark.runbooks,
        ),
    ],
)
def test_a_failed_run_says_at_its_top_what_failed(
    write: Write, run: Callable[..., RunbookRun], source: str, status: str, exit_code: int, cause: str
) -> None:
    done = run(write("print('before')", (source, "act")))
    error = done.record["error"]
    assert (done.record["status"], done.exit_code) == (status, exit_code)
    assert (error["step"], error["cell"], error["resource"], error["cause"]) == ("act", 2, "book", cause)
    nb = nbformat.read(done.destination.notebook, 4)
    top = nb.cells[0].source
    assert "step act: book" in top.splitlines()[0] and cause in top and f"**Next step:** {error['next_step']}" in top
    assert "The next cell failed" in nb.cells[3].source and nb.cells[4].source == source
    assert "before" in printed(done.destination.notebook)


@pytest.mark.slow
def test_secrets_are_masked_by_the_writer(
    write: Write, run: Callable[..., RunbookRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"DB_PASSWORD": "correct-horse", "PLAIN": "battery-staple", "TARGET": "town"}.items():
        monkeypatch.setenv(name, value)
    book = write(
        ('where = ""', "parameters"),
        "import os\nprint(os.environ['DB_PASSWORD'], os.environ['PLAIN'], os.environ['TARGET'])",
        "print('of ssm: hunter-two')",
        "from esaws.masking import register_secret\nregister_secret('hunter-two')",
        "raise ValueError(os.environ['DB_PASSWORD'])",
    )
    done = run(book, {"where": "env:PLAIN"})
    files = outputs(done.destination.notebook) + outputs(done.destination.record) + json.dumps(done.record)
    assert not [secret for secret in ("correct-horse", "battery-staple", "hunter-two") if secret in files]
    assert "*** *** town" in files and done.record["error"]["cause"] == "***"


# -- time-outs, signals and kernels ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_cell_has_the_time_of_its_metadata(write: Write, run: Callable[..., RunbookRun]) -> None:
    book = write("import time", ("time.sleep(60)", "act"), esaws={"timeout": "1s"})
    done = run(book, timeout=50)
    assert done.record["error"]["cause"] == "the cell took more than 1 s" and done.exit_code == 1
    assert "--timeout" in done.record["error"]["next_step"] and done.record["seconds"] < 20


@pytest.mark.slow
def test_a_cell_that_ignores_the_interrupt_is_killed_after_the_grace(
    write: Write, run: Callable[..., RunbookRun]
) -> None:
    deaf = "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except KeyboardInterrupt:\n        pass"
    done = run(write(deaf), timeout=0.5, grace=0.5)
    assert done.record["error"]["code"] == "CellTimeoutError" and done.record["seconds"] < 20


STEP = """\
import pathlib, time
from esaws.interrupts import finish_first
with finish_first(lambda: None):
    pathlib.Path("begun").touch()
    time.sleep(2)
    pathlib.Path("finished").touch()"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGTERM")
def test_sigterm_lets_the_step_finish_and_writes_the_record(write: Write, esaws_alone: Shell) -> None:
    book = write("print('before')", (STEP, "act"), ("print('never')", "verify"))
    process = esaws_alone.start("run", str(book), "-o", "out/", "--json")
    wait_for(book.parent / "begun", process)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    record = json.loads(out)
    assert process.returncode == record["exit_code"] == 143 and record["status"] == "interrupted"
    assert (book.parent / "finished").exists(), "the step that ran is finished"
    assert record["error"]["step"] == "act" and record["error"]["cause"] == "SIGTERM arrived"
    notebook = Path(record["output"])
    assert nbformat.read(notebook, 4).cells[0].source.startswith("## Interrupted in step act")
    assert printed(notebook) == "before\n"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="it is SIGKILL")
def test_a_killed_run_leaves_what_it_has_done_and_no_kernel(write: Write, esaws_alone: Shell) -> None:
    where = "import os, pathlib\nprint('before')\npathlib.Path('kernel').write_text(str(os.getpid()))"
    book = write(where, "import time\nopen('begun', 'w').close()\ntime.sleep(60)")
    process = esaws_alone.start("run", str(book), "-o", "out/")
    wait_for(book.parent / "begun", process)
    process.kill()
    process.communicate()
    [notebook] = esaws_alone.folder.glob("out/*.ipynb")
    assert printed(notebook) == "before\n"
    kernel = int((book.parent / "kernel").read_text())
    for _ in range(100):
        if not psutil.pid_exists(kernel) or psutil.Process(kernel).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the kernel still runs")


@pytest.mark.slow
def test_a_kept_kernel_has_the_state_of_the_failure(write: Write, run: Callable[..., RunbookRun]) -> None:
    from jupyter_client import BlockingKernelClient

    done = run(write("found = 41", "1 / 0"), keep_kernel=True)
    assert done.kernel is not None
    client = BlockingKernelClient(connection_file=str(done.kernel))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=20)
        reply = client.execute_interactive("found += 1", user_expressions={"found": "found"}, timeout=20)
        assert reply["content"]["user_expressions"]["found"]["data"]["text/plain"] == "42"
    finally:
        client.shutdown()
        client.stop_channels()
        shutil.rmtree(done.kernel.parent)


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a file exists."""
    for _ in range(600):
        if file.exists():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    pytest.fail(f"{file.name} does not exist after a minute")


@pytest.fixture
def esaws_alone(tmp_path: Path) -> Shell:
    """A shell for commands that reach no AWS."""
    return Shell.local(tmp_path)


@pytest.mark.slow
def test_papermills_engine_masks_explains_and_completes_the_record(write: Write, tmp_path: Path) -> None:
    book = write(
        "import os, pathlib\nfrom esaws.runbooks.record import new_record, write_record",
        "write_record(pathlib.Path(os.environ['ESAWS_RUN_RECORD']), new_record('x', 'book'))",
        ("print(os.environ['DB_PASSWORD'])\nraise ValueError('no')", "act"),
    )
    out, runs = tmp_path / "out.ipynb", tmp_path / "runs"
    words = [sys.executable, "-m", "papermill", "--no-progress-bar", "--engine", "esaws", str(book), str(out)]
    env = {**os.environ, "ESAWS_RUNS": str(runs), "DB_PASSWORD": "correct-horse"}
    done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "ValueError: no" in done.stderr
    text = out.read_text()
    assert "correct-horse" not in text and "## Failed in step act: book" in text
    [record] = map(json.loads, (file.read_text() for file in runs.glob("*.json")))
    assert (record["status"], record["exit_code"], record["error"]["cause"]) == ("failed", 1, "no")


@pytest.mark.slow
def test_a_kernel_that_does_not_start_is_an_error_and_leaves_no_files(
    write: Write, run: Callable[..., RunbookRun], tmp_path: Path
) -> None:
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit('broken')")
    with pytest.raises(EsawsError, match="the kernel did not start"):
        run(write("1"), kernel_env={"PYTHONPATH": str(tmp_path)})
    assert not list(tmp_path.glob("out/*"))
