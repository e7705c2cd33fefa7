"""Each example of docs/schedulers.md is what its scheduler reads, and each command in it is one that esaws takes."""

import ast
import configparser
import csv
import inspect
import io
import re
import shlex
from pathlib import Path

import click
import pytest
import yaml
from papermill import execute_notebook

from esaws.cli.root import cli
from esaws.runbooks.catalogue import find_runbook
from esaws.runbooks.declaration import read_declaration

PAGE = (Path(__file__).parents[2] / "docs/schedulers.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def blocks(language):
    return [text for name, text in BLOCKS if name == language]


TEXT = "\n".join(text for _, text in BLOCKS)
COMMANDS = sorted(set(re.findall(r"\besaws (run [^\n>]+?)(?: >>.*)?$", TEXT, re.MULTILINE)))


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_one_that_esaws_takes_with_parameters_of_its_runbook(command, tmp_path, monkeypatch):
    (tmp_path / "accounts.csv").touch()
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)[1:]
    run = cli.get_command(click.Context(cli), "run")
    context = run.make_context("run", words)
    declaration = read_declaration(find_runbook(context.params["name"]))
    for name, text in context.params["given"]:
        declaration[name] if "$" in text else declaration.parse(name, text)


def test_there_are_commands_of_each_kind():
    assert len(COMMANDS) == 6
    assert {name for name, _ in BLOCKS} == {"cron", "systemd", "yaml", "python", "csv", "shell"}


def test_cron_lines_have_five_fields_and_a_command():
    lines = blocks("cron")[0].splitlines()
    jobs = [line for line in lines if not re.match(r"[A-Z_]+=", line)]
    assert len(jobs) == 2
    for line in jobs:
        *fields, command = line.split(maxsplit=5)
        assert all(re.fullmatch(r"[\d*/,-]+", field) for field in fields)
        assert "esaws run" in command and "%" not in command, "cron reads % as a new line"


def test_the_units_of_systemd_belong_together():
    service, timer = (configparser.ConfigParser(interpolation=None) for _ in range(2))
    for parser, text in zip((service, timer), blocks("systemd"), strict=True):
        parser.optionxform = str
        parser.read_string(text)
    assert service["Service"]["Type"] == "oneshot"
    grace = re.search(r"--grace (\d+)s", service["Service"]["ExecStart"])
    assert int(service["Service"]["TimeoutStopSec"]) > int(grace[1])
    assert timer["Install"]["WantedBy"] == "timers.target" and timer["Timer"]["OnCalendar"]


def test_the_workflow_of_github_passes_inputs_by_the_environment():
    workflow = yaml.safe_load(blocks("yaml")[0])
    steps = workflow["jobs"]["scale"]["steps"]
    (run,) = [step for step in steps if "esaws run" in step.get("run", "")]
    assert "${{" not in run["run"], "an input in a script is code that a user can inject"
    assert set(re.findall(r"\$([A-Z]+)\b", run["run"])) - {"GITHUB"} <= set(run["env"])
    assert workflow["permissions"]["id-token"] == "write"


def test_the_task_of_airflow_has_parameters_of_its_runbook():
    (call,) = [
        node
        for node in ast.walk(ast.parse(blocks("python")[0]))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "PapermillOperator"
    ]
    given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    declaration = read_declaration(find_runbook(Path(given["input_nb"]).stem))
    declaration.validate(given["parameters"])
    assert {"input_path", "output_path", "parameters"} <= set(inspect.signature(execute_notebook).parameters)


def test_the_columns_of_the_accounts_are_known():
    reader = csv.DictReader(io.StringIO(blocks("csv")[0]))
    parameters = set(read_declaration(find_runbook("status")).names)
    assert set(reader.fieldnames) <= parameters | {"aws_profile", "target"}
    assert all(None not in row.values() for row in reader)
