"""Helpers of the billing tests: an account alone on the billing server, timestamps, and filters of Cost Explorer."""

from datetime import UTC, datetime
from typing import Any

from tests.local.conftest import Account
from tests.local.timing import control

ACCOUNT = "123456789012"
PARIS, VIRGINIA = "eu-west-3", "us-east-1"


def reset(url: str, at: str = "", regime: str = "legacy", plan: str = "paid") -> Account:
    """An account on an empty server, opened at a time after the beginning of 2026 or, by default, right then."""
    account = Account(url, ACCOUNT)
    control(account, "POST", "reset")
    if at:
        control(account, "POST", "advance", to=at)
    control(account, "POST", "regime", regime=regime, plan=plan)
    return account


def at(text: str) -> int:
    """A date or a time in UTC as a timestamp."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def by(dimension: str, *values: str, **more: Any) -> dict[str, Any]:
    """A filter of Cost Explorer by a dimension."""
    return {"Dimensions": {"Key": dimension, "Values": list(values), **more}}
