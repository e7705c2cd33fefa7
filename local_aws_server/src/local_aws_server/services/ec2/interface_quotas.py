"""A network interface carries at most five security groups, and only groups that exist.

https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from collections.abc import Iterator

from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import before

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A network interface carries at most five security groups, and only groups that exist.",
        documentation=(
            "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",
        ),
    ),
)

_GROUPS = 5


@before("ec2", "CreateNetworkInterface", "ModifyNetworkInterfaceAttribute", "ModifyInstanceAttribute", "RunInstances")
def groups_of_an_interface(call: Call) -> None:
    ec2 = call.backends.backend("ec2")
    for groups in _asked(call):
        for group in groups:
            if ec2.get_security_group_from_id(group) is None:
                raise AwsError("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
        if len(set(groups)) > _GROUPS:
            raise AwsError(
                "SecurityGroupsPerInterfaceLimitExceeded",
                "The maximum number of security groups per interface has been reached.",
            )


def _asked(call: Call) -> Iterator[list[str]]:
    """The groups for each interface that the call names or makes."""
    yield call.params.get("Groups") or call.params.get("SecurityGroupIds") or []
    interfaces = call.params.get("NetworkInterfaces") or []
    yield from (interface.get("Groups") or [] for interface in interfaces)
