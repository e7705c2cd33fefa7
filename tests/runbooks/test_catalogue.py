"""What every notebook of the catalogue keeps: its shape, its parameters, and that a wrong one touches nothing."""

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import nbformat
import pytest
from click.testing import CliRunner
from papermill.inspection import display_notebook_help

from esaws.cloud import Cloud
from esaws.local_aws import process
from esaws.notebooks.steps import STEPS, step_of
from esaws.runbooks.catalogue import Runbook, list_runbooks
from esaws.runbooks.declaration import Parameter, read_declaration
from esaws.runbooks.pytest_plugin import RunbookTester
from esaws.runbooks.values import read_values
from tests.runbooks.cases import RUNBOOKS
from tests.runbooks.values import as_text, wrong_value
from tests.shell import Shell

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
COMMON = ("operator", "ticket", "reason", "account", "region", "deployment", "notify")
OF_CHANGES = ("dry_run", "approve")
MOST_LINES = 9
MOST_IMPORTS = 4
CHANGING = (
    "budget_guard",
    "deploy",
    "drain_a_zone",
    "open_a_port",
    "park_and_resume",
    "replace_an_instance",
    "roll_out_an_image",
    "rotate_the_database_password",
    "scale_a_service",
    "tear_down",
)
LOOKING = (
    "cost_report",
    "credit_runway",
    "find_leftovers",
    "is_it_answering",
    "security_audit",
    "status",
    "trace_a_request",
    "what_changed_since",
    "who_can_reach",
    "why_is_it_unhealthy",
)

each_runbook = pytest.mark.parametrize("runbook_read", RUNBOOKS.values(), ids=list(RUNBOOKS))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def cells(runbook: Runbook) -> list[Any]:
    return list(nbformat.read(runbook.path, as_version=4).cells)


def code_cells(runbook: Runbook) -> list[Any]:
    return [cell for cell in cells(runbook) if cell.cell_type == "code"]


# -- the catalogue -------------------------------------------------------------------------------------------------


def test_the_catalogue_has_these_runbooks_and_says_which_of_them_change_something() -> None:
    listed = {runbook.name: runbook.changes for runbook in list_runbooks()}
    assert {name for name, changes in listed.items() if changes} == set(CHANGING)
    assert {name for name, changes in listed.items() if not changes} == set(LOOKING)


# -- the shape -----------------------------------------------------------------------------------------------------


@each_runbook
def test_the_head_says_what_when_not_how_long_for_what_cost_and_what_is_left(runbook_read: Runbook) -> None:
    head = cells(runbook_read)[0]
    title, summary, *more = (" ".join(paragraph.split()) for paragraph in head.source.split("\n\n"))
    text = " ".join(more)
    assert head.cell_type == "markdown"
    assert re.fullmatch(r"# [A-Z][^\n.]+", title)
    assert title[2:].lower().startswith(runbook_read.name.replace("_", " "))
    assert summary.startswith(runbook_read.summary)
    assert more[0].startswith("**Do not use it**")
    assert re.search(r"\b(second|minute|hour)s?\b", text)
    assert re.search(r"\bUSD\b|[Ff]ree of charge|nothing to pay|costs? (money|nothing)|ends the costs", text)
    left = r"\bIt leaves\b" if runbook_read.changes else r"\b[Ii]t changes nothing\b"
    assert re.search(left, text)


@each_runbook
def test_the_cells_are_tagged_with_the_steps_in_their_order(runbook_read: Runbook) -> None:
    steps = [step for cell in code_cells(runbook_read) if (step := step_of(cell))]
    assert steps == sorted(steps, key=STEPS.index)
    needed = ["parameters", "account", "look", "verify", "result"]
    assert set(steps) - {"left"} == {*needed, "plan", "act"} if runbook_read.changes else {*needed}
    assert [steps.count(step) for step in ("parameters", "account", "act", "result") if step in steps] == [
        1 for step in ("parameters", "account", "act", "result") if step in steps
    ]
    for cell in code_cells(runbook_read):
        called = re.findall(r"\brun\.(account|look|plan|act|verify|left|result)\(", cell.source)
        assert called in ([], [step_of(cell)]), cell.source


