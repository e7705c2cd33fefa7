"""Write a bill as a FOCUS file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.credits import NET_OF_CREDITS, CreditSplit, has_no_type, is_credit
from esaws.costs.bill.free_tier import to_decimal
from esaws.costs.bill.schema import METRICS
from esaws.costs.engines.duckdb import DuckDBEngine
from esaws.costs.focus.assumptions import assumptions
from esaws.costs.focus.bill_lines import BillLines
from esaws.costs.focus.columns import DRAFT_NAMES, FocusColumn, columns_of
from esaws.costs.focus.files import check_writable, suffix_of, temporary_path, write_batches
from esaws.costs.focus.mapping import focus_table
from esaws.costs.focus.vocabulary import read_vocabulary
from esaws.costs.results import TableResult
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas

    from esaws.costs.bill.bill import Bill

_BATCH_ROWS = 50_000


@dataclass(frozen=True, repr=False)
class FocusFile(TableResult):
    """A written FOCUS file."""

    file: Path
    version: str
    rows: int
    totals: Mapping[str, Decimal]
    """The sum of BilledCost by currency: what is to pay."""
    splits: Mapping[str, CreditSplit]
    """What was used, paid by credits and is to pay, by currency."""
    warnings: tuple[str, ...]
    """The bill's warnings, assumptions where the bill has no value, and columns that FOCUS lacks."""

    def to_frame(self) -> pandas.DataFrame:
        """The sum of BilledCost by currency. Columns: currency, billed_cost."""
        import pandas

        totals = [(currency, float(amount)) for currency, amount in self.totals.items()]
        return pandas.DataFrame(totals, columns=["currency", "billed_cost"])

    def to_dict(self) -> dict[str, Any]:
        """Keys: file, version, rows, totals (of BilledCost), before_credits, credits, to_pay (by currency), warnings.

        before_credits and credits are null where the bill does not show which lines are credits.
        """
        splits = {currency: split.to_dict() for currency, split in self.splits.items()}
        totals = {currency: float(round(amount, 10)) for currency, amount in self.totals.items()}
        return {
            "file": str(self.file),
            "version": self.version,
            "rows": self.rows,
            "totals": totals,
            **{
                name: {currency: split[name] for currency, split in splits.items()}
                for name in ("before_credits", "credits", "to_pay")
            },
            "warnings": list(self.warnings),
        }

    def __repr__(self) -> str:
        return f"{self.file}: FOCUS {self.version}, {self.rows:,} rows"


def write_focus(bill: Bill, path: str | Path, version: str = "1.0", *, overwrite: bool = False) -> FocusFile:
    """Write a bill as FOCUS `1.0`, `1.2`, `1.3` or `1.4`, to a `.csv`, `.csv.gz` or `.parquet` file.

    Each row of the bill becomes a row of the file, in the order of the engine. BilledCost is the unblended cost,
    EffectiveCost the amortized cost. Numbers in CSV are as exact as in the bill; in Parquet they are floats, as in
    AWS's own files. The file appears when it is complete.

    Files of version 1.0 repeat five columns under the names that focus-validator 1.0.0 requires
    (`columns.DRAFT_NAMES`). They have no column for usage types; SkuMeter exists since 1.1. ProviderName and
    PublisherName are deprecated in 1.3, which still requires them, and not in 1.4.

    Raises:
        UsageError: the version or suffix is unknown, the file exists or can't be written, the bill is in another engine
            than DuckDB, a cost is not a number, or a row has no date.
    """
    columns, path = columns_of(version), Path(path)
    suffix = suffix_of(path)
    if not isinstance(bill.engine, DuckDBEngine):
        raise _wrong_engine(bill.engine.name)
    with temporary_path(path, overwrite=overwrite) as temporary:
        lines = BillLines(bill, read_vocabulary(bill))
        table = focus_table(lines)
        splits = _splits(bill, lines, table)
        totals = {currency: split.to_pay for currency, split in splits.items()}
        warnings = (*bill.warnings, *_warnings(bill, lines, version))
        if any(split.credits is None for split in splits.values()):
            warnings = (*warnings, NET_OF_CREDITS)
        as_text = suffix != ".parquet"
        cells = {name: _cell(table[name], column, as_text) for name, column in columns.items()}
        rows = _stream(
            bill.engine, lines.table.select(**cells), columns, DRAFT_NAMES.get(version, {}), temporary, suffix
        )
    return FocusFile(path, version, rows, totals, splits, warnings)


def check_output(path: str | Path, version: str, engine: str | None, *, overwrite: bool = False) -> None:
    """Check the arguments of `write_focus` before a bill is read, or Cost Explorer is queried for one.

    Raises:
        UsageError: the version, suffix or engine is not possible, the file exists, or its folder does not.
    """
    columns_of(version)
    suffix_of(Path(path))
    if engine not in (None, "duckdb", "duckdb://"):
        raise _wrong_engine(engine)
    check_writable(Path(path), overwrite=overwrite)


