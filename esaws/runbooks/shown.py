"""The small tables that steps show: a title and a frame without its index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esaws._display import html_table
from esaws.operations.checks import Check

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Shown:
    """A small table with a title, as a step shows it."""

    title: str
    frame: pandas.DataFrame

    def to_frame(self) -> pandas.DataFrame:
        """Return the table."""
        return self.frame

    def __repr__(self) -> str:
        return f"{self.title}\n{self.frame.to_string(index=False)}" if len(self.frame) else self.title

    def _repr_html_(self) -> str:
        return html_table(self.title, self.frame)


def show_checks(checks: Sequence[Check]) -> Shown:
    """Return a table of checks: check, holds (yes, no or unknown), found."""
    import pandas

    words = {True: "yes", False: "no", None: "unknown"}
    rows = [(check.what, words[check.ok], check.found) for check in checks]
    title = f"{len(checks)} checks" if checks else "The parameters ask for no check"
    return Shown(title, pandas.DataFrame(rows, columns=["check", "holds", "found"]))
