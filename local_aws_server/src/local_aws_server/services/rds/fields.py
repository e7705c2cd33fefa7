"""Defaults of DB instances, and changes of DB subnet groups."""

from typing import Any

from moto.moto_api._internal import mock_random

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.hooks import after, patch
from local_aws_server.services.rds.catalogue import ENGINES, major_version, resolve_version
from local_aws_server.services.windows import daily_outside, overlap, parse_daily, parse_weekly, weekly_outside

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A new DB instance has AWS's defaults, and a changed DB subnet group keeps its other fields.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html",),
    ),
)

_RESOURCE_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def _instance(call: Call, name: str) -> Any | None:
    return call.backends.backend("rds").databases.get(name)


@after("rds", "CreateDBInstance")
def set_defaults(call: Call) -> None:
    instance, description = _instance(call, call.params["DBInstanceIdentifier"]), call.result["DBInstance"]
    if instance is None:
        return
    if "PubliclyAccessible" not in call.params:
        instance.publicly_accessible = description["PubliclyAccessible"] = False
    if (engine := ENGINES.get(instance.engine)) and instance.db_cluster_identifier is None:
        requested = call.params.get("EngineVersion", engine.default_version)
        instance.engine_version = description["EngineVersion"] = resolve_version(instance.engine, requested)
        instance.option_group_name = call.params.get("OptionGroupName", _default_option_group(instance))
        if "LicenseModel" not in call.params:
            instance.license_model = description["LicenseModel"] = engine.license_model
        _separate_windows(call, instance, description)


@after(
    "rds",
    "CreateDBInstance",
    "CreateDBInstanceReadReplica",
    "RestoreDBInstanceFromDBSnapshot",
    "RestoreDBInstanceToPointInTime",
)
def set_resource_id(call: Call) -> None:
    """moto gives all instances the same one."""
    description = call.result["DBInstance"]
    if (instance := _instance(call, description["DBInstanceIdentifier"])) is not None:
        resource_id = "db-" + "".join(mock_random.choices(_RESOURCE_ID_LETTERS, k=26))
        instance.dbi_resource_id = description["DbiResourceId"] = resource_id


def _default_option_group(instance: Any) -> str:
    major = "-".join(map(str, major_version(instance.engine, instance.engine_version)))
    return f"default:{instance.engine}-{major}"


def _separate_windows(call: Call, instance: Any, description: dict[str, Any]) -> None:
    """Move the window that the request leaves open away from the one that it sets."""
    maintenance = parse_weekly(instance.preferred_maintenance_window)
    backup = parse_daily(instance.preferred_backup_window)
    if not (maintenance and backup and overlap(maintenance, backup)):
        return
    if "PreferredBackupWindow" in call.params:
        moved = weekly_outside(backup, maintenance)
        instance.preferred_maintenance_window = description["PreferredMaintenanceWindow"] = moved
    else:
        moved = daily_outside(maintenance, backup)
        instance.preferred_backup_window = description["PreferredBackupWindow"] = moved


@patch("moto.rds.models", "valid_preferred_maintenance_window")
def accept_windows(maintenance_window: str, backup_window: str) -> None:
    """Replaces moto's check, which refuses a window that overlaps its own default; `settings` has checked them."""


@patch("moto.rds.models", "RDSBackend.modify_db_subnet_group")
def modify_db_subnet_group(self: Any, subnet_name: str, description: str | None, subnets: list[Any]) -> Any:
    """Replaces moto's function, which removes the group."""
    from moto.rds.exceptions import DBSubnetGroupNotFoundError

    group = self.subnet_groups.get(subnet_name)
    if group is None:
        raise DBSubnetGroupNotFoundError(subnet_name)
    group.subnets = subnets
    if description is not None:
        group.description = description
    return group
