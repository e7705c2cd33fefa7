"""Write sample bills in every format, and in every dialect of exports and spreadsheets."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]
"""A row by the format's column names: Decimal, datetime, dict, text or None."""


@dataclass(frozen=True)
class Line:
    """A line item."""

    start: datetime
    service: str = "AmazonEC2"
    usage_type: str = "EUW3-BoxUsage:t2.micro"
    operation: str = "RunInstances"
    resource: str = "i-1"
    account: str = "123456789012"
    payer: str = "123456789012"
    kind: str = "Usage"
    description: str = "$0.0132 per On Demand Linux t2.micro Instance Hour"
    quantity: Decimal = Decimal(1)
    unit: str = "Hrs"
    rate: Decimal = Decimal("0.0132")
    list_rate: Decimal = Decimal("0.0132")
    cost: Decimal = Decimal("0.0132")
    list_cost: Decimal = Decimal("0.0132")
    currency: str = "USD"
    tags: dict[str, str] = field(default_factory=dict)
    hours: int = 1
    id: str | None = None
    invoice: str | None = None

    @property
    def end(self) -> datetime:
        return self.start + timedelta(hours=self.hours)

    @property
    def month(self) -> datetime:
        return self.start.replace(day=1, hour=0)

    @property
    def next_month(self) -> datetime:
        return (self.month + timedelta(days=32)).replace(day=1)

    @property
    def key(self) -> tuple[str, str]:
        span = f"{self.start:%Y-%m-%dT%H:%M:%SZ}/{self.end:%Y-%m-%dT%H:%M:%SZ}"
        return self.id or f"id-{self.account}-{self.usage_type}-{self.resource}-{self.kind}-{self.rate}", span


def hours(count: int, first: datetime = datetime(2026, 1, 1), **changes: Any) -> list[Line]:
    """Lines of one resource, one for each hour."""
    return [Line(first + timedelta(hours=number), **changes) for number in range(count)]


def total(lines: Iterable[Line]) -> Decimal:
    return sum((line.cost for line in lines), Decimal(0))


# --- formats


def cur(line: Line) -> Row:
    """A row of CUR 2.0."""
    identity, span = line.key
    return {
        "identity_line_item_id": identity,
        "identity_time_interval": span,
        "bill_invoice_id": line.invoice,
        "bill_payer_account_id": line.payer,
        "bill_payer_account_name": f"payer {line.payer}",
        "bill_billing_period_start_date": line.month,
        "bill_billing_period_end_date": line.next_month,
        "line_item_usage_account_id": line.account,
        "line_item_line_item_type": line.kind,
        "line_item_usage_start_date": line.start,
        "line_item_usage_end_date": line.end,
        "line_item_product_code": line.service,
        "line_item_usage_type": line.usage_type,
        "line_item_operation": line.operation,
        "line_item_resource_id": line.resource,
        "line_item_usage_amount": line.quantity,
        "line_item_currency_code": line.currency,
        "line_item_unblended_rate": f"{line.rate:.10f}",
        "line_item_unblended_cost": line.cost,
        "line_item_blended_cost": line.cost,
        "line_item_line_item_description": line.description,
        "pricing_public_on_demand_cost": line.list_cost,
        "pricing_public_on_demand_rate": f"{line.list_rate:.10f}",
        "pricing_unit": line.unit,
        "product": {"product_name": f"Amazon {line.service}"},
        "product_region_code": "eu-west-3",
        "resource_tags": {f"user_{key}": value for key, value in line.tags.items()},
    }


def legacy(line: Line) -> Row:
    """A row of a legacy CUR, with slashes in its header."""
    row = {_slashed(name): value for name, value in cur(line).items() if name not in _ONLY_IN_2}
    tags = {f"resourceTags/user:{key}": value for key, value in line.tags.items()}
    return {**row, "product/ProductName": f"Amazon {line.service}", "product/region": "eu-west-3", **tags}


