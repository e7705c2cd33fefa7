"""Write results as XML in a quarter of xmltodict's time: it calls a SAX handler for each tag, and checks each letter.

`unparse` replaces xmltodict's function of this name, and leaves to it what responses seldom have.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import xmltodict

from local_aws_server.hooks import patch

_stock_unparse = xmltodict.unparse

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


class _Unusual(Exception):
    """A value that only xmltodict knows how to write."""


@patch("xmltodict", "unparse")
def unparse(document: Any, *, full_document: bool = True, short_empty_elements: bool = False, **options: Any) -> Any:
    """The XML of a dict, whose keys `@name` are attributes and `#text` the text between the tags."""
    if not any(options.values()):
        try:
            return _whole(document, full_document, short_empty_elements)
        except (_Unusual, AttributeError, TypeError):  # such as keys that are no texts
            pass
    settings = {"full_document": full_document, "short_empty_elements": short_empty_elements}
    return _stock_unparse(document, **settings, **options)


def _whole(document: Any, full_document: bool, short: bool) -> str:
    parts: list[str] = []
    if full_document:
        if len(document) != 1 or type(next(iter(document.values()))) is list:
            raise _Unusual
        parts.append(_DECLARATION)
    for name, value in document.items():
        _write(parts.append, name, value, short)
    return "".join(parts)


def _write(out: Callable[[str], None], name: str, value: Any, short: bool) -> None:
    """Write an element, or one for each value of a list."""
    _check_name(name)
    for each in value if type(value) is list else (value,):
        text, attributes, children = _parts(each) if type(each) is dict else (_text(each), "", ())
        if children:
            out(f"<{name}{attributes}>")
            for child, of_child in children:
                _write(out, child, of_child, short)
            out(f"{escape(text)}</{name}>")
        elif text or not short:
            out(f"<{name}{attributes}>{escape(text)}</{name}>")
        else:
            out(f"<{name}{attributes}/>")


def _parts(element: dict[str, Any]) -> tuple[str, str, list[tuple[str, Any]]]:
    """The text, the attributes as they are written, and the elements inside an element."""
    text, attributes, children = "", "", []
    for name, value in element.items():
        if name == "#text":
            text = _text(value)
        elif name[:1] == "@":
            _check_name(name[1:])
            attributes += f" {name[1:]}={quoteattr(_text(value))}"
        elif type(value) is not list or value:
            children.append((name, value))
    return text, attributes, children


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    if value is None:
        return ""
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int or type(value) is float:
        return str(value)
    raise _Unusual


@lru_cache(4096)
def _check_name(name: str) -> None:
    """Leave to xmltodict a name that it would refuse, or treat differently."""
    if not name.replace(":", "").replace("_", "").replace("-", "").replace(".", "").isalnum():
        raise _Unusual
