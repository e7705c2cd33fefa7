"""Which regime is mine: the age of an account decides, and AWS tells its plan."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from esaws.cloud import Cloud
from esaws.errors import told
from esaws.pricelist import Regime
from esaws.resource import error_code

RULE = (
    "accounts opened before 15 July 2025 had allowances for 12 months (legacy), the last of them until July 2026, and "
    "have only what is free for all since then (none); accounts opened later have credits for 12 months, and then none"
)
"""https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/free-tier.html"""

_HAS_NO_PLAN = ("ResourceNotFoundException", "ValidationException")
_LEGACY = "12 Months Free"


@dataclass(frozen=True)
class Mine:
    """The regime of an account, None where nobody can say; `why` in a sentence; `credits` in USD, if it has any."""

    regime: Regime | None
    why: str
    credits: float | None = None


def my_regime(cloud: Cloud) -> Mine:
    """What the account itself says of its free tier; it changes nothing and costs nothing.

    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/tracking-free-tier-usage.html
    """
    freetier = cloud.client("freetier")
    try:
        state = freetier.get_account_plan_state()
    except ClientError as error:
        if error_code(error) not in _HAS_NO_PLAN:
            return Mine(None, f"AWS does not say ({told(error)}); {RULE}")
    except ResponseParserError:
        return Mine(None, f"nothing here tells the plan of an account; {RULE}")
    else:
        left = float(state.get("accountPlanRemainingCredits", {}).get("amount", 0))
        plan = str(state["accountPlanType"]).lower()
        if left > 0 or plan == "free":
            return Mine("credits", f"it is on the {plan} plan, with {left:.2f} USD of credits left", left)
        return Mine("none", "its credits are used up; what it uses is charged")
    usage = freetier.get_free_tier_usage().get("freeTierUsages", ())
    if any(each.get("freeTierType") == _LEGACY for each in usage):
        return Mine("legacy", "AWS counts its usage against the allowances of the first 12 months")
    return Mine("none", "it has no plan with credits, and no allowance of the first 12 months is in use")
