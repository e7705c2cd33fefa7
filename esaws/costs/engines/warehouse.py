"""Athena and Trino: the engines for bills that stay where they are, as a table that a crawler or a person has defined.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-processing.html
https://docs.aws.amazon.com/cur/latest/userguide/cur-query-athena.html
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from esaws.costs.engines.engine import Engine
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir

SCHEMES = ("athena://", "trino://")


class Warehouse(Engine):
    """A database that holds a bill as a table.

    `athena://DATABASE?work_group=primary&s3_staging_dir=s3://bucket/results&region_name=eu-west-3`, or
    `trino://user@host:8080/CATALOG/SCHEMA`; what stands behind `?` goes to the driver.
    """

    def __init__(self, url: str) -> None:
        self.name = urlsplit(url).scheme
        try:
            import ibis

            backend = getattr(ibis, self.name)
            self._ibis = backend.connect(**connection(url))
        except ImportError:
            extra = f"ibis-framework[{self.name}]"
            raise UsageError(f"{self.name} needs its driver: pip install '{extra}'") from None
        except Exception as error:  # of the driver: each has its own
            raise UsageError(f"{self.name} can't be reached at {url}: {error}") from None

    def table(self, name: str) -> ir.Table:
        """A table by its name, or by database and name.

        Raises:
            UsageError: there is none.
        """
        database, _, table = name.rpartition(".")
        try:
            return self._ibis.table(table, database=database or None)
        except Exception as error:
            raise UsageError(f"{self.name} has no table {name}: {error}") from None

    def parquet(self, paths: Sequence[Path]) -> ir.Table:
        raise UsageError(f"{self.name} reads tables, not files: name a table, like cur.hourly@2026-01")

    def named(self, table: ir.Table) -> ir.Table:
        return table

    def rows_of(self, table: ir.Table) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ibis.to_pyarrow(table).to_pylist()
        return found


def connection(url: str) -> dict[str, Any]:
    """What ibis's `connect` takes, out of a URL.

    Raises:
        UsageError: what it needs is not in the URL.
    """
    parts = urlsplit(url)
    more: dict[str, Any] = dict(parse_qsl(parts.query))
    path = [part for part in parts.path.split("/") if part]
    if parts.scheme == "athena":
        if "s3_staging_dir" not in more and "work_group" not in more:
            raise UsageError(
                f"{url} does not say where Athena writes: add ?work_group=… or ?s3_staging_dir=s3://bucket/folder"
            )
        return {"schema_name": parts.hostname or "default", **more}
    if not parts.hostname or len(path) != 2:
        raise UsageError(f"{url} names no table's place; say it like trino://user@host:8080/catalog/schema")
    found: dict[str, Any] = {"host": parts.hostname, "database": path[0], "schema": path[1], **more}
    if parts.username:
        found["user"] = parts.username
    if parts.password:
        found["auth"] = parts.password
    return found | ({"port": parts.port} if parts.port else {})
