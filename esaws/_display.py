"""The look of a table result: HTML for notebooks, rich renderables for terminals."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas
    from rich.console import RenderableType


def html_table(title: str, frame: pandas.DataFrame) -> str:
    """Return a title and, unless the frame is empty, its rows as an HTML table without an index."""
    heading = f"<p>{escape(title)}</p>"
    return heading if frame.empty else heading + frame.to_html(index=False, na_rep="", border=0)


def rich_table(title: str, frame: pandas.DataFrame) -> RenderableType:
    """Return a title and, unless the frame is empty, its rows as a table; numbers are right-aligned."""
    from pandas.api.types import is_numeric_dtype
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    if frame.empty:
        return Text(title)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in frame.columns:
        table.add_column(str(name), justify="right" if is_numeric_dtype(frame[name]) else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text("" if value is None or value != value else str(value)) for value in row))
    return Group(Text(title), table)
