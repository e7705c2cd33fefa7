"""Tables as text that fit the width of a terminal without breaking a word."""

import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import combinations

from rich.cells import cell_len

Row = Mapping[str, str]

LEAST = 24
"""A column of prose is not made narrower than this."""
INDENT = 4
"""Blanks before a value that is printed below its row."""


def format_table(
    names: Sequence[str],
    rows: Sequence[Row],
    right: Collection[str] = (),
    width: int | None = None,
    *,
    bold: bool = False,
) -> str:
    """Return rows as a table of `width` characters, or one line a row if `width` is None.

    Text wraps between words. A column that does not fit, because its words are as long as an ARN, is left out of the
    table: its values are printed below their rows, as `name: value`. As few columns as possible are left out, empty
    ones first.

    Args:
        names: the columns, in order.
        rows: the text of each cell, by column.
        right: the columns that are aligned to the right.
        width: of the terminal, in characters.
        bold: print the names of the columns bold.
    """
    texts = {name: [name, *(row[name] for row in rows)] for name in names}
    natural = {name: max(map(_longest_line, texts[name])) for name in names}
    least = {name: min(natural[name], max(LEAST, *map(_longest_word, texts[name]))) for name in names}
    filled = {name: sum(bool(row[name]) for row in rows) for name in names}
    for below in _choices(names[1:], key=lambda name: (filled[name], -natural[name])):
        beside = [name for name in names if name not in below]
        for gap in (2, 1):
            widths = _fit({name: natural[name] for name in beside}, least, width, gap)
            if widths is not None:
                return "\n".join(_format_lines(names, rows, widths, gap, right, width, bold))
    raise AssertionError("a single column fits")


def _choices(names: Sequence[str], key: Callable[[str], tuple[int, int]]) -> Iterator[tuple[str, ...]]:
    """Yield every choice of names, the smallest choices first, then those with the least keys."""
    for count in range(len(names) + 1):
        yield from sorted(combinations(names, count), key=lambda choice: sorted(map(key, choice)))


def _format_lines(
    names: Sequence[str],
    rows: Sequence[Row],
    widths: Mapping[str, int],
    gap: int,
    right: Collection[str],
    width: int | None,
    bold: bool,
) -> Iterator[str]:
    header = _format_row({name: name for name in widths}, widths, gap, right)
    yield f"\x1b[1m{header}\x1b[0m" if bold else header
    for row in rows:
        yield _format_row({name: row[name] for name in widths}, widths, gap, right)
        for name in names:
            if name not in widths and row[name]:
                first, *more = _wrap(f"{name}: {row[name]}", (width or 0) - 2 * INDENT)
                yield " " * INDENT + first
                yield from (" " * 2 * INDENT + line for line in more)


def _fit(natural: dict[str, int], least: Mapping[str, int], width: int | None, gap: int) -> dict[str, int] | None:
    """Return the widths of columns side by side, None if `width` is too small for their longest words.

    A single column always fits; a longer word than `width` exceeds it. The widths are in the order of the columns.
    """
    if width is None:
        return natural
    if len(natural) == 1:
        return {name: min(natural[name], max(least[name], width)) for name in natural}
    widths = dict(natural)
    excess = sum(natural.values()) + gap * (len(natural) - 1) - width
    for name in sorted(natural, key=lambda name: natural[name] - least[name], reverse=True):
        taken = max(0, min(excess, natural[name] - least[name]))
        widths[name] -= taken
        excess -= taken
    return widths if excess <= 0 else None


def _format_row(row: Row, widths: Mapping[str, int], gap: int, right: Collection[str]) -> str:
    wrapped = {name: _wrap(text, widths[name]) for name, text in row.items()}
    lines = []
    for number in range(max(map(len, wrapped.values()))):
        cells = []
        for name, column in wrapped.items():
            text = column[number] if number < len(column) else ""
            padding = " " * (widths[name] - cell_len(text))
            cells.append(padding + text if name in right else text + padding)
        lines.append((" " * gap).join(cells).rstrip())
    return "\n".join(lines)


def _wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text, broken between words; a longer word has a line of its own."""
    lines: list[str] = []
    for line in text.split("\n"):
        if cell_len(line) <= width:
            lines.append(line)
        else:
            lines += textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
    return lines


def _longest_line(text: str) -> int:
    return max(map(cell_len, text.split("\n")))


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)
