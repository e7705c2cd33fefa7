"""One lock for everything that changes a deployment, kept in its account as an SSM parameter.

PutParameter without Overwrite creates the parameter for one caller only. A lock whose process has ended, or that has
expired, is replaced with Overwrite, which has no condition. So each replacement names the version and the record that
it replaces. AWS numbers the versions: a replacement that another one preceded is void, and every reader sees that.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

from botocore.exceptions import ClientError

from esaws.aws import CALL_ERRORS, error_code, ignore_codes, pages
from esaws.cloud import Cloud
from esaws.deploy.lock_record import LockRecord, now
from esaws.errors import EsawsError, Locked, LockLost, describe_error
from esaws.interrupts import terminable

RENEW_SECONDS = 30.0
"""How often a held lock is renewed."""
PERMISSIONS = ("ssm:DeleteParameter", "ssm:GetParameterHistory", "ssm:PutParameter")
"""The IAM actions that taking, renewing and releasing the lock need."""

_ATTEMPTS = 5
_MARGIN = timedelta(minutes=1)
"""A lock that expires sooner is renewed before its holder relies on it."""

_registry = threading.Lock()
_held: dict[tuple[str, ...], DeploymentLock] = {}
"""The locks of this process, by endpoint, account, region and deployment."""


@contextmanager
def deployment_lock(cloud: Cloud, purpose: str) -> Iterator[DeploymentLock]:
    """Hold the lock of the deployment for the block. Whatever changes the deployment takes it; reading needs none.

    A thread that holds the lock may take it again. SIGTERM raises Terminated meanwhile, so that the lock is released.

    Raises:
        Locked: another process or thread holds it, or its content is not a lock.
        EsawsError: SSM refused a call.
    """
    key = (cloud.endpoint or "", cloud.account, cloud.region, cloud.deployment)
    lock = DeploymentLock(cloud, purpose)
    try:
        with _registry:
            held = _held.setdefault(key, lock)
        if held.thread != lock.thread:
            raise Locked(f"{_refusal(cloud, held.record)} It is another thread of this program.")
        if held is not lock:
            yield held
            return
        with terminable():
            lock.acquire()
            try:
                yield lock
            finally:
                lock.release()
    finally:
        with _registry:
            if _held.get(key) is lock:
                del _held[key]


def read_lock(cloud: Cloud) -> LockRecord | None:
    """Return the record of who holds the lock of the deployment, or None.

    Raises:
        Locked: the content of the parameter is not a lock.
        botocore.exceptions.ClientError: SSM refused the call.
    """
    standing = _read(cloud)
    return standing and standing.record


def break_lock(cloud: Cloud) -> None:
    """Remove the lock of the deployment, whatever the parameter contains.

    A process that holds it notices when it renews the lock, and starts no further change.
    """
    with ignore_codes("ParameterNotFound"):
        cloud.client("ssm").delete_parameter(Name=parameter_name(cloud))


def remove_ended_lock(cloud: Cloud, purpose: str) -> None:
    """Remove the lock of a process that was killed after its last change; one that is held stays.

    Raises:
        Locked: the content of the parameter is not a lock, or another process takes it over now.
        botocore.exceptions.ClientError: SSM refused the call.
    """
    standing = read_lock(cloud)
    if standing is not None and standing.state != "held":
        with deployment_lock(cloud, purpose):
            pass


def parameter_name(cloud: Cloud) -> str:
    """Return the name of the SSM parameter."""
    return f"/{cloud.deployment}/lock"


class DeploymentLock:
    """The lock of one deployment, as this process takes, renews and releases it."""

    def __init__(self, cloud: Cloud, purpose: str) -> None:
        self.cloud = cloud
        self.record = LockRecord.of_this_process(purpose)
        self.thread = threading.get_ident()
        self._lost = ""
        self._released = threading.Event()
        self._renewing = threading.Lock()
        self._renewer = threading.Thread(target=self._keep, name="esaws lock", daemon=True)

    def acquire(self) -> None:
        """Take the lock, and renew it until `release`. Raises Locked and EsawsError."""
        try:
            self._take()
        except CALL_ERRORS as error:
            raise EsawsError(
                f"nothing was changed: the lock of {self.cloud.deployment} was not taken. It is the SSM parameter "
                f"{parameter_name(self.cloud)}, and changes need {', '.join(PERMISSIONS)}: {describe_error(error)}"
            ) from error
        self._renewer.start()

    def _take(self) -> None:
        for _ in range(_ATTEMPTS):
            try:
                _put(self.cloud, self.record, overwrite=False)
                return
            except ClientError as error:
                if error_code(error) != "ParameterAlreadyExists":
                    raise
            standing = _read(self.cloud)
            if standing is None:  # released meanwhile
                continue
            if standing.record.id == self.record.id:  # the response of an earlier attempt was lost
                return
            if not _is_over(standing.record):
                break
            self._replace(standing)
            standing = _read(self.cloud)
            if standing and standing.record.id == self.record.id:
                return
        raise Locked(_refusal(self.cloud, standing.record if standing else None))

    def check(self) -> None:
        """Check that the lock is still held, before the next change. Makes calls only where it is about to expire.

        Raises:
            LockLost: it was removed or taken over, or could not be renewed in time.
        """
        if not self._lost and now() > self.record.expires - _MARGIN:
            try:
                self._renew()
            except CALL_ERRORS as error:
                self._lost = f"it could not be renewed: {describe_error(error)}"
        if self._lost:
            raise LockLost(
                f"the lock of {self.cloud.deployment} is lost, so no further change starts: {self._lost}; "
                "look at the deployment with `esaws lock` and `esaws inventory`, then run the same command again"
            )

    def release(self) -> None:
        """Remove the lock, unless another process has it by now. Where that fails it is free when this process ends."""
        self._released.set()
        self._renewer.join()
        try:
            if now() > self.record.expires - _MARGIN:
                self._renew()
            standing = _read(self.cloud)
            if standing and standing.record.id == self.record.id:
                break_lock(self.cloud)
        except (*CALL_ERRORS, EsawsError) as error:
            warnings.warn(
                f"the lock of {self.cloud.deployment} was not removed: {describe_error(error)}; it is free when this "
                "program ends, and after ten minutes for other computers",
                stacklevel=2,
            )

    def _keep(self) -> None:
        while not self._lost and not self._released.wait(RENEW_SECONDS):
            try:
                self._renew()
            except CALL_ERRORS:  # the next one may succeed; `check` looks at the time
                continue

    def _renew(self) -> None:
        with self._renewing:
            try:
                standing = _read(self.cloud)
            except Locked:
                self._lost = f"{parameter_name(self.cloud)} is not a lock any more"
                return
            if standing is None:
                self._lost = "it was removed"
            elif standing.record.id != self.record.id:
                self._lost = f"it was taken over by {standing.record}"
            elif self._replace(standing) == 1:  # it was removed since it was read, and is now made again
                break_lock(self.cloud)
                self._lost = "it was removed"

    def _replace(self, standing: _Standing) -> int:
        """Replace a record by one of this process, and return the version. It is void if another one preceded it."""
        record = self.record.following(standing.version, standing.record.id)
        version = _put(self.cloud, record, overwrite=True)
        if version == standing.version + 1:
            self.record = record
        return version


class _Standing(NamedTuple):
    """The record that holds, and the latest version of the parameter."""

    record: LockRecord
    version: int


def _is_over(record: LockRecord) -> bool:
    """Whether a lock may be taken over. One of this process that it does not hold was not removed in the end."""
    if record.is_of_this_process:
        return record.id not in {lock.record.id for lock in [*_held.values()]}
    return record.state != "held"


def _put(cloud: Cloud, record: LockRecord, *, overwrite: bool) -> int:
    # Without tags: it is not a resource of the deployment, and no inventory lists it.
    response = cloud.client("ssm").put_parameter(
        Name=parameter_name(cloud),
        Description="The process that changes the deployment now. esaws lock shows it.",
        Type="String",
        Value=record.to_json(),
        Overwrite=overwrite,
    )
    return int(response["Version"])


def _read(cloud: Cloud) -> _Standing | None:
    try:
        history = [*pages(cloud, "ssm", "get_parameter_history", "Parameters", Name=parameter_name(cloud))]
    except ClientError as error:
        if error_code(error) == "ParameterNotFound":
            return None
        raise
    try:
        return standing_of((raw["Version"], raw["Value"]) for raw in history)
    except ValueError:
        raise Locked(
            f"nothing was changed: SSM parameter {parameter_name(cloud)} of account {cloud.account}, {cloud.region} "
            "is not a lock of esaws; look at it, then remove it with `esaws lock --break`"
        ) from None


def standing_of(history: Iterable[tuple[int, str]]) -> _Standing | None:
    """Return the record that holds after all versions of the parameter; None if there are none. Pure.

    `history` has (version, value). SSM keeps the latest hundred versions.

    Raises:
        ValueError: the latest value is not a record.
    """
    holder: LockRecord | None = None
    entries = sorted(history)
    for version, value in entries:
        try:
            record = LockRecord.parse(value)
        except ValueError:
            if version == entries[-1][0]:
                raise
            continue
        replaced, _, id = record.follows.partition(":")
        follows_it = replaced == str(version - 1) and (holder is None or id == holder.id)
        if version == 1 or follows_it:
            holder = record
    if holder is None:
        return _Standing(record, version) if entries else None
    return _Standing(holder, version)


def _refusal(cloud: Cloud, record: LockRecord | None) -> str:
    if record is None:
        return f"nothing was changed: others take the lock of {cloud.deployment} all the time; run it again"
    return (
        f"nothing was changed: {cloud.deployment} in account {cloud.account}, {cloud.region} is locked by {record}; "
        f"run it again when that is done. A lock that was left behind expires at {record.expires:%H:%M:%S} UTC, "
        "and `esaws lock --break` removes it at once."
    )
