"""Markdown that looks right in a notebook and in a terminal."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """A text in Markdown: rendered in a notebook, plain elsewhere."""

    markdown: str

    def __str__(self) -> str:
        return re.sub(r"\*\*|^```\w*\n?", "", self.markdown, flags=re.MULTILINE)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return self.markdown

    def display(self) -> None:
        """Show it at once: as a display in a notebook, else printed."""
        try:
            from IPython import get_ipython
        except ImportError:
            get_ipython = None
        if get_ipython is not None and get_ipython() is not None:
            from IPython.display import display

            display(self)
        else:
            print(self)


def show_whole_texts() -> None:
    """Let pandas show texts in a table whole. It cuts them after 50 characters, in the middle of a reason."""
    with suppress(ImportError):  # a page in a browser may be without it
        import pandas

        pandas.set_option("display.max_colwidth", None)
