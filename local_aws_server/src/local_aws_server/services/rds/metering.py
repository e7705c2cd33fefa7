"""A DB instance is charged for while it is available, at least ten minutes; its storage while it is stopped, too.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
https://aws.amazon.com/rds/postgresql/pricing/
https://aws.amazon.com/blogs/database/demystifying-amazon-rds-backup-storage-costs/

The price list knows PostgreSQL alone: MySQL and MariaDB are charged at its prices. Other engines are not metered, nor
is what belongs to a cluster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.billing.charge import Meter, Tags, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader
from local_aws_server.fidelity import Behaviour

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="A DB instance is charged for while it is available, at least ten minutes; its storage while it "
        "is stopped, too.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html",
            "https://aws.amazon.com/rds/postgresql/pricing/",
            "https://aws.amazon.com/blogs/database/demystifying-amazon-rds-backup-storage-costs/",
        ),
    ),
)

_NOT_BILLED = (
    "creating",
    "deleting",
    "failed",
    "inaccessible-encryption-credentials",
    "incompatible-network",
    "incompatible-restore",
)
_BILLED_FOR_STORAGE = ("starting", "stopped", "stopping")

_OPERATIONS = {
    "mysql": "CreateDBInstance:0002",
    "postgres": "CreateDBInstance:0014",
    "mariadb": "CreateDBInstance:0018",
}
_STORAGE = {"io1": "PIOPS-Storage", "io2": "PIOPS-Storage-IO2", "standard": "StorageUsage"}
"""The storage types of which the usage type is not like `GP3-Storage`."""

_USED = Decimal("0.1")
"""The part of its storage that a database has filled, as FreeStorageSpace has it; a snapshot holds no more."""

_Source = tuple[str, Any]
"""The DB instance that a snapshot is of: its identifier, and when it was created."""


@meter_reader("rds")
def databases(world: Backends) -> Iterator[Reading]:
    """The hours of each DB instance that runs, and the storage of each that exists, in GiB."""
    for database in _billed(world):
        operation, tags = _OPERATIONS[database.engine], _tags(database)
        hours, storage = ("Multi-AZUsage", "RDS:Multi-AZ-") if database.multi_az else ("InstanceUsage", "RDS:")
        if database.status not in _BILLED_FOR_STORAGE:
            usage_type = f"{hours}:{database.db_instance_class}"
            yield Reading(_meter(world, usage_type, operation, "Hrs", database), Decimal(1), tags)
        kind = _STORAGE.get(database.storage_type, f"{database.storage_type.upper()}-Storage")
        kept = _meter(world, f"{storage}{kind}", operation, "GB-Mo", database)
        yield Reading(kept, Decimal(database.allocated_storage), tags)


@meter_reader("rds")
def snapshots(world: Backends) -> Iterator[Reading]:
    """The GiB of each manual snapshot that are more than what is free.

    As much is free as the DB instances of the region have of storage, for snapshots of these instances. Snapshots are
    incremental, and databases do no work here: after the first of an instance, only one of a larger storage adds to it.
    """
    billed = _billed(world)
    free = sum((Decimal(database.allocated_storage) for database in billed), Decimal(0))
    there = {(database.db_instance_identifier, database.created) for database in billed}
    for snapshot, size in _sizes(world.backend("rds").database_snapshots.values()):
        covered = min(size, free) if _source(snapshot) in there else Decimal(0)
        free -= covered
        if size > covered:
            meter = _meter(world, "RDS:ChargedBackupUsage", "", "GB-Mo", snapshot)
            yield Reading(meter, size - covered, _tags(snapshot))


def _billed(world: Backends) -> list[Any]:
    """The DB instances that cost anything, and have a price."""
    return [
        database
        for database in world.backend("rds").databases.values()
        if database.status not in _NOT_BILLED
        and database.db_cluster_identifier is None
        and database.engine in _OPERATIONS
    ]


def _sizes(snapshots: Iterable[Any]) -> Iterator[tuple[Any, Decimal]]:
    """(snapshot, the GiB that it adds to those before it)."""
    held: defaultdict[_Source, Decimal] = defaultdict(Decimal)
    for snapshot in sorted(snapshots, key=lambda each: each.created):
        if snapshot.snapshot_type == "manual" and snapshot.status == "available" and snapshot.engine in _OPERATIONS:
            whole = snapshot.allocated_storage * _USED
            yield snapshot, max(Decimal(0), whole - held[_source(snapshot)])
            held[_source(snapshot)] = max(whole, held[_source(snapshot)])


def _source(snapshot: Any) -> _Source:
    return snapshot.db_instance_identifier, snapshot.instance_create_time


def _meter(world: Backends, usage_type: str, operation: str, unit: str, of: Any) -> Meter:
    return Meter(world.region, "AmazonRDS", usage_type, operation, unit, of.arn)


def _tags(of: Any) -> Tags:
    return sorted_tags({tag["Key"]: tag["Value"] for tag in of.tags})
