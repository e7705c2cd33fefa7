"""The table of fidelity is true: what it says is kept is kept, and what it says does not happen does not."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

from local_aws_server import fidelity
from local_aws_server.behaviours import SIMULATED, Behaviour
from tests.local.cases import CASES
from tests.local.fidelity_probes import PROBES, TESTED, Probe

for _module in iter_modules(import_module(__package__).__path__):
    if _module.name.startswith("cases_"):
        import_module(f"{__package__}.{_module.name}")

NOT_ON_THE_BILL = "Not on the bill: "
"""Rows of `billing.unmetered`."""

ROOT = Path(__file__).resolve().parents[2]
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
