"""Numbers as spreadsheets and exports write them, read exactly or not at all."""

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Literal

_MOST_DIGITS = 20
"""Before the decimals, as `canonical.DECIMAL` has room for."""

Mark = Literal[".", ","]
"""What stands before the decimals."""

_GAPS = re.compile(r"(?<=\d)[ \u00a0\u202f'’](?=\d{3}(?!\d))")
"""Between thousands."""
_CURRENCY = re.compile(r"^(?:(?:US|A|C)?[$€£¥₹]|[A-Z]{3}(?=[-\s\d]))|(?:[$€£¥₹]|(?<=[\s\d])[A-Z]{3})$")
_NUMBER = {
    mark[-1]: re.compile(rf"([1-9]\d{{0,2}}(?:{other}\d{{3}})+|\d*)(?:{mark}(\d*))?([eE][+-]?\d+)?")
    for mark, other in (("\\.", ","), (",", "\\."))
}


def amount(text: str, mark: Mark) -> Decimal | None:
    """The number that a cell shows, with `mark` before its decimals; None if that can't be said for certain.

    Read are exponents, a currency before or behind, spaces and apostrophes between thousands, the other mark between
    thousands where each group has three digits, minus as a sign, behind the number or as parentheses, and what
    spreadsheets put around text (`'12` and `="12"`).
    """
    bare = _GAPS.sub("", _unwrapped(text)).replace("−", "-")
    sign = 1
    if bare.startswith("(") and bare.endswith(")"):
        bare, sign = bare[1:-1], -1
    elif bare.endswith("-"):
        bare, sign = bare[:-1], -1
    elif bare.startswith("-"):
        bare, sign = bare[1:], -1
    bare = _CURRENCY.sub("", bare.strip()).strip()
    if sign == 1 and bare.startswith("-"):
        bare, sign = bare[1:], -1
    found = _NUMBER[mark].fullmatch(bare.removeprefix("+") if sign == 1 else bare)
    if found is None or not (found[1] or found[2]):
        return None
    whole = re.sub(r"\D", "", found[1])
    try:
        number = Decimal(f"{whole or 0}.{found[2] or 0}{found[3] or ''}")
    except InvalidOperation:
        return None
    return None if number.adjusted() >= _MOST_DIGITS else number if sign == 1 else number.copy_negate()


def marks(texts: Iterable[str]) -> set[Mark]:
    """What the cells of a table, taken together, can have before their decimals: one, both or none of the two."""
    possible: set[Mark] = {".", ","}
    for text in texts:
        possible = {mark for mark in possible if amount(text, mark) is not None}
    return possible


def _unwrapped(text: str) -> str:
    text = text.strip()
    if text.startswith('="') and text.endswith('"'):
        return text[2:-1]
    return text.removeprefix("'").strip('"')
