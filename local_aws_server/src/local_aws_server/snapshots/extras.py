"""What is saved beside moto's stores: events, faults, and what an account has used and pays for."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from esaws.pricelist import PLANS, REGIMES
from local_aws_server.billing import account, bill, meter
from local_aws_server.clock.event_log import EVENT_LOG
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.faults.api_faults import FAULTS
from local_aws_server.snapshots.registry import saved, saved_setting, worked_out


def _take_pace(really: Any) -> None:
    if really is not None and not 0 <= really <= 1:
        raise ValueError("provisioning takes a fraction of AWS's time")
    PROVISIONING_SPEED.factor = really


def _take_customers(default: Mapping[str, Any]) -> None:
    regime, plan = default["regime"], default["plan"]
    if regime not in REGIMES or plan not in PLANS:
        raise ValueError(f"no regime {regime!r:.20}, or no plan {plan!r:.20}")
    account.NEW_ACCOUNT_DEFAULTS.regime, account.NEW_ACCOUNT_DEFAULTS.plan = regime, plan


saved("events", EVENT_LOG._events, deque)
saved("faults", FAULTS, list)
saved("customers", account._CUSTOMERS, account.Customer)
saved("books", meter.USAGE_LOGS, meter.UsageLog)
worked_out(bill._BILLS)
saved_setting("provisioning", lambda: PROVISIONING_SPEED.factor, _take_pace)
saved_setting(
    "new accounts",
    lambda: {"regime": account.NEW_ACCOUNT_DEFAULTS.regime, "plan": account.NEW_ACCOUNT_DEFAULTS.plan},
    _take_customers,
)
