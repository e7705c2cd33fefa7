"""A DB instance takes six minutes to be created and five to be deleted, and can be changed once it is available.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html
"""

import copy
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.call import Call
from local_aws_server.clock.state_machine import Deletion, Lifecycle, LifecycleStep, WrongStateError
from local_aws_server.errors import AwsError
from local_aws_server.fidelity import Behaviour
from local_aws_server.hooks import after, before, reconciler

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
    rds.delete_db_instance(name, delete_automated_backups=sidecar(instance)["backups_go"])


@after("rds", "CreateDBInstanceReadReplica")
def a_replica_is_itself(call: Call) -> None:
    """moto's replica is a shallow copy of its source."""
    replica = call.backends.backend("rds").databases[call.params["DBInstanceIdentifier"]]
    kept = copy.deepcopy(sidecar(replica))
    kept.pop("creation", None)
    replica._esaws = kept


INSTANCES = Lifecycle(
    service="rds",
    label="database",
    resources=lambda world: world.backend("rds").databases.values(),
    id=("DBInstanceIdentifier", "db_instance_identifier"),
    state=("DBInstanceStatus", "status"),
    create_operations=(
        "CreateDBInstance",
        "CreateDBInstanceReadReplica",
        "RestoreDBInstanceFromDBSnapshot",
        "RestoreDBInstanceToPointInTime",
    ),
    creation=LifecycleStep("creating", "available", 360, "somebody created it"),
    changes={
        "ModifyDBInstance": LifecycleStep("modifying", "available", 120, "somebody changed it"),
        "RebootDBInstance": LifecycleStep("rebooting", "available", 180, "somebody rebooted it"),
        "StopDBInstance": LifecycleStep("stopping", "stopped", 180, "somebody stopped it"),
        "StartDBInstance": LifecycleStep("starting", "available", 300, "somebody started it"),
    },
    applies_immediately=_at_once,
    deletion=Deletion("DeleteDBInstance", LifecycleStep("deleting", "deleted", 300, "somebody deleted it"), _delete),
    describe_operations=("DescribeDBInstances",),
    result_members={
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
    required_states={
        "CreateDBSnapshot": ("available", "stopped"),
        "ModifyDBInstance": ("available", "stopped"),
        "RebootDBInstance": ("available",),
        "StartDBInstance": ("stopped",),
        "StopDBInstance": ("available",),
    },
    wrong_state=WrongStateError(_IN_NO_STATE, "Instance {name} is not in a state for this: it is {state}."),
    hidden_while_creating=("Endpoint", "LatestRestorableTime"),
)
INSTANCES.register()

SNAPSHOTS = Lifecycle(
    service="rds",
    label="snapshot",
    resources=lambda world: world.backend("rds").database_snapshots.values(),
    id=("DBSnapshotIdentifier", "db_snapshot_identifier"),
    state=("Status", "status"),
    create_operations=("CreateDBSnapshot", "CopyDBSnapshot"),
    creation=LifecycleStep("creating", "available", 120, "somebody took it"),
    describe_operations=("DescribeDBSnapshots",),
    result_members={
        "CopyDBSnapshot": "DBSnapshot",
        "CreateDBSnapshot": "DBSnapshot",
        "DescribeDBSnapshots": "DBSnapshots",
    },
)
SNAPSHOTS.register()


@reconciler("rds", order=1)
def instances_arrive(world: Backends) -> float | None:
    return INSTANCES.finish_due(world)


@reconciler("rds", order=1)
def snapshots_arrive(world: Backends) -> float | None:
    return SNAPSHOTS.finish_due(world)


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
    sidecar(instance)["backups_go"] = call.params.get("DeleteAutomatedBackups", True)
    if final := call.params.get("FinalDBSnapshotIdentifier"):
        name = next(name for name, each in rds.databases.items() if each is instance)
        SNAPSHOTS.start(rds.create_db_snapshot(name, final), SNAPSHOTS.creation)