@each_runbook
def test_every_cell_is_short_and_explained_above(runbook_read: Runbook) -> None:
    previous = None
    for cell in cells(runbook_read):
        if cell.cell_type == "code":
            assert previous is not None and previous.cell_type == "markdown", cell.source
            assert previous.source.strip(), cell.source
            if step_of(cell) != "parameters":
                assert len(cell.source.splitlines()) <= MOST_LINES, cell.source
        previous = cell


@each_runbook
def test_the_work_is_in_the_package_and_no_output_is_stored(runbook_read: Runbook) -> None:
    imports = 0
    for cell in code_cells(runbook_read):
        assert (cell.outputs, cell.execution_count) == ([], None), cell.source
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Try | ast.For | ast.While), cell.source
            imports += isinstance(node, ast.Import | ast.ImportFrom)
    assert 1 <= imports <= MOST_IMPORTS


# -- the parameters ------------------------------------------------------------------------------------------------


@each_runbook
def test_the_common_parameters_are_the_same_everywhere(runbook_read: Runbook) -> None:
    names = (*COMMON, *OF_CHANGES) if runbook_read.changes else COMMON
    assert runbook_read.declaration.names[: len(names)] == names
    first = RUNBOOKS[CHANGING[0]].declaration
    for name in names:
        assert runbook_read.declaration[name].to_dict() == first[name].to_dict()


@each_notebook
def test_papermill_shows_every_parameter_with_its_type_and_help(path: Path) -> None:
    command = click.Command("papermill", params=[click.Argument(["notebook_path"]), click.Argument(["output_path"])])
    command.callback = lambda **paths: display_notebook_help(click.get_current_context(), paths["notebook_path"], {})
    shown = CliRunner().invoke(command, [str(path), "out.ipynb"])
    assert shown.exit_code == 0, shown.output
    assert "Unknown type" not in shown.output
    lines = re.split(r"\n(?=  \w+: )", re.sub(r"\n\s{10,}", " ", shown.output))
    for parameter in read_declaration(path).parameters:
        line = next(line for line in lines if line.strip().startswith(f"{parameter.name}: "))
        assert parameter.type.split("[")[0] in line and " ".join(parameter.help.split()) in " ".join(line.split())


@each_notebook
def test_every_parameter_documents_values_that_it_takes(path: Path) -> None:
    for parameter in read_declaration(path).parameters:
        assert parameter.help and parameter.description and parameter.examples, parameter.name
        for value in parameter.examples:
            given = [(parameter.name, as_text(value)), *required_beside(path, parameter)]
            assert parameter.name in read_values(path, given)
            parameter.validate(value)  # as papermill passes it


def required_beside(path: Path, parameter: Parameter) -> list[tuple[str, str]]:
    """The required parameters of a notebook but this one, with a documented value each."""
    others = [each for each in read_declaration(path).parameters if each.is_required and each != parameter]
    return [(each.name, str(each.examples[0])) for each in others]


def required(path: Path) -> dict[str, Any]:
    return {each.name: each.examples[0] for each in read_declaration(path).parameters if each.is_required}


# -- what is wrong -------------------------------------------------------------------------------------------------


@each_runbook
def test_each_wrong_parameter_ends_a_run_before_any_call(runbook_read: Runbook, runbook: RunbookTester) -> None:
    for parameter in runbook_read.declaration.parameters:
        wrong = {**required(runbook_read.path), parameter.name: wrong_value(parameter)}
        result = runbook.run(runbook_read.path, **wrong)
        assert (result.exit_code, result.status, result.record["calls"]) == (2, "failed", 0), (parameter.name, wrong)
        error = result.record["error"]
        assert error["step"] == "parameters" and parameter.name in error["cause"], error
        assert [step["step"] for step in result.record["steps"]] == []


