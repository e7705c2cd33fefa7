"""The NotFound errors of EC2 resources.

Descriptions of flow logs and egress-only internet gateways have none: Terraform's AWS provider, whose acceptance tests
run on AWS, expects an empty list there.
https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/ec2/find.go
"""

from functools import partial

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before
from local_aws_server.not_found import NotFoundRule, by_parameter, store_keys

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="An EC2 resource that does not exist is refused with the NotFound error of its kind, by describe "
        "calls too, except those of flow logs and egress-only internet gateways, which leave it out.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeEgressOnlyInternetGateways.html",
        ),
    ),
    Behaviour(
        service="EC2 and VPC",
        statement="An id that a call names twice counts once.",
        documentation=("https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html",),
    ),
)

_rule = partial(NotFoundRule, "ec2")


def _key_pairs(call: Call) -> set[str]:
    return {pair.id for pair in call.backends.backend("ec2").key_pairs.values()}


def _network_acl_associations(call: Call) -> set[str]:
    acls = call.backends.backend("ec2").network_acls.values()
    return {association for acl in acls for association in acl._associations}


def _profile_associations(call: Call) -> set[str]:
    return {each.association_id for each in call.backends.backend("ec2").iam_instance_profile_associations.values()}


def _zones(call: Call) -> set[str]:
    return {zone.name for zone in call.backends.backend("ec2").describe_availability_zones()}


def _regions(call: Call) -> set[str]:
    return {region.name for region in call.backends.backend("ec2").describe_regions()}


