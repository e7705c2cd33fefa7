"""A subnet has between 16 and 65,536 addresses: a block from /16 to /28.

https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
"""

from contextlib import suppress
from ipaddress import IPv4Network

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A subnet has between 16 and 65,536 addresses: a block from /16 to /28.",
        documentation=("https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html",),
    ),
)


@before("ec2", "CreateSubnet")
def from_16_to_28(call: Call) -> None:
    cidr = call.params.get("CidrBlock", "")
    with suppress(ValueError):  # what is no block at all, moto refuses
        if not 16 <= IPv4Network(cidr, strict=False).prefixlen <= 28:
            raise AwsError("InvalidSubnet.Range", f"The CIDR '{cidr}' is invalid.")
