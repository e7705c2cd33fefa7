"""The interface of an engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir


class Engine(ABC):
    """Reads Parquet files as Ibis tables, and evaluates expressions over them."""

    name: str

    @abstractmethod
    def read_parquet(self, paths: Sequence[Path], json_maps: Collection[str] = ()) -> ir.Table:
        """Files of one schema as a table. Only their footers are read.

        `json_maps` are columns of JSON objects, which are maps from text to text in the table.
        """

    @abstractmethod
    def as_view(self, table: ir.Table) -> ir.Table:
        """Name a table in the engine, so that queries over it do not repeat its definition."""

    @abstractmethod
    def fetch_rows(self, table: ir.Table) -> list[dict[str, Any]]:
        """Evaluate an expression; return its rows. Meant for aggregates."""
