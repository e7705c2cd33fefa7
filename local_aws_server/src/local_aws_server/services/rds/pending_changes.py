"""Changes of DB instances that wait for the maintenance window, unless a call applies them immediately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.state_machine import LifecycleStep
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.rds.lifecycle import INSTANCES

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A change of class, storage, engine version or Multi-AZ waits for the maintenance window, unless it "
        "is applied immediately; a later immediate change applies what waits.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.ApplyImmediately.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.Settings.html",
        ),
    ),
)

_DEFERRED = {
    "AllocatedStorage": "allocated_storage",
    "DBInstanceClass": "db_instance_class",
    "EngineVersion": "engine_version",
    "Iops": "iops",
    "MultiAZ": "multi_az",
    "StorageType": "storage_type",
}
"""Parameter → moto's attribute."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_IN_WINDOW = LifecycleStep("modifying", "available", 120, "its maintenance window began")


@before("rds", "ModifyDBInstance")
def note_settings(call: Call) -> None:
    if (instance := INSTANCES.find(call.backends, call.params["DBInstanceIdentifier"])) is not None:
        call.notes["instance"] = instance
        call.notes["settings"] = {name: getattr(instance, attribute) for name, attribute in _DEFERRED.items()}


@after("rds", "ModifyDBInstance")
def defer_changes(call: Call) -> None:
    """Undo what moto has changed and keep it as pending, or apply what was pending before."""
    instance, before_call = call.notes["instance"], call.notes["settings"]
    pending, description = _pending(instance), call.result["DBInstance"]
    for name in [name for name in _DEFERRED if name in call.params]:
        pending.pop(name, None)
        new, old = getattr(instance, _DEFERRED[name]), before_call[name]
        if new != old and not call.params.get("ApplyImmediately"):
            pending[name] = new
            setattr(instance, _DEFERRED[name], old)
            description[name] = old
    if call.params.get("ApplyImmediately"):
        _apply(instance)
    elif pending:
        sidecar(instance)["maintenance"] = _next_window(instance)
    description["PendingModifiedValues"] = dict(pending)


@after("rds", "DescribeDBInstances")
def show_pending_changes(call: Call) -> None:
    for description in call.result["DBInstances"]:
        instance = INSTANCES.find(call.backends, description["DBInstanceIdentifier"])
        if instance is not None and _pending(instance):
            description["PendingModifiedValues"] = dict(_pending(instance))


@reconciler("rds", order=2)
def apply_in_maintenance_window(backends: Backends) -> float | None:
    """Apply the pending changes of available instances whose window has begun; return when the next one begins."""
    times = []
    for instance in backends.backend("rds").databases.values():
        if not _pending(instance):
            continue
        if sidecar(instance)["maintenance"] <= CLOCK.now():
            if instance.status == "available":
                _apply(instance)
                INSTANCES.start(instance, _IN_WINDOW)
                continue
            sidecar(instance)["maintenance"] = _next_window(instance)
        times.append(sidecar(instance)["maintenance"])
    return min(times, default=None)


def _pending(instance: Any) -> dict[str, Any]:
    """Parameter → the value that waits."""
    values: dict[str, Any] = sidecar(instance).setdefault("pending", {})
    return values


def _apply(instance: Any) -> None:
    pending = _pending(instance)
    for name, value in pending.items():
        setattr(instance, _DEFERRED[name], value)
    pending.clear()


def _next_window(instance: Any) -> float:
    """When the next maintenance window begins; moto has it as `wed:06:38-wed:07:08`, in UTC."""
    day, hour, minute = instance.preferred_maintenance_window.partition("-")[0].split(":")
    now = datetime.fromtimestamp(CLOCK.now(), UTC)
    begins = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    begins += timedelta(days=(_DAYS.index(day) - now.weekday()) % 7)
    return (begins if begins > now else begins + timedelta(days=7)).timestamp()
