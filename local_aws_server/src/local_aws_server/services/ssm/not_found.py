"""The ParameterNotFound errors of Systems Manager.

moto raises them too, but stores a parameter without a version first, which breaks every later list of tags.
"""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.not_found import NotFoundRule, by_parameter

BEHAVIOURS = (
    Behaviour(
        service="Systems Manager",
        statement="Labels for a parameter that does not exist are refused and leave nothing behind.",
        documentation=("https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameterHistory.html",),
    ),
)


def _parameters(call: Call) -> set[str]:
    ssm = call.backends.backend("ssm")
    return {call.params["Name"]} if ssm.get_parameter(call.params["Name"]) else set()


NotFoundRule(
    "ssm",
    "ParameterNotFound",
    "Parameter {} not found.",
    _parameters,
    by_parameter("Name", "GetParameterHistory", "LabelParameterVersion", "UnlabelParameterVersion"),
).register()
