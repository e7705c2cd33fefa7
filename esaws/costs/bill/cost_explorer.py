"""Cost Explorer's answers as a bill: amounts by day or month, as far down as was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from esaws.costs.bill.bill_file import Part
from esaws.costs.bill.cost_explorer_responses import COSTS, QUANTITY, Result
from esaws.costs.bill.files import File
from esaws.costs.bill.format import Format, Recognised, column, month_of, number, text
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
"""What can be asked for → the canonical column; any other is kept as a tag."""

_METRICS = {
    "UnblendedCost": "unblended_cost",
    "BlendedCost": "blended_cost",
    "AmortizedCost": "amortized_cost",
    "NetUnblendedCost": "net_unblended_cost",
    "NetAmortizedCost": "net_amortized_cost",
}
_METRIC_OF = {column: metric for metric, column in _METRICS.items()}
_OTHER = ("currency", "unit")


class _CostExplorer(Format):
    family = "Cost Explorer"
    fields: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(("start", "end"), "moment"),
        **dict.fromkeys((*DIMENSIONS.values(), *_OTHER), "text"),
        **dict.fromkeys((*COSTS, QUANTITY), "number"),
        "tags": "map",
    }
    period = ("start",)
    firsts = ()
    payer = ""
    starts = "start"
    ends = "end"
    invoice = ""
    currency = "currency"
    cost = "UnblendedCost"
    key = ()
    natural_key = ()
    amounts = ()

    def is_enough(self, known: Mapping[str, str]) -> bool:
        return False

    def version(self, known: Mapping[str, str], names: Sequence[str]) -> str:
        return "Cost Explorer"

    def tag_columns(self, names: Sequence[str]) -> Mapping[str, str]:
        return {}

    def metrics(self, known: Recognised) -> frozenset[str]:
        return frozenset(name for name, column in METRICS.items() if _METRIC_OF[column] in known.columns)

    def canonical(self, table: ir.Table) -> Mapping[str, ir.Value]:
        import ibis

        same = {name: column(table, name) for name in ("start", "end", "tags")}
        same |= {name: text(table, name) for name in (*DIMENSIONS.values(), *_OTHER)}
        costs = {canonical: number(table, metric) for metric, canonical in _METRICS.items()}
        rest = {
            "period": month_of(table, ("start",)),
            "provider": ibis.literal("AWS"),
            "service_name": text(table, "service"),
            "quantity": number(table, QUANTITY),
            "free": ibis.literal(False),
        }
        return {name: value for name, value in (same | costs | rest).items() if value is not None}


EXPLORER = _CostExplorer()


def without_repeats(fetched: Iterable[Sequence[Result]]) -> tuple[list[Result], int]:
    """What is left of several responses, the later ones last, and how many results were replaced.

    A response that has a key again which another has for the same span of time was fetched anew: all that was known of
    that span is replaced. Pages of a response never have a key in common.

    Raises:
        UsageError: the same days are told by different dimensions, or by day and by month: they can't be added.
    """
    known: dict[tuple[Any, ...], dict[tuple[str, ...], Result]] = {}
    replaced = 0
    for results in fetched:
        spans: dict[tuple[Any, ...], dict[tuple[str, ...], Result]] = {}
        for each in results:
            spans.setdefault((each.start, each.end, each.by), {})[each.keys] = each
        for span, groups in spans.items():
            before = known.get(span, {})
            if before.keys() & groups.keys():
                replaced += len(before)
                before = {}
            known[span] = {**before, **groups}
    _told_once(list(known))
    return [result for groups in known.values() for result in groups.values()], replaced


def _told_once(spans: list[tuple[Any, ...]]) -> None:
    """Whether no moment is told in two ways."""
    in_order = sorted(spans, key=lambda span: (span[0], span[1]))
    for (start, end, by), (next_start, next_end, next_by) in pairwise(in_order):
        if next_start < end:
            told = f"by {' and '.join(by) or 'nothing'} from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
            again = f"by {' and '.join(next_by) or 'nothing'} from {next_start:%Y-%m-%d} to {next_end:%Y-%m-%d}"
            raise UsageError(f"Cost Explorer tells the same days twice, {told} and {again}: give one of the two")


def explorer_part(file: File, results: Sequence[Result], path: Path) -> Part:
    """Results of Cost Explorer as a part of a bill, written to `path`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [_row(result) for result in results]
    types = {"text": pa.string(), "moment": pa.timestamp("us"), "map": pa.map_(pa.string(), pa.string())}
    names = [name for name in EXPLORER.fields if any(row.get(name) is not None for row in rows)]
    table = pa.table(
        {
            name: pa.array([row.get(name) for row in rows], types.get(EXPLORER.fields[name], pa.decimal128(38, 18)))
            for name in names
        }
    )
    pq.write_table(table, path)
    columns = tuple((field.name, str(field.type)) for field in table.schema)
    recognised = Recognised(EXPLORER, "Cost Explorer", {name: name for name in names})
    return Part(file, path, recognised, len(rows), DECIMAL, columns)


def _row(result: Result) -> dict[str, Any]:
    row: dict[str, Any] = {"start": result.start, "end": result.end, "currency": result.currency, "unit": result.unit}
    tags = {}
    for by, key in zip(result.by, result.keys, strict=True):
        if by in DIMENSIONS:
            row[DIMENSIONS[by]] = key
        elif by.startswith("TAG "):
            tags[by.removeprefix("TAG ")] = key.partition("$")[2]
        else:
            tags[by] = key
    return {**row, "tags": list(tags.items()) or None, **{name: _rounded(x) for name, x in result.amounts.items()}}


def _rounded(amount: Any) -> Any:
    from decimal import ROUND_HALF_EVEN, Context, Decimal

    return amount.quantize(Decimal("1e-18"), rounding=ROUND_HALF_EVEN, context=Context(prec=38))
