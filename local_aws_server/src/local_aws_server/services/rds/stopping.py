"""DB instances that are stopped: they start again after seven days."""

from __future__ import annotations

from functools import partial
from typing import Any

from local_aws_server.backends import Backends, sidecar
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.isolation import each
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.state_machine import LifecycleStep
from local_aws_server.errors import AwsError
from local_aws_server.hooks import before, reconciler
from local_aws_server.services.rds.backups import exclude_stopped_time
from local_aws_server.services.rds.lifecycle import INSTANCES

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="A stopped DB instance refuses changes and starts again after seven days; one with a read replica, "
        "and the replica, cannot be stopped.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html",),
    ),
)

_LONGEST = 7 * 86400
_RESTART = LifecycleStep("starting", "available", 300, "it was stopped for seven days")


@before("rds", "StopDBInstance")
def check_replication(call: Call) -> None:
    instance = INSTANCES.find(call.backends, call.params["DBInstanceIdentifier"])
    if instance is None or instance.status != "available":
        return
    for is_so, what in ((instance.is_replica, "is a read replica"), (instance.replicas, "has a read replica")):
        if is_so:
            name = instance.db_instance_identifier
            raise AwsError("InvalidDBInstanceState", f"Cannot stop the DB instance {name} because it {what}.")


@reconciler("rds", order=2)
def start_after_seven_days(backends: Backends) -> float | None:
    """Start the instances that were stopped seven days ago; return when the next one starts."""
    databases = backends.backend("rds").databases.values()
    return each(
        backends, "database", databases, lambda each: each.db_instance_identifier, partial(_follow_stop, backends)
    )


def _follow_stop(backends: Backends, instance: Any) -> float | None:
    data = sidecar(instance)
    if instance.status != "stopped":
        if (stopped := data.pop("stopped_at", None)) is not None:
            exclude_stopped_time(backends, instance, CLOCK.now() - stopped)
        return None
    restart = float(data.setdefault("stopped_at", CLOCK.now())) + _LONGEST
    if restart > CLOCK.now():
        return restart
    INSTANCES.start(instance, _RESTART)
    SCHEDULER.mark_changed(backends, "rds")
    return None
