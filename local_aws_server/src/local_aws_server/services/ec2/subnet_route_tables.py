"""A deleted subnet takes its association with a route table along, which can then be deleted.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html
"""

from local_aws_server.call import Call
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="A deleted subnet takes its association with a route table along, which can then be deleted.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html",),
    ),
)


@after("ec2", "DeleteSubnet")
def associations_go_along(call: Call) -> None:
    for table in call.backends.backend("ec2").route_tables.values():
        for association, subnet in list(table._associations.items()):
            if subnet == call.params["SubnetId"]:
                del table._associations[association]