def _wrong_engine(engine: str) -> UsageError:
    return UsageError(f"engine {engine} can't write FOCUS, only duckdb can. Leave out the engine.")


def _splits(bill: Bill, lines: BillLines, table: Mapping[str, ir.Value]) -> dict[str, CreditSplit]:
    """The billed cost by currency, and what credits paid.

    Raises:
        UsageError: a cost is not a number, or rows have no date.
    """
    cost = lines.table[METRICS[lines.metric]]
    is_invalid = cost.isnan() | cost.isinf() if cost.type().is_floating() else cost.isnull() & False
    rows = lines.table.select(
        currency=table["BillingCurrency"],
        cost=table["BilledCost"],
        paid=is_credit(lines.table).ifelse(-table["BilledCost"], table["BilledCost"] * 0),
        untyped=has_no_type(lines.table),
        invalid=is_invalid,
        undated=table["BillingPeriodStart"].isnull(),
    )
    sums = rows.group_by("currency").aggregate(
        cost=rows.cost.sum(),
        paid=rows.paid.sum(),
        untyped=rows.untyped.sum(),
        invalid=rows.invalid.sum(),
        undated=rows.undated.sum(),
    )
    totals = bill.fetch_rows(sums.order_by("currency"))
    if any(row["invalid"] for row in totals):
        raise bill.invalid_cost_error()
    if undated := sum(row["undated"] or 0 for row in totals):
        raise UsageError(f"{undated} rows of the bill have no date (FOCUS requires a billing period for each row)")
    return {
        row["currency"]: CreditSplit(
            to_decimal(row["cost"]) or Decimal(0), None if row["untyped"] else to_decimal(row["paid"])
        )
        for row in totals
    }


def _warnings(bill: Bill, lines: BillLines, version: str) -> Iterator[str]:
    """The assumptions, and the information of the bill that FOCUS loses."""
    assumed = assumptions(lines)
    sums = {f"n{number}": rows.fill_null(False).sum() for number, rows in enumerate(assumed.values())}
    (counts,) = bill.fetch_rows(lines.table.aggregate(**sums, metered=lines.text("usage_type").count()))
    metered = counts.pop("metered")
    for sentence, rows in zip(assumed, counts.values(), strict=True):
        if rows:
            yield f"{rows} rows {sentence}"
    if lines.metric != "unblended":
        yield f"the bill has no unblended costs: BilledCost is {lines.metric}"
    if not lines.is_amortized:
        yield "the bill has no amortized costs: EffectiveCost is BilledCost"
    if version == "1.0" and metered:
        yield "FOCUS 1.0 has no column for usage types; 1.2 has one (SkuMeter)"
    if bill.format.startswith("FOCUS"):
        yield (
            "derived again instead of copied: ServiceCategory, ServiceSubcategory, ChargeFrequency, RegionName, "
            "ResourceName, ResourceType, account types, unit prices, SkuPriceDetails, PricingQuantity (equal to "
            "ConsumedQuantity), all CommitmentDiscount columns except CommitmentDiscountId, and capacity reservations"
        )


def _cell(value: ir.Value, column: FocusColumn, as_text: bool) -> ir.Value:
    """A value as it is written; as text, numbers have decimals and timestamps are ISO 8601 in UTC."""
    import ibis

    if not as_text:
        return value
    if column.type == "timestamp":
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if column.type != "number":
        return value
    text = value.cast("string")
    if value.type().is_floating():
        return text.upper()
    trimmed = _strip_zeros(text)
    return ibis.ifelse(trimmed.endswith("."), trimmed + "0", trimmed)


def _strip_zeros(text: ir.StringValue) -> ir.StringValue:
    import ibis

    @ibis.udf.scalar.builtin(name="rtrim", signature=(("string", "string"), "string"))
    def rtrim(text: Any, characters: Any) -> Any: ...

    stripped: ir.StringValue = rtrim(text, "0")
    return stripped


def _stream(
    engine: DuckDBEngine,
    table: ir.Table,
    columns: Mapping[str, FocusColumn],
    draft_names: Mapping[str, str],
    path: Path,
    suffix: str,
) -> int:
    import duckdb
    import pyarrow

    try:
        batches = engine.stream(table, _BATCH_ROWS)
        try:
            return write_batches(batches, columns, draft_names, path, suffix)
        finally:
            batches.close()  # DuckDB runs no other query while rows are left
    except (duckdb.Error, pyarrow.ArrowInvalid) as error:
        raise UsageError(f"the bill can't be read ({error})") from None
