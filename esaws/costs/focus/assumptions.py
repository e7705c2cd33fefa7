"""The values that are assumed where FOCUS requires one and a bill has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.costs.bill.schema import DEFAULT_CURRENCY
from esaws.costs.focus.bill_lines import BillLines, map_values
from esaws.costs.focus.vocabulary import NOT_PROVIDED

if TYPE_CHECKING:
    import ibis.expr.types as ir


def assumptions(lines: BillLines) -> dict[str, ir.BooleanValue]:
    """Map each assumption, the end of a sentence that begins with "12 rows", to the rows that it is made for."""
    table, priced = lines.table, lines.is_priced

    def is_missing(name: str) -> ir.BooleanValue:
        return lines.text(name).isnull()

    vocabulary = lines.vocabulary
    no_service = is_missing("service") & is_missing("service_name")
    unknown_types = [name for name, charge in vocabulary.charges.items() if not charge.is_known]
    unknown_services = [
        name for name, service in vocabulary.services.items() if not service.is_known and name != NOT_PROVIDED
    ]
    no_provider = is_missing("provider") & is_missing("seller")
    no_company = is_missing("seller") & is_missing("publisher")
    rows: dict[str, ir.BooleanValue] = {
        "have no provider: its name is that of the invoice issuer or publisher": is_missing("provider") & ~no_company,
        "have no provider, invoice issuer or publisher: their names, which FOCUS requires, are empty": (
            is_missing("provider") & no_company
        ),
        "have no month: BillingPeriod is the month in which they start": table.period.isnull(),
        "have no end: ChargePeriodEnd is the end of the month": table.end.isnull(),
        "have no payer: BillingAccountId is the usage account": is_missing("payer") & ~is_missing("account"),
        f"have no account: BillingAccountId is {NOT_PROVIDED!r}": is_missing("payer") & is_missing("account"),
        f"have no currency: BillingCurrency is {DEFAULT_CURRENCY}": is_missing("currency"),
        "have no seller: InvoiceIssuerName is the provider": is_missing("seller") & ~is_missing("provider"),
        "have no publisher: PublisherName is the invoice issuer": is_missing("publisher") & ~no_provider,
        f"have no service: ServiceName is {NOT_PROVIDED!r}, ServiceCategory Other": no_service,
        "have no line item type: ChargeCategory is Usage": lines.line_item_type.isnull(),
        "have no SKU: SkuId and SkuPriceId are the usage type, or the service": priced & is_missing("price_code"),
        "have no quantity: quantities and unit prices are empty": priced & lines.quantity.isnull(),
        "have no unit: PricingUnit is Units": lines.quantity.notnull() & is_missing("unit"),
        "have no list price: ListCost is BilledCost": priced & lines.number("list_cost").isnull(),
    }
    if unknown_types:
        sentence = f"have an unknown line item type ({', '.join(unknown_types)}): ChargeCategory is Adjustment"
        rows[sentence] = lines.line_item_type.isin(unknown_types)
    if unknown_services:
        names = ", ".join(unknown_services[:5])
        if len(unknown_services) > 5:
            names += f" and {len(unknown_services) - 5} more"
        name = lines.text("service_name")
        default_name = map_values(lines.text("service"), vocabulary.names, NOT_PROVIDED)
        rows[f"have an unknown service ({names}): ServiceCategory is Other"] = name.fill_null("").isin(
            unknown_services
        ) | (name.isnull() & default_name.isin(unknown_services))
    return rows
