"""The conformance cases of load balancers, and the program that runs files of cases."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import alb
from tests.conformance.running import HERE, differences, read

ROOT = Path(__file__).resolve().parents[2]
CASES = HERE / "alb_cases.json"


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in read(CASES)[1]])
def test_a_case(case: dict[str, Any]) -> None:
    assert differences(alb.KINDS, case) == []


def run(*files: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.conformance", *map(str, files)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_runner_prints_the_numbers_last() -> None:
    done = run(CASES, HERE / "sg_cases.json")
    last = done.stdout.splitlines()[-1]
    assert done.returncode == 0
    assert last == f"{len(read(CASES)[1]) + len(read(HERE / 'sg_cases.json')[1])} passed, 0 failed"


def changed(tmp_path: Path, change: Any) -> Path:
    row = json.loads(CASES.read_text())
    row["cases"] = row["cases"][:3]
    change(row)
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(row))
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row["cases"][0]["expected"].update(priority={"im": "possible"}),
        lambda row: row["cases"][0]["expected"].update(no_such_key=1),
        lambda row: row["cases"][0].update(expected=[]),
        lambda row: row["cases"][0].update(kind="telepathy"),
        lambda row: row["cases"][0].update(input=None),
        lambda row: row["cases"].__setitem__(0, "no case"),
    ],
)
def test_an_impossible_case_is_a_failure_not_a_crash(tmp_path: Path, change: Any) -> None:
    done = run(changed(tmp_path, change))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "2 passed, 1 failed"), done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "other/1", "cases": []}', '{"cases": 3}'])
def test_an_invalid_file_is_a_failure(tmp_path: Path, content: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(content)
    done = run(path, tmp_path / "absent.json")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "0 passed, 2 failed")
