"""The behaviours that the local AWS adds to moto: each case runs there, and with `-m stock_moto` on an unwrapped moto.

Each response of the local AWS is compared with botocore's models.

A case that fails on stock moto after an upgrade names a hook that may be obsolete. Each case runs in one of a few
regions; `REGION=us-east-1 pytest tests/local/test_rules.py` runs all of them in one.
"""

from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

from tests.conftest import post
from tests.local.cases import CASES, Case, region_of
from tests.local.wire import WATCHED

for _module in iter_modules(import_module(__package__).__path__):
    if _module.name.startswith("cases_"):
        import_module(f"{__package__}.{_module.name}")

IDS = [case.name for case in CASES]


@pytest.fixture
def few_accounts(request: pytest.FixtureRequest, server: str) -> None:
    """Empty the server before every twentieth case: what others left would live on while a case waits for days."""
    if IDS.index(request.node.callspec.id) % 20 == 0:
        post(f"{server}/_esaws/reset", b"{}")


@pytest.mark.usefixtures("few_accounts")
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_local_aws_returns_what_aws_returns(account: Any, case: Case) -> None:
    WATCHED.is_on = True
    try:
        assert case.run(replace(account, region=region_of(case.name))) == case.aws
    finally:
        WATCHED.is_on, problems = False, WATCHED.take()
    assert problems == set(), "the responses differ from the models"


@pytest.mark.stock_moto
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_stock_moto_returns_something_else(stock: Any, case: Case) -> None:
    assert case.run(replace(stock, region=region_of(case.name))) == case.stock
