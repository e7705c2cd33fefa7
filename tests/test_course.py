"""The course: copied into a new folder, run on a local AWS of its own, with an honest summary."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from esaws.cli import main
from esaws.cloud import Cloud
from esaws.course import expected_error, sample_access_log
from esaws.course.folder import find_course, notebooks_folder
from esaws.course.run import CourseRun, _writable, course_status, run_course
from esaws.course.working_copy import make_working_copy
from esaws.deploy.plan import plan_deploy
from esaws.errors import EsawsError, UsageError
from esaws.local_aws import process
from esaws.reference.seccom import Architecture
from esaws.resources.vpc import VPC

pytestmark = pytest.mark.slow

DEPLOY = """\
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.resources.vpc import VPC
assert deployment == "mine"
cloud = Cloud.from_env(deployment=deployment)
plan_deploy(Architecture("one", [VPC.example()]), cloud).apply()"""
TEARDOWN = "plan_teardown(cloud).apply()"
PARAMETERS = 'deployment: str = "seccom"'


def write_course(folder: Path) -> Path:
    """A course of three notebooks: one without a deployment, one that cleans up, and one that fails before it does."""
    folder.mkdir(parents=True)
    write_notebook(folder / "00_first.ipynb", "print('no deployment here')")
    write_notebook(folder / "01_second.ipynb", PARAMETERS, DEPLOY, TEARDOWN)
    write_notebook(folder / "02_third.ipynb", PARAMETERS, DEPLOY, "raise KeyError('alb')")
    write_notebook(folder / "notes.ipynb", "this is not of the course")
    return folder


def write_notebook(path: Path, *sources: str) -> None:
    cells = [new_code_cell(source) for source in sources]
    cells[0].metadata.tags = ["parameters"] if sources[0] == PARAMETERS else []
    nbformat.write(new_notebook(cells=cells), path)


@dataclass(frozen=True)
class Ran:
    """A course that was run: its folders and results, and the lines that were reported."""

    folder: Path
    runs: Path
    result: CourseRun
    lines: list[str]


@pytest.fixture(scope="module")
def user_server() -> Iterator[Cloud]:
    """The user's own local AWS, with a deployment of the same name."""
    cloud = Cloud.local(deployment="mine")
    cloud.start()
    plan_deploy(Architecture("one", [VPC.example()]), cloud).apply()
    yield cloud
    cloud.client("ec2").delete_vpc(VpcId=VPC.example().id_in(cloud))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, user_server: Cloud) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("course")
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESAWS_RUNS", str(folder / "runs"))
        course = write_course(folder / "course")
        before = process.status()
        result = run_course(Cloud.local(deployment="mine"), folder=course, report=lines.append)
        assert {**process.status(), "time": None} == {**before, "time": None}, "the user's server is not touched"
        yield Ran(course, folder / "runs", result, lines)


def test_a_run_counts_what_its_notebooks_did(ran: Ran) -> None:
    result = ran.result
    assert [(run.notebook.stem, run.ok) for run in result.runs] == [
        ("00_first", True),
        ("01_second", True),
        ("02_third", False),
    ]
    assert (result.created, result.deleted, result.failed, result.left) == (2, 1, 1, 1)
    assert result.calls > 10 and not result.ok
    assert str(result).startswith("3 notebooks run, 1 failed; 2 resources created, 1 deleted")
    assert str(result).endswith("; 1 resources left")
    assert nbformat.read(ran.runs / "course" / "00_first.ipynb", 4).cells[0].outputs


def test_each_notebook_is_reported_with_its_error_and_what_is_left(ran: Ran) -> None:
    assert [line.split()[:2] for line in ran.lines[:2]] == [["ok", "00_first"], ["ok", "01_second"]]
    report = "\n".join(ran.lines)
    assert "FAILED 02_third" in report and "KeyError: 'alb'" in report and "left:" in report


def test_the_user_s_deployment_is_untouched(ran: Ran, user_server: Cloud) -> None:
    assert {change.action for change in plan_deploy(Architecture("one", [VPC.example()]), user_server)} == {"keep"}


