"""The table of simulated behaviours: every module with hooks declares some, and docs/fidelity.md is up to date."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from local_aws_server import fidelity, hooks
from local_aws_server.behaviours import LEVELS, Behaviour
from local_aws_server.not_found import NotFoundRule
from local_aws_server.preserved_fields import PreservedFields

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fidelity.md"

ABBREVIATIONS = ("e.g", "i.e")


def modules_with_hooks() -> dict[str, ModuleType]:
    """Module name → the module, of those in `services` whose functions or rules are registered as hooks."""
    modules = {module.__name__: module for module in hooks.import_hook_modules()}
    functions = [hook for of in hooks.HOOKS.values() for hook in (*of.before, of.replace, *of.after) if hook]
    functions += [reconciler.reconcile for reconciler in hooks.RECONCILERS]
    names = {function.__module__ for function in functions}
    for name, module in modules.items():
        values = [value for value in vars(module).values() if isinstance(value, (NotFoundRule, PreservedFields))]
        lists = [value for value in vars(module).values() if isinstance(value, (list, tuple))]
        rules = [value for each in lists for value in each if isinstance(value, (NotFoundRule, PreservedFields))]
        if values or rules:
            names.add(name)
    return {name: modules[name] for name in sorted(names) if name.startswith("local_aws_server.services.")}


def test_each_module_with_hooks_declares_a_behaviour() -> None:
    modules = modules_with_hooks()
    assert len(modules) > 80
    assert [name for name, module in modules.items() if not getattr(module, "BEHAVIOURS", ())] == []


@pytest.mark.parametrize("row", fidelity.table(), ids=lambda row: f"{row.service}-{row.statement[:30]}")
def test_a_behaviour_is_a_sentence_with_documentation(row: Behaviour) -> None:
    assert row.fidelity in LEVELS
    assert row.statement[0].isupper() or row.statement[0].isdigit()
    assert row.statement.endswith(".")
    assert not re.search(r"\b(told|whoever|somebody|nobody)\b", row.statement), "plain English"
    assert row.documentation
    for url in row.documentation:
        assert re.match(r"https://(docs\.|repost\.)?aws\.amazon\.com/\S+$|https://docs\.getmoto\.org/\S+$", url)


def test_no_behaviour_is_declared_twice() -> None:
    rows = [(row.service, row.statement) for row in fidelity.table()]
    assert len(rows) == len(set(rows))


def test_service_names_are_spelled_one_way() -> None:
    services = {row.service for row in fidelity.table()}
    assert len({re.sub(r"\W", "", service).lower() for service in services}) == len(services)


def test_the_page_is_up_to_date() -> None:
    command = "esaws local fidelity --markdown > docs/fidelity.md"
    assert PAGE.read_text(encoding="utf-8") == fidelity.markdown(), command


def test_the_command_prints_the_table_as_json() -> None:
    command = [sys.executable, "-m", "local_aws_server", "fidelity", "--json"]
    rows = json.loads(subprocess.check_output(command, text=True))
    assert rows == [row.to_dict() for row in fidelity.table()]
    assert list(rows[0]) == ["service", "fidelity", "behaviour", "documentation"]
