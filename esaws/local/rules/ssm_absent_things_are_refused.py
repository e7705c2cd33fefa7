"""Labels for a parameter that does not exist are refused and leave nothing behind.

moto refuses them too, but keeps a parameter without a version, which then fails every list of tags.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameterHistory.html
"""

from esaws.local.absent import Absent, by
from esaws.local.call import Call


def _parameters(call: Call) -> set[str]:
    ssm = call.world.backend("ssm")
    return {call.params["Name"]} if ssm.get_parameter(call.params["Name"]) else set()


Absent(
    "ssm",
    "ParameterNotFound",
    "Parameter {} not found.",
    _parameters,
    by("Name", "GetParameterHistory", "LabelParameterVersion", "UnlabelParameterVersion"),
).install()
