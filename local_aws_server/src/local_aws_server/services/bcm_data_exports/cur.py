"""The rows of a Cost and Usage Report 2.0: the charges of a month as a table with AWS's columns and types.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from local_aws_server.billing.bill import BlendedRateKey, blended_rate_key, blended_rates
from local_aws_server.billing.calendar import (
    DAY,
    HOUR,
    Period,
    day_start,
    hour_start,
    month_start,
    next_month_start,
    to_datetime,
)
from local_aws_server.billing.charge import Charge, Meter
from local_aws_server.billing.instance_sizes import normalization_factor
from local_aws_server.billing.products import Product, price_description
from local_aws_server.billing.service_names import product_name
from local_aws_server.services.bcm_data_exports.columns import all_columns

if TYPE_CHECKING:
    import pyarrow as pa

_SELLER = "Amazon Web Services, Inc."

_FREE_TIER_DESCRIPTIONS = (
    ("AmazonEC2", "BoxUsage:", "$0.00 per Linux {} instance-hour (or partial hour) under monthly free tier"),
    (
        "AmazonEC2",
        "EBS:VolumeUsage",
        "$0.00 per GB-month of General Purpose (SSD) provisioned storage under monthly free tier",
    ),
    (
        "AmazonRDS",
        "InstanceUsage:",
        "$0.00 per RDS {} instance hour (or partial hour) running {engine} under monthly free tier",
    ),
    (
        "AmazonElastiCache",
        "NodeUsage:",
        "$0.00 per {} node-hour (or partial hour) running {engine} under monthly free tier",
    ),
    ("AWSDataTransfer", "", "$0.000 per GB - data transfer out under the monthly global free tier"),
    ("AmazonCloudWatch", "DataProcessing-Bytes", "First 5GB per month of log data ingested is free."),
    ("AmazonCloudWatch", "TimedStorage-ByteHrs", "First 5GB-mo per month of logs storage is free."),
    ("AmazonCloudWatch", "CW:MetricMonitorUsage", "$0.00 per metric-month - first 10 metrics"),
    ("AmazonCloudWatch", "CW:AlarmMonitorUsage", "$0.00 per alarm-month - first 10 alarms"),
)
"""(service, beginning of the usage type, description of free usage on real bills)."""


@dataclass(frozen=True)
class _LineItem:
    """The common properties of all rows of a line item: the same meter, rate, allowance and tags."""

    meter: Meter
    charge: Charge
    """The first charge of the line item."""

    @property
    def product(self) -> Product:
        return Product.from_charge(self.charge)

    @property
    def is_usage(self) -> bool:
        return self.charge.kind == "Usage"

    @property
    def normalization_factor(self) -> float | None:
        """Normalized units for an instance hour; None for other line items."""
        factor = normalization_factor(self.meter) if self.is_usage else None
        return None if factor is None else float(factor)


@dataclass
class _ReportRows:
    """The rows of a report before they have columns."""

    line_items: list[_LineItem]
    item_of_row: list[int]
    """For each row, the index of its line item."""
    starts: list[int]
    quantities: list[Decimal]
    costs: list[Decimal]


def build_report(
    account: str, charges: Sequence[Charge], properties: Mapping[str, str], names: Iterable[str]
) -> pa.Table:
    """The named columns of a report of one month's charges; timestamps are UTC without a time zone."""
    import pyarrow as pa

    granularity = properties["TIME_GRANULARITY"]
    rows = _build_rows(charges, granularity, resources=properties["INCLUDE_RESOURCES"] == "TRUE")
    month = month_start(charges[0].hour) if charges else 0
    rates = blended_rates(charges)
    item_values = [_item_values(account, item, month, rates) for item in rows.line_items]
    row_values = _row_values(rows, rates, granularity)
    item_of_row = pa.array(rows.item_of_row, pa.int32())
    columns = {}
    for name in names:
        column = all_columns()[name]
        if name in row_values:
            columns[name] = pa.array(row_values[name], _arrow_type(column.type))
            continue
        values = pa.array([item.get(name, column.empty_value) for item in item_values], _arrow_type(column.type))
        columns[name] = values.take(item_of_row)
    return pa.table(columns)


