"""Past runs: found by their records, listed, compared, and shown on a page that needs no network."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from esaws.cloud import Cloud
from esaws.errors import UsageError
from esaws.masking import register_secret
from esaws.runbooks.difference import PARTS, compare_runs
from esaws.runbooks.history import PastRun, Runs, list_runs, open_run
from esaws.runbooks.index_page import render_index, write_index
from esaws.runbooks.record import EXIT_CODES, SCHEMA, STATUSES, new_record, write_record

PAGE = (Path(__file__).parents[2] / "docs" / "run_records.md").read_text(encoding="utf-8")

Write = Callable[..., Path]


def record_of(day: int, name: str = "scale_a_service", **values: Any) -> dict[str, Any]:
    """The record of a run on a day of November."""
    started = f"2026-11-{day:02}T03:00:00Z"
    times = {"started": started, "ended": started, "exit_code": 0, "status": "done", "deployment": "seccom"}
    return new_record(f"202611{day:02}T030000Z-{name}-{4000 + day}", name) | times | values


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a record, and return its file."""

    def to_file(record: dict[str, Any], folder: str = "runs") -> Path:
        path = tmp_path / folder / f"{record['id']}.json"
        write_record(path, record)
        return path

    return to_file


@pytest.fixture
def runs(write: Write, tmp_path: Path) -> Runs:
    """Two runs of one runbook that scaled a service differently, and an earlier one that failed."""
    error = {"step": "act", "resource": "Service hdm", "cause": "AccessDenied", "code": "x", "next_step": "ask"}
    write(record_of(1, "park_and_resume", status="failed", exit_code=1, error=error, ticket="INC-7"))
    for day, desired in ((2, 2), (3, 4)):
        changed = [{"kind": "Service", "name": "hdm", "field": "desired", "before": 1, "after": desired}]
        checks = [{"what": f"{desired} tasks run", "ok": True, "found": f"{desired} run", "next_step": ""}]
        found = {"service state": {"running": desired, "events": ["started"] * desired}}
        more = {"parameters": {"desired": desired}, "changed": changed, "checks": checks, "found": found}
        write(record_of(day, calls=10 * day, counts={"planned": 1, "done": 1, "checks_passed": 1}, **more))
    return list_runs(tmp_path / "runs")


def test_runs_are_listed_the_latest_first(runs: Runs) -> None:
    assert [run.id[:8] for run in runs] == ["20261103", "20261102", "20261101"]
    frame = runs.to_frame()
    assert frame.status.tolist() == ["done", "done", "failed"]
    assert frame.changed.tolist() == [1, 1, 0]
    assert frame.error.iloc[-1] == "Service hdm: AccessDenied"
    assert "<table" in runs._repr_html_()


@pytest.mark.parametrize(
    ("choice", "days"),
    [
        ({"status": "failed"}, ["01"]),
        ({"runbook": "scale_a_service"}, ["03", "02"]),
        ({"since": datetime(2026, 11, 2, 3, tzinfo=UTC)}, ["03", "02"]),
        ({"deployment": "other"}, []),
    ],
)
def test_runs_are_chosen_by_what_they_were(runs: Runs, choice: dict[str, Any], days: list[str]) -> None:
    assert [run.id[6:8] for run in runs.where(**choice)] == days


def test_a_run_is_found_by_a_part_of_its_id_or_by_a_file(runs: Runs, tmp_path: Path) -> None:
    assert runs.find("latest") is runs.find("20261103") is runs.runs[0]
    path = Path(runs.runs[1].place)
    assert open_run(str(path)).id == open_run(str(path.with_suffix(".ipynb"))).id == runs.runs[1].id
    assert open_run("20261101", [tmp_path / "runs"]).status == "failed"
    with pytest.raises(UsageError, match="2 runs"):
        runs.find("scale_a_service")
    with pytest.raises(UsageError, match="no run has 'tomorrow'"):
        runs.find("tomorrow")


