"""The results of checks: yes, no or unknown, each with what was found and how to fix it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from esaws._display import html_table
from esaws.errors import DeployRefused, Refused

if TYPE_CHECKING:
    import pandas

PURPOSE, PRICE = "account purpose", "price limit"
"""The checks that protect an account, whatever room it has."""


@dataclass(frozen=True)
class Check:
    """The result of one check: whether it passed (None where that is unknown), what was found, and how to fix it."""

    check: str
    ok: bool | None
    detail: str
    fix: str = ""

    def __str__(self) -> str:
        verdict = {True: "yes", False: "NO", None: "unknown"}[self.ok]
        text = f"{self.check}: {verdict}, {self.detail}"
        return text if self.ok or not self.fix else f"{text} → {self.fix}"

    def to_dict(self) -> dict[str, Any]:
        """check, ok (null where unknown), detail, fix."""
        return asdict(self)


class CheckReport(list[Check]):
    """The results of all checks."""

    @property
    def failed(self) -> list[Check]:
        """The checks that did not pass."""
        return [check for check in self if check.ok is False]

    @property
    def unknown(self) -> list[Check]:
        """The checks without an answer: a permission is missing, or AWS does not say."""
        return [check for check in self if check.ok is None]

    def require_passed(self) -> None:
        """Raise if a check failed; an unknown one stops nothing.

        Raises:
            Refused: the account looks like production, or the price is above its limit.
            DeployRefused: another check failed. The message has each failed check, with the way to fix it.
        """
        lines = [f"  {check}" for check in self.failed]
        if any(check.check in (PURPOSE, PRICE) for check in self.failed):
            raise Refused("\n".join(["nothing was created, to protect the account:", *lines]))
        if self.failed:
            raise DeployRefused(
                "\n".join(["nothing was created: the account does not have what the plan needs:", *lines])
            )

    def to_dict(self) -> list[dict[str, Any]]:
        """List of {check, ok, detail, fix}; `ok` is None where unknown."""
        return [check.to_dict() for check in self]

    def to_frame(self) -> pandas.DataFrame:
        """One row per check. Columns: check, ok (None where unknown), detail, fix."""
        import pandas

        return pandas.DataFrame(self.to_dict(), columns=["check", "ok", "detail", "fix"], dtype=object)

    def __str__(self) -> str:
        failed = f"{len(self.failed)} checks failed" if self.failed else ""
        unknown = f"{len(self.unknown)} unknown" if self.unknown else ""
        if failed or unknown:
            return ", ".join(filter(None, (failed or "no check failed", unknown)))
        return "all checks passed"

    def _repr_html_(self) -> str:
        return html_table(str(self), self.to_frame())
