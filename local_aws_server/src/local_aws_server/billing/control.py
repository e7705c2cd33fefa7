"""Control routes for costs: `GET /_esaws/cost`, `GET /_esaws/regime` and `POST /_esaws/regime`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esaws.pricelist import PLANS, REGIMES
from local_aws_server.billing import plan_expiry
from local_aws_server.billing.account import change_regime, get_customer
from local_aws_server.billing.bill import discard_bill
from local_aws_server.billing.month_to_date import customer_to_dict, month_to_date
from local_aws_server.call import DEFAULT_ACCOUNT
from local_aws_server.control import BadRequest, control_route


@control_route("GET", "cost")
def get_cost(params: Mapping[str, Any]) -> dict[str, Any]:
    """The current costs of an account."""
    return month_to_date(params.get("account", DEFAULT_ACCOUNT))


@control_route("GET", "regime")
def get_regime(params: Mapping[str, Any]) -> dict[str, Any]:
    """The regime and plan of an account."""
    return customer_to_dict(get_customer(params.get("account", DEFAULT_ACCOUNT)))


@control_route("POST", "regime")
def set_regime(params: Mapping[str, Any]) -> dict[str, Any]:
    """Give an account another regime or plan and rate it again, from the day it was opened."""
    account = params.get("account", DEFAULT_ACCOUNT)
    customer = get_customer(account)
    regime, plan = params.get("regime", customer.regime), params.get("plan", customer.plan)
    if regime not in REGIMES or plan not in PLANS:
        raise BadRequest(f"the regime must be one of {', '.join(REGIMES)}, and the plan {' or '.join(PLANS)}")
    customer = change_regime(account, regime, plan)
    discard_bill(account)
    plan_expiry.watch(account)
    return customer_to_dict(customer)
