"""Pages of a list, with the offset of the next page as token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def offset_page(items: Sequence[Item], token: str, size: int) -> tuple[list[Item], str | None]:
    """(items of the page that begins at a token, token of the next page or None).

    Raises ValueError for a token that is not an offset.
    """
    if not token.isdigit():
        raise ValueError(f"The token '{token}' is not valid.")
    end = int(token) + size
    return list(items[int(token) : end]), str(end) if end < len(items) else None
