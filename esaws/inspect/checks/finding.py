"""Findings and their fixes: the API calls that resolve a finding, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from botocore import xform_name
from botocore.exceptions import ClientError

from esaws.aws import error_code
from esaws.call_log import Call
from esaws.cloud import Cloud

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

_ALREADY_DONE = ("InvalidPermission.Duplicate", "InvalidPermission.NotFound")
"""AWS's error codes where a rule exists, or is gone, already."""


@dataclass(frozen=True)
class Fix:
    """The fix of a finding. `calls` are (service, operation, parameters), empty where a person has to decide.

    A `destructive` fix stops or deletes something, so it is applied only on request.
    """

    description: str
    calls: tuple[tuple[str, str, Mapping[str, Any]], ...] = field(default=(), hash=False)
    destructive: bool = False

    def cli(self) -> list[str]:
        """Return the calls as AWS CLI commands."""
        return [Call(service, operation, dict(params), 0, "").cli() for service, operation, params in self.calls]

    def apply(self, cloud: Cloud) -> None:
        """Make the calls; changes that exist already are skipped.

        Raises:
            WrongAccount: the credentials belong to another account.
            botocore.exceptions.ClientError: AWS refused a call; those before it were made.
        """
        cloud.check()
        for service, operation, params in self.calls:
            try:
                getattr(cloud.client(service), xform_name(operation))(**params)
            except ClientError as error:
                if error_code(error) not in _ALREADY_DONE:
                    raise


@dataclass(frozen=True)
class Finding:
    """One finding: `resource` by name, `detail` the evidence."""

    code: str
    severity: Severity
    resource: str
    detail: str
    fix: Fix

    def to_dict(self) -> dict[str, Any]:
        """Return code, severity, resource, detail, fix (a sentence), calls (AWS CLI commands)."""
        fields = {"code": self.code, "severity": self.severity, "resource": self.resource, "detail": self.detail}
        return fields | {"fix": self.fix.description, "calls": self.fix.cli()}

    def __str__(self) -> str:
        return f"{self.severity} {self.code} {self.resource}: {self.detail}"

    @property
    def sort_key(self) -> tuple[int, str, str, str]:
        """The most severe first, then by code and resource."""
        return SEVERITIES.index(self.severity), self.code, self.resource, self.detail
