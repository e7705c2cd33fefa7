"""The plan of an account tells its credits and its end, and can be upgraded; accounts without credits have no plan.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_UpgradeAccountPlan.html
"""

from typing import Any

from local_aws_server.billing import plans
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import replace

BEHAVIOURS = (
    Behaviour(
        service="Free Tier",
        statement="The plan of an account tells its credits and its end, and can be upgraded; accounts without "
        "credits have no plan.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_UpgradeAccountPlan.html",
        ),
    ),
)


@replace("freetier", "GetAccountPlanState")
def account_plan_state(call: Call) -> dict[str, Any]:
    return plans.state(call.account)


@replace("freetier", "UpgradeAccountPlan")
def upgrade_account_plan(call: Call) -> dict[str, Any]:
    return plans.upgrade(call.account, call.params["accountPlanType"])
