"""A finding, and its fix: the calls that mend it, in order."""

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

_ALREADY = ("InvalidPermission.Duplicate", "InvalidPermission.NotFound")
"""What AWS answers where a rule is there, or gone, already."""


@dataclass(frozen=True)
class Fix:
    """What mends a finding: `told` in words, `calls` as (service, operation, parameters); none where a person decides.

    `stops` says that it takes something down, so that it is applied only where it is asked for by name.
    """

    description: str
    calls: tuple[tuple[str, str, Mapping[str, Any]], ...] = field(default=(), hash=False)
    destructive: bool = False

    def cli(self) -> list[str]:
        """The calls as lines of the AWS CLI."""
        return [Call(service, operation, dict(asked), 0, "").cli() for service, operation, asked in self.calls]

    def apply(self, cloud: Cloud) -> None:
        """Make the calls; what is so already is passed over.

        Raises:
            WrongAccount: the credentials belong to another account.
            botocore.exceptions.ClientError: AWS refused one; those before it are made.
        """
        cloud.check()
        for service, operation, asked in self.calls:
            try:
                getattr(cloud.client(service), xform_name(operation))(**asked)
            except ClientError as error:
                if error_code(error) not in _ALREADY:
                    raise


@dataclass(frozen=True)
class Finding:
    """One thing: `resource` by its name, `detail` the evidence."""

    code: str
    severity: Severity
    resource: str
    detail: str
    fix: Fix

    def to_dict(self) -> dict[str, Any]:
        """code, severity, resource, detail, fix (in words), calls (as lines of the AWS CLI)."""
        told = {"code": self.code, "severity": self.severity, "resource": self.resource, "detail": self.detail}
        return told | {"fix": self.fix.description, "calls": self.fix.cli()}

    @property
    def sort_key(self) -> tuple[int, str, str, str]:
        """The gravest first, then by code and resource."""
        return SEVERITIES.index(self.severity), self.code, self.resource, self.detail
