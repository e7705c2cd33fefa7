"""Cost Explorer responses as a bill: amounts by day or month, grouped by the requested dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from esaws.costs.bill.bill_file import BillFile, File
from esaws.costs.bill.formats.cost_explorer_responses import COSTS, QUANTITY, Result
from esaws.costs.bill.formats.format import ColumnMapping, Format, column, month_of, number, text
from esaws.costs.bill.schema import DECIMAL, METRICS, Kind
from esaws.errors import UsageError

if TYPE_CHECKING:
    import ibis.expr.types as ir

DIMENSIONS: Mapping[str, str] = {
    "SERVICE": "service",
    "USAGE_TYPE": "usage_type",
    "LINKED_ACCOUNT": "account",
    "REGION": "region",
    "AZ": "zone",
    "OPERATION": "operation",
    "RECORD_TYPE": "line_item_type",
    "RESOURCE_ID": "resource_id",
    "LEGAL_ENTITY_NAME": "seller",
    "BILLING_ENTITY": "publisher",
    "PURCHASE_TYPE": "term",
}
"""A dimension of Cost Explorer → the canonical column. Any other dimension becomes a tag."""

_METRICS = {
    "UnblendedCost": "unblended_cost",
    "BlendedCost": "blended_cost",
    "AmortizedCost": "amortized_cost",
    "NetUnblendedCost": "net_unblended_cost",
    "NetAmortizedCost": "net_amortized_cost",
}
_METRIC_BY_COLUMN = {column: metric for metric, column in _METRICS.items()}
_UNITS = ("currency", "unit")


class _CostExplorer(Format):
    family = "Cost Explorer"
    fields: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(("start", "end"), "timestamp"),
        **dict.fromkeys((*DIMENSIONS.values(), "account_name", *_UNITS), "text"),
        **dict.fromkeys((*COSTS, QUANTITY), "number"),
        "tags": "map",
    }
    period_columns = ("start",)
    month_start_columns = ()
    payer_column = ""
    start_column = "start"
    end_column = "end"
    invoice_column = ""
    currency_column = "currency"
    cost_column = "UnblendedCost"
    key_columns = ()
    natural_key_columns = ()
    amount_columns = ()

    def is_bill(self, columns: Mapping[str, str]) -> bool:
        return False

    def version(self, columns: Mapping[str, str], names: Sequence[str]) -> str:
        return "Cost Explorer"

    def tag_columns(self, names: Sequence[str]) -> Mapping[str, str]:
        return {}

    def metrics(self, mapping: ColumnMapping) -> frozenset[str]:
        return frozenset(name for name, column in METRICS.items() if _METRIC_BY_COLUMN[column] in mapping.columns)

    def canonical_columns(self, table: ir.Table) -> Mapping[str, ir.Value]:
        import ibis

        columns = {name: column(table, name) for name in ("start", "end", "tags")}
        columns |= {name: text(table, name) for name in (*DIMENSIONS.values(), "account_name", *_UNITS)}
        columns |= {canonical: number(table, metric) for metric, canonical in _METRICS.items()}
        columns |= {
            "period": month_of(table, ("start",)),
            "provider": ibis.literal("AWS"),
            "service_name": text(table, "service"),
            "quantity": number(table, QUANTITY),
            "free": ibis.literal(False),
        }
        return {name: value for name, value in columns.items() if value is not None}


COST_EXPLORER = _CostExplorer()


def drop_refetched(responses: Iterable[Sequence[Result]]) -> tuple[list[Result], int]:
    """Keep the newest results of several responses, given oldest first; also return how many results were replaced.

    If a response repeats a key that an earlier one has for the same period, the period was fetched again: all earlier
    results of that period are replaced. Pages of one response never share a key.

    Raises:
        UsageError: the same days are grouped by different dimensions, or come both by day and by month. They can't be
            added.
    """
    groups_by_period: dict[tuple[Any, ...], dict[tuple[str, ...], Result]] = {}
    replaced = 0
    for results in responses:
        new: dict[tuple[Any, ...], dict[tuple[str, ...], Result]] = {}
        for result in results:
            new.setdefault((result.start, result.end, result.by), {})[result.keys] = result
        for period, groups in new.items():
            old = groups_by_period.get(period, {})
            if old.keys() & groups.keys():
                replaced += len(old)
                old = {}
            groups_by_period[period] = {**old, **groups}
    _check_overlaps(list(groups_by_period))
    return [result for groups in groups_by_period.values() for result in groups.values()], replaced


def _check_overlaps(periods: list[tuple[Any, ...]]) -> None:
    """Raise UsageError if two periods overlap."""
    for first, second in pairwise(sorted(periods, key=lambda period: (period[0], period[1]))):
        if second[0] < first[1]:
            raise UsageError(
                f"Cost Explorer results overlap: {_describe(*first)}, and {_describe(*second)}. Give one of the two."
            )


def _describe(start: Any, end: Any, by: Sequence[str]) -> str:
    return f"{start:%Y-%m-%d} to {end:%Y-%m-%d} by {' and '.join(by) or 'nothing'}"


def write_results(file: File, results: Sequence[Result], path: Path) -> BillFile:
    """Write results as Parquet to `path`; return it as a bill file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [_row(result) for result in results]
    types = {"text": pa.string(), "timestamp": pa.timestamp("us"), "map": pa.map_(pa.string(), pa.string())}
    names = [name for name in COST_EXPLORER.fields if any(row.get(name) is not None for row in rows)]
    table = pa.table(
        {
            name: pa.array(
                [row.get(name) for row in rows], types.get(COST_EXPLORER.fields[name], pa.decimal128(38, 18))
            )
            for name in names
        }
    )
    pq.write_table(table, path)
    schema = tuple((field.name, str(field.type)) for field in table.schema)
    mapping = ColumnMapping(COST_EXPLORER, "Cost Explorer", {name: name for name in names})
    return BillFile(file, path, mapping, len(rows), DECIMAL, schema)


def _row(result: Result) -> dict[str, Any]:
    row: dict[str, Any] = {"start": result.start, "end": result.end, "currency": result.currency, "unit": result.unit}
    tags = {}
    for by, key in zip(result.by, result.keys, strict=True):
        if by in DIMENSIONS:
            row[DIMENSIONS[by]] = key
        elif by.startswith("TAG "):
            tags[by.removeprefix("TAG ")] = key.partition("$")[2]
        elif by.startswith("COST_CATEGORY "):
            name, value = by.removeprefix("COST_CATEGORY "), key.partition("$")[2]
            tags |= {name: value, f"costCategory/{name}": value}
        else:
            tags[by] = key
    row["account_name"] = result.account_name
    row["tags"] = list(tags.items()) or None
    return row | {name: _round(amount) for name, amount in result.amounts.items()}


def _round(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("1e-18"), rounding=ROUND_HALF_EVEN, context=Context(prec=38))
