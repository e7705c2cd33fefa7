"""Costs are told up to the present second, under the regime that the account was given; AWS's come up to a day later.

https://docs.aws.amazon.com/cost-management/latest/userguide/ce-what-is.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esaws.pricelist import PLANS, REGIMES
from local_aws_server.billing import plans
from local_aws_server.billing.account import change, customer
from local_aws_server.billing.bill import discard_bill
from local_aws_server.billing.month_to_date import month_to_date, customer_to_dict
from local_aws_server.call import DEFAULT_ACCOUNT
from local_aws_server.control import BadRequest, control
from local_aws_server.fidelity import Behaviour

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="Costs are told up to the present second, under the regime that the account was given; AWS's "
        "come up to a day later.",
        documentation=("https://docs.aws.amazon.com/cost-management/latest/userguide/ce-what-is.html",),
    ),
)


@control("GET", "cost")
def cost(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What an account costs as things stand."""
    return month_to_date(asked.get("account", DEFAULT_ACCOUNT))


@control("GET", "regime")
def regime(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What kind of customer an account is."""
    return customer_to_dict(customer(asked.get("account", DEFAULT_ACCOUNT)))


@control("POST", "regime")
def be_another_customer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Rate an account as another kind of customer, from the day on which it was opened."""
    account = asked.get("account", DEFAULT_ACCOUNT)
    wanted, plan = asked.get("regime", customer(account).regime), asked.get("plan", customer(account).plan)
    if wanted not in REGIMES or plan not in PLANS:
        raise BadRequest(f"a regime is one of {', '.join(REGIMES)}, and a plan {' or '.join(PLANS)}")
    changed = change(account, wanted, plan)
    discard_bill(account)
    plans.watch(account)
    return customer_to_dict(changed)
