"""Reads whose answer is known: what can't be created here does not exist, and settings have their defaults."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from moto.core.utils import get_service_model

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import replace

BEHAVIOURS = (
    Behaviour(
        service="EC2 and VPC",
        statement="Reads of resources that can't be created here, such as placement groups, capacity reservations and "
        "Client VPN endpoints, list none; settings of the account have their defaults.",
        documentation=(
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribePlacementGroups.html",
            "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetSnapshotBlockPublicAccessState.html",
        ),
    ),
)

_NONE_EXIST = (
    "DescribeAddressTransfers",
    "DescribeBundleTasks",
    "DescribeCapacityBlocks",
    "DescribeCapacityReservationFleets",
    "DescribeCapacityReservations",
    "DescribeClassicLinkInstances",
    "DescribeClientVpnEndpoints",
    "DescribeCoipPools",
    "DescribeConversionTasks",
    "DescribeElasticGpus",
    "DescribeExportImageTasks",
    "DescribeExportTasks",
    "DescribeFastLaunchImages",
    "DescribeFastSnapshotRestores",
    "DescribeHostReservations",
    "DescribeImportImageTasks",
    "DescribeImportSnapshotTasks",
    "DescribeInstanceConnectEndpoints",
    "DescribeInstanceEventWindows",
    "DescribeIpamPools",
    "DescribeIpamResourceDiscoveries",
    "DescribeIpamScopes",
    "DescribeIpams",
    "DescribeIpv6Pools",
    "DescribeLocalGatewayRouteTables",
    "DescribeLocalGatewayVirtualInterfaces",
    "DescribeLocalGateways",
    "DescribeLockedSnapshots",
    "DescribeMacHosts",
    "DescribeMovingAddresses",
    "DescribeNetworkInsightsAccessScopeAnalyses",
    "DescribeNetworkInsightsAccessScopes",
    "DescribeNetworkInsightsAnalyses",
    "DescribeNetworkInsightsPaths",
    "DescribeNetworkInterfacePermissions",
    "DescribePlacementGroups",
    "DescribePublicIpv4Pools",
    "DescribeReplaceRootVolumeTasks",
    "DescribeReservedInstances",
    "DescribeReservedInstancesListings",
    "DescribeReservedInstancesModifications",
    "DescribeRouteServerEndpoints",
    "DescribeRouteServerPeers",
    "DescribeRouteServers",
    "DescribeScheduledInstances",
    "DescribeSecurityGroupVpcAssociations",
    "DescribeStoreImageTasks",
    "DescribeTransitGatewayConnectPeers",
    "DescribeTransitGatewayConnects",
    "DescribeTransitGatewayMulticastDomains",
    "DescribeTransitGatewayPolicyTables",
    "DescribeTrunkInterfaceAssociations",
    "DescribeVerifiedAccessEndpoints",
    "DescribeVerifiedAccessGroups",
    "DescribeVerifiedAccessInstances",
    "DescribeVerifiedAccessTrustProviders",
    "DescribeVpcBlockPublicAccessExclusions",
    "DescribeVpcEndpointAssociations",
    "DescribeVpcEndpointConnectionNotifications",
    "DescribeVpcEndpointConnections",
    "ListImagesInRecycleBin",
    "ListSnapshotsInRecycleBin",
)
"""Describe calls of what neither moto nor a hook creates."""

_SETTINGS: Mapping[str, dict[str, Any]] = {
    "GetAllowedImagesSettings": {"State": "disabled", "ImageCriteria": [], "ManagedBy": "account"},
    "GetEbsDefaultKmsKeyId": {"KmsKeyId": "alias/aws/ebs"},
    "GetImageBlockPublicAccessState": {"ImageBlockPublicAccessState": "block-new-sharing", "ManagedBy": "account"},
    "GetInstanceMetadataDefaults": {"AccountLevel": {"ManagedBy": "account"}},
    "GetSerialConsoleAccessStatus": {"SerialConsoleAccessEnabled": False, "ManagedBy": "account"},
    "GetSnapshotBlockPublicAccessState": {"State": "unblocked", "ManagedBy": "account"},
}
"""Operation → the result for an account that has changed nothing; the calls that change these are not simulated."""


@replace("ec2", *_NONE_EXIST)
def list_none(call: Call) -> dict[str, Any]:
    """An empty list; a call that names a resource is not simulated, since AWS refuses it with an error of its kind."""
    if any(name.endswith(("Id", "Ids", "Names")) and value for name, value in call.params.items()):
        raise NotImplementedError
    members = get_service_model("ec2").operation_model(call.operation).output_shape.members
    return {name: [] for name, shape in members.items() if shape.type_name == "list"}


@replace("ec2", *_SETTINGS)
def show_setting(call: Call) -> dict[str, Any]:
    return copy.deepcopy(_SETTINGS[call.operation])


@replace("ec2", "DescribeVpcBlockPublicAccessOptions")
def show_public_access(call: Call) -> dict[str, Any]:
    options = {
        "AwsAccountId": call.account,
        "AwsRegion": call.region,
        "InternetGatewayBlockMode": "off",
        "State": "default-state",
        "ExclusionsAllowed": "allowed",
        "ManagedBy": "account",
    }
    return {"VpcBlockPublicAccessOptions": options}


@replace("ec2", "DescribeVolumeStatus")
def show_volume_status(call: Call) -> dict[str, Any]:
    """Every volume is well: https://docs.aws.amazon.com/ebs/latest/userguide/monitoring-volume-checks.html"""
    volumes = call.backends.backend("ec2").describe_volumes(volume_ids=call.params.get("VolumeIds"))
    if call.params.get("Filters"):
        raise NotImplementedError
    checks = [
        {"Name": "io-enabled", "Status": "passed"},
        {"Name": "io-performance", "Status": "not-applicable"},
    ]
    return {
        "VolumeStatuses": [
            {
                "VolumeId": volume.id,
                "AvailabilityZone": getattr(volume.zone, "name", volume.zone),
                "VolumeStatus": {"Status": "ok", "Details": checks},
                "Actions": [],
                "Events": [],
            }
            for volume in volumes
        ]
    }
