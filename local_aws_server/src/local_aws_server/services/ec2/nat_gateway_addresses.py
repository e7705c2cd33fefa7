"""A NAT gateway keeps an interface and an address; deleted, it gives both back, but the address stays allocated.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNatGateway.html
"""

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A NAT gateway keeps an interface and an address; deleted, it gives both back, but the address "
        "stays allocated.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNatGateway.html",),
    ),
)


@before("ec2", "DeleteNatGateway")
def it_must_exist(call: Call) -> None:
    asked = call.params["NatGatewayId"]
    if asked not in call.backends.backend("ec2").nat_gateways:
        raise AwsError("NatGatewayNotFound", f"The Nat Gateway {asked} was not found")


@after("ec2", "CreateNatGateway")
def its_interface_is_in_use(call: Call) -> None:
    gateway = call.backends.backend("ec2").nat_gateways[call.result["NatGateway"]["NatGatewayId"]]
    gateway._eni.status, gateway._eni.requester_managed = "in-use", True
    gateway._eni.description = f"Interface for NAT Gateway {gateway.id}"
