"""A bill written as FOCUS, in a file that others read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.free_tier import decimal
from esaws.costs.bill.schema import METRICS
from esaws.costs.engines.duckdb import Embedded
from esaws.costs.focus.assumptions import assumptions
from esaws.costs.focus.bill_lines import Lines
from esaws.costs.focus.columns import VALIDATED_AS, FocusColumn, columns_of
from esaws.costs.focus.files import check, ending_of, whole, write_batches
from esaws.costs.focus.mapping import focus_table
from esaws.costs.focus.vocabulary import words_of
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from esaws.costs.bill.bill import Bill

_BATCH = 50_000


@dataclass(frozen=True)
class Written:
    """A file that was written."""

    file: Path
    version: str
    rows: int
    totals: Mapping[str, Decimal]
    """The sum of BilledCost by currency."""
    warnings: tuple[str, ...]
    """Those of the bill, what was assumed because the bill does not tell it, and what FOCUS has no column for."""

    def to_dict(self) -> dict[str, Any]:
        """With documented keys: file, version, rows, totals (of BilledCost, by currency), warnings."""
        totals = {currency: float(round(amount, 10)) for currency, amount in self.totals.items()}
        return {
            "file": str(self.file),
            "version": self.version,
            "rows": self.rows,
            "totals": totals,
            "warnings": list(self.warnings),
        }


def write_focus(bill: Bill, path: str | Path, version: str = "1.0", *, overwrite: bool = False) -> Written:
    """Write a bill as FOCUS `1.0` or `1.2`: `.csv`, `.csv.gz` or `.parquet`, by the ending of the file.

    A row of the bill is a row of the file, in the order in which the engine gives them. BilledCost is what was charged
    (unblended), EffectiveCost the amortized cost. Numbers are exact in CSV as far as the bill has them so, and
    floating point numbers in Parquet, as in AWS's own files. The file appears when it is whole.

    In 1.0 five columns stand there again under the names that focus-validator 1.0.0 looks for
    (`columns.VALIDATED_AS`); usage types have a column since 1.1 alone (SkuMeter).

    Raises:
        UsageError: no such version or ending, a file that is there already, a folder that can't be written to, a bill
            that is in another engine than DuckDB, or one with a cost that is no number or with rows without any date.
    """
    columns, path = columns_of(version), Path(path)
    ending = ending_of(path)
    if not isinstance(bill.engine, Embedded):
        raise _by_another(bill.engine.name)
    with whole(path, overwrite=overwrite) as partial:
        lines = Lines(bill, words_of(bill))
        table = focus_table(lines)
        totals = _totals(bill, lines, table)
        warnings = (*bill.warnings, *_told(bill, lines, version))
        as_text = ending != ".parquet"
        chosen = {name: _cell(table[name], column, as_text) for name, column in columns.items()}
        rows = _stream(bill, lines.table.select(**chosen), columns, VALIDATED_AS.get(version, {}), partial, ending)
    return Written(path, version, rows, totals, warnings)


def ready_for(path: str | Path, version: str, engine: str | None, *, overwrite: bool = False) -> None:
    """Whether `write_focus` could begin, before a bill is read, or Cost Explorer asked for one.

    Raises:
        UsageError: no such version or ending, another engine, a file that is there, or a folder that is not.
    """
    columns_of(version)
    ending_of(Path(path))
    if engine not in (None, "duckdb", "duckdb://"):
        raise _by_another(engine)
    check(Path(path), overwrite=overwrite)


def _by_another(engine: str) -> UsageError:
    return UsageError(f"FOCUS is written by duckdb, in this process; leave out the engine {engine}")


def _totals(bill: Bill, lines: Lines, table: Mapping[str, ir.Value]) -> dict[str, Decimal]:
    """What is billed by currency.

    Raises:
        UsageError: a cost is no number, or rows have no date.
    """
    cost = lines.table[METRICS[lines.metric]]
    unreal = cost.isnan() | cost.isinf() if cost.type().is_floating() else cost.isnull() & False
    told = lines.table.select(
        currency=table["BillingCurrency"],
        cost=table["BilledCost"],
        unreal=unreal,
        undated=table["BillingPeriodStart"].isnull(),
    )
    sums = told.group_by("currency").aggregate(
        cost=told.cost.sum(), unreal=told.unreal.sum(), undated=told.undated.sum()
    )
    rows = bill.rows_of(sums.order_by("currency"))
    if any(row["unreal"] for row in rows):
        raise bill.no_number()
    if undated := sum(row["undated"] or 0 for row in rows):
        raise UsageError(f"{undated} rows of the bill have no date: FOCUS demands a billing period of each")
    return {row["currency"]: decimal(row["cost"]) or Decimal(0) for row in rows}


def _told(bill: Bill, lines: Lines, version: str) -> Iterator[str]:
    """What had to be assumed, and what is lost."""
    assumed = assumptions(lines)
    counted = {f"n{number}": rows.fill_null(False).sum() for number, rows in enumerate(assumed.values())}
    (counts,) = bill.rows_of(lines.table.aggregate(**counted, metered=lines.text("usage_type").count()))
    metered = counts.pop("metered")
    for sentence, rows in zip(assumed, counts.values(), strict=True):
        if rows:
            yield f"{rows} rows {sentence}"
    if lines.metric != "unblended":
        yield f"the bill tells no unblended costs: BilledCost is {lines.metric}"
    if not lines.is_amortized:
        yield "the bill tells no amortized costs: EffectiveCost is BilledCost"
    if version == "1.0" and metered:
        yield "FOCUS 1.0 has no column for usage types; 1.2 has (SkuMeter)"
    if bill.format.startswith("FOCUS"):
        yield (
            "told anew, and not taken over: ServiceCategory, ServiceSubcategory, ChargeFrequency, RegionName, "
            "ResourceName and ResourceType, the types of accounts, the unit prices, SkuPriceDetails, PricingQuantity "
            "(as ConsumedQuantity), what stands beside CommitmentDiscountId, and capacity reservations"
        )


def _cell(value: ir.Value, column: FocusColumn, as_text: bool) -> ir.Value:
    """A value as the file has it; in text, numbers with decimals and moments as ISO 8601 in UTC."""
    import ibis

    if not as_text:
        return value
    if column.type == "moment":
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if column.type != "number":
        return value
    shown = value.cast("string")
    if value.type().is_floating():
        return shown.upper()
    bare = _without_zeros(shown)
    return ibis.ifelse(bare.endswith("."), bare + "0", bare)


def _without_zeros(text: ir.StringValue) -> ir.StringValue:
    import ibis

    @ibis.udf.scalar.builtin(name="rtrim", signature=(("string", "string"), "string"))
    def rtrim(text: Any, characters: Any) -> Any: ...

    trimmed: ir.StringValue = rtrim(text, "0")
    return trimmed


def _stream(
    bill: Bill,
    table: ir.Table,
    columns: Mapping[str, FocusColumn],
    also: Mapping[str, str],
    path: Path,
    ending: str,
) -> int:
    import duckdb
    import pyarrow

    assert isinstance(bill.engine, Embedded)
    try:
        batches = bill.engine.raw.sql(bill.engine.ibis.compile(table)).to_arrow_reader(_BATCH)
        try:
            return write_batches(batches, columns, also, path, ending)
        finally:
            batches.close()  # what is not fetched would stand in the way of the next question to the bill
    except (duckdb.Error, pyarrow.ArrowInvalid) as error:
        raise UsageError(f"the bill can't be read: {error}") from None
