"""The tags of an alarm that does not exist are a ResourceNotFoundException.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListTagsForResource.html
"""

from esaws.local.absent import Absent, by
from esaws.local.call import Call


def _tagged(call: Call) -> set[str]:
    """Other things than alarms have tags too; of those moto knows."""
    arn = call.params["ResourceARN"]
    alarms = call.world.backend("cloudwatch").alarms.values()
    return {alarm.alarm_arn for alarm in alarms} if ":alarm:" in arn else {arn}


Absent(
    "cloudwatch",
    "ResourceNotFoundException",
    "The alarm '{}' does not exist.",
    _tagged,
    by("ResourceARN", "ListTagsForResource", "TagResource", "UntagResource"),
    status=404,
).install()