@each_runbook
def test_esaws_run_refuses_each_wrong_parameter_before_a_kernel_starts(runbook_read: Runbook, esaws: Shell) -> None:
    beside = [word for name, value in required(runbook_read.path).items() for word in ("-p", name, str(value))]
    for parameter in runbook_read.declaration.parameters:
        value = wrong_value(parameter)
        message = esaws("run", str(runbook_read.path), *beside, "-p", parameter.name, as_text(value), code=2)
        assert parameter.name in message
    message = esaws("run", str(runbook_read.path), *beside, "-p", "dryrun", "true", code=2)
    assert "unknown parameter dryrun; choose from operator" in message
    assert list(esaws.folder.iterdir()) == []


@pytest.mark.parametrize(("name", "parameter"), [("roll_out_an_image", "image"), ("trace_a_request", "url")])
def test_a_missing_required_parameter_is_named(runbook: RunbookTester, esaws: Shell, name: str, parameter: str) -> None:
    assert list(required(RUNBOOKS[name].path)) == [parameter]
    result = runbook.run(name)
    assert (result.exit_code, result.record["calls"]) == (2, 0)
    assert f"{parameter} is required" in result.record["error"]["cause"]
    assert f"{parameter} is required" in esaws("run", name, code=2)


@each_runbook
def test_an_unknown_parameter_ends_a_run_before_any_call(runbook_read: Runbook, runbook: RunbookTester) -> None:
    result = runbook.run(runbook_read.path, **required(runbook_read.path), servcie="hdm")
    assert (result.exit_code, result.record["calls"]) == (2, 0)
    error = result.record["error"]
    assert "unknown parameter servcie" in f"{error['resource']} {error['cause']}"
    assert "operator" in json.dumps(error), "the names to choose from"


def test_a_runbook_that_does_not_exist_is_refused_with_those_that_do(esaws: Shell) -> None:
    message = esaws("run", "scale_a_servcie", code=2)
    assert "there is no such runbook" in message
    assert all(name in message for name in RUNBOOKS)


# -- where nothing runs --------------------------------------------------------------------------------------------


class Stopped(RunbookTester):
    """Runs runbooks on the user's local AWS, which does not run."""

    def environment(self) -> Mapping[str, str]:
        return {
            "ESAWS_TARGET": "local",
            "ESAWS_ACCOUNT": "123456789012",
            "ESAWS_STATE": str(self.folder / "state"),
            "ESAWS_RUNS": str(self.folder / "runs"),
        }


@pytest.fixture
def stopped(tmp_path: Path) -> RunbookTester:
    (tmp_path / "state").mkdir()
    return Stopped("local", tmp_path, Cloud.local())


@pytest.mark.parametrize("name", [name for name in RUNBOOKS if name != "deploy"])
def test_without_a_local_aws_a_run_fails_and_starts_none(stopped: RunbookTester, name: str) -> None:
    result = stopped.run(name, **required(RUNBOOKS[name].path))
    error = result.record["error"]
    assert (result.exit_code, result.status, result.record["calls"]) == (1, "failed", 0), result.error
    assert (error["step"], error["code"]) == ("account", "LocalNotRunning")
    assert "esaws local start" in error["next_step"], error
    assert list((stopped.folder / "state").iterdir()) == []
    assert [step["step"] for step in result.record["steps"]] == ["account"]


@pytest.mark.runbooks
def test_a_deploy_starts_the_local_aws(stopped: RunbookTester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESAWS_STATE", str(stopped.folder / "state"))
    try:
        result = stopped.run("deploy", dry_run=True, services=["client-web-ui"])
        assert (result.status, result.exit_code, result.error) == ("planned", 0, None)
    finally:
        process.stop(discard=True)
