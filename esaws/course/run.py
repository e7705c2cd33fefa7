"""Run the course from its first notebook to its last, and sum up what that did."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import esaws
from esaws.cloud import Cloud, local_command
from esaws.deploy.journal import journal_folder
from esaws.deploy.leftovers import left
from esaws.errors import EsawsError, UsageError
from esaws.notebooks import NotebookRun, parameters_of, run_notebook

FOLDER = Path(esaws.__file__).parent.parent / "notebooks" / "course"

BEGINS = "2022-02-28T00:00Z"
"""When the clock of a local AWS starts on which the course is run, so that each run sees the same days and prices."""

CLOCK = {"ESAWS_AT": BEGINS, "ESAWS_STILL": "1"}
"""The settings of that clock: it does not run with real time, so that a slow machine's seconds are on no bill."""


@dataclass(frozen=True)
class Summary:
    """What a run of the course did: its notebooks, resources made and deleted, API calls, seconds, and what is left."""

    runs: tuple[NotebookRun, ...]
    created: int
    deleted: int
    calls: int
    seconds: float
    left: int

    @property
    def failed(self) -> int:
        """How many notebooks did not run to their end."""
        return sum(not run.ok for run in self.runs)

    @property
    def ok(self) -> bool:
        """Whether all ran and nothing is left."""
        return not self.failed and not self.left

    def to_dict(self) -> dict[str, Any]:
        """notebooks [{name, status, seconds}], failed, left, created, deleted, calls, seconds."""
        return {
            "notebooks": [
                {"name": run.notebook.stem, "status": run.status, "seconds": run.seconds} for run in self.runs
            ],
            "failed": self.failed,
            "left": self.left,
            "created": self.created,
            "deleted": self.deleted,
            "calls": self.calls,
            "seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        ran = f"{len(self.runs)} notebooks run" + (f", {self.failed} failed" if self.failed else "")
        work = f"{self.created} resources created, {self.deleted} deleted, {self.calls} API calls"
        return f"{ran}; {work}; {self.seconds:.0f} seconds; {self.left} resources left"


def notebooks(names: Sequence[str] = ()) -> list[Path]:
    """The notebooks of the course in order, or those whose names begin with one of `names`.

    Raises:
        UsageError: a name that fits none, or no course beside the package.
    """
    paths = sorted(path for path in FOLDER.glob("[0-9]*.ipynb"))
    if not paths:
        raise UsageError(f"there are no notebooks in {FOLDER}; the course needs a clone of the project")
    for name in names:
        if not any(path.stem.startswith(name) for path in paths):
            raise UsageError(f"no notebook begins with {name!r}; there are: {', '.join(path.stem for path in paths)}")
    return [path for path in paths if not names or path.stem.startswith(tuple(names))]


def run_course(cloud: Cloud, names: Sequence[str] = (), *, say: Callable[[str], None] | None = None) -> Summary:
    """Run the notebooks one after the other; executed copies and journals go to `runs/`.

    With the local AWS as target a fresh one is used, so that what the user has deployed is neither seen nor touched.
    `say` is given a line for each notebook.
    """
    paths = notebooks(names)
    say = say or (lambda line: None)
    kept = journal_folder()
    began = time.monotonic()
    runs = []
    with _local_aws_of_its_own(cloud), TemporaryDirectory() as journals:
        cloud.start()
        cloud.check()
        environment = {"ESAWS_RUNS": journals, "ESAWS_REGION": cloud.region}
        for path in paths:
            parameters = {"deployment": cloud.deployment} if "deployment" in parameters_of(path) else {}
            run = run_notebook(path, kept / "course" / path.name, parameters, kernel_env=environment)
            say(f"{'ok    ' if run.ok else 'FAILED'} {path.stem:<32} {run.seconds:5.1f} s" + _why(run))
            runs.append(run)
        tally = _tally(Path(journals))
        leftovers = left(cloud)
        for leftover in leftovers:
            say(f"left: {leftover}")
    summary = Summary(
        runs=tuple(runs),
        created=tally["create"],
        deleted=tally["delete"],
        calls=tally["calls"] + len(cloud.calls),
        seconds=time.monotonic() - began,
        left=len(leftovers),
    )
    _remember(summary)
    return summary


def status() -> dict[str, Any]:
    """How the last run of each notebook ended: notebooks [{name, status, seconds}], failed, left.

    The status of one that never ran is "not run".
    """
    remembered = _remembered()
    last = {run["name"]: run for run in remembered.get("notebooks", ())}
    rows = [last.get(path.stem, {"name": path.stem, "status": "not run", "seconds": None}) for path in notebooks()]
    return {
        "notebooks": rows,
        "failed": sum(row["status"] == "failed" for row in rows),
        "left": remembered.get("left", 0),
    }


def _why(run: NotebookRun) -> str:
    return f"\n       {run.error}\n       the executed notebook is {run.output}" if run.error else ""


@contextmanager
def _local_aws_of_its_own(cloud: Cloud) -> Iterator[None]:
    if cloud.target != "local":
        yield
        return
    with TemporaryDirectory() as state, _environment({"ESAWS_STATE": state, "ESAWS_PORT": "0", **CLOCK}):
        try:
            yield
        finally:
            local_command("stop")


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _tally(journals: Path) -> Counter[str]:
    """What the journals say was done, by action, and the calls of the kernels that wrote them."""
    done: Counter[str] = Counter()
    calls: dict[int, int] = {}
    for path in journals.glob("*.jsonl"):
        for line in map(json.loads, path.read_text("utf-8").splitlines()):
            if line["event"] == "done":
                done[line["action"]] += 1
            elif line["event"] == "ended":
                calls[line["pid"]] = max(line["calls"], calls.get(line["pid"], 0))
    done["calls"] = sum(calls.values())
    return done


def _memory() -> Path:
    return journal_folder() / "course.json"


def _remember(summary: Summary) -> None:
    """Keep each notebook's last outcome; those that were not run this time keep theirs."""
    before = {run["name"]: run for run in _remembered().get("notebooks", ())}
    now = {run["name"]: run for run in summary.to_dict()["notebooks"]}
    merged = {"notebooks": list((before | now).values()), "left": summary.left}
    _memory().parent.mkdir(parents=True, exist_ok=True)
    _memory().write_text(json.dumps(merged, indent=2), encoding="utf-8")


def _remembered() -> dict[str, Any]:
    try:
        found = json.loads(_memory().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise EsawsError(f"{_memory()} is damaged ({error}); delete it and run the course again") from error
    return found if isinstance(found, dict) else {}
