"""The first version of a new runbook, and of its test: one that runs, in the shape of the catalogue."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from esaws.errors import UsageError

COMMON = """\
operator: "Text" = ""  # who runs this; "" is the name of the user
ticket: "Text" = ""  # the ticket of this operation
reason: "Text" = ""  # why
account: "AccountId" = ""  # the account that must answer; "" is ESAWS_ACCOUNT
region: "Region" = ""  # "" is ESAWS_REGION
deployment: "DeploymentName" = ""  # "" is ESAWS_DEPLOYMENT
notify: "Notification" = ""  # a webhook or an SNS topic that gets the result
"""
"""The parameters of every runbook."""
CHANGING = """\
dry_run: "DryRun" = "auto"  # true changes nothing; auto is true on aws until a plan is approved
approve: "Fingerprint" = ""  # the fingerprint of the plan that may act
"""
"""The parameters of every runbook that changes something."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")

_HEAD = """\
# {title}

{purpose}

**Do not use it** … (say when another runbook is the right one).

About a minute; costs nothing by itself; leaves {leaves}."""

_LOOKING = [
    ("md", "The parameters. `esaws run {name} -p service NAME` sets them from a command line."),
    ("parameters", COMMON + 'service: "ServiceName" = "client-web-ui"  # the service to look at'),
    ("md", "The note of this operation. Bad parameters end the run here, before any call."),
    ("", "from esaws import runbooks\nfrom esaws.operations import service_state\n\nrun = runbooks.begin()\nrun"),
    ("md", "Is this the right account?"),
    ("account", "run.account()"),
    ("md", "**Look.** The service and its tasks as they are now."),
    ("look", "run.look(service_state, run.parameters.service)"),
    ("md", "The record of this run, for those who read it tomorrow."),
    ("result", "run.result()"),
]
_CHANGE = [
    ("md", "The parameters. `esaws run {name} -p desired 3` sets them from a command line."),
    (
        "parameters",
        COMMON
        + CHANGING
        + 'service: "ServiceName" = "client-web-ui"  # the service to scale\n'
        + 'desired: "TaskCount" = 2  # the tasks that should run',
    ),
    ("md", "The note of this operation. Bad parameters end the run here, before any call."),
    (
        "",
        "from esaws import runbooks\n"
        "from esaws.operations import plan_scaling, scaling_leaves, service_state, verify_scaling\n\n"
        "run = runbooks.begin()\nrun",
    ),
    ("md", "Is this the right account?"),
    ("account", "run.account()"),
    ("md", "**Look.** The service and its tasks as they are now."),
    ("look", "run.look(service_state, run.parameters.service)"),
    ("md", "**Plan.** What would change. Nothing has changed yet."),
    ("plan", "run.plan(plan_scaling, run.parameters.service, run.parameters.desired)"),
    ("md", "**Act.** A dry run stops here; on AWS the plan needs an approval."),
    ("act", "run.act()"),
    ("md", "**Verify.** The run fails unless each check holds."),
    ("verify", "run.verify(verify_scaling, run.parameters.service, run.parameters.desired)"),
    ("md", "**What is left**, and how to undo it."),
    ("left", "run.left(scaling_leaves, run.parameters.service)"),
    ("md", "The record of this run, for those who read it tomorrow."),
    ("result", "run.result()"),
]

_TEST = '''\
"""The runbook {name}, run on a local AWS."""

from pathlib import Path

RUNBOOK = Path(__file__).with_name("{name}.ipynb")


def test_it_does_what_it_says(runbook):
    runbook.deploy("ha", services=("client-web-ui",))
    result = runbook.run(RUNBOOK)
    assert result.status in ("done", "nothing_to_do"), result.error


def test_a_bad_parameter_ends_it_before_any_call(runbook):
    result = runbook.run(RUNBOOK, service="no such service!")
    assert (result.exit_code, result.record["calls"]) == (2, 0)
'''
_TEST_OF_A_CHANGE = """

def test_a_dry_run_changes_nothing(runbook):
    runbook.deploy("ha", services=("client-web-ui",))
    result = runbook.run(RUNBOOK, dry_run=True, desired=3)
    assert (result.status, result.record["changing_calls"]) == ("planned", 0)


def test_a_second_run_has_nothing_to_do(runbook):
    runbook.deploy("ha", services=("client-web-ui",))
    runbook.run(RUNBOOK)
    assert runbook.run(RUNBOOK).status == "nothing_to_do"
"""


@dataclass(frozen=True)
class NewRunbook:
    """The files of a new runbook."""

    notebook: str
    test: str

    def to_dict(self) -> dict[str, Any]:
        """notebook and test (paths)."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.notebook}\n{self.test}\n\nNext steps:\n"
            f"  esaws run {self.notebook}       # run it on the local AWS\n"
            f"  pytest {self.test}\n"
            "  jupyter lab                     # edit it: one idea a cell, functions in a module"
        )


def create_runbook(name: str, folder: Path, *, changes: bool = True) -> NewRunbook:
    """Write the notebook and the test of a new runbook into a folder, which is created.

    Raises:
        UsageError: the name is not one, or a file exists already.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a name for a runbook; use lower-case letters, digits and _, as drain_a_zone")
    notebook, test = folder / f"{name}.ipynb", folder / f"test_{name}.py"
    if existing := [path for path in (notebook, test) if path.exists()]:
        raise UsageError(f"{existing[0]}: already exists; choose another name or folder")
    tests = _TEST + (_TEST_OF_A_CHANGE if changes else "")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        notebook.write_text(_notebook(name, changes), encoding="utf-8")
        test.write_text(tests.format(name=name), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder}: can't be written ({error.strerror})") from error
    return NewRunbook(str(notebook), str(test))


def _notebook(name: str, changes: bool) -> str:
    title = name.replace("_", " ").capitalize()
    purpose = (
        "Scales a service, and checks that its tasks run." if changes else "Shows a service and the state of its tasks."
    )
    head = _HEAD.format(title=title, purpose=purpose, leaves="the service with its new size" if changes else "nothing")
    cells = [_cell(0, "md", head)]
    for number, (tag, source) in enumerate(_CHANGE if changes else _LOOKING, start=1):
        cells.append(_cell(number, tag, source.replace("{name}", name)))
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _cell(number: int, tag: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"id": f"cell-{number}", "source": source.splitlines(keepends=True), "metadata": {}}
    if tag == "md":
        return cell | {"cell_type": "markdown"}
    if tag:
        cell["metadata"] = {"tags": [tag]}
    return cell | {"cell_type": "code", "execution_count": None, "outputs": []}
