"""The line items of a Cost and Usage Report 2.0: the charges of a month as a table with AWS's columns and types.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from local_aws_server.billing.account import month_after, month_of
from local_aws_server.billing.bill import blended_rate_key, blended_rates
from local_aws_server.billing.charge import HOUR, Charge, Meter, Tags
from local_aws_server.billing.products import product_name
from local_aws_server.billing.skus import Product, price_text

if TYPE_CHECKING:
    import pyarrow as pa

TABLE = "COST_AND_USAGE_REPORT"

PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "TIME_GRANULARITY": ("HOURLY", "DAILY", "MONTHLY"),
    "INCLUDE_RESOURCES": ("FALSE", "TRUE"),
    "INCLUDE_SPLIT_COST_ALLOCATION_DATA": ("FALSE", "TRUE"),
    "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": ("FALSE", "TRUE"),
    "INCLUDE_CAPACITY_RESERVATION_DATA": ("FALSE", "TRUE"),
    "INCLUDE_IAM_PRINCIPAL_DATA": ("FALSE", "TRUE"),
}
"""What can be configured about the table → the values; the first is AWS's default."""

_DAY = 24 * HOUR
_SELLER = "Amazon Web Services, Inc."
_INSTANCES = ("BoxUsage:", "InstanceUsage:", "Multi-AZUsage:")
_FACTORS = {"nano": 0.25, "micro": 0.5, "small": 1.0, "medium": 2.0, "large": 4.0, "xlarge": 8.0}
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/apply_ri.html"""

_FREE = (
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
"""(service, how the usage type begins, the words of real bills for what is free)."""


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    name: str
    type: str
    """`string`, `double`, `timestamp`, `map<string,string>` or `map<string,double>`."""
    observed: bool
    """Whether a real export had values in it."""
    added_by: str | None
    removed_by: str | None
    """The properties of the table that, being TRUE, add it or take it away."""
    is_alias: bool = False
    """Whether it is another spelling of one that the table has too."""

    def is_included(self, properties: Mapping[str, str]) -> bool:
        """Whether the table has it under a configuration."""
        added = self.added_by is None or properties[self.added_by] == "TRUE"
        return added and (self.removed_by is None or properties[self.removed_by] == "FALSE")

    @property
    def empty_value(self) -> Any:
        """What stands where it does not apply: as in a real export, where that had the column; else NULL."""
        if self.type.startswith("map"):
            return {}
        return {"string": "", "double": 0.0}.get(self.type) if self.observed else None


@cache
def all_columns() -> dict[str, Column]:
    """Every column that the table can have, by name; one has two spellings."""
    found = {}
    for row in json.loads((files("esaws") / "data" / "cur2_columns.json").read_text("utf-8"))["columns"]:
        column = Column(row["name"], row["type"], row["observed"], row.get("with"), row.get("without"))
        found[column.name] = column
        if alias := row.get("also"):
            found[alias] = replace(column, name=alias, is_alias=True)
    return found


def schema(properties: Mapping[str, str]) -> list[Column]:
    """The columns of the table under a configuration."""
    return [each for each in all_columns().values() if each.is_included(properties) and not each.is_alias]


def default_properties() -> dict[str, str]:
    """How the table is configured where nothing is said."""
    return {name: values[0] for name, values in PROPERTIES.items()}


@dataclass(frozen=True)
class _Line:
    """What all rows of a line item have in common: the same meter, charged alike, with the same tags."""

    meter: Meter
    charge: Charge
    """The first of it."""

    @property
    def product(self) -> Product:
        return Product.of(self.charge)

    @property
    def is_usage(self) -> bool:
        return self.charge.kind == "Usage"

    @property
    def factor(self) -> float | None:
        """Normalized units for an hour of an instance of its size; None for what is no instance."""
        if not self.is_usage or not self.meter.usage_type.startswith(_INSTANCES):
            return None
        size = self.meter.usage_type.rsplit(".", 1)[-1]
        times = size.removesuffix("xlarge")
        return _FACTORS["xlarge"] * int(times) if times.isdigit() else _FACTORS.get(size)


@dataclass
class _Rows:
    """The rows of a report, still without columns."""

    lines: list[_Line]
    of_line: list[int]
    """For each row, the number of its line."""
    starts: list[int]
    quantities: list[Decimal]
    costs: list[Decimal]


def build_report(account: str, charges: Sequence[Charge], properties: Mapping[str, str], names: Iterable[str]) -> pa.Table:
    """The charges of one month as a table with some of its columns; timestamps are UTC, without saying so."""
    import pyarrow as pa

    granularity = properties["TIME_GRANULARITY"]
    rows = _rows(charges, granularity, resources=properties["INCLUDE_RESOURCES"] == "TRUE")
    month = month_of(charges[0].hour) if charges else 0
    rates = blended_rates(charges)
    facts = [_facts(account, line, month, rates) for line in rows.lines]
    measured = _measures(rows, rates, granularity)
    of_line = pa.array(rows.of_line, pa.int32())
    found = {}
    for name in names:
        column = all_columns()[name]
        if name in measured:
            found[name] = pa.array(measured[name], _arrow(column.type))
            continue
        values = pa.array([of.get(name, column.empty_value) for of in facts], _arrow(column.type))
        found[name] = values.take(of_line)
    return pa.table(found)


def _rows(charges: Iterable[Charge], granularity: str, *, resources: bool) -> _Rows:
    """The charges, added up where the report does not tell them apart."""
    numbers: dict[tuple[Any, ...], int] = {}
    sums: dict[tuple[int, int], list[Decimal]] = {}
    lines: list[_Line] = []
    without: dict[Meter, Meter] = {}
    for charge in charges:
        meter = charge.meter
        if not resources:
            if meter not in without:
                without[meter] = replace(meter, resource="")
            meter = without[meter]
        key = meter, charge.kind, charge.allowance, charge.rate, charge.tags
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = len(lines)
            lines.append(_Line(meter, charge))
        at = number, _period(charge.hour, granularity)[0]
        if at in sums:
            sums[at][0] += charge.quantity
            sums[at][1] += charge.cost
        else:
            sums[at] = [charge.quantity, charge.cost]
    return _Rows(
        lines,
        [number for number, _ in sums],
        [start for _, start in sums],
        [quantity for quantity, _ in sums.values()],
        [cost for _, cost in sums.values()],
    )


def _period(moment: int, granularity: str) -> tuple[int, int]:
    """The hour, the day or the month of a moment."""
    if granularity == "MONTHLY":
        return month_of(moment), month_after(moment)
    length = HOUR if granularity == "HOURLY" else _DAY
    start = moment // length * length
    return start, start + length


def _measures(
    rows: _Rows, rates: Mapping[tuple[str, str, str, str], Decimal], granularity: str
) -> dict[str, list[Any]]:
    """The columns that differ from row to row."""
    periods = {start: _period(start, granularity) for start in set(rows.starts)}
    intervals = {start: f"{_iso(begin)}/{_iso(end)}" for start, (begin, end) in periods.items()}
    prices = [line.charge.price for line in rows.lines]
    blended = [rates.get(blended_rate_key(line.charge)) if line.is_usage else None for line in rows.lines]
    factors = [line.factor for line in rows.lines]
    numbered = list(zip(rows.of_line, rows.quantities, rows.costs, strict=True))
    return {
        "identity_time_interval": [intervals[start] for start in rows.starts],
        "line_item_usage_start_date": [periods[start][0] * 1000 for start in rows.starts],
        "line_item_usage_end_date": [periods[start][1] * 1000 for start in rows.starts],
        "line_item_usage_amount": [float(quantity) for quantity in rows.quantities],
        "line_item_unblended_cost": [float(cost) for cost in rows.costs],
        "line_item_blended_cost": [
            float(cost if (rate := blended[number]) is None else rate * quantity) for number, quantity, cost in numbered
        ],
        "line_item_normalized_usage_amount": [
            None if (factor := factors[number]) is None else factor * float(quantity)
            for number, quantity, _ in numbered
        ],
        "pricing_public_on_demand_cost": [
            float(price.usd * quantity) if (price := prices[number]) else (None if rows.lines[number].is_usage else 0.0)
            for number, quantity, _ in numbered
        ],
    }


def _facts(account: str, line: _Line, month: int, rates: Mapping[tuple[str, str, str, str], Decimal]) -> dict[str, Any]:
    """The columns that are the same for all rows of a line item."""
    meter = line.meter
    return {
        "identity_line_item_id": _identity(account, line),
        "bill_billing_entity": "AWS",
        "bill_bill_type": "Anniversary",
        "bill_billing_period_start_date": month * 1000,
        "bill_billing_period_end_date": month_after(month) * 1000,
        "bill_invoicing_entity": _SELLER,
        "bill_payer_account_id": account,
        "bill_payer_account_name": account,
        "line_item_availability_zone": meter.zone,
        "line_item_currency_code": "USD",
        "line_item_legal_entity": _SELLER,
        "line_item_line_item_description": _description(line),
        "line_item_line_item_type": line.charge.kind,
        "line_item_normalization_factor": line.factor,
        "line_item_operation": meter.operation,
        "line_item_product_code": meter.service,
        "line_item_resource_id": meter.resource,
        "line_item_usage_account_id": account,
        "line_item_usage_account_name": account,
        "line_item_usage_type": meter.regional_usage_type,
        "resource_tags": {_tag_key(key): value for key, value in line.charge.tags},
        "tags": {f"resourceTag/{key}": value for key, value in line.charge.tags},
        "pricing_currency": "USD",
        "product_region_code": meter.region,
        "product_servicecode": meter.price_service,
        **_product_facts(line),
        **(_price_facts(line, rates.get(blended_rate_key(line.charge), Decimal(0))) if line.is_usage else {}),
    }


def _price_facts(line: _Line, blended: Decimal) -> dict[str, Any]:
    charge, price = line.charge, line.charge.price
    return {
        "line_item_unblended_rate": f"{charge.rate:.10f}",
        "line_item_blended_rate": f"{blended:.10f}",
        "pricing_public_on_demand_rate": f"{price.usd:.10f}" if price else None,
        "pricing_rate_code": line.product.rate_code(price, free=bool(charge.allowance)),
        "pricing_rate_id": line.product.rate_id,
        "pricing_term": "" if charge.allowance else "OnDemand",
        "pricing_unit": line.meter.unit,
    }


def _product_facts(line: _Line) -> dict[str, Any]:
    """What the price list says of the product: in a column where there is one, else in the map `product`."""
    named = {"product_name": product_name(line.meter.service), "region": line.meter.region}
    if not line.is_usage:
        return {"product": named}
    facts: dict[str, Any] = {"product_product_family": line.product.family, "product_sku": line.product.sku}
    for attribute, value in line.product.attributes.items():
        name = snake_case(attribute)
        if f"product_{name}" in all_columns():
            facts[f"product_{name}"] = value
        else:
            named[name] = value
    return {**facts, "product": named}


def _description(line: _Line) -> str:
    """The words of a bill for what was charged."""
    charge, meter, product = line.charge, line.meter, line.product
    if not line.is_usage:
        return "AWS Free Tier credits"
    if charge.allowance:
        for service, usage_type, words in _FREE:
            if meter.price_service == service and meter.usage_type.startswith(usage_type):
                return words.format(product.instance_type, engine=product.engine)
    if charge.price is None:
        return f"{meter.regional_usage_type}: the bundled price list has no price for it"
    text = price_text(charge.price)
    if charge.allowance:
        return f"$0.00 per {text.split(' per ', 1)[-1]} under monthly free tier"
    return text


def _identity(account: str, line: _Line) -> str:
    """52 letters and digits: the same for each hour of a line item, and another one for what is charged otherwise."""
    meter, charge = line.meter, line.charge
    said = (account, *vars(meter).values(), charge.kind, charge.allowance, f"{charge.rate:f}", *_flat(charge.tags))
    digest = hashlib.sha256("\0".join(map(str, said)).encode()).digest()
    return base64.b32encode(digest).decode().lower().rstrip("=")


def _flat(tags: Tags) -> list[str]:
    return [part for pair in tags for part in pair]


def _tag_key(key: str) -> str:
    """A tag's key as CUR 2.0 spells it: `esaws:deployment` is `user_esaws_deployment`.

    On AWS a key has to be activated as a cost allocation tag first; here each one is.
    """
    return snake_case(key) if key.startswith("aws:") else f"user_{snake_case(key)}"


def snake_case(text: str) -> str:
    """`CostCenter` is `cost_center`, and ARN is `a_r_n`: a capital begins a word, signs and spaces divide them.

    https://docs.aws.amazon.com/cur/latest/userguide/cur-ate-run.html
    """
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"([A-Z])", r"_\1", text).lower()).strip("_")


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def _arrow(type_name: str) -> pa.DataType:
    import pyarrow as pa

    return {
        "string": pa.string(),
        "double": pa.float64(),
        "timestamp": pa.timestamp("ms"),
        "map<string,string>": pa.map_(pa.string(), pa.string()),
        "map<string,double>": pa.map_(pa.string(), pa.float64()),
    }[type_name]
