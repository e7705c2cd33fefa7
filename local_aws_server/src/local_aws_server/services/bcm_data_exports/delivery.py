"""Deliver exports when a bucket is read, so that its files are always up to date. AWS writes up to three times a day.

A read of a range never changes a file, because programs that read Parquet first ask for its size and then for parts.
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal

from local_aws_server.behaviours import Behaviour
from local_aws_server.billing.bill import get_bill, total_cost
from local_aws_server.billing.calendar import DAY, HOUR, month_start, next_month_start
from local_aws_server.billing.charge import Charge
from local_aws_server.call import Call
from local_aws_server.clock.clock import CLOCK
from local_aws_server.hooks import after, before
from local_aws_server.services.bcm_data_exports.exports import DeliveredMonth, Execution, Export, exports_of
from local_aws_server.services.bcm_data_exports.files import write_month
from local_aws_server.services.bcm_data_exports.validation import can_write

BEHAVIOURS = (
    Behaviour(
        service="Data Exports",
        statement="The files of a CUR 2.0 export are brought up to date whenever the bucket is read; AWS writes them "
        "up to three times a day.",
        documentation=("https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html",),
    ),
)

_FRESH_SECONDS = 5
"""How long a file stays unchanged, so that a client that lists, stats and reads finds the same file."""
_DELIVERY_INTERVAL = 8 * HOUR
_FINAL_AFTER = 14 * DAY
"""How long after its end AWS may still change a month."""
_MAX_EXECUTIONS = 100


@before("s3", "ListObjects", "ListObjectsV2", "ListObjectVersions")
def deliver_before_list(call: Call) -> None:
    if exports_of(call.account):
        _deliver_to(call.account, call.params["Bucket"])


@before("s3", "HeadObject", "GetObject", "GetObjectAttributes", "SelectObjectContent")
def deliver_before_read(call: Call) -> None:
    if exports_of(call.account) and "Range" not in call.params:
        _deliver_to(call.account, call.params["Bucket"], call.params["Key"])


@after("s3", "DeleteObject")
def pause_after_delete_object(call: Call) -> None:
    if exports_of(call.account):
        _pause(call.account, call.params["Bucket"], [call.params["Key"]])


@after("s3", "DeleteObjects")
def pause_after_delete_objects(call: Call) -> None:
    if exports_of(call.account):
        keys = [deleted["Key"] for deleted in call.params["Delete"]["Objects"]]
        _pause(call.account, call.params["Bucket"], keys)


def deliver(account: str, export: Export) -> None:
    """Write the months that have changed since their last delivery, if AWS may write to the bucket."""
    now = CLOCK.now()
    if now < export.paused_until or not can_write(account, export.bucket):
        return
    execution = Execution(str(uuid.uuid4()), now, export.definition)
    changed = [
        (month, charges)
        for month in _months(export.created, now)
        if (charges := _charges_to_write(account, export, month))
    ]
    for month, charges in changed:
        write_month(account, export, execution, month, charges)
        export.delivered[month] = DeliveredMonth(now, len(charges), _fingerprint(charges))
    if changed:
        export.executions = [*export.executions, execution][-_MAX_EXECUTIONS:]


def mark_for_rewrite(export: Export) -> None:
    """Write all months that are not final again, because the definition of the export has changed."""
    now = CLOCK.now()
    export.delivered = {month: last for month, last in export.delivered.items() if now >= _final_time(month)}


def _deliver_to(account: str, bucket: str, key: str | None = None) -> None:
    """Deliver the exports that write to a bucket, or only the one that writes a key."""
    for export in exports_of(account):
        if export.bucket == bucket and (key is None or key.startswith(export.key_prefix)):
            deliver(account, export)


def _pause(account: str, bucket: str, deleted_keys: Sequence[str]) -> None:
    """Pause the exports whose files were deleted, so that the user can empty the bucket."""
    for export in exports_of(account):
        if export.bucket == bucket and any(key.startswith(export.key_prefix) for key in deleted_keys):
            export.paused_until = CLOCK.now() + _DELIVERY_INTERVAL


def _months(created: float, now: float) -> Iterator[int]:
    """The months since an export was created; AWS fills in earlier ones only on request."""
    month = month_start(created)
    while month <= now:
        yield month
        month = next_month_start(month)


def _final_time(month: int) -> int:
    return next_month_start(month) + _FINAL_AFTER


def _charges_to_write(account: str, export: Export, month: int) -> list[Charge]:
    """The charges of a month if its files must be written again; else an empty list."""
    now, last = CLOCK.now(), export.delivered.get(month)
    if last is not None:
        age = now - last.timestamp
        if last.timestamp >= _final_time(month) or age < _min_interval(export):
            return []
    charges = get_bill(account).month_charges(month)
    if last is None or last.charges != len(charges):
        return charges
    is_stale = now - last.timestamp >= _FRESH_SECONDS and last.fingerprint != _fingerprint(charges)
    return charges if is_stale else []


def _min_interval(export: Export) -> int:
    """The seconds between two deliveries; none for exports that overwrite their files."""
    return 0 if export.output["Overwrite"] == "OVERWRITE_REPORT" else _DELIVERY_INTERVAL


def _fingerprint(charges: Sequence[Charge]) -> str:
    quantity = sum((charge.quantity for charge in charges), Decimal(0))
    free = sum(1 for charge in charges if charge.allowance)
    return f"{total_cost(charges)} {quantity} {free}"
