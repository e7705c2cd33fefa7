"""The lifecycles of DB instances and snapshots."""

import copy
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.state_machine import Deletion, Lifecycle, LifecycleStep, WrongStateError
from local_aws_server.errors import AwsError
from local_aws_server.hooks import after, before, reconciler
from local_aws_server.services.rds.backups import retain

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A DB instance takes six minutes to create and five to delete, and can be changed once it is "
        "available.",
        documentation=(
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html",
        ),
    ),
)

_WRONG_STATE = "InvalidDBInstanceState"


def _applies_immediately(call: Call) -> bool:
    return call.operation != "ModifyDBInstance" or bool(call.params.get("ApplyImmediately"))


def _key(rds: Any, instance: Any) -> str:
    """The key of an instance in moto's dict."""
    return next(name for name, each in rds.databases.items() if each is instance)


def _delete(backends: Backends, instance: Any) -> None:
    rds = backends.backend("rds")
    name = _key(rds, instance)
    rds.delete_db_instance(name, delete_automated_backups=sidecar(instance)["delete_backups"])


@after("rds", "CreateDBInstanceReadReplica")
def separate_replica(call: Call) -> None:
    """Give a replica its own sidecar: moto's replica is a shallow copy of its source."""
    replica = call.backends.backend("rds").databases[call.params["DBInstanceIdentifier"]]
    data = copy.deepcopy(sidecar(replica))
    data.pop("creation", None)
    replica._esaws = data


INSTANCES = Lifecycle(
    service="rds",
    label="database",
    resources=lambda backends: backends.backend("rds").databases.values(),
    id=("DBInstanceIdentifier", "db_instance_identifier"),
    state=("DBInstanceStatus", "status"),
    create_operations=(
        "CreateDBInstance",
        "CreateDBInstanceReadReplica",
        "RestoreDBInstanceFromDBSnapshot",
        "RestoreDBInstanceToPointInTime",
    ),
    creation=LifecycleStep("creating", "available", 360, "a user created it"),
    changes={
        "ModifyDBInstance": LifecycleStep("modifying", "available", 120, "a user changed it"),
        "RebootDBInstance": LifecycleStep("rebooting", "available", 180, "a user rebooted it"),
        "StopDBInstance": LifecycleStep("stopping", "stopped", 180, "a user stopped it"),
        "StartDBInstance": LifecycleStep("starting", "available", 300, "a user started it"),
    },
    applies_immediately=_applies_immediately,
    deletion=Deletion("DeleteDBInstance", LifecycleStep("deleting", "deleted", 300, "a user deleted it"), _delete),
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
        "ModifyDBInstance": ("available",),
        "PromoteReadReplica": ("available",),
        "RebootDBInstance": ("available",),
        "StartDBInstance": ("stopped",),
        "StopDBInstance": ("available",),
    },
    wrong_state=WrongStateError(_WRONG_STATE, "Instance {name} is not in {required} state."),
    hidden_while_creating=("Endpoint", "LatestRestorableTime"),
)
INSTANCES.register()

SNAPSHOTS = Lifecycle(
    service="rds",
    label="snapshot",
    resources=lambda backends: backends.backend("rds").database_snapshots.values(),
    id=("DBSnapshotIdentifier", "db_snapshot_identifier"),
    state=("Status", "status"),
    create_operations=("CreateDBSnapshot", "CopyDBSnapshot"),
    creation=LifecycleStep("creating", "available", 120, "a user took it"),
    describe_operations=("DescribeDBSnapshots",),
    result_members={
        "CopyDBSnapshot": "DBSnapshot",
        "CreateDBSnapshot": "DBSnapshot",
        "DescribeDBSnapshots": "DBSnapshots",
    },
)
SNAPSHOTS.register()


@reconciler("rds", order=1)
def finish_instance_steps(backends: Backends) -> float | None:
    return INSTANCES.finish_due(backends)


@reconciler("rds", order=1)
def finish_snapshot_steps(backends: Backends) -> float | None:
    return SNAPSHOTS.finish_due(backends)


@before("rds", "DeleteDBInstance")
def check_deletion(call: Call) -> None:
    id, final = call.params["DBInstanceIdentifier"], call.params.get("FinalDBSnapshotIdentifier")
    final = None if call.params.get("SkipFinalSnapshot") else final  # `validation` refuses both
    instance = INSTANCES.find(call.backends, id)
    if instance is None:
        raise AwsError("DBInstanceNotFound", f"DBInstance {id} not found.", 404)
    if instance.deletion_protection:
        raise AwsError(
            "InvalidParameterCombination",
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        )
    if instance.status == "deleting":
        raise AwsError(_WRONG_STATE, f"Instance {id} is already being deleted.")
    if final and instance.status == "creating":
        raise AwsError(_WRONG_STATE, f"Cannot take a final snapshot: the DB instance {id} is still being created.")
    if final and SNAPSHOTS.find(call.backends, final) is not None:
        raise AwsError("DBSnapshotAlreadyExists", f"Cannot create the snapshot because {final} already exists.")


@after("rds", "DeleteDBInstance")
def take_final_snapshot(call: Call) -> None:
    rds, instance = call.backends.backend("rds"), INSTANCES.find(call.backends, call.params["DBInstanceIdentifier"])
    delete_backups = call.params.get("DeleteAutomatedBackups", True)
    sidecar(instance)["delete_backups"] = delete_backups
    if not delete_backups:
        retain(call.backends, instance)
    if final := call.params.get("FinalDBSnapshotIdentifier"):
        SNAPSHOTS.start(rds.create_db_snapshot(_key(rds, instance), final), SNAPSHOTS.creation)
