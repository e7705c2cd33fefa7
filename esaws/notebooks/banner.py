"""The cells that say at the top of a failed notebook what failed, and mark the cell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

TAG = "papermill-error-cell-tag"
"""papermill's tag of such cells, so that it removes them, too, before it runs the notebook again."""

_ANCHOR = '<span id="failed-cell"></span>**The next cell failed.**'


def insert_banner(nb: NotebookNode, index: int, title: str, cause: str, next_step: str) -> None:
    """Insert a cell at the top, with what failed, why, and what to do next, and a mark above cell `index`."""
    from nbformat.v4 import new_markdown_cell

    fence = max(["``", *re.findall("`+", cause)], key=len) + "`"
    cause = f"Cause:\n\n{fence}text\n{cause}\n{fence}"
    text = "\n\n".join([f"## {title}", cause, f"**Next step:** {next_step}", "[The cell](#failed-cell)"])
    nb.cells.insert(index, new_markdown_cell(_ANCHOR, metadata={"tags": [TAG]}))
    nb.cells.insert(0, new_markdown_cell(text, metadata={"tags": [TAG]}))


def remove_banner(nb: NotebookNode) -> None:
    """Remove the marks of an earlier failure."""
    nb.cells = [cell for cell in nb.cells if TAG not in cell.metadata.get("tags", ())]
