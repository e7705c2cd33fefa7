"""Parquet files of bills: recognised by their footers; those whose numbers or dates are text are cleaned as text is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from esaws.costs.bill import typed_text
from esaws.costs.bill.bill_file import Part
from esaws.costs.bill.files import File, Unreadable
from esaws.costs.bill.format import Recognised
from esaws.costs.bill.recognise import recognise
from esaws.costs.bill.schema import DECIMAL, FLOAT, Kind
from esaws.costs.engines.duckdb import Embedded, literal, quoted

if TYPE_CHECKING:
    import pyarrow

MAGIC = b"PAR1"


def parquet_part(file: File, duck: Embedded, scratch: Path) -> Part:
    """A Parquet file as a part of a bill.

    Raises:
        Unreadable: it is cut off, or no bill, or a cell of text can't be read.
    """
    rows, schema = _footer(file)
    recognised = recognise(schema.names)
    if recognised is None:
        raise Unreadable(file.name, f"its columns are not those of a bill: {', '.join(schema.names[:6])}…")
    recognised = _with_values(recognised, schema)
    types = {name: schema.field(given).type for name, given in recognised.columns.items()}
    if all(_is_typed(name, recognised.format.fields[name], type_) for name, type_ in types.items()):
        return Part(file, file.path, recognised, rows, _number(recognised, types), _columns(schema))
    names = {
        given: f"c{number}" for number, given in enumerate([*recognised.columns.values(), *recognised.tags.values()])
    }
    source = ", ".join(f"{_as_text(schema.field(given).type, given)} AS {name}" for given, name in names.items())
    reading = f"(SELECT {source} FROM read_parquet({literal(str(file.path))}, hive_partitioning = false))"
    cells = typed_text.load(duck, reading, names, file.name, recognised, lambda index: index + 1)
    return cleaned_part(file, cells, scratch)


def cleaned_part(file: File, cells: typed_text.Cells, scratch: Path) -> Part:
    """Cells of text, written as Parquet with types."""
    path = scratch / f"{cells.table}.parquet"
    rows = typed_text.write(cells, path)
    known = cells.recognised
    names = {name: name for name in known.columns} | ({"resource_tags": "resource_tags"} if known.tags else {})
    _, schema = _footer(File(path, file.name, file.changed))
    recognised = _with_values(replace(known, columns=names, tags={}), schema)
    return Part(file, path, recognised, rows, DECIMAL, _columns(schema), tuple(cells.warnings))


def first_no_number(part: Part) -> tuple[int, str] | None:
    """The row, counted from 1, and column of the first cost that is infinite or no number."""
    import pyarrow.compute
    import pyarrow.parquet

    name = part.recognised.columns.get(part.format.cost)
    if name is None:
        return None
    before = 0
    for batch in pyarrow.parquet.ParquetFile(part.path).iter_batches(columns=[name]):
        costs = batch.column(0)
        if pyarrow.types.is_floating(costs.type):
            found = pyarrow.compute.index(pyarrow.compute.is_finite(costs), False).as_py()
            if found >= 0:
                return before + found + 1, name
        before += len(costs)
    return None


def _footer(file: File) -> tuple[int, pyarrow.Schema]:
    import pyarrow
    import pyarrow.parquet

    try:
        metadata = pyarrow.parquet.read_metadata(file.path)
        return metadata.num_rows, metadata.schema.to_arrow_schema()
    except (pyarrow.ArrowException, OSError) as error:
        raise Unreadable(file.name, f"the Parquet file is damaged or cut off ({error}); get it again") from None


def _with_values(recognised: Recognised, schema: pyarrow.Schema) -> Recognised:
    """Without the columns that Parquet gives no type because nothing is in them."""
    import pyarrow

    def has_values(given: str) -> bool:
        return not pyarrow.types.is_null(schema.field(given).type)

    return replace(
        recognised,
        columns={name: given for name, given in recognised.columns.items() if has_values(given)},
        tags={key: given for key, given in recognised.tags.items() if has_values(given)},
    )


def _is_typed(name: str, kind: Kind, type_: pyarrow.DataType) -> bool:
    """Whether a column can be read as it is. Rates are text in AWS's own files, too."""
    from pyarrow import types

    if kind == "number":
        is_number = types.is_floating(type_) or types.is_integer(type_) or types.is_decimal(type_)
        return is_number or name.endswith("_rate")
    if kind == "moment":
        return types.is_timestamp(type_) or types.is_date(type_)
    return types.is_map(type_) if kind == "map" else True


def _as_text(type_: pyarrow.DataType, name: str) -> str:
    from pyarrow import types

    if types.is_map(type_) or types.is_nested(type_):
        return f"CAST(to_json({quoted(name)}) AS VARCHAR)"
    if types.is_timestamp(type_) and type_.tz is not None:  # without the offset: in this session it is UTC's
        return f"CAST(CAST({quoted(name)} AS TIMESTAMP) AS VARCHAR)"
    return f"CAST({quoted(name)} AS VARCHAR)"


def _number(recognised: Recognised, types: dict[str, pyarrow.DataType]) -> str:
    from pyarrow import types as is_

    numbers = [
        types[name] for name in types if recognised.format.fields[name] == "number" and not name.endswith("_rate")
    ]
    return FLOAT if any(is_.is_floating(each) for each in numbers) else DECIMAL


def _columns(schema: pyarrow.Schema) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, str(field.type)) for field in schema)
