"""The resource types that an operation may tag while it creates them.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html
"""

from __future__ import annotations

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import before
from local_aws_server.refusal_words import taggable_type_refusal

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="An operation tags only resources of the types that it creates.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html",),
    ),
)

_TYPES = {
    "AllocateAddress": {"elastic-ip"},
    "AuthorizeSecurityGroupEgress": {"security-group-rule"},
    "AuthorizeSecurityGroupIngress": {"security-group-rule"},
    "CopySnapshot": {"snapshot"},
    "CreateEgressOnlyInternetGateway": {"egress-only-internet-gateway"},
    "CreateImage": {"image", "snapshot"},
    "CreateInternetGateway": {"internet-gateway"},
    "CreateKeyPair": {"key-pair"},
    "CreateLaunchTemplate": {"launch-template"},
    "CreateNatGateway": {"natgateway"},
    "CreateNetworkAcl": {"network-acl"},
    "CreateNetworkInterface": {"network-interface"},
    "CreateRouteTable": {"route-table"},
    "CreateSecurityGroup": {"security-group"},
    "CreateSnapshot": {"snapshot"},
    "CreateSnapshots": {"snapshot"},
    "CreateSubnet": {"subnet"},
    "CreateVolume": {"volume"},
    "CreateVpc": {"vpc"},
    "CreateVpcEndpoint": {"vpc-endpoint"},
    "CreateVpcPeeringConnection": {"vpc-peering-connection"},
    "ImportKeyPair": {"key-pair"},
    "RunInstances": {"elastic-gpu", "instance", "network-interface", "spot-instances-request", "volume"},
}
"""Operation → the types that it accepts."""


@before("ec2", *_TYPES)
def check_types(call: Call) -> None:
    for specification in call.params.get("TagSpecifications") or []:
        kind = specification.get("ResourceType")
        if kind is not None and kind not in _TYPES[call.operation]:
            raise taggable_type_refusal(call.operation, kind)
