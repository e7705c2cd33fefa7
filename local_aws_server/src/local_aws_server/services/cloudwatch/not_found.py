"""The tags of an alarm that does not exist are a ResourceNotFoundException.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListTagsForResource.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.not_found import NotFoundRule, by

BEHAVIOURS = (
    Behaviour(
        service="CloudWatch",
        statement="The tags of an alarm that does not exist are a ResourceNotFoundException.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListTagsForResource.html",
        ),
    ),
)


def _tagged(call: Call) -> set[str]:
    """Other things than alarms have tags too; of those moto knows."""
    arn = call.params["ResourceARN"]
    alarms = call.backends.backend("cloudwatch").alarms.values()
    return {alarm.alarm_arn for alarm in alarms} if ":alarm:" in arn else {arn}


NotFoundRule(
    "cloudwatch",
    "ResourceNotFoundException",
    "The alarm '{}' does not exist.",
    _tagged,
    by("ResourceARN", "ListTagsForResource", "TagResource", "UntagResource"),
    status=404,
).install()
