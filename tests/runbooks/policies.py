"""Write the IAM policy of every runbook from the calls of its runs in the tests: `python -m esaws.dev policies`.

A run of the tests with `POLICY_LEDGER=FILE` appends a line for each run of a runbook of the catalogue. The tests do not
take every branch, nor deploy every kind of resource. So the changes in the modules of its plans are added, and where
calls depend on what exists, the policy of a command.
"""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from inspect import getsource
from pathlib import Path
from textwrap import dedent
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import ServiceModel

from esaws import operations
from esaws.cli.policy import policy_of
from esaws.notebooks import dumps, normalise
from esaws.resource import KINDS
from esaws.runbooks.catalogue import list_runbooks
from esaws.runbooks.policies import allowed_actions, changing_actions, policy_document, policy_file
from tests.contract.actions import actions_of

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "notebooks" / "runbooks"
LEDGER = "POLICY_LEDGER"
"""The environment variable with the file that gets the calls of each run."""

COMMANDS = {
    "budget_guard": "teardown",
    "cost_report": "cost",
    "deploy": "deploy",
    "find_leftovers": "inventory",
    "is_it_answering": "trace",
    "park_and_resume": "park",
    "security_audit": "findings",
    "status": "health",
    "tear_down": "teardown",
    "trace_a_request": "trace",
    "what_changed_since": "inventory",
    "who_can_reach": "matrix",
    "why_is_it_unhealthy": "health",
}
"""Runbook → the command that makes the same calls, where they depend on what exists in the account."""
SOMETIMES = {
    "credit_runway": {"ecs:DescribeClusters", "ecs:DescribeTasks", "ecs:ListTasks"},
    "is_it_answering": {"cloudwatch:GetMetricData"},
    "status": {"elasticloadbalancing:DescribeInstanceHealth"},
    "why_is_it_unhealthy": {
        "cloudwatch:GetMetricData",
        "ec2:DescribeInstanceStatus",
        "elasticloadbalancing:DescribeInstanceHealth",
    },
}
"""Runbook → the actions that it needs only where something runs, is unhealthy, or is a classic load balancer."""
ALSO = {
    "ec2:AuthorizeSecurityGroupIngress": "ec2:CreateTags",
    "ecs:RegisterTaskDefinition": "ecs:TagResource",
    "ecs:RunTask": "ecs:TagResource",
}
"""Action → the one that AWS also checks where the call sets tags."""
_OPERATIONS = ("esaws.operations.", "esaws.leases.park")
_METHODS = ("create", "delete", "start", "stop")
"""The methods of kinds that change something."""
_SESSION = botocore.session.get_session()
_SHOWN = 12
"""How many actions the head of a runbook names."""


def names() -> list[str]:
    """The names of the runbooks that come with esaws."""
    return sorted(path.stem for path in CATALOGUE.glob("*.ipynb"))


def called(record: Mapping[str, Any]) -> set[str]:
    """The IAM actions of the calls of a run."""
    return set(actions_of(record["actions"]))


def check_run(record: Mapping[str, Any]) -> None:
    """Check that the policy allows every call of a run, or append its calls to the ledger."""
    name = record.get("runbook")
    if name not in names() or not str(record.get("notebook")).startswith(str(CATALOGUE)):
        return
    if ledger := os.environ.get(LEDGER):
        with Path(ledger).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"runbook": name, "actions": sorted(called(record))}) + "\n")
        return
    file = policy_file(CATALOGUE / f"{name}.ipynb")
    if file.exists():  # a new runbook is tested before it has one
        missing = called(record) - allowed_actions(json.loads(file.read_text("utf-8")))
        assert not missing, f"{name}: its policy lacks {sorted(missing)}: run python -m esaws.dev policies"


def operations_of(notebook: Path) -> set[str]:
    """The calls that change something in the modules of a runbook's plans, as `service:Operation`.

    A branch that no test takes needs its permission, too.
    """
    sources = [cell["source"] for cell in json.loads(notebook.read_text("utf-8"))["cells"]]
    planners = re.findall(r"run\.plan\(\s*(\w+)", "\n".join(map("".join, sources)))
    waiting = [sys.modules[getattr(operations, name).__module__] for name in planners if hasattr(operations, name)]
    modules: dict[str, ast.Module] = {}
    while waiting:
        module = waiting.pop()
        if module.__name__ not in modules:
            tree = modules[module.__name__] = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
            imports = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
            waiting += [import_module(name) for name in imports if name.startswith(_OPERATIONS)]
    return {f"{service}:{operation}" for tree in modules.values() for service, operation in calls_in(tree)}