def test_the_status_has_each_notebook_s_last_run(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {row["name"]: row for row in course_status(ran.folder)["notebooks"]}
    assert {name: row["status"] for name, row in rows.items()} == {
        "00_first": "ok",
        "01_second": "ok",
        "02_third": "failed",
    }
    assert rows["01_second"]["seconds"] > 0
    assert (course_status(ran.folder)["failed"], course_status(ran.folder)["left"]) == (1, 1)
    monkeypatch.setenv("ESAWS_RUNS", str(ran.folder / "elsewhere"))
    assert {row["status"] for row in course_status(ran.folder)["notebooks"]} == {"not run"}


@pytest.mark.usefixtures("user_server")
def test_a_run_of_some_notebooks_keeps_the_results_of_the_others(ran: Ran) -> None:
    assert run_course(Cloud.local(deployment="mine"), ["00"], folder=ran.folder).ok
    assert [row["status"] for row in course_status(ran.folder)["notebooks"]] == ["ok", "ok", "failed"]


def test_a_name_of_no_notebook_is_refused(tmp_path: Path) -> None:
    folder = write_course(tmp_path / "course")
    with pytest.raises(UsageError, match="no notebook starts with '07'; choose from 00_first, 01_second, 02_third"):
        run_course(Cloud.local(), ["07"], folder=folder)


def test_a_folder_without_a_course_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no notebooks of a course\. Create one with `esaws course new FOLDER`"):
        course_status(tmp_path)


def test_damaged_results_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESAWS_RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "course.json").write_text("{")
    with pytest.raises(EsawsError, match=r"course\.json is damaged"):
        course_status()


# --- the folder


def test_a_new_course_has_all_notebooks_and_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("course", "new", str(tmp_path / "mine"), "--json") == 0
    created = json.loads(capsys.readouterr().out)
    source = notebooks_folder()
    assert created["folder"] == str(tmp_path / "mine") and created["kept"] == 0
    assert created["notebooks"] == sorted(
        f"notebooks/{path.relative_to(source).as_posix()}"
        for path in source.rglob("*.ipynb")
        if not any(part.startswith(".") for part in path.parts)
    )
    assert {"notebooks/course/00_start_here.ipynb", "notebooks/costs/read_a_bill.ipynb"} <= set(created["notebooks"])
    assert (tmp_path / "mine" / "diagrams" / "seccom-ha.png").exists()
    monkeypatch.chdir(tmp_path / "mine")
    assert find_course() == source / "course", "the cells of a learner's copy may be empty"


def test_a_new_course_prints_the_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert command("course", "new", str(tmp_path / "empty")) == 0
    assert f"esaws course lab {tmp_path / 'empty'}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["file", "full"])
def test_a_new_course_needs_a_new_folder(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    assert command("course", "new", str(tmp_path / name)) == 2
    assert "already exists and is not a copy of the course" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full", "mine.txt"]


def test_elsewhere_the_course_of_esaws_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_course() == notebooks_folder() / "course"


def test_an_installed_package_has_its_notebooks_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "esaws"
    monkeypatch.setattr("esaws.course.folder.resources.files", lambda _: package)
    with pytest.raises(UsageError, match="this installation has no notebooks"):
        notebooks_folder()
    course = write_course(package / "course" / "notebooks" / "course")
    assert notebooks_folder() == course.parent
    with _writable(course) as copy:
        assert copy != course and sorted(path.name for path in copy.iterdir()) == sorted(
            path.name for path in course.iterdir()
        )
    assert not copy.exists()
    with _writable(tmp_path) as same:
        assert same == tmp_path
    assert make_working_copy(tmp_path / "new").notebooks[:1] == ("notebooks/course/00_first.ipynb",)


def test_the_status_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("course", "status", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert status.keys() == {"notebooks", "failed", "left", "learner", "solved", "of", "exercises", "labs"}
    assert [row["name"] for row in status["notebooks"]][:2] == ["00_start_here", "01_draw_it"]
    assert all(row.keys() == {"name", "status", "seconds"} for row in status["notebooks"])


def command(*arguments: str) -> Any:
    """Run `esaws …` and return its exit code."""
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    return exit_.value.code


# --- what notebooks use


def test_an_expected_error_is_printed_without_ids(capsys: pytest.CaptureFixture[str], cloud: Cloud) -> None:
    with expected_error():
        cloud.client("ec2").delete_vpc(VpcId="vpc-0123456789abcdef0")
    with expected_error():
        raise UsageError("\n".join(f"line {number}" for number in range(6)))
    assert capsys.readouterr().out == (
        "InvalidVpcID.NotFound (DeleteVpc)\nUsageError: line 0\nline 1\nline 2\nline 3\n  … and 2 more\n"
    )


def test_an_expected_error_that_is_not_raised_fails() -> None:
    with pytest.raises(AssertionError, match="expected to fail"), expected_error():
        """Nothing fails here."""


def test_the_sample_access_log_is_the_same_every_time() -> None:
    log = sample_access_log()
    assert log == sample_access_log()
    assert len(log.splitlines()) == 1099 and not log.splitlines()[-1].endswith(b'"')
