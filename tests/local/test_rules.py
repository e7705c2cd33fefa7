"""What the local AWS mends: each case is asked of it, and of an unwrapped moto, which answers something else.

A case that fails on stock moto after an upgrade names a rule that may have become superfluous. Each is asked in one of
a few regions; `REGION=us-east-1 pytest tests/local/test_local_rules.py` asks all of them in one.
"""

from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

from tests.local.cases import CASES, Case, region_of

for _module in iter_modules(import_module(__package__).__path__):
    if _module.name.startswith("cases_"):
        import_module(f"{__package__}.{_module.name}")

IDS = [case.name for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_as_aws_does(account: Any, case: Case) -> None:
    assert case.ask(replace(account, region=region_of(case.name))) == case.aws


@pytest.mark.stock_moto
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_stock_moto_does_otherwise(stock: Any, case: Case) -> None:
    assert case.ask(replace(stock, region=region_of(case.name))) == case.stock
