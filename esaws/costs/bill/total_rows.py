"""Rows below a table that are none of it: blank ones, and sums that a spreadsheet has added."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.files import Unreadable
from esaws.costs.engines.duckdb import quoted

if TYPE_CHECKING:
    from esaws.costs.bill.typed_text import Cells

_LABEL = re.compile(r"(grand|sub)?[ -]?(total|sum|totals|summe|gesamt|somme|suma|totale)\b.*", re.IGNORECASE)


def set_sums_aside(cells: Cells) -> None:
    """Remove blank rows, and behind the last row of the bill those without any date that only hold sums.

    Raises:
        Unreadable: a row has no date and is no sum.
    """
    moments = cells.columns("moment")
    undated = " AND ".join(f"{quoted(name)} IS NULL" for name in moments)
    others = [name for name in cells.recognised.columns if name not in moments]
    rows: list[tuple[Any, ...]] = cells.duck.rows(
        f"SELECT rowid, {', '.join(map(quoted, others))} FROM {cells.table} WHERE {undated} ORDER BY rowid"
    )
    if not rows:
        return
    ((last,),) = cells.duck.rows(f"SELECT max(rowid) FROM {cells.table} WHERE NOT ({undated})")
    numbers = set(cells.columns("number"))
    for index, *values in rows:
        said = {name: value for name, value in zip(others, values, strict=True) if value is not None}
        if not said:
            continue
        texts = [text for name, text in said.items() if name not in numbers]
        if last is None or index < last or not all(_LABEL.match(text) for text in texts):
            raise Unreadable(cells.file, "the row has no date", row=cells.row_of(index))
        shown = ", ".join(said.values())
        cells.warnings.append(
            f"{cells.file}, row {cells.row_of(index)}: {shown} is below the bill, without a date: a sum, not counted"
        )
    cells.duck.rows(f"DELETE FROM {cells.table} WHERE {undated}")
