"""Refusals of CloudTrail where moto fails."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="CloudTrail",
        statement="Selectors are read and put for a trail that is named; event data stores are not simulated.",
        documentation=("https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetInsightSelectors.html",),
    ),
)


@before("cloudtrail", "GetEventSelectors", "PutEventSelectors", "GetInsightSelectors", "PutInsightSelectors")
def require_a_trail(call: Call) -> None:
    """Refuse a call that names no trail; moto keeps no event data stores, which these calls may name instead.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetInsightSelectors.html
    """
    if call.params.get("EventDataStore"):
        raise NotImplementedError
    if not call.params.get("TrailName"):
        raise AwsError("InvalidTrailNameException", "Trail name cannot be blank!", 400)
