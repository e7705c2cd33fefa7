"""Findings: something wrong with an account, with evidence and a fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from esaws.inspect.fixes import Fix

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True)
class Finding:
    """One finding: `resource` by name, `detail` the evidence.

    `automatic` means that its fix is proven to leave everything answered that is answered now, or when the account is
    scaled out or resumed. Any other fix is applied only if the finding's code is named.
    """

    code: str
    severity: Severity
    resource: str
    detail: str
    fix: Fix
    automatic: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return code, severity, resource, detail, fix (a sentence), calls (AWS CLI commands), automatic."""
        fields = {"code": self.code, "severity": self.severity, "resource": self.resource, "detail": self.detail}
        return fields | {"fix": self.fix.description, "calls": self.fix.cli(), "automatic": self.automatic}

    def __str__(self) -> str:
        return f"{self.severity} {self.code} {self.resource}: {self.detail}"

    @property
    def sort_key(self) -> tuple[int, str, str, str]:
        """The most severe first, then by code and resource."""
        return SEVERITIES.index(self.severity), self.code, self.resource, self.detail
