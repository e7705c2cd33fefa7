"""The saved state beside moto's backends: events, faults, customers, usage logs and settings."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from esaws.pricelist import PLANS, REGIMES
from local_aws_server.billing import account, bill, meter, quotas
from local_aws_server.clock.event_log import EVENT_LOG, history_of
from local_aws_server.clock.history import History
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.faults.api_faults import FAULTS
from local_aws_server.snapshots.registry import (
    register_account_data,
    register_derived,
    register_setting,
    register_upgrade,
)


def _set_provisioning(factor: Any) -> None:
    if factor is not None and not 0 <= factor <= 1:
        raise ValueError("provisioning is not a fraction of AWS's time")
    PROVISIONING_SPEED.factor = factor


def _set_new_account_defaults(defaults: Mapping[str, Any]) -> None:
    regime, plan = defaults["regime"], defaults["plan"]
    if regime not in REGIMES or plan not in PLANS:
        raise ValueError(f"unknown regime {regime!r:.20} or plan {plan!r:.20}")
    account.NEW_ACCOUNT_DEFAULTS.regime, account.NEW_ACCOUNT_DEFAULTS.plan = regime, plan


register_account_data("events", EVENT_LOG._events, History)
register_upgrade("events", deque, history_of)
register_account_data("faults", FAULTS, list)
register_account_data("customers", account._CUSTOMERS, account.Customer)
register_account_data("quota increases", quotas.INCREASES, list)
register_account_data("books", meter.USAGE_LOGS, meter.UsageLog)
register_derived(bill._BILLS)
register_setting("provisioning", lambda: PROVISIONING_SPEED.factor, _set_provisioning)
register_setting(
    "new accounts",
    lambda: {"regime": account.NEW_ACCOUNT_DEFAULTS.regime, "plan": account.NEW_ACCOUNT_DEFAULTS.plan},
    _set_new_account_defaults,
)
