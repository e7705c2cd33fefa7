"""What the texts of a table mean, taken together: which mark is before decimals, whether days are before months."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from esaws.costs.bill.amounts import Mark, amount, marks
from esaws.costs.bill.format import tag_key
from esaws.costs.bill.moments import Order, is_ambiguous, moment, orders

if TYPE_CHECKING:
    import pyarrow

    from esaws.costs.bill.clean import Cells

_NOT_BY_ITSELF = "TRY_CAST(cell AS DECIMAL(38, 18)) IS NULL"


class Unclear(Exception):
    """A text that can't be read for certain, and why."""

    def __init__(self, text: str, reason: str):
        super().__init__(f"{text!r} {reason}")
        self.text, self.reason = text, reason


def amounts_of(cells: Cells) -> pyarrow.Table | None:
    """The numbers that DuckDB can't read as they stand: `text` and `value`; None where it can read all.

    Raises:
        Unclear: a text is no number, or the table writes decimals in two ways.
    """
    columns = cells.columns("number")
    odd = cells.distinct(columns, _NOT_BY_ITSELF)
    if not odd:
        return None
    mark = _mark(cells, columns, odd)
    texts = odd if mark == "." else cells.distinct(columns)
    values = {}
    for text in texts:
        if (value := amount(text, mark)) is None:
            raise Unclear(text, f"is no number{_as_others(mark) if amount(text, _other(mark)) is not None else ''}")
        values[text] = value
    return _table(values, "decimal")


def moments_of(cells: Cells) -> pyarrow.Table | None:
    """When the texts of the dates mean: `text` and `value`.

    Raises:
        Unclear: a text is no date, or it can't be told whether days or months come first.
    """
    texts = cells.distinct(cells.columns("moment"))
    order = _order(cells, [text for text in texts if is_ambiguous(text)])
    values = {}
    for text in texts:
        if (value := moment(text, order)) is None:
            raise Unclear(text, "is no date")
        values[text] = value
    return _table(values, "moment") if values else None


def maps_of(cells: Cells) -> pyarrow.Table | None:
    """What JSON objects hold, nested values as JSON: `text` and `value`.

    Raises:
        Unclear: a text is no JSON object.
    """
    values = {}
    for text in cells.distinct(cells.columns("map")):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unclear(text if len(text) < 80 else f"{text[:77]}…", "is no JSON object of keys and values")
        said = {tag_key(key): value if isinstance(value, str) else json.dumps(value) for key, value in found.items()}
        values[text] = list(said.items())
    return _table(values, "map") if values else None


def _mark(cells: Cells, columns: list[str], odd: list[str]) -> Mark:
    possible = marks(odd)
    if len(possible) == 1:
        return possible.pop()
    if not possible:
        for text in odd:
            if amount(text, ".") is None and amount(text, ",") is None:
                raise Unclear(text, "is no number")
        text = next(text for text in odd if amount(text, ".") is None)
        raise Unclear(text, "has a comma before its decimals, and other numbers of the file have a point")
    # Like "1,234" alone: where others have a point before decimals, a comma stands between thousands.
    with_point = cells.distinct(columns, "contains(cell, '.')")
    return "," if cells.delimiter == ";" and not with_point else "."


def _order(cells: Cells, ambiguous: list[str]) -> Order | None:
    if not ambiguous:
        return None
    period = cells.recognised.format.period[0]
    firsts = cells.distinct([period]) if period in cells.recognised.columns else []
    possible = orders(ambiguous, [text for text in firsts if is_ambiguous(text)])
    if len(possible) == 1:
        return possible.pop()
    if possible:
        raise Unclear(ambiguous[0], "could be two days: nothing in the file tells whether days or months come first")
    for text in ambiguous:
        if moment(text, "DMY") is None and moment(text, "MDY") is None:
            raise Unclear(text, "is no date")
    raise Unclear(ambiguous[0], "could be two days: the file has dates with days first and dates with months first")


def _other(mark: Mark) -> Mark:
    return "," if mark == "." else "."


def _as_others(mark: Mark) -> str:
    return f" where, as in others of the file, a {'point' if mark == '.' else 'comma'} stands before decimals"


def _table(values: Mapping[str, object], kind: str) -> pyarrow.Table:
    import pyarrow as pa

    types = {
        "decimal": pa.string(),
        "moment": pa.timestamp("us"),
        "map": pa.map_(pa.string(), pa.string()),
    }
    told = [f"{value:f}" for value in values.values()] if kind == "decimal" else list(values.values())
    return pa.table({"text": pa.array(list(values), pa.string()), "value": pa.array(told, types[kind])})
