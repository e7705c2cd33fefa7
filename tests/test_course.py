"""The course runner: every notebook in order on a local AWS of its own, and an honest sum of what that did."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from esaws.cloud import Cloud
from esaws.course import run as course
from esaws.course.errors import expected_error
from esaws.deploy.plan import plan_deploy
from esaws.errors import EsawsError, UsageError
from esaws.local_aws import process
from esaws.resources.vpc import VPC
from tests.shell import Shell

DEPLOY = """\
from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.deploy.plan import plan_deploy, plan_teardown
from esaws.resources.vpc import VPC
cloud = Cloud.from_env(deployment=deployment)
plan_deploy(Architecture("one", [VPC.example()]), cloud).apply()"""
TEARDOWN = "plan_teardown(cloud).apply()"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A course of two notebooks."""
    monkeypatch.setattr(course, "FOLDER", tmp_path)
    monkeypatch.setenv("ESAWS_RUNS", str(tmp_path / "runs"))
    write(tmp_path / "00_first.ipynb", "print('no deployment here')")
    write(tmp_path / "01_second.ipynb", 'deployment: str = "seccom"', DEPLOY, TEARDOWN)
    return tmp_path


def write(path, *sources):
    cells = [new_code_cell(source) for source in sources]
    cells[0].metadata.tags = ["parameters"] if sources[0].startswith("deployment") else []
    nbformat.write(new_notebook(cells=cells), path)


def test_a_run_sums_up_what_its_notebooks_did(folder):
    said = []
    summary = course.run_course(Cloud.local(), say=said.append)
    assert [(run.notebook.stem, run.ok) for run in summary.runs] == [("00_first", True), ("01_second", True)]
    assert (summary.created, summary.deleted, summary.failed, summary.left) == (1, 1, 0, 0)
    assert summary.ok and summary.calls > 10
    assert str(summary).startswith("2 notebooks run; 1 resources created, 1 deleted")
    assert str(summary).endswith("; 0 resources left")
    assert [line.split()[:2] for line in said] == [["ok", "00_first"], ["ok", "01_second"]]
    assert nbformat.read(folder / "runs" / "course" / "00_first.ipynb", 4).cells[0].outputs


def test_a_notebook_that_fails_and_what_it_leaves_are_told(folder):
    write(folder / "02_third.ipynb", 'deployment: str = "seccom"', DEPLOY, "raise KeyError('alb')")
    said = []
    summary = course.run_course(Cloud.local(), say=said.append)
    assert (summary.failed, summary.left, summary.ok) == (1, 1, False)
    told = "\n".join(said)
    assert "FAILED 02_third" in told and "KeyError: 'alb'" in told and "left:" in told
    assert summary.to_dict()["notebooks"][2]["status"] == "failed"


def test_what_the_user_has_on_the_local_aws_is_not_seen(folder):
    cloud = Cloud.local()
    cloud.start()
    deployed = plan_deploy(course_of_one(), cloud)
    deployed.apply()
    before = process.status()
    assert course.run_course(Cloud.local()).ok
    assert {**process.status(), "time": None} == {**before, "time": None}
    assert {change.action for change in plan_deploy(course_of_one(), cloud)} == {"keep"}
    cloud.client("ec2").delete_vpc(VpcId=VPC.example().id_in(cloud))


def course_of_one():
    from esaws.architecture import Architecture

    return Architecture("one", [VPC.example()])


def test_the_status_remembers_each_notebook_s_last_run(folder):
    assert {row["status"] for row in course.status()["notebooks"]} == {"not run"}
    course.run_course(Cloud.local(), ["01"])
    rows = {row["name"]: row for row in course.status()["notebooks"]}
    assert (rows["00_first"]["status"], rows["01_second"]["status"]) == ("not run", "ok")
    assert rows["01_second"]["seconds"] > 0
    assert course.status()["failed"] == course.status()["left"] == 0


def test_another_deployment_name_reaches_the_notebooks(folder):
    write(folder / "01_second.ipynb", 'deployment: str = "seccom"', "assert deployment == 'mine'")
    assert course.run_course(Cloud.local(deployment="mine")).ok


def test_a_name_that_no_notebook_begins_with_is_refused(folder):
    with pytest.raises(UsageError, match="no notebook begins with '07'; there are: 00_first, 01_second"):
        course.run_course(Cloud.local(), ["07"])


def test_a_damaged_memory_says_so(folder):
    (folder / "runs").mkdir()
    (folder / "runs" / "course.json").write_text("{")
    with pytest.raises(EsawsError, match=r"course\.json is damaged"):
        course.status()


def test_the_command_line_tells_the_status_of_the_course_as_documented(cloud, tmp_path):
    answer = Shell(cloud, tmp_path).json("course", "status")
    assert answer.keys() == {"notebooks", "failed", "left"}
    assert [row["name"] for row in answer["notebooks"]][:2] == ["00_start_here", "01_draw_the_architecture"]
    assert all(row.keys() == {"name", "status", "seconds"} for row in answer["notebooks"])


def test_an_expected_error_is_shown_without_ids(capsys, cloud):
    with expected_error():
        cloud.client("ec2").delete_vpc(VpcId="vpc-0123456789abcdef0")
    with expected_error():
        raise UsageError("\n".join(f"line {number}" for number in range(6)))
    assert capsys.readouterr().out == (
        "InvalidVpcID.NotFound (DeleteVpc)\nUsageError: line 0\nline 1\nline 2\nline 3\n  … and 2 more\n"
    )


def test_an_expected_error_that_does_not_come_fails():
    with pytest.raises(AssertionError, match="expected to fail"), expected_error():
        """Nothing fails here."""
