"""The runs so far, from their records: found in folders, listed, and chosen by a part of their id."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from esaws._display import html_table
from esaws.aws import pages
from esaws.cloud import Cloud
from esaws.errors import UsageError, describe_error
from esaws.files import journal_folder
from esaws.runbooks.record import SCHEMA
from esaws.timestamps import parse_timestamp

if TYPE_CHECKING:
    import pandas

KILLED = "killed"
"""The status of a run whose record says `running`, and whose process on this machine is gone."""

_BEGINS = re.compile(rb'\s*\{\s*"schema"\s*:\s*\d+')
_HEAD = 100


@dataclass(frozen=True)
class PastRun:
    """A run with its record, the JSON that docs/run_records.md describes, and the file that holds it."""

    place: str
    """The file of the record, or its `s3://` address."""
    record: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The id of the run, which begins with its time."""
        return str(self.record["id"])

    @property
    def name(self) -> str:
        """The name of the file without its suffix."""
        return Path(self.place).stem

    @property
    def status(self) -> str:
        """The status in the record, or `killed`."""
        status = str(self.record.get("status"))
        return KILLED if status == "running" and _is_gone(self.record) else status

    @property
    def is_newer(self) -> bool:
        """Whether a later version of esaws wrote the record, with keys that this one may not know."""
        return int(self.record["schema"]) > SCHEMA

    def to_dict(self) -> dict[str, Any]:
        """The run in short.

        Keys: id, runbook, status, exit_code, started, seconds, operator, ticket, reason, target, account, region,
        deployment, planned, done, checks_failed, changed (fields of resources), calls, changing_calls, error (resource
        and cause on one line, or null), next_step, record and notebook (files).
        """
        record, counts = self.record, self.record.get("counts") or {}
        error = record.get("error") or {}
        cause = ": ".join(str(error[name]) for name in ("resource", "cause") if error.get(name))
        names = ("started", "seconds", "operator", "ticket", "reason", "target", "account", "region", "deployment")
        return {
            "id": self.id,
            "runbook": record.get("runbook"),
            "status": self.status,
            "exit_code": record.get("exit_code"),
            **{name: record.get(name) for name in names},
            **{name: counts.get(name) for name in ("planned", "done", "checks_failed")},
            "changed": len(record.get("changed") or ()),
            "calls": record.get("calls"),
            "changing_calls": record.get("changing_calls"),
            "error": cause or None,
            "next_step": error.get("next_step"),
            "record": self.place,
            "notebook": record.get("output"),
        }


@dataclass(frozen=True)
class Runs:
    """Past runs, the latest first, and the files that look like records and can't be read."""

    runs: tuple[PastRun, ...]
    unreadable: tuple[str, ...] = ()
    """A line for each such file: its path and the reason."""

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[PastRun]:
        return iter(self.runs)

    def where(
        self,
        *,
        runbook: str | None = None,
        status: str | None = None,
        deployment: str | None = None,
        since: datetime | None = None,
    ) -> Runs:
        """The runs with these values, and begun since a time."""
        wanted = {"runbook": runbook, "deployment": deployment}
        kept = [
            run
            for run in self.runs
            if all(value is None or run.record.get(name) == value for name, value in wanted.items())
            and status in (None, run.status)
            and (since is None or ((started := _started(run.record)) is not None and started >= since))
        ]
        return Runs(tuple(kept), self.unreadable)

    def find(self, text: str) -> PastRun:
        """The run whose id or file name contains a text; `latest` is the latest.

        Raises:
            UsageError: no run, or more than one, has it.
        """
        if text == "latest" and self.runs:
            return self.runs[0]
        found = [run for run in self.runs if text in (run.id, run.name)]
        found = found or [run for run in self.runs if text in run.id or text in run.name]
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(f"no run has {text!r} in its id; `esaws runs` lists them, or give the file of its record")
        raise UsageError(f"{len(found)} runs have {text!r} in their ids, such as {found[0].id}; give more of one")

    def to_frame(self) -> pandas.DataFrame:
        """One row for each run, the latest first. Columns as the keys of `PastRun.to_dict`."""
        import pandas

        return pandas.DataFrame([run.to_dict() for run in self.runs])

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        columns = [name for name in ("started", "runbook", "status", "operator", "ticket", "error") if name in frame]
        return html_table(repr(self), frame[columns])

    def __repr__(self) -> str:
        return "1 run" if len(self.runs) == 1 else f"{len(self.runs)} runs"


