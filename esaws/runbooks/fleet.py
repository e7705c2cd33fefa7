"""Run a runbook in many accounts and regions: one row of a CSV file, one notebook, one record. Dask runs the rows."""

from __future__ import annotations

import csv
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from esaws.errors import EsawsError, UsageError, describe_error
from esaws.runbooks.values import read_values

if TYPE_CHECKING:
    from distributed import Client, Future

DONE = frozenset({"done", "nothing_to_do", "planned"})
"""The statuses of rows that a second run leaves out."""
WORKERS = 4
"""How many rows run at the same time on this machine."""
CONNECT = "10s"
"""How long a scheduler may take to answer."""

_ENVIRONMENT = {"target": "ESAWS_TARGET", "aws_profile": "AWS_PROFILE"}
"""Columns that are no parameters: variables of the environment in which a row runs."""
_NAMING = ("account", "region", "deployment")
"""Columns that name a row, if the file has them."""


@dataclass(frozen=True)
class Row:
    """A row of the file: its name, its parameters, and the environment that it runs in."""

    name: str
    values: Mapping[str, Any]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class RowResult:
    """What came of a row. `status` is that of its record, "skipped" or "not run"; `error` is one line or None."""

    row: Row
    status: str
    error: str | None = None
    seconds: float = 0.0
    record: Path | None = None

    @property
    def is_failed(self) -> bool:
        """Whether the row was run, or would have been, and is not done."""
        return self.status not in DONE and self.status != "skipped"

    def to_dict(self) -> dict[str, Any]:
        """Return row, status, seconds, error and record (the file)."""
        return {
            "row": self.row.name,
            "status": self.status,
            "seconds": self.seconds,
            "error": self.error,
            "record": None if self.record is None else str(self.record),
        }


