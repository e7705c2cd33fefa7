"""The free tier's usage of this month is told up to the present second, with what it will be at this pace.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_GetFreeTierUsage.html
"""

from typing import Any

from local_aws_server.billing.free_tier import asked_for, free_tier_usage, page
from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import replace

BEHAVIOURS = (
    Behaviour(
        service="Free Tier",
        statement="The free tier's usage of this month is told up to the present second, with what it will be at "
        "this pace.",
        documentation=(
            "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_GetFreeTierUsage.html",
        ),
    ),
)


@replace("freetier", "GetFreeTierUsage")
def get_free_tier_usage(call: Call) -> dict[str, Any]:
    found = free_tier_usage(call.account)
    if "filter" in call.params:
        found = list(filter(asked_for(call.params["filter"]), found))
    return page(call.params, "freeTierUsages", found)
