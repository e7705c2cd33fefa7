"""What the texts of a table mean, taken together: which mark is before decimals, whether days are before months."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.datetimes import Order, is_ambiguous, moment, months, orders
from esaws.costs.bill.numbers import Mark, amount, marks
from esaws.costs.bill.schema import Kind

if TYPE_CHECKING:
    import pyarrow

    from esaws.costs.bill.typed_text import Cells

ANY = ""
"""Stands for a translation that holds in all columns."""
_NOT_BY_ITSELF = "TRY_CAST(cell AS DECIMAL(38, 18)) IS NULL"
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?")


class Unclear(Exception):
    """A text that can't be read for certain, and why."""

    def __init__(self, text: str, reason: str, column: str | None = None):
        super().__init__(f"{text!r} {reason}")
        self.text, self.reason, self.column = text, reason, column


def amounts_of(cells: Cells) -> pyarrow.Table | None:
    """The numbers that DuckDB can't read as they stand: `name`, `text` and `value`; None where it can read all.

    Raises:
        Unclear: a text is no number, or a column writes decimals in two ways.
    """
    columns = cells.columns("number")
    if not cells.distinct(columns, _NOT_BY_ITSELF):
        return None
    texts = {column: cells.distinct([column]) for column in columns}
    mark_of = _marks(cells, texts)
    values = {}
    for column, some in texts.items():
        mark = mark_of[column]
        for text in some:
            if mark == "." and _PLAIN.fullmatch(text):
                continue
            if (value := amount(text, mark)) is None:
                raise Unclear(text, "is no number", column)
            values[column, text] = f"{value:f}"
    return _table(values, "number")


def moments_of(cells: Cells) -> pyarrow.Table | None:
    """What the texts of the dates mean: `name`, `text` and `value`.

    Raises:
        Unclear: a text is no date, or it can't be told whether days or months come first.
    """
    texts = cells.distinct(cells.columns("moment"))
    order = _order(cells, [text for text in texts if is_ambiguous(text)])
    values = {}
    for text in texts:
        if (value := moment(text, order)) is None:
            raise Unclear(text, "is no date")
        values[ANY, text] = value
    return _table(values, "moment") if values else None


def maps_of(cells: Cells) -> pyarrow.Table | None:
    """What JSON objects hold, nested values as JSON: `name`, `text` and `value`.

    Raises:
        Unclear: a text is no JSON object.
    """
    values = {}
    for text in cells.distinct(cells.columns("map")):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(each, dict) and {*each} == {"key", "value"} for each in found):
            found = {each["key"]: each["value"] for each in found}
        if not isinstance(found, dict):
            raise Unclear(text, "is no JSON object of keys and values")
        known = {key: value for key, value in found.items() if value is not None}
        said = {key: value if isinstance(value, str) else json.dumps(value) for key, value in known.items()}
        values[ANY, text] = list(said.items())
    return _table(values, "map") if values else None


def _marks(cells: Cells, texts: Mapping[str, Sequence[str]]) -> dict[str, Mark]:
    """What stands before the decimals of each column: programs that write a comma leave a point in what was text.

    Where a column does not tell, like one that has 1,234 alone, the others do; where none does, the delimiter.
    """
    possible = {column: marks(some) for column, some in texts.items()}
    for column, marks_ in possible.items():
        if not marks_:
            raise _unclear(column, texts[column])
    known = {next(iter(marks_)) for marks_ in possible.values() if len(marks_) == 1}
    usual: Mark = known.pop() if len(known) == 1 else "," if cells.delimiter == ";" else "."
    return {column: next(iter(marks_)) if len(marks_) == 1 else usual for column, marks_ in possible.items()}


def _unclear(column: str, texts: Sequence[str]) -> Unclear:
    """Why a column can't be read with either mark."""
    for text in texts:
        if amount(text, ".") is None and amount(text, ",") is None:
            return Unclear(text, "is no number", column)
    text = next(text for text in texts if amount(text, ".") is None)
    return Unclear(text, "has a comma before its decimals, where other numbers of the column have a point", column)


def _order(cells: Cells, ambiguous: Sequence[str]) -> Order | None:
    if not ambiguous:
        return None
    format_, known = cells.recognised.format, cells.recognised.columns
    firsts = cells.distinct([name for name in format_.firsts if name in known])
    possible = orders(ambiguous, [text for text in firsts if is_ambiguous(text)])
    if len(possible) > 1 and format_.starts in known and format_.period[0] in known:
        starts, periods = cells.distinct([format_.starts]), cells.distinct([format_.period[0]])
        possible = {order for order in possible if months(starts, order) <= months(periods, order)} or possible
    if len(possible) == 1:
        return possible.pop()
    if possible:
        raise Unclear(ambiguous[0], "could be two days: nothing in the file tells whether days or months come first")
    for text in ambiguous:
        if moment(text, "DMY") is None and moment(text, "MDY") is None:
            raise Unclear(text, "is no date")
    raise Unclear(ambiguous[0], "could be two days: the file has dates with days first and dates with months first")


def _table(values: Mapping[tuple[str, str], Any], kind: Kind) -> pyarrow.Table:
    import pyarrow as pa

    types = {"number": pa.string(), "moment": pa.timestamp("us"), "map": pa.map_(pa.string(), pa.string())}
    return pa.table(
        {
            "name": pa.array([name for name, _ in values], pa.string()),
            "text": pa.array([text for _, text in values], pa.string()),
            "value": pa.array(list(values.values()), types[kind]),
        }
    )