def snake(line: Line) -> Row:
    """A row of a legacy CUR with the column names of Athena."""
    row = {name: value for name, value in cur(line).items() if name not in _ONLY_IN_2}
    tags = {f"resource_tags_user_{key}": value for key, value in line.tags.items()}
    return {**row, "product_product_name": f"Amazon {line.service}", "product_region": "eu-west-3", **tags}


def flattened(line: Line) -> Row:
    """A row of CUR 2.0 with a column for each tag."""
    row = {name: value for name, value in cur(line).items() if name not in ("product", "resource_tags")}
    return {**row, **{f"resource_tags_user_{key}": value for key, value in line.tags.items()}}


def focus(line: Line, version: str = "1.0") -> Row:
    """A row of FOCUS."""
    row = {
        "BilledCost": line.cost,
        "BillingAccountId": line.payer,
        "BillingCurrency": line.currency,
        "BillingPeriodStart": line.month,
        "BillingPeriodEnd": line.next_month,
        "ChargeCategory": line.kind if line.kind in ("Usage", "Tax", "Credit") else "Purchase",
        "ChargeDescription": line.description,
        "ChargePeriodStart": line.start,
        "ChargePeriodEnd": line.end,
        "ConsumedQuantity": line.quantity,
        "ConsumedUnit": line.unit,
        "EffectiveCost": line.cost,
        "ListCost": line.cost,
        "ProviderName": "AWS",
        "RegionId": "eu-west-3",
        "ResourceId": line.resource,
        "ServiceName": f"Amazon {line.service}",
        "SubAccountId": line.account,
        "Tags": dict(line.tags) or None,
        "x_ServiceCode": line.service,
    }
    if version == "1.0":
        return {**row, "x_UsageType": line.usage_type}
    row |= {"SkuMeter": line.usage_type, "ServiceSubcategory": "Virtual Machines"}
    return row if version == "1.1" else {**row, "InvoiceId": line.invoice, "BillingAccountType": "Payer"}


def explorer(lines: Sequence[Line], *by: str) -> dict[str, Any]:
    """The Cost Explorer response for some lines, by day."""
    value = {"SERVICE": lambda line: f"Amazon {line.service}", "USAGE_TYPE": lambda line: line.usage_type}
    value |= {"LINKED_ACCOUNT": lambda line: line.account, "RECORD_TYPE": lambda line: line.kind}
    days: dict[datetime, dict[tuple[str, ...], Decimal]] = {}
    for line in lines:
        day = days.setdefault(line.start.replace(hour=0), {})
        keys = tuple(value[name](line) for name in by)
        day[keys] = day.get(keys, Decimal(0)) + line.cost
    results = []
    for day, groups in sorted(days.items()):
        metrics = {keys: {"UnblendedCost": {"Amount": str(cost), "Unit": "USD"}} for keys, cost in groups.items()}
        results.append(
            {
                "TimePeriod": {"Start": f"{day:%Y-%m-%d}", "End": f"{day + timedelta(days=1):%Y-%m-%d}"},
                "Total": {} if by else metrics[()],
                "Groups": [{"Keys": list(keys), "Metrics": metrics[keys]} for keys in groups] if by else [],
                "Estimated": False,
            }
        )
    definitions = [{"Type": "DIMENSION", "Key": name} for name in by]
    return {"GroupDefinitions": definitions, "ResultsByTime": results}


_ONLY_IN_2 = ("bill_payer_account_name", "product", "resource_tags", "product_region_code")


def _slashed(name: str) -> str:
    """Spell `line_item_unblended_cost` as `lineItem/UnblendedCost`."""
    for group in ("identity", "bill", "line_item", "pricing", "product"):
        if name.startswith(f"{group}_"):
            words = name.removeprefix(f"{group}_").split("_")
            first, *rest = group.split("_")
            return f"{first}{''.join(map(str.title, rest))}/{''.join(map(str.title, words))}"
    raise ValueError(name)


# --- files