def _build_rows(charges: Iterable[Charge], granularity: str, *, resources: bool) -> _ReportRows:
    """The charges, summed up where the report has one row for them."""
    indexes: dict[tuple[Any, ...], int] = {}
    sums: dict[tuple[int, int], list[Decimal]] = {}
    line_items: list[_LineItem] = []
    without_resource: dict[Meter, Meter] = {}
    for charge in charges:
        meter = charge.meter
        if not resources:
            if meter not in without_resource:
                without_resource[meter] = replace(meter, resource="")
            meter = without_resource[meter]
        key = meter, charge.kind, charge.allowance, charge.rate, charge.tags
        index = indexes.get(key)
        if index is None:
            index = indexes[key] = len(line_items)
            line_items.append(_LineItem(meter, charge))
        row = index, _row_period(charge.hour, granularity).start
        if row in sums:
            sums[row][0] += charge.quantity
            sums[row][1] += charge.cost
        else:
            sums[row] = [charge.quantity, charge.cost]
    return _ReportRows(
        line_items,
        [index for index, _ in sums],
        [start for _, start in sums],
        [quantity for quantity, _ in sums.values()],
        [cost for _, cost in sums.values()],
    )


def _row_period(timestamp: int, granularity: str) -> Period:
    """The hour, day or month of a timestamp."""
    if granularity == "MONTHLY":
        return Period(month_start(timestamp), next_month_start(timestamp))
    if granularity == "DAILY":
        return Period(day_start(timestamp), day_start(timestamp) + DAY)
    return Period(hour_start(timestamp), hour_start(timestamp) + HOUR)


def _row_values(rows: _ReportRows, rates: Mapping[BlendedRateKey, Decimal], granularity: str) -> dict[str, list[Any]]:
    """The values of the columns that differ between rows of a line item."""
    periods = {start: _row_period(start, granularity) for start in set(rows.starts)}
    intervals = {start: f"{_format_time(period.start)}/{_format_time(period.end)}" for start, period in periods.items()}
    prices = [item.charge.price for item in rows.line_items]
    blended = [rates.get(blended_rate_key(item.charge)) if item.is_usage else None for item in rows.line_items]
    factors = [item.normalization_factor for item in rows.line_items]
    indexed = list(zip(rows.item_of_row, rows.quantities, rows.costs, strict=True))
    return {
        "identity_time_interval": [intervals[start] for start in rows.starts],
        "line_item_usage_start_date": [periods[start].start * 1000 for start in rows.starts],
        "line_item_usage_end_date": [periods[start].end * 1000 for start in rows.starts],
        "line_item_usage_amount": [float(quantity) for quantity in rows.quantities],
        "line_item_unblended_cost": [float(cost) for cost in rows.costs],
        "line_item_blended_cost": [
            float(cost if (rate := blended[index]) is None else rate * quantity) for index, quantity, cost in indexed
        ],
        "line_item_normalized_usage_amount": [
            None if (factor := factors[index]) is None else factor * float(quantity) for index, quantity, _ in indexed
        ],
        "pricing_public_on_demand_cost": [
            float(price.usd * quantity)
            if (price := prices[index])
            else (None if rows.line_items[index].is_usage else 0.0)
            for index, quantity, _ in indexed
        ],
    }


def _item_values(account: str, item: _LineItem, month: int, rates: Mapping[BlendedRateKey, Decimal]) -> dict[str, Any]:
    """The values of the columns that are the same for all rows of a line item."""
    meter = item.meter
    return {
        "identity_line_item_id": _line_item_id(account, item),
        "bill_billing_entity": "AWS",
        "bill_bill_type": "Anniversary",
        "bill_billing_period_start_date": month * 1000,
        "bill_billing_period_end_date": next_month_start(month) * 1000,
        "bill_invoicing_entity": _SELLER,
        "bill_payer_account_id": account,
        "bill_payer_account_name": account,
        "line_item_availability_zone": meter.zone,
        "line_item_currency_code": "USD",
        "line_item_legal_entity": _SELLER,
        "line_item_line_item_description": _description(item),
        "line_item_line_item_type": item.charge.kind,
        "line_item_normalization_factor": item.normalization_factor,
        "line_item_operation": meter.operation,
        "line_item_product_code": meter.service,
        "line_item_resource_id": meter.resource,
        "line_item_usage_account_id": account,
        "line_item_usage_account_name": account,
        "line_item_usage_type": meter.regional_usage_type,
        "resource_tags": {_tag_key(key): value for key, value in item.charge.tags},
        "tags": {f"resourceTag/{key}": value for key, value in item.charge.tags},
        "pricing_currency": "USD",
        "product_region_code": meter.region,
        "product_servicecode": meter.price_service,
        **_product_values(item),
        **(_price_values(item, rates.get(blended_rate_key(item.charge), Decimal(0))) if item.is_usage else {}),
    }