def list_runs(*folders: Path | str) -> Runs:
    """List the runs whose records are in folders or below them; by default in the folder of the journals.

    A folder may be in S3, as `s3://bucket/prefix`. Its objects are read with the account of the environment.

    Raises:
        UsageError: a folder that was named does not exist, or S3 refuses to list or read it.
    """
    runs: dict[str, PastRun] = {}
    unreadable: list[str] = []
    for folder in folders or [journal_folder()]:
        in_s3 = str(folder).startswith("s3://")
        if folders and not in_s3 and not Path(folder).is_dir():
            raise UsageError(f"{folder}: not a folder; give one in which runs were written")
        for place, read in _objects(str(folder)) if in_s3 else _files(Path(folder)):
            try:
                if (record := _parse(read)) is not None:
                    runs[place] = PastRun(place, record)
            except (OSError, ValueError) as error:
                unreadable.append(f"{place}: {error}")
    latest_first = sorted(runs.values(), key=lambda run: (str(run.record.get("started")), run.id), reverse=True)
    return Runs(tuple(latest_first), tuple(unreadable))


def open_run(text: str, folders: Sequence[Path | str] = ()) -> PastRun:
    """Return a run by the file of its record or executed notebook, by a part of its id, or as `latest`.

    Raises:
        UsageError: the file is not a record, or no run or several have the text in their ids.
    """
    path = Path(text).with_suffix(".json")
    if Path(text).suffix in (".json", ".ipynb") and path.is_file():
        try:
            record = _parse(path.read_bytes)
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: can't be read as the record of a run ({error})") from None
        if record is None:
            raise UsageError(f"{path}: not the record of a run; give a file that `esaws run` wrote")
        return PastRun(str(path), record)
    return list_runs(*folders).find(text)


def _files(folder: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The JSON files below a folder, each once: (its path, a function that reads it)."""
    for path in sorted({path.resolve() for path in folder.rglob("*.json")}):
        yield str(path), path.read_bytes


def _objects(url: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The JSON objects below a prefix in S3: (its address, a function that reads it)."""
    cloud = Cloud.from_env()
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    try:
        for item in pages(cloud, "s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix):
            if (key := item["Key"]).endswith(".json"):
                body = cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
                yield f"s3://{bucket}/{key}", body.read
    except (ClientError, BotoCoreError) as error:
        raise UsageError(f"{url} can't be read: {describe_error(error)}") from None


def _parse(read: Callable[[], bytes]) -> dict[str, Any] | None:
    """The record in a file; None if the file is something else. Raises ValueError for a record that is damaged."""
    content = read()
    if not _BEGINS.match(content[:_HEAD]):
        return None
    record = json.loads(content)
    return record if isinstance(record, dict) and "id" in record and "runbook" in record else None


def _is_gone(record: Mapping[str, Any]) -> bool:
    """Whether the process of a record is known not to run any more; of other machines that is not known."""
    import psutil

    from esaws.process_identity import find_process

    pid, start = record.get("pid"), record.get("process_start")
    if record.get("host") != gethostname() or not isinstance(pid, int) or not isinstance(start, float):
        return False
    try:
        return find_process(pid, start) is None
    except psutil.Error:
        return False


def _started(record: Mapping[str, Any]) -> datetime | None:
    try:
        return parse_timestamp(str(record.get("started")))
    except ValueError:
        return None


def statuses(runs: Iterable[PastRun]) -> dict[str, int]:
    """How many runs have each status, the most frequent first."""
    counts: dict[str, int] = {}
    for run in runs:
        counts[run.status] = counts.get(run.status, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