def parquet(path: Path, rows: Sequence[Row], floats: bool = True) -> Path:
    """Write rows as Parquet with the types of AWS's files; without `floats`, numbers are decimals."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: _array([row.get(name) for row in rows], floats) for name in names}
    pq.write_table(pa.table(columns), path)
    return path


def _array(values: list[Any], floats: bool) -> pa.Array:
    sample = next((value for value in values if value is not None), None)
    if isinstance(sample, dict):
        pairs = [list(value.items()) if value is not None else None for value in values]
        return pa.array(pairs, pa.map_(pa.string(), pa.string()))
    if isinstance(sample, Decimal):
        if floats:
            return pa.array([None if value is None else float(value) for value in values], pa.float64())
        return pa.array(values, pa.decimal128(38, 18))
    return pa.array(values, pa.timestamp("ms") if isinstance(sample, datetime) else pa.string())


@dataclass(frozen=True)
class Dialect:
    """The way in which cells are written as text."""

    delimiter: str = ","
    decimals: str = "."
    thousands: str = ""
    small: str = "plain"
    """Numbers below 0.001: plain, or `scientific` as Java and spreadsheets write them."""
    timestamps: str = "aws"
    null: str = ""
    newline: str = "\n"
    encoding: str = "utf-8"
    header: Callable[[str], str] = str
    reversed_columns: bool = False
    quoted: bool = False
    total_row: bool = False
    """Whether a blank row and a row with the total come last."""
    gzip: bool = False

    def number(self, value: Decimal) -> str:
        if self.small == "scientific" and value and abs(value) < Decimal("0.001"):
            return f"{value.normalize():E}".replace(".", self.decimals)
        text = f"{value:,f}" if self.thousands else f"{value:f}"
        return text.replace(",", "G").replace(".", self.decimals).replace("G", self.thousands)

    def timestamp(self, value: datetime) -> str:
        if self.timestamps == "serial":
            days = (value - datetime(1899, 12, 30)) / timedelta(days=1)
            return f"{days:.6f}".rstrip("0").rstrip(".").replace(".", self.decimals)
        return value.strftime(TIMESTAMPS[self.timestamps])

    def cell(self, value: Any) -> str:
        if value is None or value == {}:
            return self.null
        if isinstance(value, Decimal):
            return self.number(value)
        if isinstance(value, datetime):
            return self.timestamp(value)
        return json.dumps(value) if isinstance(value, dict) else str(value)


TIMESTAMPS = {
    "aws": "%Y-%m-%dT%H:%M:%SZ",
    "millis": "%Y-%m-%dT%H:%M:%S.000Z",
    "plain": "%Y-%m-%d %H:%M:%S",
    "utc": "%Y-%m-%d %H:%M:%S UTC",
    "american": "%m/%d/%Y %H:%M",
    "halves": "%m/%d/%Y %I:%M:%S %p",
    "european": "%d/%m/%Y %H:%M",
    "german": "%d.%m.%Y %H:%M",
}


def text(path: Path, rows: Sequence[Row], dialect: Dialect = Dialect()) -> Path:
    """Write rows as delimited text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    if dialect.reversed_columns:
        names.reverse()
    out = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if dialect.quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=dialect.delimiter, lineterminator=dialect.newline, quoting=quoting)
    writer.writerow([dialect.header(name) for name in names])
    writer.writerows([dialect.cell(row.get(name)) for name in names] for row in rows)
    if dialect.total_row:
        cost = next(name for name in names if name.lower().replace("_", "").endswith(("unblendedcost", "billedcost")))
        total_cost = sum((row[cost] for row in rows), Decimal(0))
        writer.writerow(["" for _ in names])
        writer.writerow([dialect.number(total_cost) if name == cost else "" for name in names])
    content = out.getvalue().encode(dialect.encoding)
    path.write_bytes(gzip.compress(content) if dialect.gzip else content)
    return path


def changed(lines: Iterable[Line], **changes: Any) -> list[Line]:
    """The same lines with some changes."""
    return [replace(line, **changes) for line in lines]
