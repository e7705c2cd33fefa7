"""Members that every description of a DB instance or snapshot has, where moto leaves them out or has others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after
from local_aws_server.preserved_fields import PreservedFields
from local_aws_server.services.rds.lifecycle import INSTANCES, SNAPSHOTS

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="Descriptions of DB instances and snapshots have the members that AWS always returns.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBSnapshot.html",
        ),
    ),
)

_RESTART_AFTER = 7 * 86400
_OF_SOURCE = {
    "AvailabilityZone": "availability_zone",
    "Iops": "iops",
    "LicenseModel": "license_model",
    "OptionGroupName": "option_group_name",
    "StorageThroughput": "storage_throughput",
    "StorageType": "storage_type",
}
"""Member of a snapshot → moto's attribute of the instance, as it was at the time."""
_CERTIFICATE = {"CAIdentifier": "rds-ca-rsa2048-g1", "ValidTill": datetime(2061, 5, 25, tzinfo=UTC)}


def _find_instance(call: Call, parameters: Mapping[str, Any]) -> Any | None:
    return INSTANCES.find(call.backends, parameters.get("DBInstanceIdentifier", ""))


def _find_snapshot(call: Call, parameters: Mapping[str, Any]) -> Any | None:
    return SNAPSHOTS.find(call.backends, parameters.get("DBSnapshotIdentifier", ""))


_SNAPSHOTS = {**SNAPSHOTS.result_members, "DeleteDBSnapshot": "DBSnapshot"}

PreservedFields(
    service="rds",
    set_by=(*INSTANCES.create_operations, "ModifyDBInstance"),
    shown_by=INSTANCES.result_members,
    find=_find_instance,
    fields={
        "ActivityStreamStatus": "stopped",
        "BackupTarget": "region",
        "CustomerOwnedIpEnabled": False,
        "DatabaseInsightsMode": "standard",
        "DbInstancePort": 0,  # AWS has the port in the endpoint alone
        "DedicatedLogVolume": False,
        "EngineLifecycleSupport": "open-source-rds-extended-support",
        "IsStorageConfigUpgradeAvailable": False,
        "MultiTenant": False,
        "NetworkType": "IPV4",
        "PendingModifiedValues": {},
    },
).register()

PreservedFields(
    service="rds",
    set_by=(),
    shown_by=_SNAPSHOTS,
    find=_find_snapshot,
    fields={
        "DedicatedLogVolume": False,
        "MultiTenant": False,
        "PercentProgress": 100,
        "ProcessorFeatures": [],
        "SnapshotTarget": "region",
    },
).register()


@after("rds", *INSTANCES.result_members)
def complete_instances(call: Call) -> None:
    member = call.result[INSTANCES.result_members[call.operation]]
    for description in member if isinstance(member, list) else [member]:
        instance = _find_instance(call, description)
        if instance is None:
            continue
        description.setdefault("StorageThroughput", 0)
        description["PerformanceInsightsEnabled"] = bool(sidecar(instance).get("performance_insights"))
        if description.get("CACertificateIdentifier") == "rds-ca-default":
            description["CACertificateIdentifier"] = _CERTIFICATE["CAIdentifier"]
        description["CertificateDetails"] = {**_CERTIFICATE, "CAIdentifier": description["CACertificateIdentifier"]}
        if "Endpoint" in description:
            description["Endpoint"]["HostedZoneId"] = "Z" + instance.dbi_resource_id[3:16]
        if not description.get("DBSubnetGroup") and instance.db_cluster_identifier is None:
            description["DBSubnetGroup"] = _default_subnet_group(call)
        if instance.multi_az:
            description["SecondaryAvailabilityZone"] = _other_zone(description)
        if (stopped := sidecar(instance).get("stopped_at")) is not None:
            description["AutomaticRestartTime"] = datetime.fromtimestamp(stopped + _RESTART_AFTER, UTC)


@after("rds", "CreateDBInstance", "ModifyDBInstance")
def note_performance_insights(call: Call) -> None:
    instance = _find_instance(call, call.result["DBInstance"])
    if instance is not None and "EnablePerformanceInsights" in call.params:
        enabled = call.params["EnablePerformanceInsights"]
        sidecar(instance)["performance_insights"] = enabled
        call.result["DBInstance"]["PerformanceInsightsEnabled"] = enabled


@after("rds", *_SNAPSHOTS)
def complete_snapshots(call: Call) -> None:
    member = call.result[_SNAPSHOTS[call.operation]]
    for description in member if isinstance(member, list) else [member]:
        snapshot = _find_snapshot(call, description)
        if snapshot is None:
            continue
        source = snapshot.database
        for name, attribute in _OF_SOURCE.items():
            if (value := getattr(source, attribute, None)) is not None:
                description.setdefault(name, value)
        group = getattr(source, "db_subnet_group", None)
        description["VpcId"] = group.vpc_id if group else _default_vpc(call)
        description["SnapshotDatabaseTime"] = description["SnapshotCreateTime"]
        if description["Status"] == "creating":
            description["PercentProgress"] = 0


def _default_subnet_group(call: Call) -> dict[str, Any]:
    """The group that RDS makes of the default VPC."""
    vpc = _default_vpc(call)
    subnets = [subnet for subnet in call.backends.backend("ec2").describe_subnets() if subnet.vpc_id == vpc]
    return {
        "DBSubnetGroupName": "default",
        "DBSubnetGroupDescription": "default",
        "VpcId": vpc,
        "SubnetGroupStatus": "Complete",
        "Subnets": [
            {
                "SubnetIdentifier": subnet.id,
                "SubnetAvailabilityZone": {"Name": subnet.availability_zone},
                "SubnetOutpost": {},
                "SubnetStatus": "Active",
            }
            for subnet in subnets
        ],
    }


def _default_vpc(call: Call) -> str | None:
    vpc = call.backends.backend("ec2").default_vpc
    return None if vpc is None else str(vpc.id)


def _other_zone(description: Mapping[str, Any]) -> str | None:
    """The zone of the standby: another one of the subnet group."""
    zones = {
        subnet["SubnetAvailabilityZone"]["Name"] for subnet in description.get("DBSubnetGroup", {}).get("Subnets", [])
    }
    return min(zones - {description["AvailabilityZone"]}, default=None)
