"""Run the notebooks of the course in order, and count what they did."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from esaws.cloud import Cloud
from esaws.course.clock import CLOCK_ENV
from esaws.course.folder import course_notebooks, find_course, is_installed
from esaws.course.worlds import COURSE_FOLDER, leftovers_of_worlds, stop_all
from esaws.deploy.leftovers import leftovers
from esaws.environment import environment_variables
from esaws.errors import EsawsError, UsageError
from esaws.files import journal_folder, write_atomically
from esaws.local_aws.scratch import scratch_target
from esaws.local_aws.state import state_folder
from esaws.notebooks import NotebookRun, notebook_parameters, run_notebook
from esaws.progress import reporting


@dataclass(frozen=True)
class CourseRun:
    """A run of the course: its notebooks, the resources created, deleted and left, API calls, and seconds."""

    runs: tuple[NotebookRun, ...]
    created: int
    deleted: int
    calls: int
    seconds: float
    left: int

    @property
    def failed(self) -> int:
        """The number of notebooks that failed."""
        return sum(not run.ok for run in self.runs)

    @property
    def ok(self) -> bool:
        """Whether all notebooks succeeded and no resource is left."""
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
        notebooks = f"{len(self.runs)} notebooks run" + (f", {self.failed} failed" if self.failed else "")
        changes = f"{self.created} resources created, {self.deleted} deleted, {self.calls} API calls"
        return f"{notebooks}; {changes}; {self.seconds:.0f} seconds; {self.left} resources left"


def select_notebooks(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """The notebooks of a course in order, or those whose names start with one of `names`.

    Raises:
        UsageError: the folder has no course, or no notebook starts with a name.
    """
    paths = course_notebooks(folder)
    for name in names:
        if not any(path.stem.startswith(name) for path in paths):
            raise UsageError(f"no notebook starts with {name!r}; choose from {', '.join(path.stem for path in paths)}")
    return [path for path in paths if not names or path.stem.startswith(tuple(names))]


def run_course(
    cloud: Cloud,
    names: Sequence[str] = (),
    *,
    folder: Path | None = None,
    report: Callable[[str], None] | None = None,
) -> CourseRun:
    """Run the notebooks one after the other. Executed copies and journals go to `runs/`.

    With the local AWS as target a fresh server is used, so that the user's deployments are neither read nor changed.

    Args:
        cloud: where the notebooks deploy.
        names: beginnings of the names of the notebooks to run; default all.
        folder: the folder of the course; default `find_course()`.
        report: called with a line about each notebook.
    """
    report = report or (lambda line: None)
    output_folder = journal_folder()
    start = time.monotonic()
    runs = []
    with (
        _writable(folder or find_course()) as course,
        _fresh_local_aws(cloud),
        TemporaryDirectory() as journals,
    ):
        paths = select_notebooks(course, names)
        cloud.start()
        cloud.check()
        environment = {"ESAWS_RUNS": journals, "ESAWS_REGION": cloud.region}
        for path in paths:
            parameters = {"deployment": cloud.deployment} if "deployment" in notebook_parameters(path) else {}
            output = output_folder / "course" / path.name
            with reporting(partial("running {}".format, path.stem)):
                run = run_notebook(path, output, parameters, kernel_env=environment)
            report(f"{'ok    ' if run.ok else 'FAILED'} {path.stem:<32} {run.seconds:5.1f} s{_error_lines(run)}")
            runs.append(run)
        counts = _count_actions(Path(journals))
        left = [*leftovers(cloud), *(leftovers_of_worlds() if cloud.target == "local" else ())]
        for leftover in left:
            report(f"left: {leftover}")
    result = CourseRun(
        runs=tuple(runs),
        created=counts["create"],
        deleted=counts["delete"],
        calls=counts["calls"] + len(cloud.calls),
        seconds=time.monotonic() - start,
        left=len(left),
    )
    _save_results(result)
    return result


def course_status(folder: Path | None = None) -> dict[str, Any]:
    """The result of each notebook's last run: notebooks [{name, status, seconds}], failed, left.

    The status is ok, failed or "not run".
    """
    results = _load_results()
    last = {run["name"]: run for run in results.get("notebooks", ())}
    paths = course_notebooks(folder or find_course())
    rows = [last.get(path.stem, {"name": path.stem, "status": "not run", "seconds": None}) for path in paths]
    return {
        "notebooks": rows,
        "failed": sum(row["status"] == "failed" for row in rows),
        "left": results.get("left", 0),
    }


def _error_lines(run: NotebookRun) -> str:
    return f"\n       {run.error}\n       the executed notebook is {run.output}" if run.error else ""


@contextmanager
def _writable(folder: Path) -> Iterator[Path]:
    """The folder itself, or a temporary copy of it if it is part of the installed package."""
    if not is_installed(folder):
        yield folder
        return
    with TemporaryDirectory() as temporary:
        yield Path(shutil.copytree(folder, Path(temporary, folder.name)))


@contextmanager
def _fresh_local_aws(cloud: Cloud) -> Iterator[None]:
    """Use a server of its own inside, and a folder of its own for the chapters, if the cloud targets the local AWS."""
    if cloud.target != "local":
        yield
        return
    with scratch_target(CLOCK_ENV), environment_variables({COURSE_FOLDER: str(state_folder() / "course")}):
        try:
            yield
        finally:
            stop_all()


def _count_actions(journals: Path) -> Counter[str]:
    """The number of finished changes in the journals by action, and of the API calls of their kernels."""
    counts: Counter[str] = Counter()
    calls: dict[int, int] = {}
    for path in journals.glob("*.jsonl"):
        for entry in map(json.loads, path.read_text("utf-8").splitlines()):
            if entry["event"] == "done":
                counts[entry["action"]] += 1
            elif entry["event"] == "ended":
                calls[entry["pid"]] = max(entry["calls"], calls.get(entry["pid"], 0))
    counts["calls"] = sum(calls.values())
    return counts


def _results_file() -> Path:
    return journal_folder() / "course.json"


def _save_results(result: CourseRun) -> None:
    """Save each notebook's result; notebooks that were not run this time keep their last one."""
    before = {run["name"]: run for run in _load_results().get("notebooks", ())}
    now = {run["name"]: run for run in result.to_dict()["notebooks"]}
    merged = {"notebooks": list((before | now).values()), "left": result.left}
    _results_file().parent.mkdir(parents=True, exist_ok=True)
    write_atomically(_results_file(), json.dumps(merged, indent=2))


def _load_results() -> dict[str, Any]:
    try:
        results = json.loads(_results_file().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise EsawsError(f"{_results_file()} is damaged ({error}). Delete it and run the course again.") from error
    return results if isinstance(results, dict) else {}
