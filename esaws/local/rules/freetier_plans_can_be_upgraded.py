"""The plan of an account tells its credits and its end, and can be upgraded; accounts without credits have no plan.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_UpgradeAccountPlan.html
"""

from typing import Any

from esaws.local.billing import plans
from esaws.local.call import Call
from esaws.local.seam import instead


@instead("freetier", "GetAccountPlanState")
def account_plan_state(call: Call) -> dict[str, Any]:
    return plans.state(call.account)


@instead("freetier", "UpgradeAccountPlan")
def upgrade_account_plan(call: Call) -> dict[str, Any]:
    return plans.upgrade(call.account, call.params["accountPlanType"])