RULES = (
    _rule(
        "InvalidLaunchTemplateId.NotFound",
        "The specified launch template, with template ID {}, does not exist.",
        store_keys("ec2", "launch_templates"),
        {
            **by_parameter("LaunchTemplateIds", "DescribeLaunchTemplates"),
        },
    ),
    _rule(
        "NatGatewayNotFound",
        "NAT gateway {} was not found",
        store_keys("ec2", "nat_gateways"),
        {**by_parameter("NatGatewayId", "DeleteNatGateway"), **by_parameter("NatGatewayIds", "DescribeNatGateways")},
    ),
    _rule(
        "InvalidNatGatewayID.NotFound",
        "The natGateway ID '{}' does not exist",
        store_keys("ec2", "nat_gateways"),
        by_parameter("NatGatewayId", "CreateRoute", "ReplaceRoute"),
    ),
    _rule(
        "InvalidNetworkAclID.NotFound",
        "The networkAcl ID '{}' does not exist",
        store_keys("ec2", "network_acls"),
        {
            **by_parameter("NetworkAclIds", "DescribeNetworkAcls"),
            **by_parameter("NetworkAclId", "ReplaceNetworkAclAssociation"),
        },
    ),
    _rule(
        "InvalidAssociationID.NotFound",
        "The association ID '{}' does not exist",
        _network_acl_associations,
        by_parameter("AssociationId", "ReplaceNetworkAclAssociation"),
    ),
    _rule(
        "InvalidAssociationID.NotFound",
        "The association ID '{}' does not exist",
        _profile_associations,
        by_parameter("AssociationIds", "DescribeIamInstanceProfileAssociations"),
    ),
    _rule(
        "InvalidKeyPair.NotFound",
        "The key pair ID '{}' does not exist",
        _key_pairs,
        by_parameter("KeyPairIds", "DescribeKeyPairs"),
    ),
    _rule(
        "InvalidAMIID.NotFound",
        "The image id '[{}]' does not exist",
        store_keys("ec2", "amis"),
        by_parameter("ImageId", "DescribeImageAttribute"),
    ),
    _rule(
        "InvalidSnapshot.NotFound",
        "The snapshot '{}' does not exist.",
        store_keys("ec2", "snapshots"),
        by_parameter("SnapshotId", "DeleteSnapshot", "ModifySnapshotAttribute"),
    ),
    _rule(
        "InvalidVpcPeeringConnectionID.NotFound",
        "The vpcPeeringConnection ID '{}' does not exist",
        store_keys("ec2", "vpc_pcxs"),
        {
            **by_parameter(
                "VpcPeeringConnectionId",
                "AcceptVpcPeeringConnection",
                "DeleteVpcPeeringConnection",
                "ModifyVpcPeeringConnectionOptions",
                "RejectVpcPeeringConnection",
            ),
            **by_parameter("VpcPeeringConnectionIds", "DescribeVpcPeeringConnections"),
        },
    ),
    _rule(
        "InvalidCustomerGatewayID.NotFound",
        "The customerGateway ID '{}' does not exist",
        store_keys("ec2", "customer_gateways"),
        by_parameter("CustomerGatewayIds", "DescribeCustomerGateways"),
    ),
    _rule(
        "InvalidPrefixListID.NotFound",
        "The prefix list ID '{}' does not exist",
        store_keys("ec2", "managed_prefix_lists"),
        {
            **by_parameter(
                "PrefixListId", "DeleteManagedPrefixList", "GetManagedPrefixListEntries", "ModifyManagedPrefixList"
            ),
            **by_parameter("PrefixListIds", "DescribeManagedPrefixLists"),
        },
    ),
    _rule(
        "InvalidHostID.NotFound",
        "The host ID '{}' does not exist",
        store_keys("ec2", "hosts"),
        by_parameter("HostIds", "DescribeHosts", "ModifyHosts", "ReleaseHosts"),
    ),
    _rule(
        "InvalidSpotInstanceRequestID.NotFound",
        "The spot instance request ID '{}' does not exist",
        store_keys("ec2", "spot_instance_requests"),
        by_parameter("SpotInstanceRequestIds", "CancelSpotInstanceRequests"),
    ),
    _rule(
        "InvalidTransitGatewayID.NotFound",
        "Transit Gateway {} was deleted or does not exist.",
        store_keys("ec2", "transit_gateways"),
        by_parameter(
            "TransitGatewayId",
            "CreateTransitGatewayPeeringAttachment",
            "CreateTransitGatewayVpcAttachment",
            "DeleteTransitGateway",
            "ModifyTransitGateway",
        ),
    ),
    _rule(
        "InvalidTransitGatewayAttachmentID.NotFound",
        "Transit Gateway Attachment {} was deleted or does not exist.",
        store_keys("ec2", "transit_gateway_attachments"),
        by_parameter(
            "TransitGatewayAttachmentId",
            "AcceptTransitGatewayPeeringAttachment",
            "AssociateTransitGatewayRouteTable",
            "CreateTransitGatewayRoute",
            "DeleteTransitGatewayPeeringAttachment",
            "DeleteTransitGatewayVpcAttachment",
            "DisableTransitGatewayRouteTablePropagation",
            "DisassociateTransitGatewayRouteTable",
            "EnableTransitGatewayRouteTablePropagation",
            "ModifyTransitGatewayVpcAttachment",
            "RejectTransitGatewayPeeringAttachment",
        ),
    ),
    _rule(
        "InvalidRouteTableID.NotFound",
        "Transit Gateway Route Table {} was deleted or does not exist.",
        store_keys("ec2", "transit_gateways_route_tables"),
        by_parameter(
            "TransitGatewayRouteTableId",
            "CreateTransitGatewayRoute",
            "DeleteTransitGatewayRoute",
            "DeleteTransitGatewayRouteTable",
            "DisableTransitGatewayRouteTablePropagation",
            "EnableTransitGatewayRouteTablePropagation",
        ),
    ),
    _rule(
        "InvalidParameterValue",
        "Invalid availability zone: [{}]",
        _zones,
        by_parameter("ZoneNames", "DescribeAvailabilityZones"),
    ),
    _rule(
        "InvalidParameterValue",
        "Invalid region: '{}'",
        _regions,
        {
            **by_parameter("RegionNames", "DescribeRegions"),
            **by_parameter("SourceRegion", "CopyImage", "CopySnapshot"),
        },
    ),
)

for rule in RULES:
    rule.register()


@before("ec2", "DeleteNetworkAclEntry")
def require_entry(call: Call) -> None:
    acl = call.backends.backend("ec2").network_acls.get(call.params["NetworkAclId"])
    number, egress = int(call.params["RuleNumber"]), call.params["Egress"]
    entries = acl.network_acl_entries if acl else ()
    if acl and not any(int(entry.rule_number) == number and entry.egress == egress for entry in entries):
        raise AwsError(
            "InvalidNetworkAclEntry.NotFound", f"The network ACL entry {number} does not exist in {acl.id}", 400
        )


@after("ec2", "DeleteVpcEndpoints")
def report_missing_endpoints(call: Call) -> None:
    """The call succeeds, and lists the endpoints that do not exist."""
    existing = call.backends.backend("ec2").vpc_end_points
    call.result["Unsuccessful"] = [
        *call.result.get("Unsuccessful", []),
        *(
            {
                "Error": {
                    "Code": "InvalidVpcEndpoint.NotFound",
                    "Message": f"The Vpc Endpoint Id '{endpoint}' does not exist",
                },
                "ResourceId": endpoint,
            }
            for endpoint in call.params["VpcEndpointIds"]
            if endpoint not in existing
        ),
    ]
