"""The look of cost results: a sentence and a table, in notebooks and in terminals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from esaws._display import html_table, rich_table

if TYPE_CHECKING:
    import pandas
    from rich.console import RenderableType


class TableResult(ABC):
    """A result whose `repr` is a sentence; notebooks and rich consoles show the table below it."""

    @abstractmethod
    def to_frame(self) -> pandas.DataFrame:
        """The result as a table."""

    def _repr_html_(self) -> str:
        return html_table(repr(self), self._table())

    def __rich__(self) -> RenderableType:
        return rich_table(repr(self), self._table())

    def _table(self) -> pandas.DataFrame:
        frame = self.to_frame()
        return frame.reset_index() if frame.index.name else frame
