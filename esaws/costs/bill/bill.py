"""A bill: its canonical table, and facts about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.bill_file import BillFile, UnreadableBill
from esaws.costs.bill.parquet import find_invalid_cost
from esaws.costs.bill.schema import METRICS
from esaws.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir
    import pandas
    from rich.console import RenderableType

    from esaws.costs.engines.engine import Engine


@dataclass(frozen=True, repr=False)
class Bill:
    """A bill in which each charge counts once.

    `lines` is the canonical table (`esaws.costs.bill.schema`), an Ibis expression over the bill's files; it is not in
    memory. Temporary files live as long as the bill.
    """

    format: str
    """For example `CUR 2.0`, `legacy CUR`, `FOCUS 1.0` or `Cost Explorer`."""
    rows: int
    months: tuple[date, ...]
    """The first day of each month in the bill."""
    lines: ir.Table
    metrics: tuple[str, ...]
    """The metrics for which it has costs: keys of `schema.METRICS`."""
    warnings: tuple[str, ...]
    """What was skipped, replaced, dropped or assumed."""
    engine: Engine
    files: tuple[BillFile, ...]
    """The files that count, without those that others supersede."""
    scratch: TemporaryDirectory[str]

    @property
    def period(self) -> str:
        """The month, like `2026-01`, or the first and the last, like `2026-01/2026-03`."""
        months = [f"{month:%Y-%m}" for month in self.months]
        return "/".join(dict.fromkeys((months[0], months[-1]))) if months else ""

    def as_of(self, day: date) -> Bill:
        """The bill as it was at the end of a day (UTC): the lines that begin on it or before.

        A line that spans more than a day counts whole from its first day on.

        Raises:
            UsageError: no line begins by then.
        """
        begins = self.lines.start.date().fill_null(self.lines.period)
        lines = self.lines.filter((begins <= day).fill_null(False))
        (counts,) = self.fetch_rows(lines.aggregate(rows=lines.count()))
        if not counts["rows"]:
            raise UsageError(f"no line of the bill begins on {day} or before; the bill covers {self.period}")
        months = tuple(month for month in self.months if month <= day)
        return replace(self, lines=lines, rows=counts["rows"], months=months)

    def fetch_rows(self, table: ir.Table) -> list[dict[str, Any]]:
        """Evaluate a query over `lines`; return its rows.

        Raises:
            UsageError: the data of a file is damaged.
        """
        return self.engine.fetch_rows(table)

    def to_frame(self, table: ir.Table | None = None) -> pandas.DataFrame:
        """A query over `lines` as a frame, with decimals as floats; without a query all lines, which need memory."""
        import pandas

        table = self.lines if table is None else table
        rows = [
            {name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()}
            for row in self.fetch_rows(table)
        ]
        return pandas.DataFrame(rows, columns=list(table.columns))

    def to_dict(self) -> dict[str, Any]:
        """Facts about the bill: format, rows, period, metrics, warnings. Its costs are in `report.report(bill)`."""
        return {
            "format": self.format,
            "rows": self.rows,
            "period": self.period,
            "metrics": list(self.metrics),
            "warnings": list(self.warnings),
        }

    def resolve_metric(self, name: str | None = None) -> str:
        """Check a metric; without a name, the bill's first: unblended if it has that.

        Raises:
            UsageError: there is no such metric, or the bill does not have it.
        """
        if name is None:
            return self.metrics[0]
        if name not in METRICS:
            raise UsageError(f"unknown metric {name!r}. Choose one of {', '.join(METRICS)}.")
        if name not in self.metrics:
            raise UsageError(f"the bill has no {name} costs. Choose one of {', '.join(self.metrics)}.")
        return name

    def invalid_cost_error(self) -> UsageError:
        """The error that names file, row and column of the first cost that is NaN or infinite."""
        for file in self.files:
            if (position := find_invalid_cost(file)) is not None:
                row, column = position
                return UnreadableBill(file.file.name, "the cost is not a number", row=row, column=column)
        return UsageError("a cost in the bill is not a number")

    def __str__(self) -> str:
        return f"{self.format}, {self.period or 'no month'}, {self.rows:,} rows"

    def __repr__(self) -> str:
        return f"<Bill {self}>"

    def _repr_html_(self) -> str:
        from esaws._display import html_table

        return html_table(str(self), self._warnings_frame())

    def __rich__(self) -> RenderableType:
        from esaws._display import rich_table

        return rich_table(str(self), self._warnings_frame())

    def _warnings_frame(self) -> pandas.DataFrame:
        import pandas

        return pandas.DataFrame({"warning": list(self.warnings)})
