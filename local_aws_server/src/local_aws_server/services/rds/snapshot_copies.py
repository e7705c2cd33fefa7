"""Snapshots of databases that run: available once their data are copied, which no jump of the clock shortens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from local_aws_server.backends import Backends
from local_aws_server.behaviours import Behaviour
from local_aws_server.call import Call
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.transitions import hold_transition, is_held, release_transition
from local_aws_server.data_plane import DATA_PLANE, observer
from local_aws_server.hooks import after, reconciler
from local_aws_server.services.rds.lifecycle import SNAPSHOTS
from local_aws_server.services.rds.running import snapshot_key

BEHAVIOURS = (
    Behaviour(
        service="RDS",
        statement="With `--run`, a snapshot of PostgreSQL is available once its data are copied, in real time.",
        documentation=("https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CreateSnapshot.html",),
    ),
)

_ENGINE_THAT_RUNS = "postgres"


@after("rds", "CreateDBSnapshot")
def wait_for_copy(call: Call) -> None:
    snapshot = SNAPSHOTS.find(call.backends, call.params["DBSnapshotIdentifier"])
    if snapshot is not None and snapshot.engine == _ENGINE_THAT_RUNS and DATA_PLANE.is_connected:
        hold_transition(snapshot)


@observer("db_snapshots")
def observe_copies(backends: Backends, reports: Iterable[Mapping[str, Any]]) -> None:
    """Note the snapshots, {key} each, whose data are copied, or can't be."""
    keys = {report["key"] for report in reports}
    for snapshot in _waiting(backends):
        if snapshot_key(backends, snapshot) in keys:
            release_transition(snapshot)
            SCHEDULER.mark_changed(backends, "rds")


@reconciler("rds", order=0)
def release_without_data_plane(backends: Backends) -> None:
    """Finish snapshots that nothing copies any more."""
    if not DATA_PLANE.is_connected:
        for snapshot in _waiting(backends):
            release_transition(snapshot)


def _waiting(backends: Backends) -> Iterator[Any]:
    return (each for each in backends.backend("rds").database_snapshots.values() if is_held(each))
