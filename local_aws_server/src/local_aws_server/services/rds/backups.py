"""Automated backups of DB instances: taken daily, kept for the retention period, and restored from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.isolation import each
from local_aws_server.hooks import patch, reconciler
from local_aws_server.services.windows import next_daily

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A DB instance is backed up when it becomes available and daily when its backup window begins; a "
        "backup is deleted after the retention period, in which the time that the instance is stopped does not count.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.BackupRetention.html",
        ),
    ),
)

_DAY = 86400
_LOG_INTERVAL = 300
"""Transaction logs are uploaded every five minutes."""
_MANUAL_SNAPSHOTS = 100


def automated_snapshots(backends: Backends, instance: Any) -> list[Any]:
    """The automated snapshots of an instance, the oldest first."""
    return [each for each in _automated(backends) if is_of(each, instance)]


def is_of(snapshot: Any, instance: Any) -> bool:
    """Whether a snapshot is of this instance, and not of an earlier one of the same name."""
    return bool(
        snapshot.db_instance_identifier == instance.db_instance_identifier
        and snapshot.instance_create_time == instance.created
    )


def source_of(backends: Backends, snapshot: Any) -> Any | None:
    """The instance of a snapshot; None if it is deleted."""
    return next((each for each in backends.backend("rds").databases.values() if is_of(snapshot, each)), None)


def restore_window(backends: Backends, instance: Any) -> tuple[datetime, datetime] | None:
    """The earliest and the latest time that an instance can be restored to; None without a backup."""
    backups, latest = automated_snapshots(backends, instance), instance.latest_restorable_time
    if not backups or latest is None:
        return None
    return backups[0].created.replace(tzinfo=UTC), latest


def exclude_stopped_time(backends: Backends, instance: Any, seconds: float) -> None:
    """Keep the backups of an instance longer, by the time that it was stopped."""
    for snapshot in automated_snapshots(backends, instance):
        data = sidecar(snapshot)
        data["stopped_seconds"] = data.get("stopped_seconds", 0.0) + seconds


def retain(backends: Backends, instance: Any) -> None:
    """Keep the backups of an instance that is being deleted, for its retention period."""
    for snapshot in automated_snapshots(backends, instance):
        sidecar(snapshot)["retention"] = instance.backup_retention_period
        sidecar(snapshot)["deleted_at"] = datetime.fromtimestamp(CLOCK.now(), UTC)


@reconciler("rds", order=3)
def back_up(backends: Backends) -> float | None:
    """Take the backups that are due and delete those that are too old; return when the next is."""
    databases = list(backends.backend("rds").databases.values())
    times = (
        each(backends, "database", databases, lambda one: one.db_instance_identifier, partial(_back_up, backends)),
        each(
            backends,
            "automated snapshot",
            list(_automated(backends)),
            lambda one: one.db_snapshot_identifier,
            partial(_expire, backends),
        ),
    )
    return min((time for time in times if time is not None), default=None)


def _back_up(backends: Backends, instance: Any) -> float | None:
    data = sidecar(instance)
    if not instance.backup_retention_period:
        data.pop("next_backup", None)
        return None
    if instance.status != "available" or instance.db_cluster_identifier is not None:
        return None
    now, due = CLOCK.now(), data.get("next_backup")
    if due is None or now - _LOG_INTERVAL < due <= now:  # a window that passed while it was stopped is left out
        _take(backends, instance)
    window: str = instance.preferred_backup_window
    if due is None or due <= now or data.get("backup_window") != window:
        data["next_backup"], data["backup_window"] = next_daily(window, now), window
    return float(data["next_backup"])


def _take(backends: Backends, instance: Any) -> None:
    from moto.rds.models import DBSnapshot

    snapshots = backends.backend("rds").database_snapshots
    name = f"rds:{instance.db_instance_identifier}-{datetime.fromtimestamp(CLOCK.now(), UTC):%Y-%m-%d-%H-%M}"
    if name not in snapshots:
        snapshots[name] = DBSnapshot(backends.backend("rds"), instance, name, "automated")


def _expire(backends: Backends, snapshot: Any) -> float | None:
    instance, data = source_of(backends, snapshot), sidecar(snapshot)
    days = data.get("retention", 0) if instance is None else instance.backup_retention_period
    if days and instance is not None and instance.status == "stopped":
        return None
    created = snapshot.created.replace(tzinfo=UTC).timestamp()
    expires = float(created + days * _DAY + data.get("stopped_seconds", 0.0))
    if days and expires > CLOCK.now():
        return expires
    backends.backend("rds").database_snapshots.pop(snapshot.db_snapshot_identifier, None)
    return None


def _automated(backends: Backends) -> Iterator[Any]:
    snapshots = backends.backend("rds").database_snapshots.values()
    yield from sorted((each for each in snapshots if each.snapshot_type == "automated"), key=lambda each: each.created)


@patch("moto.rds.models", "DBInstance.save_automated_backup")
def save_no_automated_backup(self: Any) -> None:
    """Replaces moto's function, which backs up an instance that is still being created, and one without retention."""


@patch("moto.rds.models", "DBInstance.latest_restorable_time", attribute=True)
def latest_restorable_time(self: Any) -> datetime | None:
    """The last upload of transaction logs, or the first backup if it is later; None before that."""
    now = sidecar(self).get("stopped_at", CLOCK.now())
    uploaded = datetime.fromtimestamp(now - now % _LOG_INTERVAL, UTC)
    if self.db_cluster_identifier is not None:
        return uploaded
    backups = automated_snapshots(Backends(self.account_id, self.region), self)
    if not backups:
        return None
    # In whole seconds, as descriptions show it: rounded down, it would be earlier than the backup.
    first = backups[0].created.replace(tzinfo=UTC, microsecond=0) + timedelta(seconds=1)
    return max(uploaded, first)


@patch("moto.rds.models", "RDSBackend.SNAPSHOT_QUOTA", attribute=True)
def snapshot_quota(self: Any) -> int:
    """moto compares this with all snapshots, and AWS with the manual ones."""
    automated = sum(each.snapshot_type == "automated" for each in self.database_snapshots.values())
    return _MANUAL_SNAPSHOTS + automated
