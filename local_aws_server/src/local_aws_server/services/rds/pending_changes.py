"""Changes of DB instances that wait for the maintenance window, unless a call applies them immediately."""

from __future__ import annotations

from math import ceil
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.state_machine import LifecycleStep
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.maintenance import PendingChanges
from local_aws_server.services.rds.catalogue import ENGINES, resolve_version
from local_aws_server.services.rds.lifecycle import INSTANCES
from local_aws_server.services.windows import next_weekly

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A change of class, storage, engine version or Multi-AZ waits for the maintenance window, unless it "
        "is applied immediately, and so does switching backups on or off; a later immediate change applies what "
        "waits.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.ApplyImmediately.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.Settings.html",
        ),
    ),
)

_DEFERRED = {
    "AllocatedStorage": "allocated_storage",
    "BackupRetentionPeriod": "backup_retention_period",
    "DBInstanceClass": "db_instance_class",
    "EngineVersion": "engine_version",
    "Iops": "iops",
    "MultiAZ": "multi_az",
    "StorageType": "storage_type",
}
"""Parameter → moto's attribute."""
_BACKUPS = "BackupRetentionPeriod"
"""It waits only if backups are switched on or off."""
_STORAGE = ("AllocatedStorage", "Iops", "StorageType")
_GROWING = ("AllocatedStorage", "Iops")


def _note_storage_change(instance: Any, name: str) -> None:
    """Keep the time, for `changes`: RDS optimizes the storage then."""
    if name in _STORAGE:
        sidecar(instance)["storage_changed"] = CLOCK.now()


CHANGES = PendingChanges(
    lifecycle=INSTANCES,
    attributes=_DEFERRED,
    next_window=lambda instance: next_weekly(instance.preferred_maintenance_window, CLOCK.now()),
    step=LifecycleStep("modifying", "available", 120, "its maintenance window began"),
    applied=_note_storage_change,
)


@before("rds", "ModifyDBInstance")
def note_settings(call: Call) -> None:
    if (instance := INSTANCES.find(call.backends, call.params["DBInstanceIdentifier"])) is not None:
        call.notes["instance"] = instance
        call.notes["settings"] = {name: getattr(instance, attribute) for name, attribute in _DEFERRED.items()}


@after("rds", "ModifyDBInstance")
def defer_changes(call: Call) -> None:
    """Undo what moto has changed and keep it as pending, or apply what was pending before."""
    instance, before_call = call.notes["instance"], call.notes["settings"]
    description = call.result["DBInstance"]
    for name in [name for name in _DEFERRED if name in call.params]:
        CHANGES.of(instance).pop(name, None)
        old = before_call[name]
        new = _accepted(instance, name, getattr(instance, _DEFERRED[name]), old)
        waits = new != old and (name != _BACKUPS or not (new and old)) and not call.params.get("ApplyImmediately")
        description[name] = old if waits else new
        setattr(instance, _DEFERRED[name], description[name])
        if waits:
            CHANGES.defer(instance, name, new)
        elif new != old:
            _note_storage_change(instance, name)
    if call.params.get("ApplyImmediately"):
        CHANGES.apply(instance)
    description["PendingModifiedValues"] = dict(CHANGES.of(instance))


@after("rds", "DescribeDBInstances")
def show_pending_changes(call: Call) -> None:
    for description in call.result["DBInstances"]:
        instance = INSTANCES.find(call.backends, description["DBInstanceIdentifier"])
        if instance is not None and CHANGES.of(instance):
            description["PendingModifiedValues"] = dict(CHANGES.of(instance))


@reconciler("rds", order=2)
def apply_in_maintenance_window(backends: Backends) -> float | None:
    return CHANGES.apply_due(backends)


def _accepted(instance: Any, name: str, requested: Any, old: Any) -> Any:
    """The value that a request sets: a minor version for a major one, and at least a tenth more storage or IOPS."""
    if name == "EngineVersion" and instance.engine in ENGINES:
        return resolve_version(instance.engine, requested)
    if name in _GROWING and old and requested > old:
        return max(requested, ceil(old * 1.1))
    return requested