def test_other_files_are_no_runs_and_a_damaged_record_is_reported(write: Write, tmp_path: Path) -> None:
    good = write(record_of(1))
    folder = good.parent
    (folder / "snapshot.json").write_text('{"Vpcs": []}')
    (folder / "list.json").write_text("[1]")
    (folder / "other.json").write_text('{"schema": 1, "title": "not ours"}')
    (folder / "half.json").write_text(good.read_text()[:200])
    found = list_runs(tmp_path)
    assert len(found) == 1
    assert [Path(line.partition(": ")[0]).name for line in found.unreadable] == ["half.json"]
    for name in ("half.json", "other.json"):
        with pytest.raises(UsageError, match=name):
            open_run(str(folder / name))
    with pytest.raises(UsageError, match="not a folder"):
        list_runs(tmp_path / "nowhere")


def test_runs_are_read_from_s3(runs: Runs, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESAWS_TARGET", str(cloud.endpoint))
    monkeypatch.setenv("ESAWS_ACCOUNT", cloud.account)
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="ops-runs", CreateBucketConfiguration={"LocationConstraint": cloud.region})
    for run in runs:
        s3.put_object(Bucket="ops-runs", Key=f"2026/{run.id}.json", Body=Path(run.place).read_bytes())
    s3.put_object(Bucket="ops-runs", Key="2026/notes.txt", Body=b"{}")
    found = list_runs("s3://ops-runs/2026/")
    assert [run.id for run in found] == [run.id for run in runs]
    assert found.runs[0].place == f"s3://ops-runs/2026/{found.runs[0].id}.json"
    with pytest.raises(UsageError, match="NoSuchBucket"):
        list_runs("s3://no-such-bucket")


def test_a_record_of_a_later_version_is_listed(write: Write) -> None:
    path = write(record_of(1, schema=SCHEMA + 1))
    (run,) = list_runs(path.parent)
    assert run.is_newer
    assert "later version" in render_index(Runs((run,)), path.parent)


@pytest.fixture(scope="module")
def gone() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_run_without_an_end_is_killed_only_where_its_process_is_known_to_be_gone(gone: int) -> None:
    def status(**values: Any) -> str:
        return PastRun("a.json", record_of(1, status="running", **values)).status

    assert status() == "running"
    assert status(pid=gone) == "killed"
    assert status(process_start=1.0) == "killed"  # this process began later: the id was used again
    assert status(process_start=None) == "running"
    assert status(pid=gone, host="elsewhere") == "running"


# --- what differs


def test_a_difference_names_what_changed_and_ignores_ids_and_times(runs: Runs) -> None:
    later, earlier, _ = runs
    found = {(part, what): (first, second) for part, what, first, second in compare_runs(earlier, later).rows}
    assert found["parameters", "desired"] == (2, 4)
    assert found["found", "service state › running"] == (2, 4)
    assert found["changed", "Service hdm desired › after"] == (2, 4)
    assert found["calls", ""] == (20, 30)
    assert ("checks", "4 tasks run") in found
    assert {part for part, _ in found} == {"parameters", "found", "changed", "calls", "checks"}


def test_a_run_does_not_differ_from_itself_or_from_its_repetition() -> None:
    first, again = (PastRun("a.json", record_of(day, seconds=day)) for day in (1, 2))
    assert compare_runs(first, again).to_dict()["same"] is True
    assert "differ in nothing" in repr(compare_runs(first, again))


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ([{"kind": "A", "name": "x", "n": 1}, {"kind": "A", "name": "y"}], [{"kind": "A", "name": "y"}], ["A x"]),
        ([1, 2], [2, 1], []),
        ([1, 1], [1], [""]),
        (["a", "b"], ["b", "c"], ["a", "c"]),
        ([{"z": 1}], [{"z": 2}], [""]),
        ({"a": {"b": 1}}, {"a": {"b": None}}, ["a › b"]),
        ({"a": None}, {}, ["a"]),
    ],
)
def test_lists_are_compared_by_what_their_items_name(first: Any, second: Any, what: list[str]) -> None:
    pair = [PastRun("a.json", record_of(1, found=found)) for found in (first, second)]
    assert [row[1] for row in compare_runs(*pair).rows] == what


