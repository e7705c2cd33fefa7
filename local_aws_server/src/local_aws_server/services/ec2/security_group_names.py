"""A security group's name has at most 255 plain characters, does not begin with `sg-`, and is not `default`.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
"""

import re

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A security group's name has at most 255 plain characters, does not begin with `sg-`, and is "
        "not `default`.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html",),
    ),
)

_LONGEST = 255
_OTHER_CHARACTERS = re.compile(r"[^A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]")


@before("ec2", "CreateSecurityGroup")
def names(call: Call) -> None:
    name = call.params["GroupName"]
    if name == "default":
        raise AwsError("InvalidParameterValue", "Cannot use reserved security group name: default")
    if name.startswith("sg-"):
        raise _invalid(name, "Group names may not be in the format sg-*.")
    if len(name) > _LONGEST:
        raise _invalid(name, f"Character length must not exceed {_LONGEST}.")
    if other := _OTHER_CHARACTERS.search(name):
        raise _invalid(name, f"The character '{other[0]}' is not allowed.")


def _invalid(name: str, reason: str) -> AwsError:
    return AwsError("InvalidParameterValue", f"Value ({name}) for parameter GroupName is invalid. {reason}")
