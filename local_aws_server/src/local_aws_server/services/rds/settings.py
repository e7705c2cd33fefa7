"""Settings of DB instances that RDS refuses, when an instance is created or changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before
from local_aws_server.services.rds import catalogue
from local_aws_server.services.rds.catalogue import ENGINES
from local_aws_server.services.windows import overlap, parse_daily, parse_weekly

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="The settings of a DB instance are checked: engine, version, class, storage, names, password, port, "
        "retention and windows.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Types.html",
        ),
    ),
)

_USERNAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_DATABASE_NAME = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
_PASSWORD = re.compile(r"[!-~]+")
_NOT_IN_PASSWORDS = '/@" '
_PORTS = range(1150, 65536)
_RETENTION_DAYS = range(36)
_MONITORING_SECONDS = (0, 1, 5, 10, 15, 30, 60)
_SHORTEST_WINDOW, _LONGEST_WINDOW = 30, 24 * 60
"""Minutes."""
_WEEKLY_FORM = re.compile(r"[A-Za-z]{3}:\d\d:\d\d-[A-Za-z]{3}:\d\d:\d\d")
BACKUP_WINDOW, MAINTENANCE_WINDOW = "PreferredBackupWindow", "PreferredMaintenanceWindow"
_FORMATS = {
    BACKUP_WINDOW: ("backup", "hh24:mi-hh24:mi", "23:45-00:15", parse_daily),
    MAINTENANCE_WINDOW: ("maintenance", "ddd:hh24:mi-ddd:hh24:mi", "Sun:23:45-Mon:00:15", parse_weekly),
}


@before("rds", "CreateDBInstance")
def check_new_instance(call: Call) -> None:
    params = call.params
    engine = params["Engine"]
    if engine not in _known_engines():
        raise wrong_value("Invalid DB engine")
    check_class(params)
    if "DBClusterIdentifier" in params:
        return
    if engine.startswith("aurora"):
        raise wrong_combination(f"A DB instance of the engine {engine} must be in a DB cluster: DBClusterIdentifier.")
    if engine not in ENGINES:
        return
    for name in ("MasterUsername", "AllocatedStorage"):
        if name not in params:
            raise wrong_value(f"The parameter {name} must be provided and must not be blank.")
    if "MasterUserPassword" not in params and not params.get("ManageMasterUserPassword"):
        raise wrong_value("The parameter MasterUserPassword must be provided and must not be blank.")
    _check_version(engine, params)
    _check_names(engine, params)
    check_storage(engine, params, params.get("StorageType") or ("io1" if params.get("Iops") else "gp2"))
    if params.get("MultiAZ") and "AvailabilityZone" in params:
        raise wrong_combination("Requesting a specific availability zone is not valid for Multi-AZ instances.")
    _check_zone(call)
    check_common(engine, params)


@before("rds", "CreateDBCluster", "ModifyDBCluster")
def check_cluster_windows(call: Call) -> None:
    _check_windows(call.params, {})


@before("rds", "CreateDBInstanceReadReplica", "RestoreDBInstanceFromDBSnapshot", "RestoreDBInstanceToPointInTime")
def check_copy(call: Call) -> None:
    """An instance that is made of another one has its other settings."""
    check_class(call.params)
    check_common(call.params.get("Engine", "postgres"), call.params)


def check_changed_values(call: Call) -> None:
    """Refuse values that no DB instance can be changed to, or not with the windows that this one has."""
    check_class(call.params)
    instance = call.backends.backend("rds").databases.get(call.params["DBInstanceIdentifier"])
    windows = instance and {
        BACKUP_WINDOW: instance.preferred_backup_window,
        MAINTENANCE_WINDOW: instance.preferred_maintenance_window,
    }
    check_common(instance.engine if instance else "postgres", call.params, windows)


def check_common(engine: str, params: Mapping[str, Any], windows: Mapping[str, str] | None = None) -> None:
    """Check what can be set at creation and later; `windows` are those that the instance has."""
    if "MasterUserPassword" in params:
        _check_password(engine, params["MasterUserPassword"])
    for name in ("Port", "DBPortNumber"):
        if name in params and params[name] not in _PORTS:
            raise wrong_value(
                f"The port {params[name]} is not valid. Valid ports are {_PORTS.start}-{_PORTS.stop - 1}."
            )
    days = params.get("BackupRetentionPeriod", 0)
    if days not in _RETENTION_DAYS:
        raise wrong_value(f"Invalid backup retention period: {days}. Must be between 0 and {_RETENTION_DAYS.stop - 1}")
    seconds = params.get("MonitoringInterval", 0)
    if seconds not in _MONITORING_SECONDS:
        valid = ", ".join(map(str, _MONITORING_SECONDS))
        raise wrong_value(f"Invalid monitoring interval: {seconds}. Valid values are {valid}.")
    _check_windows(params, windows or {})


def check_class(params: Mapping[str, Any]) -> None:
    """Refuse a class that RDS does not have."""
    instance_class = params.get("DBInstanceClass")
    if instance_class is not None and not catalogue.class_exists(instance_class):
        raise wrong_value(f"Invalid DB Instance class: {instance_class}")


def check_runs(engine: str, version: str, instance_class: str) -> None:
    """Refuse a class that exists, but not for this version of the engine."""
    if engine in ENGINES and not catalogue.runs_on(engine, version, instance_class):
        raise wrong_combination(
            "RDS does not support creating a DB instance with the following combination: "
            f"DBInstanceClass={instance_class}, Engine={engine}, EngineVersion={version}, "
            f"LicenseModel={ENGINES[engine].license_model}. For supported combinations of instance class and database "
            "engine version, see the documentation."
        )


def check_storage(engine: str, params: Mapping[str, Any], storage_type: str) -> None:
    """Check type, size and IOPS of the storage that an instance is created with or changed to."""
    size = params["AllocatedStorage"]
    if storage_type not in catalogue.STORAGE_TYPES:
        raise wrong_value(f"Invalid storage type: {storage_type}")
    if not catalogue.storage_fits(storage_type, size):
        raise wrong_value(f"Invalid storage size for engine name {engine} and storage type {storage_type}: {size}")
    if params.get("MaxAllocatedStorage", size) < size:
        raise wrong_combination("Max storage size must be greater than storage size")
    iops = params.get("Iops")
    if storage_type in ("io1", "io2") and not iops:
        raise wrong_combination(f"The storage type {storage_type} requires iops to be specified.")
    chosen = "Iops" in params or "StorageThroughput" in params
    if storage_type == "gp3" and chosen and size < catalogue.GP3_CHOICE_FROM:
        raise wrong_combination(
            f"You can't specify IOPS or storage throughput for engine {engine} and a storage size less than "
            f"{catalogue.GP3_CHOICE_FROM}."
        )


def _check_zone(call: Call) -> None:
    zone = call.params.get("AvailabilityZone")
    zones = [each.name for each in call.backends.backend("ec2").describe_availability_zones()]
    if zone is not None and zone not in zones:
        raise wrong_value(f"Invalid availability zone: {zone}. Valid availability zones are {', '.join(zones)}.")


def _known_engines() -> list[str]:
    from moto.rds.utils import DbInstanceEngine

    engines: list[str] = DbInstanceEngine.valid_db_instance_engine()
    return engines


def _check_version(engine: str, params: Mapping[str, Any]) -> None:
    version = params.get("EngineVersion", ENGINES[engine].default_version)
    resolved = catalogue.resolve_version(engine, version)
    if resolved is None:
        raise wrong_combination(f"Cannot find version {version} for {engine}")
    check_runs(engine, resolved, params["DBInstanceClass"])
    offered = ENGINES[engine].license_model
    if params.get("LicenseModel", offered) != offered:
        raise wrong_value(f"Invalid license model '{params['LicenseModel']}' for engine '{engine}'. Valid: {offered}.")


def _check_names(engine: str, params: Mapping[str, Any]) -> None:
    offered, user, name = ENGINES[engine], params["MasterUsername"], params.get("DBName")
    if not _USERNAME.fullmatch(user) or len(user) > offered.username_length:
        raise wrong_value("Invalid master user name")
    if user.lower() in offered.reserved_usernames:
        raise wrong_value(f"MasterUsername {user} cannot be used as it is a reserved word used by the engine")
    if name is not None and not _DATABASE_NAME.fullmatch(name):
        raise wrong_value("DBName must begin with a letter and contain only alphanumeric characters.")
    if name is not None and name.lower() in offered.reserved_names:
        raise wrong_value(f"DBName {name} cannot be used.  It is a reserved word for this engine")


def _check_password(engine: str, password: str) -> None:
    longest = ENGINES[engine].password_length if engine in ENGINES else 128
    wrong = "The parameter MasterUserPassword is not a valid password"
    if len(password) < 8:
        raise wrong_value(f"{wrong} because it is shorter than 8 characters.")
    if len(password) > longest:
        raise wrong_value(f"{wrong} because it is longer than {longest} characters.")
    if not _PASSWORD.fullmatch(password) or set(password) & set(_NOT_IN_PASSWORDS):
        raise wrong_value(f"{wrong}. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.")


def _check_windows(params: Mapping[str, Any], current: Mapping[str, str]) -> None:
    parsed = {}
    for name, (kind, form, example, parse) in _FORMATS.items():
        text = params.get(name) or current.get(name)
        if text is None:
            continue
        parsed[name] = window = parse(text)
        if window is None and name == MAINTENANCE_WINDOW and _WEEKLY_FORM.fullmatch(text):
            raise wrong_value(f"Invalid day:hour:minute value: {text}")
        if window is None:
            raise wrong_value(
                f"Invalid {kind} window format: {text}. Should be specified as a range {form} (24H Clock UTC). "
                f"Example: {example}"
            )
        if window[1] < _SHORTEST_WINDOW:
            raise wrong_value(f"The {kind} window must be at least {_SHORTEST_WINDOW} minutes.")
        if window[1] > _LONGEST_WINDOW:
            raise wrong_value("Maintenance window must be less than 24 hours.")
    maintenance, backup = parsed.get(MAINTENANCE_WINDOW), parsed.get(BACKUP_WINDOW)
    if maintenance and backup and overlap(maintenance, backup):
        raise wrong_value("The backup window and maintenance window must not overlap.")


def wrong_value(message: str) -> AwsError:
    """The error of a value that is wrong on its own."""
    return AwsError("InvalidParameterValue", message)


def wrong_combination(message: str) -> AwsError:
    """The error of a value that does not go with another one."""
    return AwsError("InvalidParameterCombination", message)
