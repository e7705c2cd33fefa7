"""The databases that should run, and the snapshots whose data should be kept, for what runs them on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import NOT_SIMULATED, Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.transitions import is_held
from local_aws_server.data_plane import desired
from local_aws_server.hooks import after
from local_aws_server.services.ec2.interfaces import interfaces, service_interface
from local_aws_server.services.rds.backups import is_of
from local_aws_server.services.rds.lifecycle import INSTANCES, SNAPSHOTS

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="With `--run`, an available DB instance of PostgreSQL is a server with its master user, password and "
        "database; it stops, starts, reboots and is deleted with the instance.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ConnectToPostgreSQLInstance.html",),
    ),
    Behaviour(
        service="RDS",
        statement="With `--run`, a snapshot has the data of its instance, and what is restored from it or copied of it "
        "has them, too; a restore to a time has those of the last snapshot before it, and one to the latest time "
        "those of its source.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RestoreFromSnapshot.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html",
        ),
    ),
    Behaviour(
        service="RDS",
        fidelity=NOT_SIMULATED,
        statement="With `--run`: the declared version (PostgreSQL 18 runs for all), parameter groups, storage limits, "
        "TLS, IAM sign-in, read replicas before their promotion, MySQL, MariaDB and Aurora.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_PostgreSQL.html",),
    ),
)

_RESTORED_FROM, _COPY_OF, _RESTARTS = "restored_from", "copy_of", "restarts"


@desired("db_instances", "rds")
def desired_stores(backends: Backends) -> list[dict[str, Any]]:
    """Return the DB instances and snapshots of an account and region.

    Returns:
        For each instance {kind: "db_instance", key, account, region, id, status, engine, engine_version, user,
        password, database, address, port, dns_name, restored_from, replica_of, restarts, created}: `key` is unique
        among all instances that ever were, `address` that of its interface (None without a DB subnet group),
        `restored_from` the key of a snapshot or of another instance, `restarts` how often it was rebooted.
        For each snapshot {kind: "db_snapshot", key, account, region, id, status, is_awaited, engine, source, copy_of,
        created}: `is_awaited` says that it is available once its data are reported as copied, `source` is the key of
        its instance, `copy_of` that of the snapshot it was copied from. Times are in seconds.
    """
    rds = backends.backend("rds")
    addresses = _addresses(backends) if rds.databases else {}
    return [
        *(_instance(backends, each, addresses) for each in rds.databases.values()),
        *(_snapshot(backends, each) for each in rds.database_snapshots.values()),
    ]


@after("rds", "RestoreDBInstanceFromDBSnapshot")
def note_restored_snapshot(call: Call) -> None:
    name = call.params["DBSnapshotIdentifier"].rsplit("snapshot:", 1)[-1]
    _note_source(call, SNAPSHOTS.find(call.backends, name), snapshot=True)


@after("rds", "RestoreDBInstanceToPointInTime")
def note_restored_time(call: Call) -> None:
    """Its data are those of the source as they are, or of the last snapshot before the time."""
    source = INSTANCES.find(call.backends, call.params["SourceDBInstanceIdentifier"])
    time = call.params.get("RestoreTime")
    if time is None or source is None:
        _note_source(call, source, snapshot=False)
        return
    until = _seconds(time if isinstance(time, datetime) else datetime.fromisoformat(str(time)))
    snapshots = [each for each in _snapshots_of(call.backends, source) if _seconds(each.created) <= until]
    _note_source(call, max(snapshots, key=lambda each: each.created, default=None), snapshot=True)


@after("rds", "CreateDBInstanceReadReplica")
def note_replicated(call: Call) -> None:
    """What it has once it is promoted."""
    source = INSTANCES.find(call.backends, call.params.get("SourceDBInstanceIdentifier", ""))
    if source is not None:
        _note_source(call, source, snapshot=False)


@after("rds", "CopyDBSnapshot")
def note_copied_snapshot(call: Call) -> None:
    source = SNAPSHOTS.find(call.backends, call.params["SourceDBSnapshotIdentifier"].rsplit("snapshot:", 1)[-1])
    copy = SNAPSHOTS.find(call.backends, call.result["DBSnapshot"]["DBSnapshotIdentifier"])
    if source is not None and copy is not None:
        sidecar(copy)[_COPY_OF] = snapshot_key(call.backends, source)


@after("rds", "RebootDBInstance")
def count_restart(call: Call) -> None:
    instance = INSTANCES.find(call.backends, call.params["DBInstanceIdentifier"])
    if instance is not None:
        sidecar(instance)[_RESTARTS] = sidecar(instance).get(_RESTARTS, 0) + 1


def _note_source(call: Call, source: Any | None, *, snapshot: bool) -> None:
    instance = INSTANCES.find(call.backends, call.result["DBInstance"]["DBInstanceIdentifier"])
    if instance is None:
        return
    if source is None:
        sidecar(instance)[_RESTORED_FROM] = "a snapshot that no longer exists"
    else:
        key = snapshot_key if snapshot else _instance_key
        sidecar(instance)[_RESTORED_FROM] = key(call.backends, source)


def _instance(backends: Backends, instance: Any, addresses: dict[str, str]) -> dict[str, Any]:
    data = sidecar(instance)
    return {
        "kind": "db_instance",
        "key": _instance_key(backends, instance),
        "account": backends.account,
        "region": backends.region,
        "id": instance.db_instance_identifier,
        "status": instance.status,
        "engine": instance.engine,
        "engine_version": instance.engine_version,
        "user": instance.master_username,
        "password": _password(instance),
        "database": instance.db_name,
        "address": addresses.get(instance.arn),
        "port": int(instance.port),
        "dns_name": instance.address,
        "restored_from": data.get(_RESTORED_FROM),
        "replica_of": instance.source_db_instance_identifier if instance.is_replica else None,
        "restarts": data.get(_RESTARTS, 0),
        "created": _seconds(instance.created),
    }


def _snapshot(backends: Backends, snapshot: Any) -> dict[str, Any]:
    return {
        "kind": "db_snapshot",
        "key": snapshot_key(backends, snapshot),
        "account": backends.account,
        "region": backends.region,
        "id": snapshot.db_snapshot_identifier,
        "status": snapshot.status,
        "is_awaited": is_held(snapshot),
        "engine": snapshot.engine,
        "source": _instance_key(backends, snapshot),
        "copy_of": sidecar(snapshot).get(_COPY_OF),
        "created": _seconds(snapshot.created),
    }


def _snapshots_of(backends: Backends, instance: Any) -> Iterator[Any]:
    snapshots = backends.backend("rds").database_snapshots.values()
    return (each for each in snapshots if is_of(each, instance) and each.status == "available")


def _instance_key(backends: Backends, instance_or_snapshot: Any) -> str:
    """RDS gives every instance an id that is never used again."""
    return f"{backends.account}/{backends.region}/{instance_or_snapshot.dbi_resource_id}"


def snapshot_key(backends: Backends, snapshot: Any) -> str:
    """Return a key that is unique among all snapshots: the name can be used again, with another time."""
    name = f"{snapshot.db_snapshot_identifier}@{_seconds(snapshot.created)}"
    return f"{backends.account}/{backends.region}/{name}"


def _password(instance: Any) -> str | None:
    """The password of the master user; None where its cluster has it."""
    if getattr(instance, "manage_master_user_password", False):
        secret = instance.master_user_secret.secret
        return str(json.loads(secret.secret_string)["password"])
    password: str | None = getattr(instance, "_master_user_password", None)
    return password


def _addresses(backends: Backends) -> dict[str, str]:
    """The ARN of an instance → the private address of its interface."""
    found = ((service_interface(eni), eni.private_ip_address) for eni in interfaces(backends))
    return {spec.owner: str(address) for spec, address in found if spec is not None and spec.service == "rds"}


def _seconds(time: datetime) -> float:
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
