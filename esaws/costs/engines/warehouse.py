"""Athena and Trino: the engines for bills that are tables there, defined by a crawler or by hand.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-processing.html
https://docs.aws.amazon.com/cur/latest/userguide/cur-query-athena.html
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from esaws.costs.engines.engine import Engine
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir


class WarehouseEngine(Engine):
    """A database that holds a bill as a table.

    `athena://DATABASE?work_group=primary&s3_staging_dir=s3://bucket/results&region_name=eu-west-3`, or
    `trino://user@host:8080/CATALOG/SCHEMA`. Parameters after `?` go to the driver.
    """

    def __init__(self, url: str) -> None:
        self.name = urlsplit(url).scheme
        try:
            import ibis

            backend = getattr(ibis, self.name)
            self._backend = backend.connect(**connect_arguments(url))
        except ImportError:
            package = f"ibis-framework[{self.name}]"
            raise UsageError(f"{self.name}: the driver is not installed. Run pip install '{package}'.") from None
        except UsageError:
            raise
        except Exception as error:  # each driver has its own errors
            raise UsageError(f"{_without_password(url)}: {self.name} can't be reached ({error})") from None

    def table(self, name: str) -> ir.Table:
        """A table by its name, or by `database.name`.

        Raises:
            UsageError: there is no such table.
        """
        database, _, table = name.rpartition(".")
        try:
            return self._backend.table(table, database=database or None)
        except Exception as error:
            raise UsageError(f"{self.name} has no table {name} ({error})") from None

    def read_parquet(self, paths: Sequence[Path], json_maps: Collection[str] = ()) -> ir.Table:
        raise UsageError(f"{self.name} reads tables, not files. Name a table, like cur.hourly@2026-01.")

    def as_view(self, table: ir.Table) -> ir.Table:
        return table

    def fetch_rows(self, table: ir.Table) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._backend.to_pyarrow(table).to_pylist()
        return rows


def connect_arguments(url: str) -> dict[str, Any]:
    """Parse a URL into the arguments of Ibis's `connect`.

    Raises:
        UsageError: the URL lacks a required part.
    """
    parts = urlsplit(url)
    parameters: dict[str, Any] = dict(parse_qsl(parts.query))
    path = [part for part in parts.path.split("/") if part]
    if parts.scheme == "athena":
        if "s3_staging_dir" not in parameters and "work_group" not in parameters:
            raise UsageError(
                f"{url}: no location for Athena's results. Add ?work_group=… or ?s3_staging_dir=s3://bucket/folder."
            )
        return {"schema_name": parts.hostname or "default", **parameters}
    if not parts.hostname or len(path) != 2:
        raise UsageError(
            f"{_without_password(url)}: no host, catalog or schema. Write trino://user@host:8080/catalog/schema."
        )
    arguments: dict[str, Any] = {"host": parts.hostname, "database": path[0], "schema": path[1], **parameters}
    if parts.username:
        arguments["user"] = parts.username
    if parts.password:
        arguments["auth"] = parts.password
    return arguments | ({"port": parts.port} if parts.port else {})


def _without_password(url: str) -> str:
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":…@") if password else url
