"""A DB instance takes six minutes to be created and five to be deleted, and can be changed once it is available.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html
"""

import copy
from typing import Any

from local_aws_server.backends import Backends, remembered
from local_aws_server.call import Call
from local_aws_server.clock.state_machine import Deletion, Provisioned, Refusal, Step
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import AwsError, after, before, reconciler

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A DB instance takes six minutes to be created and five to be deleted, and can be changed once "
        "it is available.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html",
        ),
    ),
)

_IN_NO_STATE = "InvalidDBInstanceState"


def _at_once(call: Call) -> bool:
    return call.operation != "ModifyDBInstance" or bool(call.params.get("ApplyImmediately"))


def _delete(world: Backends, instance: Any) -> None:
    rds = world.backend("rds")
    name = next(name for name, each in rds.databases.items() if each is instance)
    rds.delete_db_instance(name, delete_automated_backups=remembered(instance)["backups_go"])


@after("rds", "CreateDBInstanceReadReplica")
def a_replica_is_itself(call: Call) -> None:
    """moto's replica is a shallow copy of its source."""
    replica = call.backends.backend("rds").databases[call.params["DBInstanceIdentifier"]]
    kept = copy.deepcopy(remembered(replica))
    kept.pop("creation", None)
    replica._esaws = kept


INSTANCES = Provisioned(
    service="rds",
    kind="database",
    things=lambda world: world.backend("rds").databases.values(),
    id=("DBInstanceIdentifier", "db_instance_identifier"),
    state=("DBInstanceStatus", "status"),
    creates=(
        "CreateDBInstance",
        "CreateDBInstanceReadReplica",
        "RestoreDBInstanceFromDBSnapshot",
        "RestoreDBInstanceToPointInTime",
    ),
    creation=Step("creating", "available", 360, "somebody created it"),
    changes={
        "ModifyDBInstance": Step("modifying", "available", 120, "somebody changed it"),
        "RebootDBInstance": Step("rebooting", "available", 180, "somebody rebooted it"),
        "StopDBInstance": Step("stopping", "stopped", 180, "somebody stopped it"),
        "StartDBInstance": Step("starting", "available", 300, "somebody started it"),
    },
    at_once=_at_once,
    deletion=Deletion("DeleteDBInstance", Step("deleting", "deleted", 300, "somebody deleted it"), _delete),
    shows=("DescribeDBInstances",),
    members={
        **dict.fromkeys(
            (
                "CreateDBInstance",
                "CreateDBInstanceReadReplica",
                "DeleteDBInstance",
                "ModifyDBInstance",
                "RebootDBInstance",
                "RestoreDBInstanceFromDBSnapshot",
                "RestoreDBInstanceToPointInTime",
                "StartDBInstance",
                "StopDBInstance",
            ),
            "DBInstance",
        ),
        "DescribeDBInstances": "DBInstances",
    },
    needs={
        "CreateDBSnapshot": ("available", "stopped"),
        "ModifyDBInstance": ("available", "stopped"),
        "RebootDBInstance": ("available",),
        "StartDBInstance": ("stopped",),
        "StopDBInstance": ("available",),
    },
    refusal=Refusal(_IN_NO_STATE, "Instance {name} is not in a state for this: it is {state}."),
    unknown_at_first=("Endpoint", "LatestRestorableTime"),
)
INSTANCES.install()

SNAPSHOTS = Provisioned(
    service="rds",
    kind="snapshot",
    things=lambda world: world.backend("rds").database_snapshots.values(),
    id=("DBSnapshotIdentifier", "db_snapshot_identifier"),
    state=("Status", "status"),
    creates=("CreateDBSnapshot", "CopyDBSnapshot"),
    creation=Step("creating", "available", 120, "somebody took it"),
    shows=("DescribeDBSnapshots",),
    members={
        "CopyDBSnapshot": "DBSnapshot",
        "CreateDBSnapshot": "DBSnapshot",
        "DescribeDBSnapshots": "DBSnapshots",
    },
)
SNAPSHOTS.install()


@reconciler("rds", order=1)
def instances_arrive(world: Backends) -> float | None:
    return INSTANCES.arrive(world)


@reconciler("rds", order=1)
def snapshots_arrive(world: Backends) -> float | None:
    return SNAPSHOTS.arrive(world)


@before("rds", "DeleteDBInstance")
def it_can_be_deleted(call: Call) -> None:
    asked, final = call.params["DBInstanceIdentifier"], call.params.get("FinalDBSnapshotIdentifier")
    final = None if call.params.get("SkipFinalSnapshot") else final  # both are refused elsewhere
    instance = INSTANCES.find(call.backends, asked)
    if instance is None:
        raise AwsError("DBInstanceNotFound", f"DBInstance {asked} not found.", 404)
    if instance.deletion_protection:
        raise AwsError(
            "InvalidParameterCombination",
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        )
    if instance.status == "deleting":
        raise AwsError(_IN_NO_STATE, f"Instance {asked} is already being deleted.")
    if final and instance.status == "creating":
        raise AwsError(_IN_NO_STATE, f"Cannot take a final snapshot: the DB instance {asked} is still being created.")
    if final and SNAPSHOTS.find(call.backends, final) is not None:
        raise AwsError("DBSnapshotAlreadyExists", f"Cannot create the snapshot because {final} already exists.")


@after("rds", "DeleteDBInstance")
def its_last_snapshot_is_taken(call: Call) -> None:
    rds, instance = call.backends.backend("rds"), INSTANCES.find(call.backends, call.params["DBInstanceIdentifier"])
    remembered(instance)["backups_go"] = call.params.get("DeleteAutomatedBackups", True)
    if final := call.params.get("FinalDBSnapshotIdentifier"):
        name = next(name for name, each in rds.databases.items() if each is instance)
        SNAPSHOTS.send(rds.create_db_snapshot(name, final), SNAPSHOTS.creation)
