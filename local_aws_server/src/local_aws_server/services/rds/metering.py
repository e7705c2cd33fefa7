"""Charges of DB instances, their storage, and snapshots.

The price list has PostgreSQL only: MySQL and MariaDB are charged at its prices. Other engines and members of clusters
are not metered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.charge import Meter, Tags, sorted_tags
from local_aws_server.billing.meter import Reading, meter_reader

BEHAVIOURS = (
    Behaviour(
        service="Billing",
        statement="A DB instance is charged while it is available, at least ten minutes; its storage also while it "
        "is stopped.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html",
            "https://aws.amazon.com/rds/postgresql/pricing/",
            "https://aws.amazon.com/blogs/database/demystifying-amazon-rds-backup-storage-costs/",
        ),
    ),
)

_FREE_STATES = (
    "creating",
    "deleting",
    "failed",
    "inaccessible-encryption-credentials",
    "incompatible-network",
    "incompatible-restore",
)
_STORAGE_ONLY_STATES = ("starting", "stopped", "stopping")

_OPERATIONS = {
    "mysql": "CreateDBInstance:0002",
    "postgres": "CreateDBInstance:0014",
    "mariadb": "CreateDBInstance:0018",
}
"""Engine → operation on the bill."""
_STORAGE_USAGE_TYPES = {"io1": "PIOPS-Storage", "io2": "PIOPS-Storage-IO2", "standard": "StorageUsage"}
"""Storage type → usage type, where it is not of the form `GP3-Storage`."""

_USED_FRACTION = Decimal("0.1")
"""The fraction of its storage that a database uses, as in the metric FreeStorageSpace; a snapshot holds no more."""

_Source = tuple[str, Any]
"""The DB instance of a snapshot: (identifier, creation time)."""


@meter_reader("rds")
def instance_hours_and_storage(backends: Backends) -> Iterator[Reading]:
    """The hours of each running DB instance, and the storage of each existing one, in GiB."""
    for database in _billed_databases(backends):
        operation, tags = _OPERATIONS[database.engine], _tags(database)
        hours, storage = ("Multi-AZUsage", "RDS:Multi-AZ-") if database.multi_az else ("InstanceUsage", "RDS:")
        if database.status not in _STORAGE_ONLY_STATES:
            usage_type = f"{hours}:{database.db_instance_class}"
            yield Reading(_meter(backends, usage_type, operation, "Hrs", database), Decimal(1), tags)
        storage_type = database.storage_type
        usage_type = storage + _STORAGE_USAGE_TYPES.get(storage_type, f"{storage_type.upper()}-Storage")
        meter = _meter(backends, usage_type, operation, "GB-Mo", database)
        yield Reading(meter, Decimal(database.allocated_storage), tags)


@meter_reader("rds")
def snapshot_storage(backends: Backends) -> Iterator[Reading]:
    """The GiB of each snapshot, automated or manual, beyond the free amount.

    The free amount is the storage of the region's DB instances, and it covers snapshots of these instances. Snapshots
    are incremental and databases do no work here, so after the first snapshot of an instance only one of a larger
    storage adds to it.
    """
    databases = _billed_databases(backends)
    free = sum((Decimal(database.allocated_storage) for database in databases), Decimal(0))
    existing = {(database.db_instance_identifier, database.created) for database in databases}
    for snapshot, size in _added_sizes(backends.backend("rds").database_snapshots.values()):
        free_part = min(size, free) if _source(snapshot) in existing else Decimal(0)
        free -= free_part
        if size > free_part:
            meter = _meter(backends, "RDS:ChargedBackupUsage", "", "GB-Mo", snapshot)
            yield Reading(meter, size - free_part, _tags(snapshot))


def _billed_databases(backends: Backends) -> list[Any]:
    """The DB instances that are charged and have a price."""
    return [
        database
        for database in backends.backend("rds").databases.values()
        if database.status not in _FREE_STATES
        and database.db_cluster_identifier is None
        and database.engine in _OPERATIONS
    ]


def _added_sizes(snapshots: Iterable[Any]) -> Iterator[tuple[Any, Decimal]]:
    """(snapshot, the GiB that it adds to earlier snapshots of the same DB instance)."""
    stored: defaultdict[_Source, Decimal] = defaultdict(Decimal)
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.created):
        if snapshot.status == "available" and snapshot.engine in _OPERATIONS:
            source, size = _source(snapshot), snapshot.allocated_storage * _USED_FRACTION
            yield snapshot, max(Decimal(0), size - stored[source])
            stored[source] = max(size, stored[source])


def _source(snapshot: Any) -> _Source:
    return snapshot.db_instance_identifier, snapshot.instance_create_time


def _meter(backends: Backends, usage_type: str, operation: str, unit: str, resource: Any) -> Meter:
    return Meter(backends.region, "AmazonRDS", usage_type, operation, unit, resource.arn)


def _tags(resource: Any) -> Tags:
    return sorted_tags({tag["Key"]: tag["Value"] for tag in resource.tags})
