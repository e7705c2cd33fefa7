"""GetAccountInformation: when an account with credits was opened, which is when its credits begin to expire.

The other regimes are those of accounts that are older than the clock shows, so their age is not simulated.
https://docs.aws.amazon.com/accounts/latest/reference/API_GetAccountInformation.html
"""

from __future__ import annotations

from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.account import get_customer
from local_aws_server.billing.calendar import to_datetime
from local_aws_server.call import Call
from local_aws_server.hooks import replace

BEHAVIOURS = (
    Behaviour(
        service="Account",
        statement="An account with credits shows when it was opened; of other accounts the age is not simulated.",
        documentation=("https://docs.aws.amazon.com/accounts/latest/reference/API_GetAccountInformation.html",),
    ),
)


@replace("account", "GetAccountInformation")
def get_account_information(call: Call) -> dict[str, Any]:
    customer = get_customer(call.account)
    if customer.regime != "credits":
        raise NotImplementedError
    return {
        "AccountId": call.account,
        "AccountName": "local",
        "AccountState": "ACTIVE" if customer.closed_at is None else "SUSPENDED",
        "AccountCreatedDate": to_datetime(customer.opened_at),
    }
