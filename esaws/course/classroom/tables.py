"""CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")
"""First characters of a cell that a spreadsheet reads as a formula. https://owasp.org/www-community/attacks/CSV_Injection"""


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return CSV. A text that a spreadsheet would read as a formula begins with an apostrophe."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([_cell(name) for name in header])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip(" \n").startswith(FORMULA_BEGINNINGS):
        return f"'{value}"
    return value
