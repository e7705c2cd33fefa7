"""Detect the format of a table by its column names. File names are not used."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from esaws.costs.bill.bill_file import UnreadableBill
from esaws.costs.bill.formats.cur import CUR
from esaws.costs.bill.formats.focus import FOCUS
from esaws.costs.bill.formats.format import ColumnMapping, squash

FORMATS = (FOCUS, CUR)


def detect_format(columns: Iterable[str]) -> ColumnMapping | None:
    """Map the columns of a table to the format that they belong to; None if the table is not a bill."""
    return _detect_format(tuple(columns))


@lru_cache
def _detect_format(names: tuple[str, ...]) -> ColumnMapping | None:
    """Cached, because a bill may have thousands of files with the same columns."""
    for format_ in FORMATS:
        known: dict[str, str] = {}
        for standard_names in ({name: name for name in format_.fields}, format_.other_names):
            by_squashed_name = {squash(name): standard_name for name, standard_name in standard_names.items()}
            for name in names:
                if squash(name) in by_squashed_name:
                    known.setdefault(by_squashed_name[squash(name)], name)
        if format_.is_bill(known):
            tags, unknown = format_.tag_columns(names), tuple(format_.unknown_columns(names))
            return ColumnMapping(format_, format_.version(known, names), known, tags, unknown)
    return None


def repeated_columns(file: str, names: Sequence[str], mapping: ColumnMapping) -> Iterator[str]:
    """Warnings about columns that a table has more than once, or in two spellings, and which counts.

    Raises:
        UnreadableBill: a column of amounts or times is there twice, so that which one counts is not certain.
    """
    used = {source: name for name, source in mapping.columns.items()}
    for name, count in Counter(names).items():
        if count == 1 or (name not in used and name not in mapping.tags.values()):
            continue
        if name in used and mapping.format.fields[used[name]] in ("number", "timestamp"):
            raise UnreadableBill(file, f"the file has this column {count} times. Keep one.", column=name)
        yield f"{file}: the file has the column {name} {count} times; the first one counts"
    by_spelling: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        if name in mapping.format.second_spellings:
            continue
        by_spelling.setdefault(name.lower(), []).append(name)
    for spellings in by_spelling.values():
        if len(spellings) > 1 and (read := [name for name in spellings if name in used]):
            others = " and ".join(name for name in spellings if name not in read)
            yield f"{file}: the columns {read[0]} and {others} differ in case alone; {read[0]} counts"
