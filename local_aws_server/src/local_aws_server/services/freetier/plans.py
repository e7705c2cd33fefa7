"""GetAccountPlanState and UpgradeAccountPlan; accounts without credits have no plan.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_UpgradeAccountPlan.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.account import Customer, get_customer
from local_aws_server.billing.bill import get_bill
from local_aws_server.billing.calendar import DAY, to_datetime
from local_aws_server.billing.plan_expiry import reopen
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_account_event
from local_aws_server.errors import AwsError
from local_aws_server.hooks import replace

BEHAVIOURS = (
    Behaviour(
        service="Free Tier",
        statement="An account plan has credits and an end, and can be upgraded; accounts without credits have no plan.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_UpgradeAccountPlan.html",
        ),
    ),
)

_REOPEN_DAYS = 90
"""How long a closed account can be opened again."""


@replace("freetier", "GetAccountPlanState")
def get_account_plan_state(call: Call) -> dict[str, Any]:
    customer = _customer_with_plan(call.account)
    credits_left = float(round(get_bill(call.account).credits_left(), 2))
    state = {
        **_plan_summary(call.account, customer),
        "accountPlanRemainingCredits": {"amount": credits_left, "unit": "USD"},
    }
    if customer.is_on_free_plan:
        state["accountPlanExpirationDate"] = to_datetime(customer.free_plan_end)
    return state


@replace("freetier", "UpgradeAccountPlan")
def upgrade_account_plan(call: Call) -> dict[str, Any]:
    """Put the account on the paid plan; a closed account is opened again within 90 days."""
    account, customer = call.account, _customer_with_plan(call.account)
    if call.params["accountPlanType"] != "PAID":
        raise AwsError("ValidationException", "An account plan can be upgraded to PAID only.", 400)
    if customer.closed_at is not None and CLOCK.now() > customer.closed_at + _REOPEN_DAYS * DAY:
        raise AwsError("AccessDeniedException", f"The account was closed more than {_REOPEN_DAYS} days ago.", 400)
    if customer.is_on_free_plan:
        customer.plan = "paid"
        record_account_event(account, account, "account plan upgraded", "from FREE to PAID")
        reopen(account)
    return _plan_summary(account, customer)


def _customer_with_plan(account: str) -> Customer:
    customer = get_customer(account)
    if customer.regime != "credits":
        raise AwsError("ResourceNotFoundException", f"No account plan was found for the account {account}.", 400)
    return customer


def _plan_summary(account: str, customer: Customer) -> dict[str, Any]:
    return {
        "accountId": account,
        "accountPlanType": "FREE" if customer.is_on_free_plan else "PAID",
        "accountPlanStatus": "ACTIVE" if customer.closed_at is None else "EXPIRED",
    }