def test_every_key_of_a_record_is_compared_but_ids_files_and_times() -> None:
    ignored = {"schema", "id", "notebook", "output", "pid", "process_start", "started", "ended", "seconds"}
    assert {*PARTS} == new_record("1", "x").keys() - ignored


# --- the page


def test_the_page_needs_no_network_and_escapes_what_runs_say(write: Write, tmp_path: Path) -> None:
    register_secret("hunter2hunter2")
    nasty = "<script>alert(1)</script>"
    notebook = tmp_path / "runs" / "executed.ipynb"
    record = record_of(1, reason=nasty, output=str(notebook), found={nasty: ["hunter2hunter2", "x" * 30_000]})
    write(record)
    notebook.write_text("{}")
    page = write_index(list_runs(tmp_path / "runs"), tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
    assert nasty not in page and "&lt;script&gt;alert(1)" in page
    assert "hunter2" not in page
    assert 'href="../runs/executed.ipynb"' in page and f'href="../runs/{record["id"]}.json"' in page
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)
    assert "default-src 'none'" in page
    assert len(page) < 40_000 and "the record has all of it" in page


SEARCHES = [["", ""], ["HDM desired", ""], ["inc-7", ""], ["inc-7", "done"], ["nothing-has-this", ""]]
"""Words and status."""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_search_shows_the_runs_that_have_every_word(runs: Runs, tmp_path: Path) -> None:
    """The script of the page runs on a stand-in of a browser, with the text of each row."""
    page = render_index(runs, tmp_path)
    script = re.search(r"<script>\n(.*?)</script>", page, re.DOTALL)
    rows = re.findall(r'<tr data-status="(\w+)">(.*?)\n</tr>', page, re.DOTALL)
    texts = [{"status": status, "text": re.sub(r"<[^>]+>", " ", text)} for status, text in rows]
    assert script and len(texts) == 3
    program = f"""
const elements = {json.dumps(texts)}.map(row => ({{textContent: row.text, dataset: {{status: row.status}}}}));
const field = () => ({{value: "", addEventListener() {{}}}});
const parts = {{search: field(), status: field(), count: {{}}}};
globalThis.document = {{querySelectorAll: () => elements, getElementById: id => parts[id]}};
{script[1]}
const shown = {json.dumps(SEARCHES)}.map(([words, state]) => {{
  search.value = words; status.value = state; filter();
  return elements.filter(row => !row.hidden).length;
}});
console.log(JSON.stringify([shown, parts.count.textContent]));
"""
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[3, 2, 1, 0, 0], "0 of 3 runs"]


# --- the documented schema


def documented(heading: str) -> dict[str, str]:
    """Key → explanation, of a section's table."""
    section = re.split(rf"^## {heading}\n", PAGE, flags=re.MULTILINE)[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \| (.+) \|$", section, re.MULTILINE)
    return {key: text for keys, text in rows for key in re.findall(r"`(\w+)`", keys)}


def test_the_page_of_the_schema_has_every_key_status_and_exit_code() -> None:
    record = new_record("1", "x")
    assert documented("The run").keys() | documented("What it did").keys() == record.keys()
    assert f"now **{SCHEMA}**" in PAGE
    section = PAGE.partition("## Status and exit code")[2].partition("## What it did")[0]
    codes = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", section, re.MULTILINE))
    assert codes.keys() == {*STATUSES}
    assert all(str(code) in codes[status] for status, code in EXIT_CODES.items())
    assert all(f"`{name}`" in documented("What it did")["counts"] for name in record["counts"])
