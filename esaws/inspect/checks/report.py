"""The findings of an account: runs every check, and reports checks that lack data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from esaws.architecture import Architecture
from esaws.cloud import Cloud
from esaws.errors import UsageError
from esaws.inspect.account import Account, MissingData, account_of
from esaws.inspect.checks import (  # noqa: F401 (each module registers its checks)
    containers,
    data_stores,
    deployments,
    drift_from_diagram,
    entries,
    routing,
    security_groups,
)
from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import SEVERITIES, Finding
from esaws.inspect.checks.harmless import KEYS as PROOF_KEYS
from esaws.inspect.checks.harmless import HarmlessChanges
from esaws.inspect.checks.registry import CHECKS, Check
from esaws.inspect.fixes import Fix
from esaws.local_aws.withheld import require_tool

if TYPE_CHECKING:
    import pandas

KEYS = tuple(dict.fromkeys([*(key for check in CHECKS for key in check.keys), *PROOF_KEYS]))
"""What a snapshot needs for all checks, and to prove that a fix is harmless."""

_NOT_LOOKED_AT = "NOT_LOOKED_AT"


@dataclass(frozen=True)
class Findings(Sequence[Finding]):
    """Findings, the most severe first; `named` are the codes that they were selected by."""

    items: tuple[Finding, ...]
    named: frozenset[str] = frozenset()

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def select(self, *codes: str, severity: str | None = None) -> Findings:
        """Return the findings of some codes, and of a severity or higher; without arguments all.

        Raises:
            UsageError: a code or the severity does not exist.
        """
        if unknown := set(codes) - set(all_codes()):
            raise UsageError(f"no such code: {', '.join(sorted(unknown))}. Choose from {', '.join(all_codes())}")
        if severity is not None and severity not in SEVERITIES:
            raise UsageError(f"no such severity: {severity!r}. Choose from {', '.join(SEVERITIES)}")
        limit = SEVERITIES.index(severity) if severity else len(SEVERITIES)
        selected = tuple(
            finding
            for finding in self.items
            if (not codes or finding.code in codes) and SEVERITIES.index(finding.severity) <= limit
        )
        return Findings(selected, self.named | set(codes))

    def fixes(self) -> list[Fix]:
        """Return the fixes to apply, without duplicates: those proven harmless, and those whose code was selected."""
        fixes = [
            finding.fix
            for finding in self.items
            if finding.fix.calls and (finding.automatic or finding.code in self.named)
        ]
        return [fix for index, fix in enumerate(fixes) if fix not in fixes[:index]]

    def to_frame(self) -> pandas.DataFrame:
        """Return one row for each finding, the most severe first: severity, code, resource, detail, fix."""
        import pandas

        columns = ["severity", "code", "resource", "detail", "fix"]
        return pandas.DataFrame([finding.to_dict() for finding in self.items], columns=columns)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the findings for JSON."""
        return [finding.to_dict() for finding in self.items]

    def _repr_html_(self) -> str | None:
        return self.to_frame()._repr_html_()

    def __repr__(self) -> str:
        counts = [
            f"{len(of_severity)} {name}"
            for name in SEVERITIES
            if (of_severity := [e for e in self.items if e.severity == name])
        ]
        return f"<Findings {', '.join(counts) or 'none'}>"


def findings(account: Account | Cloud, declared: Architecture | None = None) -> Findings:
    """Return what is wrong with an account, compared with a `declared` architecture if given.

    A check that lacks data gives one finding, NOT_LOOKED_AT, with the missing permission.

    Raises:
        Refused: a lab of level 2 or 3 runs in this account of the local AWS.
    """
    account = account_of(account, *KEYS)
    require_tool("findings", lambda: account.id)
    context = CheckContext(account, declared)
    by_content: dict[tuple[str, str, str], Finding] = {}
    for check in CHECKS:
        for finding in _run_check(check, context):
            by_content.setdefault((finding.code, finding.resource, finding.detail), finding)
    changes = HarmlessChanges(context)
    ordered = sorted(by_content.values(), key=lambda finding: finding.sort_key)
    return Findings(tuple(replace(finding, automatic=changes.accept(finding.fix)) for finding in ordered))


_ASK = "ask for the permission, and run it again"


def _run_check(check: Check, context: CheckContext) -> list[Finding]:
    missing = {key: context.account.missing[key] for key in check.keys if key in context.account.missing}
    if not missing:
        try:
            return list(check.run(context))
        except MissingData as error:
            missing = {"": str(error)}
    codes = ", ".join(check.codes)
    reasons = "; ".join(dict.fromkeys(missing.values()))
    return [
        Finding(
            _NOT_LOOKED_AT,
            "info",
            codes,
            f"the check could not run: {reasons}",
            Fix("save what is missing, and run it again" if "run `aws " in reasons else _ASK),
        )
    ]


def codes_as_markdown() -> str:
    """Return the table of all codes for docs/findings.md."""
    rows = [f"| `{code}` | {meaning} |" for code, meaning in all_codes().items()]
    return "\n".join(["| code | |", "|---|---|", *rows])


def all_codes() -> dict[str, str]:
    """Return every code with its meaning, by name."""
    codes = {code: meaning for check in CHECKS for code, meaning in check.codes.items()}
    codes[_NOT_LOOKED_AT] = "a check lacks data that AWS did not return"
    return dict(sorted(codes.items()))