def calls_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The methods of clients in a module and in kinds that it uses, and the calls of fixes: (service, operation)."""
    clients: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            sides = [side.elts if isinstance(side, ast.Tuple) else [side] for side in (node.targets[0], node.value)]
            pairs = zip(*sides, strict=False)
            clients.update({ast.unparse(name): found for name, value in pairs if (found := _client(value))})
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (service := _client(node.value) or clients.get(ast.unparse(node.value))):
            names = {xform_name(name): name for name in _service_model(service).operation_names}
            if node.attr in names:
                yield service, names[node.attr]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in KINDS and node.attr in _METHODS:
            method = getattr(KINDS[ast.unparse(node.value)], node.attr)
            yield from calls_in(ast.parse(dedent(getsource(method))))
        elif isinstance(node, ast.Tuple) and [type(item) for item in node.elts[:2]] == [ast.Constant, ast.Constant]:
            service, operation = (str(item.value) for item in node.elts[:2] if isinstance(item, ast.Constant))
            if re.fullmatch(r"[A-Z]\w+", operation) and service in {*_SESSION.get_available_services()}:
                yield service, operation


def _client(node: ast.expr) -> str | None:
    """The service of an expression like `cloud.client("ecs")`."""
    match = re.fullmatch(r"[\w.]+\.client\('([\w-]+)'\)", ast.unparse(node))
    return match and match[1]


@cache
def _service_model(service: str) -> ServiceModel:
    return _SESSION.get_service_model(service)


def needed_actions(name: str, ledger: Iterable[str], changes: bool) -> set[str]:
    """The actions of a runbook: those of the ledger, and of the listings whose calls depend on what exists."""
    actions = {*ledger, *changing_actions(actions_of(operations_of(CATALOGUE / f"{name}.ipynb")))}
    actions |= SOMETIMES.get(name, set())
    actions |= {ALSO[action] for action in actions & ALSO.keys()}
    for command in [*filter(None, [COMMANDS.get(name)]), *(["inventory"] if changes else [])]:
        actions |= allowed_actions(policy_of(command))
    return actions


def sentence(name: str, document: dict[str, Any]) -> str:
    """What the head of a runbook says about its policy."""
    actions = allowed_actions(document)
    changing = changing_actions(actions)
    begin = f"Its IAM policy: `esaws policy {name}`, {len(actions)} action{'s' * (len(actions) != 1)}"
    if not changing:
        return f"{begin}, all of which read."
    if len(changing) > _SHOWN:
        return f"{begin}, of which {len(changing)} change something."
    return f"{begin}. These change something: {', '.join(f'`{action}`' for action in changing)}."


def with_sentence(head: str, text: str) -> str:
    """The head of a runbook with this sentence about its policy."""
    paragraphs = re.compile(r"Its IAM policy: .*?(?=\n\n|\Z)", re.DOTALL)
    return paragraphs.sub(lambda _: text, head) if paragraphs.search(head) else f"{head.rstrip()}\n\n{text}"


def head_of(notebook: Path) -> str:
    """The first markdown cell of a notebook."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    return next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def _write_head(notebook: Path, text: str) -> None:
    import nbformat

    nb = nbformat.read(notebook, as_version=4)
    head = next(cell for cell in nb.cells if cell.cell_type == "markdown")
    head.source = with_sentence(head.source, text)
    notebook.write_text(dumps(normalise(nb)), encoding="utf-8")


def read_ledger(path: Path) -> dict[str, set[str]]:
    """Runbook → the actions of all its runs."""
    ledger: dict[str, set[str]] = defaultdict(set)
    for line in path.read_text("utf-8").splitlines():
        run = json.loads(line)
        ledger[run["runbook"]].update(run["actions"])
    return ledger


def write_policies(ledger: Mapping[str, Iterable[str]]) -> None:
    """Write the policies and the heads of the runbooks that ran."""
    os.chdir(ROOT)
    for runbook in list_runbooks():
        if not ledger.get(runbook.name):
            print(f"{runbook.name}: no test runs it, so its policy was not written", file=sys.stderr)
            continue
        document = policy_document(needed_actions(runbook.name, ledger[runbook.name], runbook.changes))
        file = policy_file(runbook.path)
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        _write_head(runbook.path, sentence(runbook.name, document))
        print(f"{file.relative_to(ROOT)}: {len(allowed_actions(document))} actions")


def main(arguments: list[str]) -> None:
    """Run the tests of the runbooks, those of `make test-runbooks` too, or only those given, and write the policies."""
    files = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if "RunbookTester" in path.read_text("utf-8")]
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder, "ledger.jsonl")
        ledger.touch()
        options = ["-q", "-n", "auto", "--dist", "worksteal", "-m", "not soak and not stock_moto"]
        words = [sys.executable, "-m", "pytest", *options, *(arguments or map(str, files))]
        code = subprocess.run(words, cwd=ROOT, env={**os.environ, LEDGER: str(ledger)}, check=False).returncode
        if code:
            sys.exit(f"esaws: the tests of the runbooks failed with {code}; no policy was written")
        write_policies(read_ledger(ledger))


if __name__ == "__main__":
    main(sys.argv[1:])
