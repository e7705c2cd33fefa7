"""Parse numbers as spreadsheets and exports write them: exactly, or not at all."""

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Literal

_MAX_INTEGER_DIGITS = 20
"""What `schema.DECIMAL` has room for."""

DecimalSeparator = Literal[".", ","]

_THOUSANDS_GAPS = re.compile(r"(?<=\d)[ \u00a0\u202f'’](?=\d{3}(?!\d))")
_CURRENCY = re.compile(r"^(?:(?:US|A|C)?[$€£¥₹]|[A-Z]{3}(?=[-\s\d]))|(?:[$€£¥₹]|(?<=[\s\d])[A-Z]{3})$")
_NUMBER = {
    separator[-1]: re.compile(rf"([1-9]\d{{0,2}}(?:{other}\d{{3}})+|\d*)(?:{separator}(\d*))?([eE][+-]?\d+)?")
    for separator, other in (("\\.", ","), (",", "\\."))
}


def parse_number(text: str, separator: DecimalSeparator) -> Decimal | None:
    """Parse a cell with this decimal separator; None if its value is not certain.

    Accepts exponents; a currency before or after the number; spaces and apostrophes between thousands; the other
    separator between thousands, if each group has three digits; a minus sign, a trailing minus or parentheses; and
    the text markers of spreadsheets (`'12` and `="12"`).
    """
    bare = _THOUSANDS_GAPS.sub("", _without_text_marker(text)).replace("−", "-")
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
    match = _NUMBER[separator].fullmatch(bare.removeprefix("+") if sign == 1 else bare)
    if match is None or not (match[1] or match[2]):
        return None
    integer = re.sub(r"\D", "", match[1])
    try:
        number = Decimal(f"{integer or 0}.{match[2] or 0}{match[3] or ''}")
    except InvalidOperation:
        return None
    if number.adjusted() >= _MAX_INTEGER_DIGITS:
        return None
    return number if sign == 1 else number.copy_negate()


def decimal_separators(texts: Iterable[str]) -> set[DecimalSeparator]:
    """The decimal separators with which all of these cells can be parsed: both, one or none."""
    possible: set[DecimalSeparator] = {".", ","}
    for text in texts:
        possible = {separator for separator in possible if parse_number(text, separator) is not None}
    return possible


def _without_text_marker(text: str) -> str:
    text = text.strip()
    if text.startswith('="') and text.endswith('"'):
        return text[2:-1]
    return text.removeprefix("'").strip('"')
