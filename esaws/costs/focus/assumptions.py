"""What is put where FOCUS demands something and a bill has nothing, a sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.costs.bill.warnings import CURRENCY
from esaws.costs.focus.bill_lines import Lines, looked_up
from esaws.costs.focus.vocabulary import NOT_TOLD

if TYPE_CHECKING:
    import ibis.expr.types as ir


def assumptions(lines: Lines) -> dict[str, ir.BooleanValue]:
    """What was put where FOCUS demands something and the bill has nothing → the rows that it was put in."""
    table, priced = lines.table, lines.is_priced

    def nothing(name: str) -> ir.BooleanValue:
        return lines.text(name).isnull()

    nowhere = nothing("service") & nothing("service_name")
    unread = [kind for kind, each in lines.words.charges.items() if not each.is_known]
    unsorted = [name for name, each in lines.words.services.items() if not each.is_known and name != NOT_TOLD]
    named = looked_up(lines.text("service"), lines.words.names, NOT_TOLD)
    found: dict[str, ir.BooleanValue] = {
        "tell no month: BillingPeriod is the one in which they begin": table.period.isnull(),
        "tell no end: ChargePeriodEnd is the end of the month": table.end.isnull(),
        "tell no payer: BillingAccountId is the account that used it": nothing("payer") & ~nothing("account"),
        f"tell no account: BillingAccountId is {NOT_TOLD!r}": nothing("payer") & nothing("account"),
        f"tell no currency: BillingCurrency is {CURRENCY}": nothing("currency"),
        "tell no seller: InvoiceIssuerName is the provider": nothing("seller"),
        "tell no publisher: PublisherName is who invoices": nothing("publisher"),
        f"tell no service: ServiceName is {NOT_TOLD!r}, ServiceCategory Other": nowhere,
        "do not tell what kind of charge they are: ChargeCategory is Usage": lines.kind.isnull(),
        "tell no SKU: SkuId and SkuPriceId are the usage type, or else the service": priced & nothing("price_code"),
        "tell no quantity: the columns of quantities and unit prices are empty": priced & lines.quantity.isnull(),
        "tell no unit: PricingUnit is Units": lines.quantity.notnull() & nothing("unit"),
        "tell no list price: ListCost is BilledCost": priced & lines.number("list_cost").isnull(),
    }
    if unread:
        told = f"are of a kind that is not known ({', '.join(unread)}): ChargeCategory is Adjustment"
        found[told] = lines.kind.isin(unread)
    if unsorted:
        name = lines.text("service_name")
        shown = ", ".join(unsorted[:5]) + (f" and {len(unsorted) - 5} more" if len(unsorted) > 5 else "")
        told = f"are of services that no table knows ({shown}): ServiceCategory is Other"
        found[told] = name.fill_null("").isin(unsorted) | (name.isnull() & named.isin(unsorted))
    return found
