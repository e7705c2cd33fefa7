"""Plain text as Markdown: code between backticks is kept, addresses become links."""

import re

_KEPT = re.compile(r"(`[^`]*`|https?://[^\s)…]+[^\s).,:;…])")
_SPECIAL = re.compile(r"([\\*_\[\]{}<>#$~])")


def escaped(text: str) -> str:
    """Return text in which only backticks and addresses have a meaning."""
    return "".join(part if kept else _SPECIAL.sub(r"\\\1", part) for part, kept in parts(text))


def parts(text: str) -> list[tuple[str, bool]]:
    """Return the parts of a text, and whether each has a meaning: code, or an address as a link."""
    found = _KEPT.split(text)
    return [(f"<{part}>" if part.startswith("http") else part, index % 2 == 1) for index, part in enumerate(found)]


def cell(text: str) -> str:
    """Return text for a cell of a table, in one line."""
    return escaped(" ".join(text.split())).replace("|", "\\|")
