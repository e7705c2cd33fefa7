"""The lines of a bill, as expressions for the columns of FOCUS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from esaws.costs.bill.schema import METRICS
from esaws.costs.focus.vocabulary import TAX, Vocabulary

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from esaws.costs.bill.bill import Bill


class BillLines:
    """The lines of a bill. Values that are empty, NaN or infinite in the bill are NULL here."""

    def __init__(self, bill: Bill, vocabulary: Vocabulary) -> None:
        import ibis

        self.table = bill.lines
        self.vocabulary = vocabulary
        self.metric = "unblended" if "unblended" in bill.metrics else bill.resolve_metric()
        self.is_amortized = "amortized" in bill.metrics
        # Without record types, Cost Explorer lists tax as a service.
        tax = (self.text("service") == TAX).ifelse(TAX, None)
        self.line_item_type = ibis.coalesce(self.text("line_item_type"), tax)
        charges = vocabulary.charges
        self.category = map_values(self.line_item_type, {name: charge.category for name, charge in charges.items()})
        self.is_usage = self.category == "Usage"
        self.is_priced = self.category.isin(["Usage", "Purchase"])
        self.is_tax = self.category == "Tax"
        covered_types = [name for name, charge in charges.items() if charge.is_covered]
        has_commitment = self.text("commitment").notnull()
        has_covered_type = self.line_item_type.fill_null("").isin(covered_types)
        self.is_covered = self.is_usage & (has_commitment | has_covered_type)
        self.billed = self.number(METRICS[self.metric]).fill_null(0)
        self.quantity = self.is_tax.ifelse(None, self.number("quantity"))

    def text(self, name: str) -> ir.StringValue:
        return self.table[name].nullif("")

    def number(self, name: str) -> ir.NumericValue:
        column = self.table[name]
        return (column.isnan() | column.isinf()).ifelse(None, column) if column.type().is_floating() else column

    def per_unit(self, cost: ir.NumericValue) -> ir.NumericValue:
        """A cost divided by the quantity, to twelve decimals; NULL where the quantity is 0."""
        price = (cost.cast("float64") / self.quantity.cast("float64").nullif(0)).round(12)
        return price.try_cast(self.table.quantity.type())


def map_values(column: ir.StringValue, values: Mapping[str, str], default: str | None = None) -> ir.StringValue:
    """Replace each text of a column by its value in a mapping. NULL is looked up as empty text."""
    import ibis

    if not values:
        return ibis.literal(default, type="string")
    mapping = ibis.literal(dict(values), type="map<string, string>")
    return ibis.coalesce(mapping[column.fill_null("")], ibis.literal(default, type="string"))