def _price_values(item: _LineItem, blended_rate: Decimal) -> dict[str, Any]:
    charge, price = item.charge, item.charge.price
    return {
        "line_item_unblended_rate": f"{charge.rate:.10f}",
        "line_item_blended_rate": f"{blended_rate:.10f}",
        "pricing_public_on_demand_rate": f"{price.usd:.10f}" if price else None,
        "pricing_rate_code": item.product.rate_code(price, free=bool(charge.allowance)),
        "pricing_rate_id": item.product.rate_id,
        "pricing_term": "" if charge.allowance else "OnDemand",
        "pricing_unit": item.meter.unit,
    }


def _product_values(item: _LineItem) -> dict[str, Any]:
    """The attributes of the product: in a column of their own if there is one, else in the map `product`."""
    product_map = {"product_name": product_name(item.meter.service), "region": item.meter.region}
    if not item.is_usage:
        return {"product": product_map}
    values: dict[str, Any] = {"product_product_family": item.product.family, "product_sku": item.product.sku}
    for attribute, value in item.product.attributes.items():
        name = snake_case(attribute)
        if f"product_{name}" in all_columns():
            values[f"product_{name}"] = value
        else:
            product_map[name] = value
    return {**values, "product": product_map}


def _description(item: _LineItem) -> str:
    """The description of a line item, in the words of a bill."""
    charge, meter, product = item.charge, item.meter, item.product
    if not item.is_usage:
        return "AWS Free Tier credits"
    if charge.allowance:
        for service, usage_type, text in _FREE_TIER_DESCRIPTIONS:
            if meter.price_service == service and meter.usage_type.startswith(usage_type):
                return text.format(product.instance_type, engine=product.engine)
    if charge.price is None:
        return f"{meter.regional_usage_type}: the bundled price list has no price for it"
    text = price_description(charge.price)
    if charge.allowance:
        return f"$0.00 per {text.split(' per ', 1)[-1]} under monthly free tier"
    return text


def _line_item_id(account: str, item: _LineItem) -> str:
    """52 letters and digits: the same for each hour of a line item, different for another rate or allowance."""
    meter, charge = item.meter, item.charge
    tags = [part for tag in charge.tags for part in tag]
    identity = (account, *vars(meter).values(), charge.kind, charge.allowance, f"{charge.rate:f}", *tags)
    digest = hashlib.sha256("\0".join(map(str, identity)).encode()).digest()
    return base64.b32encode(digest).decode().lower().rstrip("=")


def _tag_key(key: str) -> str:
    """A tag's key in CUR 2.0's spelling: `esaws:deployment` becomes `user_esaws_deployment`.

    On AWS, a key must first be activated as a cost allocation tag; here every key is active.
    """
    return snake_case(key) if key.startswith("aws:") else f"user_{snake_case(key)}"


def snake_case(text: str) -> str:
    """`CostCenter` becomes `cost_center`, ARN becomes `a_r_n`: words begin at capitals and after signs and spaces.

    https://docs.aws.amazon.com/cur/latest/userguide/cur-ate-run.html
    """
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"([A-Z])", r"_\1", text).lower()).strip("_")


def _format_time(timestamp: int) -> str:
    return to_datetime(timestamp).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def _arrow_type(name: str) -> pa.DataType:
    import pyarrow as pa

    return {
        "string": pa.string(),
        "double": pa.float64(),
        "timestamp": pa.timestamp("ms"),
        "map<string,string>": pa.map_(pa.string(), pa.string()),
        "map<string,double>": pa.map_(pa.string(), pa.float64()),
    }[name]
