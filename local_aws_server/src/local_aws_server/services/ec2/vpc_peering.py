"""A VPC is not deleted while it has an endpoint or is peered with another.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html
https://docs.aws.amazon.com/vpc/latest/peering/delete-vpc-peering-connection.html
"""

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A VPC is not deleted while it has an endpoint or is peered with another.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html",
            "https://docs.aws.amazon.com/vpc/latest/peering/delete-vpc-peering-connection.html",
        ),
    ),
)

_ENDED = ("deleted", "rejected", "expired", "failed")


@before("ec2", "DeleteVpc")
def endpoints_and_peerings_go_first(call: Call) -> None:
    asked, ec2 = call.params["VpcId"], call.backends.backend("ec2")
    endpoints = any(each.vpc_id == asked and each.state != "deleted" for each in ec2.vpc_end_points.values())
    peered = any(
        asked in (each.vpc.id, each.peer_vpc.id) and each._status.code not in _ENDED for each in ec2.vpc_pcxs.values()
    )
    if endpoints or peered:
        raise AwsError("DependencyViolation", f"The vpc '{asked}' has dependencies and cannot be deleted.")
