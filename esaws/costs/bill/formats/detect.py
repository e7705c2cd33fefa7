"""Detect the format of a table by its column names. File names are not used."""

from collections.abc import Iterable

from esaws.costs.bill.formats.cur import CUR
from esaws.costs.bill.formats.focus import FOCUS
from esaws.costs.bill.formats.format import ColumnMapping, squash

FORMATS = (FOCUS, CUR)


def detect_format(columns: Iterable[str]) -> ColumnMapping | None:
    """Map the columns of a table to the format that they belong to; None if the table is not a bill."""
    names = list(columns)
    for format_ in FORMATS:
        standard_names = {squash(name): name for name in format_.fields}
        known: dict[str, str] = {}
        for name in names:
            if squash(name) in standard_names:
                known.setdefault(standard_names[squash(name)], name)
        if format_.is_bill(known):
            return ColumnMapping(format_, format_.version(known, names), known, format_.tag_columns(names))
    return None
