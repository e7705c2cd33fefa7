"""The table of fidelity is true: what it says is kept is kept, what does not happen does not, and the rest is shown."""

import ast
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

from local_aws_server import fidelity
from local_aws_server.behaviours import SIMULATED, Behaviour
from tests.local.cases import CASES
from tests.local.fidelity_cases import SHOWN
from tests.local.fidelity_probes import PROBES, TESTED, Probe

for _module in iter_modules(import_module(__package__).__path__):
    if _module.name.startswith("cases_"):
        import_module(f"{__package__}.{_module.name}")

NOT_ON_THE_BILL = "Not on the bill: "
"""Rows of `billing.unmetered`."""

ROOT = Path(__file__).resolve().parents[2]
SIMULATED_ROWS = [row for row in fidelity.table() if row.fidelity == SIMULATED]
ROWS = [row for row in fidelity.table() if row.fidelity != SIMULATED and not row.statement.startswith(NOT_ON_THE_BILL)]


def names_of(probe: Probe) -> str:
    return probe.__name__


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.service}-{row.statement[:40]}")
def test_each_row_that_is_kept_or_not_simulated_has_a_probe(row: Behaviour) -> None:
    proofs = [key for key in (*PROBES, *TESTED) if key[0] == row.service and row.statement.startswith(key[1])]
    assert len(proofs) == 1, "add a probe to tests/local/fidelity_probes.py"


@pytest.mark.parametrize("key", [*PROBES, *TESTED], ids=" ".join)
def test_each_probe_names_one_row(key: tuple[str, str]) -> None:
    assert len([row for row in ROWS if row.service == key[0] and row.statement.startswith(key[1])]) == 1


def test_the_tests_that_prove_a_row_exist() -> None:
    names = {case.name for case in CASES}
    assert [proof for proof in TESTED.values() if proof not in names and not (ROOT / proof).is_file()] == []


@pytest.mark.parametrize("probe", dict.fromkeys(PROBES.values()), ids=names_of)
def test_a_row_is_true(account: Any, probe: Probe) -> None:
    probe(account)


# --- simulated


@pytest.mark.parametrize("row", SIMULATED_ROWS, ids=lambda row: f"{row.service}-{row.statement[:40]}")
def test_each_simulated_row_is_shown(row: Behaviour) -> None:
    shown = [key for key in SHOWN if key[0] == row.service and row.statement.startswith(key[1])]
    assert len(shown) == 1, "name the cases or tests that show it in tests/local/fidelity_cases.py"
    assert SHOWN[shown[0]]


@pytest.mark.parametrize("key", SHOWN, ids=" ".join)
def test_each_key_names_one_simulated_row(key: tuple[str, str]) -> None:
    assert len([row for row in SIMULATED_ROWS if row.service == key[0] and row.statement.startswith(key[1])]) == 1


def test_what_shows_a_row_runs_in_every_test_run() -> None:
    """Every case runs in test_rules.py; a test function must not be left out of a run."""
    proofs = {proof for proofs in SHOWN.values() for proof in proofs}
    files = {proof.partition("::")[0] for proof in proofs if "::" in proof}
    ran = {case.name for case in CASES} | {f"{file}::{name}" for file in files for name in functions_that_run(file)}
    assert proofs - ran == set()


def functions_that_run(file: str) -> set[str]:
    """The test functions of a module of this folder, without those that a mark may leave out."""
    body = ast.parse((Path(__file__).parent / file).read_text(encoding="utf-8")).body
    left_out = ("skip", "xfail", "stock_moto", "soak", "runbooks", "course")
    return {
        node.name
        for node in body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not any(mark in ast.unparse(each) for each in node.decorator_list for mark in left_out)
    }
