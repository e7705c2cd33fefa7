"""The public ECS parameters without a last part hold JSON; moto gives the text of a Python dict.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html
"""

import ast
import json
from typing import Any

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="Systems Manager",
        statement="The public ECS parameters without a last part hold JSON; moto gives the text of a Python dict.",
        documentation=("https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html",),
    ),
)


@after("ssm", "GetParameter", "GetParameters", "GetParametersByPath")
def json_in_public_parameters(call: Call) -> None:
    found: list[dict[str, Any]] = [*call.result.get("Parameters", [])]
    if "Parameter" in call.result:
        found.append(call.result["Parameter"])
    for parameter in found:
        if parameter["Name"].startswith("/aws/service/") and parameter["Value"].startswith("{'"):
            parameter["Value"] = json.dumps(ast.literal_eval(parameter["Value"]))
