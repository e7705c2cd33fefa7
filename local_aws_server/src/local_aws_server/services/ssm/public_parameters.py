"""AWS's public parameters."""

import ast
import json
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after, before
from local_aws_server.snapshots.aws_owned import unload_public_parameters

BEHAVIOURS = (
    Behaviour(
        service="Systems Manager",
        statement="The public ECS parameters whose name is not a single attribute contain JSON.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html",),
    ),
    Behaviour(
        service="Systems Manager",
        statement="DescribeParameters lists the parameters of the account, and none of AWS's public ones.",
        documentation=(
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-finding-public-parameters.html",
        ),
    ),
)


@before("ssm", "DescribeParameters")
def hide_public_parameters(call: Call) -> None:
    """Remove the public parameters that moto has loaded for an earlier call."""
    unload_public_parameters(call.backends.backend("ssm"))


@after("ssm", "GetParameter", "GetParameters", "GetParametersByPath")
def format_public_parameters(call: Call) -> None:
    """Convert the text of a Python dict, which moto returns, to JSON."""
    parameters: list[dict[str, Any]] = [*call.result.get("Parameters", [])]
    if "Parameter" in call.result:
        parameters.append(call.result["Parameter"])
    for parameter in parameters:
        if parameter["Name"].startswith("/aws/service/") and parameter["Value"].startswith("{'"):
            parameter["Value"] = json.dumps(ast.literal_eval(parameter["Value"]))
