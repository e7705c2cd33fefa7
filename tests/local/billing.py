"""Helpers of the billing tests: an account alone on the billing server, at a chosen time and under a chosen regime."""

from tests.local.conftest import Account
from tests.local.timing import control

ACCOUNT = "123456789012"


def reset(url: str, at: str = "", regime: str = "legacy", plan: str = "paid") -> Account:
    """An account on an empty server, opened at a time after the beginning of 2026 or, by default, right then."""
    account = Account(url, ACCOUNT)
    control(account, "POST", "reset")
    if at:
        control(account, "POST", "advance", to=at)
    control(account, "POST", "regime", regime=regime, plan=plan)
    return account
