"""The operations on automated backups, and restores to a point in time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, replace
from local_aws_server.services.rds.backups import restore_window, source_of
from local_aws_server.services.rds.lifecycle import INSTANCES, SNAPSHOTS

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A DB instance is restored to a time between the earliest and the latest restorable one; automated "
        "backups of a deleted instance are listed and kept if its deletion says so.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceToPointInTime.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstanceAutomatedBackups.html",
        ),
    ),
)

_IDS: tuple[str, ...] = ("DbiResourceId", "DBInstanceAutomatedBackupsArn")
_FILTERS = {
    "db-instance-id": "DBInstanceIdentifier",
    "dbi-resource-id": "DbiResourceId",
    "status": "Status",
}


@replace("rds", "DescribeDBInstanceAutomatedBackups")
def describe_automated_backups(call: Call) -> dict[str, Any]:
    wanted = {name: [call.params[name]] for name in (*_IDS, "DBInstanceIdentifier") if name in call.params}
    for filter in call.params.get("Filters", []):
        if filter["Name"] not in _FILTERS:
            raise AwsError("InvalidParameterValue", f"Unrecognized filter name: {filter['Name']}")
        wanted[_FILTERS[filter["Name"]]] = filter["Values"]
    found = [
        backup
        for backup in _automated_backups(call)
        if all(backup.get(name) in values for name, values in wanted.items())
    ]
    if not found and any(name in call.params for name in _IDS):
        raise _backup_not_found()
    return {"DBInstanceAutomatedBackups": found}


@replace("rds", "DeleteDBInstanceAutomatedBackup")
def delete_automated_backup(call: Call) -> dict[str, Any]:
    """Delete the retained backups of a deleted instance."""
    wanted = {
        name: call.params[name] for name in ("DbiResourceId", "DBInstanceAutomatedBackupsArn") if name in call.params
    }
    found = [b for b in _automated_backups(call) if wanted and all(b[name] == value for name, value in wanted.items())]
    if not found:
        raise _backup_not_found()
    backup = found[0]
    if backup["Status"] != "retained":
        raise AwsError(
            "InvalidDBInstanceAutomatedBackupState",
            "The automated backup is in an invalid state. It is associated with an active DB instance.",
        )
    snapshots = call.backends.backend("rds").database_snapshots
    for name, snapshot in list(snapshots.items()):
        if snapshot.snapshot_type == "automated" and snapshot.dbi_resource_id == backup["DbiResourceId"]:
            del snapshots[name]
    return {"DBInstanceAutomatedBackup": {**backup, "Status": "deleting"}}


@before("rds", "RestoreDBInstanceToPointInTime")
def check_restore_time(call: Call) -> None:
    params = call.params
    if "SourceDBInstanceIdentifier" not in params:
        raise AwsError(
            "NotSimulated", "the local AWS restores to a point in time by SourceDBInstanceIdentifier only", 501
        )
    time, latest = params.get("RestoreTime"), params.get("UseLatestRestorableTime")
    if bool(time) == bool(latest):
        raise AwsError(
            "InvalidParameterCombination", "Specify either RestoreTime or UseLatestRestorableTime, and not both."
        )
    source = params["SourceDBInstanceIdentifier"]
    instance = INSTANCES.find(call.backends, source)
    if instance is None:
        raise AwsError("DBInstanceNotFound", f"DBInstance {source} not found.", 404)
    if not instance.backup_retention_period:
        raise AwsError(
            "PointInTimeRestoreNotEnabled", f"Point in time restore is not enabled for the DB instance {source}."
        )
    window = restore_window(call.backends, instance)
    if window is None:
        raise AwsError("InvalidDBInstanceState", f"The DB instance {source} has no backup to restore from yet.")
    if time and not window[0] <= _as_time(time) <= window[1]:
        earliest, last = (f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in window)
        raise AwsError(
            "InvalidParameterValue",
            f"The specified instance cannot be restored to a time earlier than {earliest} or later than {last}.",
        )


@before("rds", "CreateDBInstanceReadReplica")
def check_source_backups(call: Call) -> None:
    source = call.params.get("SourceDBInstanceIdentifier", "")
    instance = INSTANCES.find(call.backends, source)  # of another region or by ARN: moto looks
    if instance is None:
        return
    if instance.status != "available":
        raise AwsError("InvalidDBInstanceState", f"Instance {source} is not in available state.")
    if not instance.backup_retention_period:
        raise AwsError(
            "InvalidDBInstanceState",
            "Automated backups are not enabled for this database instance. To enable automated backups, use "
            "ModifyDBInstance to set the backup retention period to a non-zero value.",
        )


@before("rds", "DeleteDBSnapshot")
def check_manual(call: Call) -> None:
    snapshot = SNAPSHOTS.find(call.backends, call.params["DBSnapshotIdentifier"])
    if snapshot is not None and snapshot.snapshot_type != "manual":
        raise AwsError("InvalidDBSnapshotState", "Only manual snapshots may be deleted.")


@before("rds", "RestoreDBInstanceFromDBSnapshot", "CopyDBSnapshot")
def check_snapshot_available(call: Call) -> None:
    name = call.params.get("DBSnapshotIdentifier") or call.params.get("SourceDBSnapshotIdentifier", "")
    snapshot = SNAPSHOTS.find(call.backends, name.rsplit("snapshot:", 1)[-1])
    if snapshot is not None and snapshot.status != "available":
        raise AwsError("InvalidDBSnapshotState", f"The snapshot {name} is not available: it is {snapshot.status}.")


def _automated_backups(call: Call) -> list[dict[str, Any]]:
    """The backups of each instance with a retention period, and those that are left of deleted ones."""
    rds = call.backends.backend("rds")
    backups = []
    for instance in rds.databases.values():
        if instance.backup_retention_period and instance.db_cluster_identifier is None:
            window = restore_window(call.backends, instance)
            backup = _description(call, instance, "active" if window else "creating")
            if window:
                backup["RestoreWindow"] = {"EarliestTime": window[0], "LatestTime": window[1]}
            backups.append(backup)
    retained: dict[str, list[Any]] = {}
    for snapshot in rds.database_snapshots.values():
        if snapshot.snapshot_type == "automated" and source_of(call.backends, snapshot) is None:
            retained.setdefault(snapshot.dbi_resource_id, []).append(snapshot)
    for snapshots in retained.values():
        last, first = (select(snapshots, key=lambda each: each.created) for select in (max, min))
        backup = _description(call, last.database, "retained")
        backup["BackupRetentionPeriod"] = sidecar(last).get("retention", 0)
        backup["RestoreWindow"] = {
            "EarliestTime": first.created,
            "LatestTime": sidecar(last).get("deleted_at", last.created),
        }
        backups.append(backup)
    return backups


def _description(call: Call, instance: Any, status: str) -> dict[str, Any]:
    return {
        "DBInstanceArn": instance.arn,
        "DBInstanceAutomatedBackupsArn": (
            f"arn:aws:rds:{call.region}:{call.account}:auto-backup:ab-{instance.dbi_resource_id[3:].lower()}"
        ),
        "DbiResourceId": instance.dbi_resource_id,
        "Region": call.region,
        "DBInstanceIdentifier": instance.db_instance_identifier,
        "Status": status,
        "AllocatedStorage": instance.allocated_storage,
        "Port": instance.port,
        "AvailabilityZone": instance.availability_zone,
        "InstanceCreateTime": instance.created,
        "MasterUsername": instance.master_username,
        "Engine": instance.engine,
        "EngineVersion": instance.engine_version,
        "LicenseModel": instance.license_model,
        "OptionGroupName": instance.option_group_name,
        "Encrypted": instance.storage_encrypted,
        "StorageType": instance.storage_type,
        "IAMDatabaseAuthenticationEnabled": instance.enable_iam_database_authentication,
        "BackupRetentionPeriod": instance.backup_retention_period,
        "BackupTarget": "region",
    }


def _backup_not_found() -> AwsError:
    return AwsError("DBInstanceAutomatedBackupNotFound", "The specified automated backup was not found.", 404)


def _as_time(value: Any) -> datetime:
    time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return time if time.tzinfo else time.replace(tzinfo=UTC)
