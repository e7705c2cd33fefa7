"""The ParameterNotFound errors of Systems Manager, and calls that fail in moto.

moto raises them too, but stores a parameter without a version first, which breaks every later list of tags.
"""

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
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


@before("ssm", "DescribeMaintenanceWindows", "DescribePatchBaselines")
def check_filters(call: Call) -> None:
    if not all("Key" in each and "Values" in each for each in call.params.get("Filters", [])):
        raise AwsError("ValidationException", "A filter has a key and values.", 400)


@before("ssm", "GetPatchBaselineForPatchGroup")
def check_operating_system(call: Call) -> None:
    if "OperatingSystem" not in call.params:
        message = "the local AWS does not simulate GetPatchBaselineForPatchGroup without OperatingSystem"
        raise AwsError("NotSimulated", message, 501)


@before("ssm", "DeletePatchBaseline")
def check_baseline(call: Call) -> None:
    baseline = call.params["BaselineId"]
    if baseline not in call.backends.backend("ssm").baselines:
        raise AwsError("DoesNotExistException", f"Patch baseline {baseline} does not exist.", 400)
