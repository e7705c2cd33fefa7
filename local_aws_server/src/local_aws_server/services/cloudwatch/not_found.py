"""Refuse to tag or untag an alarm that does not exist."""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.not_found import NotFoundRule, by_parameter

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="Tags of an alarm that does not exist cannot be changed: ResourceNotFoundException.",
        documentation=("https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html",),
    ),
)


def _alarm_arns(call: Call) -> set[str]:
    """Return the ARNs of all alarms; moto itself refuses unknown ARNs of other kinds."""
    arn = call.params["ResourceARN"]
    alarms = call.backends.backend("cloudwatch").alarms.values()
    return {alarm.alarm_arn for alarm in alarms} if ":alarm:" in arn else {arn}


NotFoundRule(
    "cloudwatch",
    "ResourceNotFoundException",
    "The alarm '{}' does not exist.",
    _alarm_arns,
    by_parameter("ResourceARN", "TagResource", "UntagResource"),
    status=404,
).register()
