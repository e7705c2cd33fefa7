"""Plain text as Markdown, with code between backticks kept."""

import re

_CODE = re.compile(r"(`[^`]*`)")
_SPECIAL = re.compile(r"([\\*_\[\]{}<>#$~])")


def escaped(text: str) -> str:
    """Return text in which only backticks have a meaning."""
    parts = _CODE.split(text)
    return "".join(part if part.startswith("`") else _SPECIAL.sub(r"\\\1", part) for part in parts)


def cell(text: str) -> str:
    """Return text for a cell of a table, in one line."""
    return escaped(" ".join(text.split())).replace("|", "\\|")
