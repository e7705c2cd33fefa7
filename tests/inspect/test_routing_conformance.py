"""The cases of load balancers, each by its id, and the program that runs files of cases."""

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


def test_the_runner_ends_with_how_many_passed() -> None:
    done = run(CASES, HERE / "sg_cases.json")
    last = done.stdout.splitlines()[-1]
    assert done.returncode == 0
    assert last == f"{len(read(CASES)[1]) + len(read(HERE / 'sg_cases.json')[1])} passed, 0 failed"


def changed(tmp_path: Path, change: Any) -> Path:
    told = json.loads(CASES.read_text())
    told["cases"] = told["cases"][:3]
    change(told)
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(told))
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["cases"][0]["expected"].update(priority={"im": "possible"}),
        lambda told: told["cases"][0]["expected"].update(no_such_key=1),
        lambda told: told["cases"][0].update(expected=[]),
        lambda told: told["cases"][0].update(kind="telepathy"),
        lambda told: told["cases"][0].update(input=None),
        lambda told: told["cases"].__setitem__(0, "no case"),
    ],
)
def test_what_cannot_be_is_a_failure_and_no_crash(tmp_path: Path, change: Any) -> None:
    done = run(changed(tmp_path, change))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "2 passed, 1 failed"), done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "other/1", "cases": []}', '{"cases": 3}'])
def test_a_file_of_no_cases_is_a_failure(tmp_path: Path, content: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(content)
    done = run(path, tmp_path / "absent.json")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "0 passed, 2 failed")
