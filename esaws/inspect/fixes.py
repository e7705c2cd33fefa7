"""Fixes: the API calls that resolve a finding or a cause, in order, and a report of what was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from esaws.aws import error_code
from esaws.call_log import Call
from esaws.cloud import Cloud
from esaws.deploy.lock import DeploymentLock, deployment_lock
from esaws.errors import LockLost, describe_error

ApiCall = tuple[str, str, Mapping[str, Any]]
"""Service, operation and parameters of a call."""

_ALREADY_DONE = {
    "Authorize": ("InvalidPermission.Duplicate",),
    "Revoke": ("InvalidPermission.NotFound", "InvalidGroup.NotFound"),
    "Delete": ("InvalidGroup.NotFound", "RuleNotFound", "TargetGroupNotFound"),
}
"""AWS's error codes for a change that exists already, by the verb of the operation."""


@dataclass(frozen=True)
class Fix:
    """The fix of a finding or a cause. `calls` are empty where a person has to decide."""

    description: str
    calls: tuple[ApiCall, ...] = field(default=(), hash=False)

    def cli(self) -> list[str]:
        """Return the calls as AWS CLI commands."""
        return [Call(service, operation, dict(params), 0, "").cli() for service, operation, params in self.calls]

    def apply(self, cloud: Cloud) -> None:
        """Make the calls; changes that exist already are skipped.

        Raises:
            WrongAccount: the credentials belong to another account.
            Locked: another process changes the deployment now.
            botocore.exceptions.ClientError: AWS refused a call; those before it were made.
        """
        cloud.check()
        if not self.calls:
            return
        with deployment_lock(cloud, "fix") as lock:
            for call in self.calls:
                lock.check()
                _make(cloud, call)


@dataclass(frozen=True)
class AppliedFix:
    """What became of a fix: the calls that were made, the error of the next one, and those that were not made."""

    fix: Fix
    made: tuple[str, ...]
    error: str = ""

    @property
    def is_applied(self) -> bool:
        return len(self.made) == len(self.fix.calls)

    @property
    def not_made(self) -> tuple[str, ...]:
        return tuple(self.fix.cli()[len(self.made) :])

    def to_dict(self) -> dict[str, Any]:
        """Return fix (a sentence), calls, applied, made, not_made (AWS CLI commands) and error (null without one)."""
        return {
            "fix": self.fix.description,
            "calls": self.fix.cli(),
            "applied": self.is_applied,
            "made": [*self.made],
            "not_made": [*self.not_made],
            "error": self.error or None,
        }


def apply_fixes(cloud: Cloud, fixes: Iterable[Fix]) -> list[AppliedFix]:
    """Apply fixes in order, and return what became of each. After a call that AWS refuses nothing more is made.

    Raises:
        WrongAccount: the credentials belong to another account; nothing was made.
        Locked: another process changes the deployment now; nothing was made.
    """
    cloud.check()
    fixes = [*fixes]
    if not any(fix.calls for fix in fixes):
        return [AppliedFix(fix, ()) for fix in fixes]
    with deployment_lock(cloud, "fix") as lock:
        return _apply_all(cloud, fixes, lock)


def _apply_all(cloud: Cloud, fixes: Iterable[Fix], lock: DeploymentLock) -> list[AppliedFix]:
    applied: list[AppliedFix] = []
    error = ""
    for fix in fixes:
        made: list[str] = []
        own_error = ""
        for call, line in zip(fix.calls, fix.cli(), strict=True):
            if error:
                break
            try:
                lock.check()
                _make(cloud, call)
            except (BotoCoreError, ClientError, LockLost) as refusal:
                error = own_error = describe_error(refusal)
                break
            made.append(line)
        applied.append(AppliedFix(fix, tuple(made), own_error))
    return applied


def _make(cloud: Cloud, call: ApiCall) -> None:
    service, operation, params = call
    try:
        getattr(cloud.client(service), xform_name(operation))(**params)
    except ClientError as error:
        done = next((codes for verb, codes in _ALREADY_DONE.items() if operation.startswith(verb)), ())
        if error_code(error) not in done:
            raise
