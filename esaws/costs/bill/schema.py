"""The canonical table of every bill, whatever its format: columns, types and meanings.

A row is a line item: the charge for one kind of usage of one resource in one period. Columns that a format lacks are
NULL in all rows; in a text column that it has, no value is NULL or empty. Numbers are `decimal(38, 18)` where the
source is text, so that sums are exact, and `float64` where the source has floating point numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt
    import ibis.expr.types as ir

Kind = Literal["text", "number", "timestamp", "date", "boolean", "map"]

DECIMAL = "decimal(38, 18)"
FLOAT = "float64"

DEFAULT_CURRENCY = "USD"
"""The currency of bills that have no currency column."""


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    kind: Kind
    """A `timestamp` is in UTC, without a time zone; a `map` is from text to text."""
    meaning: str


COLUMNS: Mapping[str, Column] = {
    "period": Column("date", "the first day of the billed month"),
    "start": Column("timestamp", "when the usage began"),
    "end": Column("timestamp", "when it ended, exclusive"),
    "provider": Column("text", "the provider: AWS, or FOCUS's ProviderName"),
    "seller": Column("text", "who invoices: AWS, Inc., a subsidiary, or a seller of the Marketplace"),
    "publisher": Column("text", "the maker of the product: CUR's legal entity, FOCUS's PublisherName"),
    "invoice_id": Column("text", "the invoice; NULL until AWS closes the month"),
    "payer": Column("text", "the account that pays: 12 digits on AWS"),
    "payer_name": Column("text", "its name"),
    "account": Column("text", "the account that used it"),
    "account_name": Column("text", "its name"),
    "service": Column("text", "the service as the bill groups by it: CUR's product code, else the service's name"),
    "service_name": Column("text", "the service's name for people, like Amazon Elastic Compute Cloud"),
    "product_code": Column("text", "AWS's code, like AmazonEC2; NULL where the bill has only names"),
    "usage_type": Column("text", "usage type with the prefix of the region, like EUW3-BoxUsage:t2.micro"),
    "operation": Column("text", "like RunInstances"),
    "region": Column("text", "like eu-west-3"),
    "zone": Column("text", "like eu-west-3a"),
    "resource_id": Column("text", "id or ARN of the resource, if the bill has resources"),
    "line_item_type": Column("text", "Usage, Tax, Credit, Refund, RIFee…; FOCUS's ChargeCategory"),
    "charge_class": Column("text", "Correction for a corrected charge of an earlier month (FOCUS)"),
    "description": Column("text", "description of the charge"),
    "term": Column("text", "OnDemand, Reserved, Spot…; FOCUS's PricingCategory; empty on free rows"),
    "sku": Column("text", "the product in the price list"),
    "price_code": Column("text", "the price in the price list: SKU.OFFERTERM.RATE"),
    "commitment": Column("text", "ARN of the reservation or Savings Plan that covers the usage, or whose fee it is"),
    "quantity": Column("number", "usage in `unit`"),
    "unit": Column("text", "Hrs, GB-Mo, Requests…; older bills leave it empty"),
    "rate": Column("number", "price charged for a unit; 0 where a free tier covers it"),
    "list_rate": Column("number", "on-demand price of a unit"),
    "list_cost": Column("number", "cost at the on-demand price"),
    "contracted_cost": Column("number", "cost at the negotiated price, before commitments (FOCUS)"),
    "unblended_cost": Column("number", "the charge; FOCUS's BilledCost"),
    "blended_cost": Column("number", "the charge at the average rate of all accounts of a payer"),
    "amortized_cost": Column("number", "cost with upfront fees spread over what they cover; FOCUS's EffectiveCost"),
    "net_unblended_cost": Column("number", "the charge after discounts"),
    "net_amortized_cost": Column("number", "amortized cost after discounts"),
    "split_cost": Column(
        "number", "the task's or pod's share of the cost of its instance (CUR's split cost allocation)"
    ),
    "split_unused_cost": Column("number", "its share of what nothing on the instance used"),
    "split_parent": Column("text", "the instance that it ran on, like i-0abc"),
    "currency": Column("text", "currency of all costs and rates of the row, like USD"),
    "free": Column("boolean", "whether a free tier covered the usage"),
    "tags": Column("map", "tags by key as the bill spells it; `tag_of` ignores the prefixes of keys"),
    "cost_categories": Column("map", "cost categories by name, where they have a column of their own"),
    "row_key": Column("text", "identifies the row in its month; NULL where the format has no key"),
}

METRICS: Mapping[str, str] = {
    "unblended": "unblended_cost",
    "blended": "blended_cost",
    "amortized": "amortized_cost",
    "net_unblended": "net_unblended_cost",
    "net_amortized": "net_amortized_cost",
}
"""The metric of a cost → its column. https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html"""

_TYPES: Mapping[Kind, str] = {
    "text": "string",
    "timestamp": "timestamp(6)",
    "date": "date",
    "boolean": "boolean",
    "map": "map<string, string>",
}


_TAG_PREFIXES = tuple(f"{source}{kind}" for source in ("", "resourceTags/") for kind in ("", "user:", "user_", "user "))


def tag_of(lines: ir.Table, key: str) -> ir.StringValue:
    """The value of a tag of the resource; NULL where a line has no such tag.

    Keys of user-defined tags have the prefix `user_` in CUR 2.0, `user:` in legacy CUR, and none or either in FOCUS. In
    CUR 2.0's column `tags` those of resources have `resourceTags/` before it. Tags of other things are found by their
    whole key: `accountTag/cost_center`, `costCategory/team`, `userAttribute/department`.

    https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-tag-columns.html
    """
    import ibis

    return ibis.coalesce(*(lines.tags.get(f"{prefix}{key}") for prefix in _TAG_PREFIXES))


def column_type(name: str, number_type: str) -> dt.DataType:
    """The type of a column; `number_type` is the type of the bill's numbers, `DECIMAL` or `FLOAT`."""
    import ibis

    return ibis.dtype(_TYPES.get(COLUMNS[name].kind, number_type))


def to_schema(columns: Mapping[str, ir.Value], table: ir.Table, number_type: str) -> ir.Table:
    """Select exactly the canonical columns, given expressions over `table` for those that the format has."""
    import ibis

    unknown = columns.keys() - COLUMNS.keys()
    if unknown:
        raise KeyError(f"not canonical columns: {sorted(unknown)}")
    selected = {}
    for name in COLUMNS:
        type_ = column_type(name, number_type)
        value = columns.get(name)
        if value is None:
            value = ibis.null(type_)
        selected[name] = value if value.type() == type_ else value.cast(type_)
    return table.select(**selected)
