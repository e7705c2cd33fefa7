"""Changes of DB instances that RDS refuses: smaller storage, storage that is being optimized, older versions."""

from __future__ import annotations

from typing import Any

from local_aws_server.backends import sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import before
from local_aws_server.services.rds.catalogue import ENGINES, major_version, resolve_version
from local_aws_server.services.rds.lifecycle import INSTANCES
from local_aws_server.services.rds.settings import check_runs, check_storage, wrong_combination

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="The storage of a DB instance grows by a tenth at least and never shrinks, and after a change it "
        "can't be changed for six hours; an engine is upgraded only, to a new major version if the call allows it.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.ModifyingExisting.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html",
        ),
    ),
)

_STORAGE = {
    "AllocatedStorage": "allocated_storage",
    "Iops": "iops",
    "StorageThroughput": "storage_throughput",
    "StorageType": "storage_type",
}
"""Parameter → moto's attribute."""
_OPTIMIZATION = 6 * 3600


@before("rds", "ModifyDBInstance")
def refuse_another_engine(call: Call) -> None:
    """The parameter is for Oracle databases that become container databases, which moto does not have."""
    instance, engine = INSTANCES.find(call.backends, call.params["DBInstanceIdentifier"]), call.params.get("Engine")
    if instance is not None and engine is not None and engine != instance.engine:
        raise wrong_combination(f"The engine of a {instance.engine} DB instance cannot be changed to '{engine}'.")


@before("rds", "ModifyDBInstance")
def check_changes(call: Call) -> None:
    """Refuse settings that are wrong for the instance; `settings` has checked them on their own."""
    instance = INSTANCES.find(call.backends, call.params["DBInstanceIdentifier"])
    if instance is None or instance.engine not in ENGINES or instance.db_cluster_identifier is not None:
        return
    _check_storage(instance, call.params)
    version = _check_version(instance, call.params)
    if instance_class := call.params.get("DBInstanceClass"):
        check_runs(instance.engine, version, instance_class)
    if call.params.get("BackupRetentionPeriod") == 0 and instance.replicas:
        raise wrong_combination("Automated backups of a DB instance with read replicas cannot be disabled.")


def _storage_of(instance: Any) -> dict[str, Any]:
    return {name: getattr(instance, attribute) for name, attribute in _STORAGE.items()}


def _check_storage(instance: Any, params: dict[str, Any]) -> None:
    requested = {name: params[name] for name in _STORAGE if name in params}
    current = _storage_of(instance)
    size, now = params.get("AllocatedStorage", current["AllocatedStorage"]), current["AllocatedStorage"]
    if size < now:
        raise wrong_combination(f"Requested storage size ({size}) cannot be less than the current storage size ({now})")
    if all(current[name] == value for name, value in requested.items()) and "MaxAllocatedStorage" not in params:
        return
    changed = sidecar(instance).get("storage_changed")
    if requested and changed is not None and CLOCK.now() < changed + _OPTIMIZATION:
        raise wrong_combination(
            "You can't currently modify the storage of this DB instance because the previous storage change is being "
            "optimized."
        )
    checked = {**params, "AllocatedStorage": size}
    if current["Iops"] and params.get("StorageType", current["StorageType"]) in ("io1", "io2"):
        checked.setdefault("Iops", current["Iops"])
    check_storage(instance.engine, checked, params.get("StorageType", current["StorageType"]))


def _check_version(instance: Any, params: dict[str, Any]) -> str:
    """Check the requested version; returns the one that the instance will have."""
    engine, current, requested = instance.engine, instance.engine_version, params.get("EngineVersion")
    if requested is None or requested == current:
        return str(current)
    version = resolve_version(engine, requested)
    if version is None:
        raise wrong_combination(f"Cannot find version {requested} for {engine}")
    if _numbers(version) < _numbers(current):
        raise wrong_combination(f"Cannot upgrade {engine} from {current} to {version}")
    is_major = major_version(engine, version) != major_version(engine, current)
    if is_major and not params.get("AllowMajorVersionUpgrade"):
        raise wrong_combination(
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version."
        )
    return version


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
