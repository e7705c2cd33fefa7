"""A bill that was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.files import Unreadable
from esaws.costs.bill.parquet import first_no_number
from esaws.costs.bill.schema import METRICS
from esaws.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir
    import pandas

    from esaws.costs.bill.bill_file import Part
    from esaws.costs.engines.engine import Engine


@dataclass(frozen=True)
class Bill:
    """A bill that was read: each row once, whatever was exported twice.

    `lines` is the canonical table (`esaws.costs.bill.schema`) as an Ibis expression over the bill's files: nothing
    of it is in memory. What is left of files that had to be unpacked or cleaned lives as long as the bill.
    """

    format: str
    """Like `CUR 2.0`, `legacy CUR`, `FOCUS 1.0` or `Cost Explorer`."""
    rows: int
    months: tuple[date, ...]
    """The first day of each month that it tells of."""
    lines: ir.Table = field(repr=False)
    metrics: tuple[str, ...]
    """The ways to count that it knows: keys of `canonical.METRICS`."""
    warnings: tuple[str, ...]
    """What was skipped, replaced, dropped or assumed, a sentence each."""
    engine: Engine = field(repr=False)
    parts: tuple[Part, ...] = field(repr=False)
    """The files that it was read from, without those that others replace."""
    scratch: TemporaryDirectory[str] = field(repr=False)

    @property
    def period(self) -> str:
        """Like `2026-01`, or `2026-01/2026-03` from the first month to the last."""
        months = [f"{month:%Y-%m}" for month in self.months]
        return "/".join(dict.fromkeys((months[0], months[-1]))) if months else ""

    def rows_of(self, table: ir.Table) -> list[dict[str, Any]]:
        """The rows of a report over `lines`, as the engine gives them.

        Raises:
            UsageError: a file is damaged behind its footer.
        """
        return self.engine.rows_of(table)

    def frame(self, table: ir.Table) -> pandas.DataFrame:
        """The same as a pandas frame, decimals as floating point numbers: for aggregates, not for all lines."""
        import pandas

        rows = self.rows_of(table)
        told = [{name: float(x) if isinstance(x, Decimal) else x for name, x in row.items()} for row in rows]
        return pandas.DataFrame(told, columns=list(table.columns))

    def no_number(self) -> UsageError:
        """The error that names the first cost that is no number, as a file of floating point numbers may have it."""
        for part in self.parts:
            if (found := first_no_number(part)) is not None:
                return Unreadable(part.file.name, "the cost is no number", row=found[0], column=found[1])
        return UsageError("a cost in the bill is no number")

    def metric(self, wanted: str | None = None) -> str:
        """A way to count, or the one to take where none is wanted: unblended, if the bill has it.

        Raises:
            UsageError: there is no such metric, or the bill does not have it.
        """
        if wanted is None:
            return self.metrics[0]
        if wanted not in METRICS:
            raise UsageError(f"there is no metric {wanted!r}; take one of {', '.join(METRICS)}")
        if wanted not in self.metrics:
            raise UsageError(f"the bill does not tell {wanted} costs; it has {', '.join(self.metrics)}")
        return wanted
