"""All findings of an account: every check asked, and those that could not be named with what they lack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esaws.architecture import Architecture
from esaws.errors import UsageError
from esaws.inspect.account import Account, MissingData
from esaws.inspect.checks import (  # noqa: F401 (each module registers its checks)
    containers,
    data_stores,
    drift_from_diagram,
    routing,
    security_groups,
)
from esaws.inspect.checks.context import CheckContext
from esaws.inspect.checks.finding import SEVERITIES, Finding, Fix
from esaws.inspect.checks.registry import CHECKS, Check

if TYPE_CHECKING:
    import pandas

KEYS = tuple(dict.fromkeys(key for check in CHECKS for key in check.keys))
"""What has to be looked at."""

_NOT_LOOKED_AT = "NOT_LOOKED_AT"


@dataclass(frozen=True)
class Findings(Sequence[Finding]):
    """Findings, the gravest first."""

    items: tuple[Finding, ...]

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def select(self, *codes: str, severity: str | None = None) -> Findings:
        """Those of these codes, of a severity or graver; without words all.

        Raises:
            UsageError: there is no such code or severity.
        """
        if unknown := set(codes) - set(all_codes()):
            raise UsageError(f"there is no code {', '.join(sorted(unknown))}; there are {', '.join(all_codes())}")
        if severity is not None and severity not in SEVERITIES:
            raise UsageError(f"there is no severity {severity!r}; there are {', '.join(SEVERITIES)}")
        last = SEVERITIES.index(severity) if severity else len(SEVERITIES)
        return Findings(
            tuple(
                each
                for each in self.items
                if (not codes or each.code in codes) and SEVERITIES.index(each.severity) <= last
            )
        )

    def fixes(self, *, destructive: bool = False) -> list[Fix]:
        """The fixes that can be applied, each once; those that stop something only where they are asked for."""
        found = [each.fix for each in self.items if each.fix.calls and (destructive or not each.fix.destructive)]
        return [fix for place, fix in enumerate(found) if fix not in found[:place]]

    def to_frame(self) -> pandas.DataFrame:
        """One row a finding, the gravest first: severity, code, resource, detail, fix."""
        import pandas

        columns = ["severity", "code", "resource", "detail", "fix"]
        return pandas.DataFrame([each.to_dict() for each in self.items], columns=columns)

    def __repr__(self) -> str:
        counts = [
            f"{len(some)} {name}" for name in SEVERITIES if (some := [e for e in self.items if e.severity == name])
        ]
        return f"<Findings {', '.join(counts) or 'none'}>"


def findings(account: Account, declared: Architecture | None = None) -> Findings:
    """What is wrong with an account that was looked at (`look(cloud, *KEYS)`), and with what was `declared` of it.

    Pure. A check that lacks an answer gives one finding, NOT_LOOKED_AT, with the permission that it takes.
    """
    seen = CheckContext(account, declared)
    found: dict[tuple[str, str, str], Finding] = {}
    for check in CHECKS:
        for each in _run_check(check, seen):
            found.setdefault((each.code, each.resource, each.detail), each)
    return Findings(tuple(sorted(found.values(), key=lambda each: each.sort_key)))


def _run_check(check: Check, seen: CheckContext) -> list[Finding]:
    missing = {key: seen.account.missing[key] for key in check.keys if key in seen.account.missing}
    if not missing:
        try:
            return list(check.run(seen))
        except MissingData as error:
            missing = {"": str(error)}
    what = ", ".join(check.codes)
    why = "; ".join(dict.fromkeys(missing.values()))
    return [
        Finding(_NOT_LOOKED_AT, "info", what, f"nobody knows: {why}", Fix("ask for the permission, and look again"))
    ]


def codes_as_markdown() -> str:
    """The table of all codes, as the page in docs has it."""
    rows = [f"| `{code}` | {meaning} |" for code, meaning in all_codes().items()]
    return "\n".join(["| code | |", "|---|---|", *rows])


def all_codes() -> dict[str, str]:
    """Every code with what it means, by name."""
    told = {code: meaning for check in CHECKS for code, meaning in check.codes.items()}
    told[_NOT_LOOKED_AT] = "a check lacks an answer of AWS"
    return dict(sorted(told.items()))
