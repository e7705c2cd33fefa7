"""Rotate the password of a database: a new version of its parameter, the database, then the tasks that read it.

The new password is stored before the database gets it, so that it is never lost. A tag of the database has the version
that it was given, and when; all that is missing follows from that, at any interruption. The password itself is in the
parameter and in the database alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from esaws._display import html_table, rich_table
from esaws.aws import ignore_repetition, tag_dict
from esaws.cloud import Cloud
from esaws.deploy.standalone_tasks import StoppedTask, run_again, stopped_tasks
from esaws.deploy.steps import Step, StepPlan
from esaws.errors import EsawsError, NotDeployed
from esaws.operations.checks import Check
from esaws.operations.password_readers import Reader, find_readers, restart_reader
from esaws.resource import Live
from esaws.resources.cluster import Cluster
from esaws.resources.db_instance import DBInstance, state_of
from esaws.resources.password_parameter import PasswordParameter
from esaws.resources.task import Task
from esaws.simulation import cloud_time
from esaws.timestamps import format_iso, format_utc, parse_timestamp

if TYPE_CHECKING:
    import pandas
    from rich.console import RenderableType

PASSWORD_TAG = "esaws:password-set"
"""A tag of the database: the version of the parameter that it was given, and when."""

_AT_DEPLOY = 1
"""The version that a database is created with."""

_TAG = re.compile(r"(\d+) (\S+)")


@dataclass(frozen=True)
class PasswordStatus:
    """Which version of a password is stored, which one the database has, and who reads it.

    `given` is the version that the database has: the first unless a rotation says otherwise, None where its tag can't
    be read. `given_at` is None before the first rotation.
    """

    database: Live
    parameter: str
    stored: int
    given: int | None
    given_at: datetime | None
    readers: tuple[Reader, ...]
    stopped: tuple[StoppedTask, ...] = ()

    @property
    def is_given(self) -> bool:
        """Whether the database has the stored version."""
        return self.given == self.stored

    def to_frame(self) -> pandas.DataFrame:
        """One row a service or task that reads the password: kind, name, tasks, outdated, because."""
        import pandas

        rows = [
            (
                each.kind,
                each.name,
                len(each.started),
                each.outdated(self.given_at) if self.given_at else 0,
                each.because,
            )
            for each in self.readers
        ]
        return pandas.DataFrame(rows, columns=["kind", "name", "tasks", "outdated", "because"])

    def to_dict(self) -> dict[str, Any]:
        """database, state, parameter, stored_version, database_version, rotated_at, readers: rows of the frame."""
        return {
            "database": self.database.name,
            "state": self.database.state,
            "parameter": self.parameter,
            "stored_version": self.stored,
            "database_version": self.given,
            "rotated_at": format_iso(self.given_at) if self.given_at else None,
            "readers": self.to_frame().to_dict("records"),
        }

    def __repr__(self) -> str:
        rotated = f"rotated {format_utc(self.given_at)}" if self.given_at else "never rotated"
        given = "an unknown version" if self.given is None else f"version {self.given}"
        return f"{self.parameter} has version {self.stored}, the database {given}; {rotated}"

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.to_frame())

    def __rich__(self) -> RenderableType:
        return rich_table(repr(self), self.to_frame())


def password_status(cloud: Cloud, database: str = "database", parameter: str = "database-password") -> PasswordStatus:
    """Describe the password of a database of the deployment, without reading it.

    Raises:
        NotDeployed: the deployment has no such database or parameter.
        EsawsError: RDS manages the password itself.
    """
    live = _database(cloud, database)
    stored = _stored(cloud, parameter)
    if live.raw.get("MasterUserSecret"):
        raise EsawsError(
            f"database {database}: RDS keeps its password in Secrets Manager; rotate it there: "
            f"aws rds modify-db-instance --db-instance-identifier {live.id} --rotate-master-user-password"
        )
    given, given_at = _given(live)
    readers = tuple(find_readers(cloud, live, stored.id))
    version, stopped = int(stored.raw["Version"]), tuple(stopped_tasks(Cluster.list(cloud)))
    return PasswordStatus(live, stored.id, version, given, given_at, readers, stopped)


def plan_rotate_password(
    cloud: Cloud,
    database: str = "database",
    parameter: str = "database-password",
    *,
    every: timedelta = timedelta(0),
) -> StepPlan:
    """Plan to rotate a password, unless it was rotated within `every`, or to complete a rotation that was interrupted.

    Raises:
        NotDeployed: the deployment has no such database or parameter.
        EsawsError: the database is stopped, or RDS manages the password itself.
        LocalNotRunning, WrongAccount: the local AWS does not run, or the account is another one.
    """
    cloud.check()
    status = password_status(cloud, database, parameter)
    if status.database.state in ("stopped", "stopping"):
        raise EsawsError(
            f"nothing was changed: database {database} is {status.database.state}, and RDS changes no password then; "
            "start it with `esaws resume`"
        )
    is_due = status.is_given and (status.given_at is None or cloud_time(cloud) - status.given_at >= every)
    version = status.stored + is_due
    steps: list[Step] = []
    if is_due:
        renew = partial(PasswordParameter(name=parameter).renew, cloud)
        before, after = f"version {status.stored}", f"version {version}"
        steps.append(Step(PasswordParameter.kind, parameter, before, after, renew))
    if is_due or not status.is_given:
        given = "unknown" if status.given is None else f"version {status.given}"
        change = partial(_give, cloud, status)
        steps.append(Step(DBInstance.kind, database, f"password of {given}", f"password of version {version}", change))
    for stopped in status.stopped:
        steps.append(Step(Task.kind, stopped.name, "stopped", "running", partial(run_again, cloud, stopped)))
    for reader in status.readers:
        count = len(reader.started) if is_due or not status.is_given else reader.outdated(status.given_at)
        if count:
            act = partial(_restart, cloud, database, reader)
            before = f"{count} task{'s' * (count != 1)} with the old password"
            steps.append(Step(reader.kind, reader.name, before, "restarted", act))
    return StepPlan(cloud, "rotate the password", tuple(steps), tuple(_remarks(status, is_due)))


def verify_rotated_password(
    cloud: Cloud, database: str = "database", parameter: str = "database-password"
) -> list[Check]:
    """Check that the database has the stored version, and that every task that reads it started after that."""
    status, again = password_status(cloud, database, parameter), "run the same again; it completes the rotation"
    is_usable = status.database.state == "available" and not _is_pending(status.database.raw)
    found = f"{status!r}; the database is {status.database.state}"
    checks = [Check("the database has the stored password", status.is_given and is_usable, found, again)]
    for reader in status.readers:
        count, outdated = len(reader.started), reader.outdated(status.given_at) if status.given_at else 0
        desired = int(reader.live.raw.get("desiredCount", 1))
        found = f"{count} of {desired} tasks run, {outdated} started before it"
        statement = f"the tasks of {reader.name} have the stored password"
        checks.append(Check(statement, not outdated and count >= desired, found, again))
    if status.stopped:
        names = ", ".join(each.name for each in status.stopped)
        checks.append(Check("no task waits to run again", False, f"stopped: {names}", again))
    return checks


def password_leaves(cloud: Cloud, parameter: str = "database-password") -> list[str]:
    """What remains of the old password, in sentences."""
    stored, left = _stored(cloud, parameter), ["connections that were open before keep working until they close"]
    if int(stored.raw["Version"]) > _AT_DEPLOY:
        left.append(f"the history of {stored.id} keeps earlier versions, encrypted; they open nothing any more")
    return left


# -- steps -----------------------------------------------------------------------------------------------------------


def _give(cloud: Cloud, status: PasswordStatus) -> None:
    """Give the stored password to the database, wait until it has it, and note the version in its tag."""
    rds, id = cloud.client("rds"), status.database.id
    stored = cloud.client("ssm").get_parameter(Name=status.parameter, WithDecryption=True)["Parameter"]

    def modify() -> None:
        with ignore_repetition("InvalidDBInstanceState", lambda: state_of(cloud, id) == "resetting-master-credentials"):
            rds.modify_db_instance(DBInstanceIdentifier=id, MasterUserPassword=stored["Value"], ApplyImmediately=True)

    cloud.retry(modify, "InvalidDBInstanceState", minutes=30)
    given_at: list[datetime] = []

    def has_it() -> bool:
        response = rds.describe_db_instances(DBInstanceIdentifier=id)
        (raw,) = response["DBInstances"]
        if raw["DBInstanceStatus"] != "available" or _is_pending(raw):
            return False
        # AWS's time, not this computer's: the start of each task is compared with it.
        given_at.append(parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"]))
        return True

    cloud.wait_until(f"database {status.database.name} has the new password", has_it, minutes=30)
    tag = {"Key": PASSWORD_TAG, "Value": f"{stored['Version']} {format_iso(given_at[-1])}"}
    rds.add_tags_to_resource(ResourceName=status.database.raw["DBInstanceArn"], Tags=[tag])


def _restart(cloud: Cloud, database: str, reader: Reader) -> None:
    """Restart the tasks of a reader that started before the database got its password."""
    _, given_at = _given(_database(cloud, database))
    restart_reader(cloud, reader, given_at)


# -- the database ----------------------------------------------------------------------------------------------------


def _database(cloud: Cloud, name: str) -> Live:
    databases = {live.name: live for live in DBInstance.list(cloud)}
    if name not in databases:
        raise NotDeployed.among(f"database {name} of {cloud.deployment} is not in {cloud.region}", databases)
    return databases[name]


def _stored(cloud: Cloud, name: str) -> Live:
    parameters = {live.name: live for live in PasswordParameter.list(cloud)}
    if name not in parameters:
        raise NotDeployed.among(f"password {name} of {cloud.deployment} is not in {cloud.region}", parameters)
    return parameters[name]


def _given(database: Live) -> tuple[int | None, datetime | None]:
    """Return version and time in the tag of a database; (1, None) without it, (None, None) if it can't be read."""
    value = tag_dict(database.raw.get("TagList")).get(PASSWORD_TAG)
    if value is None:
        return _AT_DEPLOY, None
    match = _TAG.fullmatch(value)
    try:
        return (int(match[1]), parse_timestamp(match[2])) if match else (None, None)
    except ValueError:
        return None, None


def _is_pending(raw: dict[str, Any]) -> bool:
    return "MasterUserPassword" in raw.get("PendingModifiedValues", {})


def _remarks(status: PasswordStatus, is_due: bool) -> list[str]:
    if not status.is_given:
        return ["a rotation was interrupted, or the parameter was changed by hand: this completes it"]
    if not is_due and status.given_at:
        return [f"the password was rotated {format_utc(status.given_at)}"]
    if is_due and not status.readers:
        return ["no service or task reads it, as far as task definitions and security groups say"]
    return []
