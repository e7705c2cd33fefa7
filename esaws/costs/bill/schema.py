"""The one table that every bill is told in: its columns, their types and what they mean, whatever the bill's format.

A row is a line item: what was charged for one kind of usage of one thing in one span of time. Columns that a format
does not have are NULL throughout; in a column of text that it has, nothing is NULL or empty. `number` is
`decimal(38, 18)` where the source is text, so that sums are exact, and `float64` where the source holds floating point
numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt
    import ibis.expr.types as ir

Kind = Literal["text", "number", "moment", "day", "flag", "map"]

DECIMAL = "decimal(38, 18)"
FLOAT = "float64"


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    kind: Kind
    """`text`, `number`, `moment` (a timestamp in UTC, without saying so), `day`, `flag` or `map` (text to text)."""
    meaning: str


COLUMNS: Mapping[str, Column] = {
    "period": Column("day", "the first day of the month that is billed"),
    "start": Column("moment", "when the usage began"),
    "end": Column("moment", "when it ended; the first moment that is not part of it"),
    "provider": Column("text", "whose bill it is: AWS, or FOCUS's ProviderName"),
    "seller": Column("text", "who invoices: AWS, Inc., a subsidiary, or a seller of the Marketplace"),
    "publisher": Column("text", "who makes what was used: CUR's legal entity, FOCUS's PublisherName"),
    "invoice_id": Column("text", "the invoice; NULL until the month is closed"),
    "payer": Column("text", "the account that pays: 12 digits on AWS"),
    "payer_name": Column("text", "its name"),
    "account": Column("text", "the account that used it"),
    "account_name": Column("text", "its name"),
    "service": Column("text", "the service as the bill groups by it: CUR's product code, else the service's name"),
    "service_name": Column("text", "the service's name for people, like Amazon Elastic Compute Cloud"),
    "product_code": Column("text", "AWS's code, like AmazonEC2; NULL where the bill has only names"),
    "usage_type": Column("text", "with the region's prefix, like EUW3-BoxUsage:t2.micro"),
    "operation": Column("text", "like RunInstances"),
    "region": Column("text", "like eu-west-3"),
    "zone": Column("text", "like eu-west-3a"),
    "resource_id": Column("text", "id or ARN of the resource, where the bill goes down to resources"),
    "line_item_type": Column("text", "Usage, Tax, Credit, Refund, RIFee…; of FOCUS its ChargeCategory"),
    "charge_class": Column("text", "Correction, where a charge of an earlier month is corrected (FOCUS)"),
    "description": Column("text", "what was charged, in words"),
    "term": Column("text", "OnDemand, Reserved, Spot…; of FOCUS its PricingCategory; empty on free rows"),
    "sku": Column("text", "the product in the price list"),
    "price_code": Column("text", "the price in the price list: SKU.OFFERTERM.RATE"),
    "commitment": Column("text", "ARN of the reservation or Savings Plan that covers it, or whose fee it is"),
    "quantity": Column("number", "how much was used, in `unit`"),
    "unit": Column("text", "Hrs, GB-Mo, Requests…; older bills leave it empty"),
    "rate": Column("number", "what a unit was charged; 0 where the free tier covers it"),
    "list_rate": Column("number", "what a unit costs on demand"),
    "list_cost": Column("number", "what it would have cost on demand"),
    "contracted_cost": Column("number", "what was negotiated, before commitments (FOCUS)"),
    "unblended_cost": Column("number", "what was charged; of FOCUS its BilledCost"),
    "blended_cost": Column("number", "the same at the average rate of all accounts of a payer"),
    "amortized_cost": Column("number", "with fees paid up front spread over what they cover; FOCUS's EffectiveCost"),
    "net_unblended_cost": Column("number", "what was charged after discounts"),
    "net_amortized_cost": Column("number", "amortized, after discounts"),
    "currency": Column("text", "of all costs and rates in the row, like USD"),
    "free": Column("flag", "whether it is usage that a free tier covered"),
    "tags": Column("map", "tags by key, as the bill spells it: `tag_of` finds a key whatever stands in front of it"),
    "row_key": Column("text", "identifies the row in its month; NULL where the format has no key"),
}

METRICS: Mapping[str, str] = {
    "unblended": "unblended_cost",
    "blended": "blended_cost",
    "amortized": "amortized_cost",
    "net_unblended": "net_unblended_cost",
    "net_amortized": "net_amortized_cost",
}
"""The ways to count a charge → the column. https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html"""

_TYPES: Mapping[Kind, str] = {
    "text": "string",
    "moment": "timestamp(6)",
    "day": "date",
    "flag": "boolean",
    "map": "map<string, string>",
}


def tag_of(lines: ir.Table, key: str) -> ir.StringValue:
    """The value of a tag; NULL where there is none.

    CUR 2.0 puts `user_` in front of the keys of a user's own tags, legacy CUR `user:`, FOCUS nothing or either.
    """
    import ibis

    return ibis.coalesce(*(lines.tags.get(f"{before}{key}") for before in ("", "user:", "user_", "user ")))


def type_of(name: str, number: str) -> dt.DataType:
    """The type of a column; `number` is what numbers are in the bill, `DECIMAL` or `FLOAT`."""
    import ibis

    return ibis.dtype(_TYPES.get(COLUMNS[name].kind, number))


def conform(known: Mapping[str, ir.Value], table: ir.Table, number: str) -> ir.Table:
    """A table with exactly the canonical columns, from expressions over `table` for those that a format knows."""
    import ibis

    unknown = known.keys() - COLUMNS.keys()
    if unknown:
        raise KeyError(f"no canonical columns: {sorted(unknown)}")
    columns = {}
    for name in COLUMNS:
        wanted = type_of(name, number)
        value = known.get(name)
        if value is None:
            value = ibis.null(wanted)
        columns[name] = value if value.type() == wanted else value.cast(wanted)
    return table.select(**columns)
