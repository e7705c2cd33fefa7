"""docs/json.md lists the JSON keys of every command: those of real runs, no more and no fewer."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from filelock import FileLock

from esaws.cloud import Cloud
from esaws.data_plane.image_store import IMAGES
from tests.shell import Shell
from tests.test_cli import leaves

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[1] / "docs/json.md").read_text("utf-8")
DATA = Path(__file__).parent / "bills/data"
EVERY_QUESTION = DATA.parent / "cases/every_question.csv"
CASES = DATA.parent / "cases"
CREDITS = CASES / "credits_cover_all_daily.csv"
OWNED = Path(__file__).parent / "runbooks/owned.ipynb"
ROSTER = Path(__file__).parent / "course/classroom/roster.csv"
LEGACY = DATA / "cur_legacy_focus_converters_anonymous.csv"

RUNS = f"""
doctor
local status
local env
local fidelity
local conformance
plan --profile ha
draw --profile budget -o budget.svg
deploy --profile ha --yes
inventory --all-owned
plan --profile budget
plan --profile budget --prune
local advance 20m
local events
routes
trace http://seccom/sites-management-apifoo
reach service/cameras-api service/sites-management-api 8002
matrix
health
findings
findings --fix --dry-run
draw --live -o live.svg
snapshot -o snapshot
policy deploy
snapshot -o snap
local traffic --shape daily --path /
local fail zone eu-west-3a --for 2h
local mend zone eu-west-3a
local fault throttle --service ec2 --count 2
local fault
local fault --clear
local cost
cost forecast --profile ha
cost forecast --profile budget --regime legacy
cost bill {DATA / "focus_1_0_sample_1000_multicloud.csv"}
cost bill {CREDITS} --by service
cost anomalies {LEGACY}
cost breakdown {CREDITS}
cost credits {CREDITS}
cost free-tier {LEGACY}
cost idle-hours {CASES / "idle_after_one_big_download.csv"}
cost month-end {CREDITS}
cost month-over-month {CASES / "two_months_with_a_gap.csv"}
cost waste {CREDITS}
cost focus {LEGACY} -o focus.csv
cost breakdown --by account {EVERY_QUESTION}
cost month-over-month {EVERY_QUESTION}
cost month-end {EVERY_QUESTION}
cost anomalies {EVERY_QUESTION}
cost idle-hours {EVERY_QUESTION}
cost waste {EVERY_QUESTION}
cost free-tier {EVERY_QUESTION}
cost credits {EVERY_QUESTION}
cost prices
run {OWNED} -o out/
runbooks
new runbook mine
new exercise 00-practice --folder .
new lab late-answers --folder .
runs list out/
runs diff latest latest --in out/
runs index out/
lease --until 8h --at-most-usd 5 --yes
lease
lease --enforce park --dry-run
park --yes
resume --yes
lock
lock --break --yes
image push {IMAGES / "cameras-api"} cameras-api --yes
image list
local save state.esaws
local load state.esaws
course new course
course lab course
course status
course hint 00-block
course solution 00-block
course stop
class new {ROSTER} -o class
lab list
lab diagnose
deploy --profile budget --prune --until 8h --yes
deploy --profile ha --prune --yes
teardown --yes
leftovers
local reset
"""
"""Command lines, in an order in which each succeeds."""

UNSEEN = {
    "course run": "it takes a minute; tests/test_course.py reads its keys",
    **dict.fromkeys(
        ("course check", "course env", "course certificate"),
        "they need a chapter that has begun; tests/course/test_commands.py reads their keys",
    ),
    **dict.fromkeys(
        ("class grade", "class similar", "course sign-in", "course submit"),
        "they need what a learner hands in; tests/course/classroom/test_class.py reads their keys",
    ),
    **dict.fromkeys(
        ("lab start", "lab check", "lab hint", "lab solution", "lab end"),
        "they take seconds; tests/course/test_lab_commands.py reads their keys",
    ),
    "leftovers": "nothing is left here; tests/test_leftovers.py reads its keys",
    "local hosts": "nothing runs here; tests/data_plane/test_system.py reads its keys",
    "local start": "the fixture runs it",
    "local stop": "the fixture runs it",
}


def documented(*, always: bool = False) -> dict[str, set[str]]:
    """Command → its keys on the page. With `always`, without those below a line that begins with "With"."""
    sections = re.split(r"^### esaws (.+)$", PAGE, flags=re.MULTILINE)[1:]
    if always:
        sections[1::2] = [re.split(r"\n(?:With|If)\b", text)[0] for text in sections[1::2]]
    return {
        name: {key for row in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE) for key in re.findall(r"`(.+?)`", row)}
        for name, text in zip(sections[::2], sections[1::2], strict=True)
    }


def keys_of(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each value that is not a container, and of each empty container."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from keys_of(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for item in value:
            yield from keys_of(item, f"{path}[]")
    else:
        yield path


def matches(actual: str, key: str) -> bool:
    """Whether a key of the page describes an actual path. An empty or absent container may be described by its keys."""
    if key.endswith("*"):
        return actual.startswith(key[:-1]) or actual == key[:-2]
    return actual == key or key.startswith((f"{actual}[]", f"{actual}."))


@dataclass(frozen=True)
class EveryCommand:
    """What the lines of `RUNS` returned and called, on a local AWS of their own."""

    results: dict[str, list[Any]]
    """Command → the results of its runs."""
    operations: dict[str, list[str]]
    """Line → the operations that it called, as `ec2:DescribeVpcs`."""


def run_every_command(folder: Path) -> EveryCommand:
    """Run the lines once for all test files and workers that share a folder."""
    file = folder / "every-command.json"
    with FileLock(f"{file}.lock"):
        if not file.exists():
            shell = Shell.local(Path(mkdtemp(prefix="commands-", dir=folder)))
            file.write_text(json.dumps(vars(_run(shell))))
        return EveryCommand(**json.loads(file.read_text()))


def _run(shell: Shell) -> EveryCommand:
    results = defaultdict(list, {"local start": [shell.json("local", "start", "--at", "2022-02-28T00:00Z")]})
    operations = {}
    with pytest.MonkeyPatch.context() as patch:
        for line in RUNS.strip().split("\n"):
            clouds: list[Cloud] = []

            def from_env(clouds: list[Cloud] = clouds, original: Any = Cloud.from_env, **settings: Any) -> Cloud:
                clouds.append(original(**settings))
                return clouds[-1]

            patch.setattr(Cloud, "from_env", from_env)
            results[command_of(line)].append(shell.json(*line.split()))
            patch.undo()
            operations[line] = sorted({f"{call.service}:{call.operation}" for cloud in clouds for call in cloud.calls})
    results["local stop"].append(shell.json("local", "stop", "--discard"))
    return EveryCommand(results, operations)


@pytest.fixture(scope="module")
def results(shared_folder: Path) -> dict[str, list[Any]]:
    """Command → the results of its runs."""
    return run_every_command(shared_folder).results


def command_of(line: str) -> str:
    """The command of a command line."""
    return next(name for name in leaves() if f"{line} ".startswith(f"{name} "))


def test_the_page_has_a_section_for_every_command() -> None:
    assert documented().keys() == leaves().keys()


def test_every_command_is_run() -> None:
    assert {*map(command_of, RUNS.strip().split("\n")), *UNSEEN} == leaves().keys()


@pytest.mark.parametrize("name", sorted(leaves().keys() - UNSEEN.keys() | {"local start", "local stop"}))
def test_the_page_lists_the_keys_of(name: str, results: dict[str, list[Any]]) -> None:
    actual = {key for result in results.get(name, []) for key in keys_of(result)} - {""}
    if name == "cost forecast":  # a list or one object
        actual = {key.removeprefix("[].") for key in actual}
    assert actual, f"no run of `esaws {name}` returned anything"
    assert not {key for key in actual if not any(matches(key, known) for known in documented()[name])}, (
        "not on the page"
    )
    always = documented(always=True)[name]
    assert not {key for key in always if not any(matches(seen, key) for seen in actual)}, "on the page, never returned"
