"""Write the files of an export to its bucket: a data file and manifests for each month.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from local_aws_server.backends import Backends
from local_aws_server.billing.account import GLOBAL_REGION
from local_aws_server.billing.calendar import next_month_start, to_datetime
from local_aws_server.billing.charge import Charge
from local_aws_server.services.bcm_data_exports.columns import all_columns
from local_aws_server.services.bcm_data_exports.cur import build_report
from local_aws_server.services.bcm_data_exports.exports import Execution, Export
from local_aws_server.services.bcm_data_exports.query import Query

if TYPE_CHECKING:
    import pyarrow as pa


def write_month(account: str, export: Export, execution: Execution, month: int, charges: Sequence[Charge]) -> None:
    """Write the data file of a month and its manifests."""
    query = export.query
    table = query.apply(build_report(account, charges, export.properties, query.required_columns()))
    partition = f"BILLING_PERIOD={to_datetime(month):%Y-%m}"
    folder, manifest_folders = partition, [partition]
    if export.output["Overwrite"] == "CREATE_NEW_REPORT":
        folder = f"{partition}/{_format_time(execution.timestamp)}-{execution.id}"
        manifest_folders.append(folder)
    is_parquet = export.output["Format"] == "PARQUET"
    extension = "snappy.parquet" if is_parquet else "csv.gz"
    key = f"{export.key_prefix}data/{folder}/{export.name}-00001.{extension}"
    _put_object(account, export, key, _to_parquet(table) if is_parquet else _to_csv(table))
    manifest = json.dumps(_manifest(export, query, execution, month, key), indent=2).encode()
    for manifest_folder in manifest_folders:
        manifest_key = f"{export.key_prefix}metadata/{manifest_folder}/{export.name}-Manifest.json"
        _put_object(account, export, manifest_key, manifest)


def _put_object(account: str, export: Export, key: str, content: bytes) -> None:
    Backends(account, GLOBAL_REGION).backend("s3").put_object(export.bucket, key, content)


def _manifest(export: Export, query: Query, execution: Execution, month: int, key: str) -> dict[str, Any]:
    columns = [
        {"name": column.name, "type": "string" if column.key else all_columns()[column.column].type}
        for column in query.selected
    ]
    return {
        "exportArn": export.arn,
        "exportName": export.name,
        "executionId": execution.id,
        "billingPeriod": {"start": _format_time(month), "end": _format_time(next_month_start(month))},
        "queryStatement": export.definition["DataQuery"]["QueryStatement"],
        "tableConfigurations": export.definition["DataQuery"].get("TableConfigurations", {}),
        "columns": columns,
        "dataFiles": [f"s3://{export.bucket}/{key}"],
    }


def _to_parquet(table: pa.Table) -> bytes:
    """A Parquet file with Parquet's own types, as AWS writes it, without Arrow's schema."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, compression="snappy", store_schema=False)
    return sink.getvalue()


def _to_csv(table: pa.Table) -> bytes:
    """A compressed CSV file, with maps as JSON and timestamps as text."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_map(column.type):
            column = pa.array([json.dumps(dict(value)) if value else "" for value in column.to_pylist()], pa.string())
        elif pa.types.is_timestamp(column.type):
            column = pc.strftime(column.cast(pa.timestamp("s")), "%Y-%m-%dT%H:%M:%SZ")
        columns[name] = column
    sink = io.BytesIO()
    csv.write_csv(pa.table(columns), sink)
    return gzip.compress(sink.getvalue(), mtime=0)


def _format_time(timestamp: float) -> str:
    """ISO 8601 with milliseconds."""
    milliseconds = round(timestamp % 1 * 1000) % 1000
    return f"{to_datetime(timestamp):%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"
