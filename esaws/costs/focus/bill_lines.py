"""The lines of a bill, asked in FOCUS's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from esaws.costs.bill.schema import METRICS
from esaws.costs.focus.vocabulary import TAX, Words

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from esaws.costs.bill.bill import Bill


class Lines:
    """The lines of a bill, each question to them answered by an expression.

    What is empty, no number or infinite in the bill is NULL here.
    """

    def __init__(self, bill: Bill, words: Words) -> None:
        import ibis

        lines = bill.lines
        self.table = lines
        self.words = words
        self.metric = "unblended" if "unblended" in bill.metrics else bill.metric()
        self.is_amortized = "amortized" in bill.metrics
        # Cost Explorer calls tax a service, where it was not asked for record types.
        tax = (self.text("service") == TAX).ifelse(TAX, None)
        self.kind = ibis.coalesce(self.text("line_item_type"), tax)
        kinds = words.charges
        self.category = looked_up(self.kind, {kind: each.category for kind, each in kinds.items()})
        self.is_usage = self.category == "Usage"
        self.is_priced = self.category.isin(["Usage", "Purchase"])
        self.is_tax = self.category == "Tax"
        covered = [kind for kind, each in kinds.items() if each.is_covered]
        committed = self.text("commitment").notnull()
        self.is_covered = self.is_usage & (committed | self.kind.fill_null("").isin(covered))
        self.billed = self.number(METRICS[self.metric]).fill_null(0)
        self.quantity = (self.is_tax).ifelse(None, self.number("quantity"))

    def text(self, name: str) -> ir.StringValue:
        return self.table[name].nullif("")

    def number(self, name: str) -> ir.NumericValue:
        column = self.table[name]
        return (column.isnan() | column.isinf()).ifelse(None, column) if column.type().is_floating() else column

    def per_unit(self, cost: ir.NumericValue) -> ir.NumericValue:
        """A cost for each unit of what was used, to twelve decimals; NULL where nothing was used."""
        unit = (cost.cast("float64") / self.quantity.cast("float64").nullif(0)).round(12)
        return unit.try_cast(self.table.quantity.type())


def looked_up(column: ir.StringValue, meanings: Mapping[str, str], otherwise: str | None = None) -> ir.StringValue:
    """What a text means; empty text is looked up for one that is not there."""
    import ibis

    if not meanings:
        return ibis.literal(otherwise, type="string")
    known = ibis.literal(dict(meanings), type="map<string, string>")
    return ibis.coalesce(known[column.fill_null("")], ibis.literal(otherwise, type="string"))
