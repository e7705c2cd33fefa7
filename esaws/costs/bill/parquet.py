"""Parquet files as bill files. The footer shows the format; numbers and dates that are text are parsed as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from esaws.costs.bill.bill_file import BillFile, File, UnreadableBill
from esaws.costs.bill.direct_text import write_directly
from esaws.costs.bill.formats.detect import detect_format, repeated_columns
from esaws.costs.bill.formats.format import ColumnMapping
from esaws.costs.bill.formats.other_exports import describe_export
from esaws.costs.bill.parquet_stats import read_metadata
from esaws.costs.bill.schema import DECIMAL, FLOAT, Kind
from esaws.costs.bill.typed_text import load_cells, write_typed
from esaws.costs.engines.duckdb import DuckDBEngine, quote_identifier, quote_literal

if TYPE_CHECKING:
    import pyarrow

MAGIC = b"PAR1"


def read_parquet(file: File, duck: DuckDBEngine, scratch: Path) -> BillFile:
    """Read the footer of a Parquet file; convert the file where its columns are text.

    Raises:
        UnreadableBill: the file is truncated or not a bill, or the value of a text cell is not certain.
    """
    rows, schema = _read_footer(file)
    mapping = detect_format(schema.names)
    if mapping is None:
        reason = describe_export(schema.names) or f"not a bill (its columns are {', '.join(schema.names[:6])}…)"
        raise UnreadableBill(file.name, reason)
    repeated = list(repeated_columns(file.name, schema.names, mapping))
    kinds = {name: schema.types[schema.names.index(name)] for name in schema.names}
    mapping = _without_untyped(mapping, kinds)
    types = {name: kinds[source] for name, source in mapping.columns.items()}
    sources = [*mapping.columns.values(), *mapping.tags.values()]
    first = {name.lower(): name for name in reversed(schema.names)}
    is_unambiguous = not repeated and all(first[source.lower()] == source for source in sources)
    if is_unambiguous and all(_is_typed(name, mapping.format.fields[name], type_) for name, type_ in types.items()):
        return BillFile(file, file.path, mapping, rows, _number_type(mapping, types), _columns(schema))
    names = {source: f"c{number}" for number, source in enumerate(sources)}
    path = f"read_parquet({quote_literal(str(file.path))}, hive_partitioning = false)"
    in_sql = _names_in_sql(path, schema.names, duck)
    columns = ", ".join(f"{_as_text(kinds[source], in_sql[source])} AS {name}" for source, name in names.items())
    relation = TextRelation(f"(SELECT {columns} FROM {path})", names, mapping, lambda index: index + 1)
    return convert_text(file, relation, duck, scratch, repeated)


@dataclass(frozen=True)
class TextRelation:
    """A bill as a SQL relation of text."""

    sql: str
    names: Mapping[str, str]
    """The file's column name → the relation's."""
    mapping: ColumnMapping
    row_of: Callable[[int], int]
    """The row in the file of the record with this index, counted from 0."""
    delimiter: str | None = None


def convert_text(
    file: File, relation: TextRelation, duck: DuckDBEngine, scratch: Path, warnings: Iterable[str] = ()
) -> BillFile:
    """Convert text to typed Parquet in `scratch`; return it as a bill file.

    Raises:
        UnreadableBill: the value of a cell is not certain.
        duckdb.Error: the relation can't be read.
    """
    mapping, path, warnings = relation.mapping, scratch / f"{duck.new_name('typed')}.parquet", list(warnings)
    if not write_directly(duck, relation.sql, relation.names, mapping, path):
        cells = load_cells(duck, relation.sql, relation.names, file.name, mapping, relation.row_of, relation.delimiter)
        write_typed(cells, path)
        warnings += cells.warnings
    columns = {name: name for name in mapping.columns}
    if mapping.tags:
        columns["resource_tags"] = "resource_tags"
    rows, schema = _read_footer(File(path, file.name, file.modified))
    types = dict(zip(schema.names, schema.types, strict=True))
    typed = _without_untyped(replace(mapping, columns=columns, tags={}), types)
    return BillFile(file, path, typed, rows, DECIMAL, _columns(schema), tuple(warnings))


def find_invalid_cost(file: BillFile) -> tuple[int, str] | None:
    """The row, counted from 1, and the column of the first cost that is NaN or infinite."""
    import pyarrow.compute
    import pyarrow.parquet

    name = file.mapping.columns.get(file.format.cost_column)
    if name is None:
        return None
    rows_before = 0
    for batch in pyarrow.parquet.ParquetFile(file.path).iter_batches(columns=[name]):
        costs = batch.column(0)
        if pyarrow.types.is_floating(costs.type):
            index = pyarrow.compute.index(pyarrow.compute.is_finite(costs), False).as_py()
            if index >= 0:
                return rows_before + index + 1, name
        rows_before += len(costs)
    return None


def _read_footer(file: File) -> tuple[int, pyarrow.Schema]:
    import pyarrow

    try:
        metadata = read_metadata(file.path)
        return metadata.num_rows, metadata.schema.to_arrow_schema()
    except (pyarrow.ArrowException, OSError) as error:
        reason = f"the Parquet file is damaged or truncated ({error}). Download it again."
        raise UnreadableBill(file.name, reason) from None


def _names_in_sql(source: str, names: Sequence[str], duck: DuckDBEngine) -> dict[str, str]:
    """The name of each column → its name in DuckDB, which numbers names that differ only by case or not at all."""
    described = [row[0] for row in duck.run_sql(f"DESCRIBE SELECT * FROM {source}")]
    return dict(reversed(list(zip(names, described, strict=True))))


def _without_untyped(mapping: ColumnMapping, types: Mapping[str, pyarrow.DataType]) -> ColumnMapping:
    """Leave out columns without any value, which have no type in Parquet."""
    import pyarrow

    def has_values(source: str) -> bool:
        return not pyarrow.types.is_null(types[source])

    return replace(
        mapping,
        columns={name: source for name, source in mapping.columns.items() if has_values(source)},
        tags={key: source for key, source in mapping.tags.items() if has_values(source)},
    )


def _is_typed(name: str, kind: Kind, type_: pyarrow.DataType) -> bool:
    """Whether a column needs no parsing. AWS's own files have rates as text."""
    from pyarrow import types

    if kind == "number":
        is_number = types.is_floating(type_) or types.is_integer(type_) or types.is_decimal(type_)
        return is_number or name.endswith("_rate")
    if kind == "timestamp":
        return types.is_timestamp(type_) or types.is_date(type_)
    return types.is_map(type_) if kind == "map" else True


def _as_text(type_: pyarrow.DataType, name: str) -> str:
    from pyarrow import types

    column = quote_identifier(name)
    if types.is_map(type_) or types.is_nested(type_):
        return f"CAST(to_json({column}) AS VARCHAR)"
    if types.is_timestamp(type_) and type_.tz is not None:  # leaves out the offset: the session is in UTC
        return f"CAST(CAST({column} AS TIMESTAMP) AS VARCHAR)"
    return f"CAST({column} AS VARCHAR)"


def _number_type(mapping: ColumnMapping, types: dict[str, pyarrow.DataType]) -> str:
    from pyarrow.types import is_floating

    numbers = [
        type_ for name, type_ in types.items() if mapping.format.fields[name] == "number" and not name.endswith("_rate")
    ]
    return FLOAT if any(is_floating(type_) for type_ in numbers) else DECIMAL


def _columns(schema: pyarrow.Schema) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, str(field.type)) for field in schema)
