"""Convert text cells to typed Parquet in one pass, where all cells are spelled as exports spell them.

Most files are: numbers that DuckDB can parse, times in one format in UTC, tags as JSON, no blanks around a cell. What
the pass wrote is then checked, which is cheap because Parquet stores each distinct text once. Maps stay JSON, as most
queries need none: engines parse it when a query does (`BillFile.json_maps`). Any other file is left to
`typed_text`, which has to look at all distinct cells first, and gives the same values for these.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.formats.format import ColumnMapping
from esaws.costs.bill.maps import parse_map
from esaws.costs.bill.schema import Kind
from esaws.costs.bill.typed_text import COPY_OPTIONS, NULL_TEXTS, SQL_TYPES, has_blanks, tag_map, without_nulls
from esaws.costs.engines.duckdb import json_as_map, quote_identifier, quote_literal

if TYPE_CHECKING:
    from esaws.costs.engines.duckdb import DuckDBEngine

_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")


def write_directly(
    duck: DuckDBEngine, source: str, names: Mapping[str, str], mapping: ColumnMapping, path: Path
) -> bool:
    """Write a bill's columns of a SQL relation of text as typed Parquet; `names` maps the file's names to its names.

    False if a cell is spelled in another way, or the relation can't be read: then nothing is certain about the file.
    """
    import duckdb

    fields = mapping.format.fields
    sql_names = {name: quote_identifier(names[source_name]) for name, source_name in mapping.columns.items()}
    tags = {f"tag_{number}": quote_identifier(names[name]) for number, name in enumerate(mapping.tags.values())}
    texts = {**{name: sql for name, sql in sql_names.items() if fields[name] == "text"}, **tags}
    maps = [name for name in sql_names if fields[name] == "map"]
    try:
        times = _time_formats(
            duck, source, {name: sql for name, sql in sql_names.items() if fields[name] == "timestamp"}
        )
        if not times:
            return False
        cleaned = {name: without_nulls(sql, NULL_TEXTS) for name, sql in texts.items()}
        selected = {
            name: cleaned.get(name) or _typed(sql, fields[name], times.get(name)) for name, sql in sql_names.items()
        }
        selected |= {name: cleaned[name] for name in tags}
        if tags:
            selected["resource_tags"] = tag_map(
                {key: cleaned[name] for key, name in zip(mapping.tags, tags, strict=True)}
            )
        columns = ", ".join(f"{sql} AS {quote_identifier(name)}" for name, sql in selected.items())
        query = f"SELECT {columns} FROM {source}"
        duck.run_sql(f"COPY ({query}) TO {quote_literal(str(path))} ({COPY_OPTIONS})")
        return _is_plain(duck, path, list(texts), list(times), maps)
    except duckdb.Error:
        return False


def _time_formats(duck: DuckDBEngine, source: str, times: Mapping[str, str]) -> dict[str, str] | None:
    """The format of each column's times, by its first cell; None if one is in no known format."""
    if not times:
        return None
    first: list[tuple[Any, ...]] = duck.run_sql(f"SELECT {', '.join(times.values())} FROM {source} LIMIT 1")
    formats = {name: _time_format(cell or "") for name, cell in zip(times, first[0] if first else (), strict=False)}
    return None if None in formats.values() else {name: format_ for name, format_ in formats.items() if format_}


def _time_format(cell: str) -> str | None:
    for format_ in _TIME_FORMATS:
        try:
            datetime.strptime(cell, format_)
        except ValueError:
            continue
        return quote_literal(format_)
    return None


def _typed(column: str, kind: Kind, time_format: str | None) -> str:
    cell = f"nullif({column}, '')"
    if kind == "timestamp":
        return f"strptime({cell}, {time_format})"
    if kind == "map":
        return cell
    return f"CAST({cell} AS {SQL_TYPES[kind]})"


def _is_plain(duck: DuckDBEngine, path: Path, texts: list[str], times: list[str], maps: list[str]) -> bool:
    """Whether what was written is what `typed_text` would write: no blanks, no rows without a time, the same maps."""
    relation = f"read_parquet({quote_literal(str(path))}, hive_partitioning = false)"
    undated = " AND ".join(f"{quote_identifier(name)} IS NULL" for name in times)
    blank = [f"coalesce(bool_or({has_blanks(quote_identifier(name))}), false)" for name in texts]
    ((count, *flags),) = duck.run_sql(f"SELECT {', '.join([f'count(*) FILTER ({undated})', *blank])} FROM {relation}")
    if count or any(flags):
        return False
    for name in maps:
        text = quote_identifier(name)
        distinct = f"(SELECT DISTINCT {text} FROM {relation} WHERE {text} IS NOT NULL)"
        parsed = duck.run_sql(f"SELECT {text}, {json_as_map(text)} FROM {distinct}")
        if any(not cell.startswith("{") or parse_map(cell) != read for cell, read in parsed):
            return False
    return True
