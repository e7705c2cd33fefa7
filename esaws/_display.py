"""The look of a result: HTML for notebooks, rich renderables for terminals, text in lines that are not too long."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas
    from rich.console import RenderableType

WIDTH = 100
"""Characters of a line in a notebook: JupyterLab breaks a longer one within a word, beside its list of files."""


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


def in_lines(text: str) -> str:
    """Return a text whose long lines continue in the next one, indented by four more spaces. No word is broken."""
    return "\n".join(_continued(line) for line in text.split("\n"))


def _continued(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    lines = textwrap.wrap(
        line, WIDTH, subsequent_indent=f"{indent}    ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines) if len(line) > WIDTH else line
