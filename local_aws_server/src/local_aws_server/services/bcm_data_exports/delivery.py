"""The files of exports: written to the bucket when somebody is about to look there, as if AWS had delivered them.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

import gzip
import io
import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from local_aws_server.backends import Backends
from local_aws_server.billing.account import month_after, month_of
from local_aws_server.billing.bill import get_bill, total_cost
from local_aws_server.billing.charge import Charge
from local_aws_server.clock.clock import CLOCK
from local_aws_server.services.bcm_data_exports.cur import all_columns, build_report
from local_aws_server.services.bcm_data_exports.definitions import (
    HOME,
    DeliveredMonth,
    Execution,
    Export,
    list_exports,
    can_write,
)
from local_aws_server.services.bcm_data_exports.query import Query

if TYPE_CHECKING:
    import pyarrow as pa

FRESH = 5
"""Seconds for which a file stays as it is, so that who lists, asks and reads finds the same file."""
_BETWEEN = 8 * 3600
"""AWS writes up to three times a day."""
_FINAL_AFTER = 14 * 24 * 3600
"""How long AWS may still change a month that is over."""
_KEPT = 100
"""Executions that are listed."""


def deliver(account: str, export: Export) -> None:
    """Write the months that have changed since they were written; nothing where AWS may not write."""
    now = CLOCK.now()
    if now < export.paused_until or not can_write(account, export.bucket):
        return
    execution = Execution(str(uuid.uuid4()), now, export.definition)
    changed = [
        (month, charges) for month in _months(export.created, now) if (charges := _to_write(account, export, month))
    ]
    for month, charges in changed:
        _write(account, export, execution, month, charges)
        export.delivered[month] = DeliveredMonth(now, len(charges), _content(charges))
    if changed:
        export.executions = [*export.executions, execution][-_KEPT:]


def deliver_to(account: str, bucket: str, key: str | None = None) -> None:
    """Write the reports that somebody could find in a bucket, or under one key."""
    for export in list_exports(account):
        if export.bucket == bucket and (key is None or key.startswith(export.root)):
            deliver(account, export)


def pause_delivery(account: str, bucket: str, key: str) -> None:
    """Somebody has removed a file: AWS does not write at once again, so that a bucket can be emptied."""
    for export in list_exports(account):
        if export.bucket == bucket and key.startswith(export.root):
            export.paused_until = CLOCK.now() + _BETWEEN


def mark_for_rewrite(export: Export) -> None:
    """The export is another one: all that is not final has to be written again."""
    now = CLOCK.now()
    export.delivered = {month: each for month, each in export.delivered.items() if now >= _final(month)}


def _months(created: float, now: float) -> Iterator[int]:
    """From the month in which an export was made: AWS fills in older ones only when asked to."""
    month = month_of(created)
    while month <= now:
        yield month
        month = month_after(month)


def _final(month: int) -> int:
    return month_after(month) + _FINAL_AFTER


def _to_write(account: str, export: Export, month: int) -> list[Charge]:
    """The charges of a month, if its files have to be written again; else none."""
    now, last = CLOCK.now(), export.delivered.get(month)
    if last is not None and (last.moment >= _final(month) or now - last.moment < _pause(export)):
        return []
    charges = get_bill(account).month_charges(month)
    if last is None or last.charges != len(charges):
        return charges
    is_stale = now - last.moment >= FRESH and last.content != _content(charges)
    return charges if is_stale else []


def _pause(export: Export) -> int:
    """Seconds between two versions, where AWS keeps them all: nobody wants one for each look."""
    return 0 if export.output["Overwrite"] == "OVERWRITE_REPORT" else _BETWEEN


def _content(charges: Sequence[Charge]) -> str:
    quantity = sum((charge.quantity for charge in charges), Decimal(0))
    free = sum(1 for charge in charges if charge.allowance)
    return f"{total_cost(charges)} {quantity} {free}"


def _write(account: str, export: Export, execution: Execution, month: int, charges: Sequence[Charge]) -> None:
    query = export.query
    table = query.apply(build_report(account, charges, export.properties, query.required_columns()))
    partition = f"BILLING_PERIOD={datetime.fromtimestamp(month, UTC):%Y-%m}"
    folder, manifests = partition, [partition]
    if export.output["Overwrite"] == "CREATE_NEW_REPORT":
        folder = f"{partition}/{_iso(execution.moment)}-{execution.id}"
        manifests.append(folder)
    as_parquet = export.output["Format"] == "PARQUET"
    ending = "snappy.parquet" if as_parquet else "csv.gz"
    key = f"{export.root}data/{folder}/{export.name}-00001.{ending}"
    _put(account, export, key, _parquet(table) if as_parquet else _csv(table))
    manifest = json.dumps(_manifest(export, query, execution, month, key), indent=2).encode()
    for each in manifests:
        _put(account, export, f"{export.root}metadata/{each}/{export.name}-Manifest.json", manifest)


def _put(account: str, export: Export, key: str, content: bytes) -> None:
    Backends(account, HOME).backend("s3").put_object(export.bucket, key, content)


def _manifest(export: Export, query: Query, execution: Execution, month: int, key: str) -> dict[str, Any]:
    columns = [
        {"name": each.name, "type": "string" if each.key else all_columns()[each.column].type}
        for each in query.selected
    ]
    return {
        "exportArn": export.arn,
        "exportName": export.name,
        "executionId": execution.id,
        "billingPeriod": {"start": _iso(month), "end": _iso(month_after(month))},
        "queryStatement": export.definition["DataQuery"]["QueryStatement"],
        "tableConfigurations": export.definition["DataQuery"].get("TableConfigurations", {}),
        "columns": columns,
        "dataFiles": [f"s3://{export.bucket}/{key}"],
    }


def _parquet(table: pa.Table) -> bytes:
    """Types are Parquet's own, as in AWS's files: no hints for Arrow."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, compression="snappy", store_schema=False)
    return sink.getvalue()


def _csv(table: pa.Table) -> bytes:
    """With maps as JSON, and timestamps as in the columns that are texts."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    flat = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_map(column.type):
            column = pa.array([json.dumps(dict(each)) if each else "" for each in column.to_pylist()], pa.string())
        elif pa.types.is_timestamp(column.type):
            column = pc.strftime(column.cast(pa.timestamp("s")), "%Y-%m-%dT%H:%M:%SZ")
        flat[name] = column
    sink = io.BytesIO()
    csv.write_csv(pa.table(flat), sink)
    return gzip.compress(sink.getvalue(), mtime=0)


def _iso(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}.{round(moment % 1 * 1000) % 1000:03d}Z"