def read_rows(file: Path, notebook: Path, given: Sequence[tuple[str, str]] = ()) -> list[Row]:
    """Read and check all rows before any runs. `given` are parameters of every row; a column goes before them.

    A column is a parameter of the notebook, `target` (as ESAWS_TARGET) or `aws_profile`. Empty cells are left out. A
    row is named after its account, region and deployment, or after its number.

    Raises:
        UsageError: the file can't be read, has no rows, or a row has an unknown column, a bad value or a name twice.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            cells = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file}: can't be read as CSV ({error})") from error
    if not cells:
        raise UsageError(f"{file}: no rows; write a line with column names, and one for each account")
    rows: dict[str, Row] = {}
    for number, cell in enumerate(cells, start=1):
        if None in cell or None in cell.values():
            raise UsageError(f"{file}: row {number} has another number of cells than the first line has names")
        filled = {name.strip(): text.strip() for name, text in cell.items() if text.strip()}
        environment = {variable: filled.pop(name) for name, variable in _ENVIRONMENT.items() if name in filled}
        try:
            values = read_values(notebook, [*given, *filled.items()])
        except UsageError as error:
            raise UsageError(f"{file}: row {number}: {error}") from error
        name = "-".join(re.sub(r"[^\w.-]", "_", filled[column]) for column in _NAMING if column in filled)
        name = name or f"row-{number}"
        if name in rows:
            raise UsageError(f"{file}: row {number} is {name} as another row is; give each its account and region")
        rows[name] = Row(name, values, environment)
    return list(rows.values())


def run_fleet(
    notebook: Path,
    rows: Sequence[Row],
    folder: Path,
    *,
    scheduler: str | None = None,
    max_errors: int | None = None,
    timeout: float | None = None,
    report: Callable[[RowResult], None] = lambda result: None,
) -> list[RowResult]:
    """Run a notebook for each row, and return the result of each row in order. A second run leaves out what is done.

    Each row has a folder below `folder` with an executed notebook and a record for each of its runs.

    Args:
        notebook: the runbook.
        rows: what `read_rows` returned.
        folder: where results go; rows whose last record there is done, with the same parameters, are skipped.
        scheduler: the address of a Dask scheduler, such as `tcp://10.0.0.5:8786`; default: workers on this machine.
        max_errors: start no more rows once so many have failed; default: run all.
        timeout: seconds for each cell that does not set its own.
        report: called with the result of each row, as they end.

    Raises:
        UsageError: Dask is not installed, or no scheduler answers.
    """
    results: dict[str, RowResult] = {}
    waiting = []
    for row in rows:
        if (record := _last_record(folder / row.name)) and _is_done(record, row):
            results[row.name] = RowResult(row, "skipped", record=record)
            report(results[row.name])
        else:
            waiting.append(row)
    if waiting:
        with _client(scheduler, len(waiting)) as client:
            for result in _run_all(client, notebook, waiting, folder, max_errors, timeout):
                results[result.row.name] = result
                report(result)
    for row in rows:
        results.setdefault(row.name, RowResult(row, "not run", f"{max_errors} rows had failed before it"))
    return [results[row.name] for row in rows]


def _run_all(
    client: Client, notebook: Path, rows: list[Row], folder: Path, max_errors: int | None, timeout: float | None
) -> Iterator[RowResult]:
    """Run the rows, as many at a time as there are workers, and yield their results as they end."""
    from distributed import as_completed

    content, left = notebook.read_bytes(), iter(rows)
    running: dict[Future, Row] = {}

    def submit(row: Row) -> Future:
        future = client.submit(
            run_row, content, notebook.name, dict(row.values), dict(row.environment), timeout, pure=False
        )
        running[future] = row
        return future

    slots = max(1, sum(client.nthreads().values()))
    ended = as_completed([submit(row) for row in islice(left, slots)], loop=client.loop)
    failed = 0
    for future in ended:
        result = _save(running[future], future, folder)
        failed += result.is_failed
        yield result
        if (max_errors is None or failed < max_errors) and (row := next(left, None)) is not None:
            ended.add(submit(row))


def run_row(
    content: bytes, name: str, values: dict[str, Any], environment: dict[str, str], timeout: float | None
) -> dict[str, str]:
    """Run the notebook of one row, on a worker. Returns the texts of the executed notebook and of its record."""
    from esaws.runbooks.runner import run_runbook

    with TemporaryDirectory(prefix="esaws-row-") as folder:
        notebook = Path(folder, name)
        notebook.write_bytes(content)
        run = run_runbook(notebook, values, output=f"{folder}/out", kernel_env=environment, timeout=timeout)
        files = run.destination
        return {
            "id": files.notebook.stem,
            "notebook": files.notebook.read_text(encoding="utf-8"),
            "record": files.record.read_text(encoding="utf-8"),
        }


def _save(row: Row, future: Future, folder: Path) -> RowResult:
    """Write the files of a row that has ended, and return its result."""
    try:
        texts = future.result()
    except (EsawsError, OSError) as error:
        return RowResult(row, "failed", describe_error(error))
    except Exception as error:  # of the worker: it died, or the row can't be sent to it
        return RowResult(row, "failed", f"its worker did not return a result: {describe_error(error)}")
    target = folder / row.name
    target.mkdir(parents=True, exist_ok=True)
    output, path = target / f"{texts['id']}.ipynb", target / f"{texts['id']}.json"
    record = json.loads(texts["record"]) | {"output": str(output)}
    output.write_text(texts["notebook"], encoding="utf-8")
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    failure = record["error"]
    line = f"{failure['resource']}: {failure['cause']}; {failure['next_step']}" if failure else None
    return RowResult(row, record["status"], line, record["seconds"], path)


def _last_record(folder: Path) -> Path | None:
    """The newest record of a row; its name begins with the time."""
    return max(folder.glob("*.json"), default=None)


def _is_done(path: Path, row: Row) -> bool:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    given = json.loads(json.dumps(dict(row.values)))
    return record.get("status") in DONE and all(
        record["parameters"].get(name) == value for name, value in given.items() if name in record["parameters"]
    )


@contextmanager
def _client(scheduler: str | None, rows: int) -> Iterator[Client]:
    """A Dask client of the scheduler, or of a cluster of processes on this machine, which no other machine reaches."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise UsageError("--over needs Dask; install it with: pip install 'esaws[fleet]'") from None
    quiet = {
        "distributed.worker.daemon": False,
        "distributed.admin.log-format": "%(message)s",
        "logging.distributed": "error",
    }
    with dask.config.set(quiet):
        if scheduler:
            try:
                client = Client(scheduler, timeout=CONNECT, set_as_default=False)
            except (OSError, ValueError) as error:
                raise UsageError(
                    f"{scheduler}: no Dask scheduler answers ({error}); start one with `dask scheduler`"
                ) from error
            with client:
                yield client
            return
        with (
            LocalCluster(
                n_workers=min(WORKERS, rows),
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client
