"""Days of Cost Explorer itself as a source of a bill."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from esaws.costs.bill.cost_explorer_responses import COSTS, QUANTITY
from esaws.costs.cost_explorer import Answer, ask
from esaws.errors import UsageError, told

if TYPE_CHECKING:
    from esaws.cloud import Cloud

_SOURCE = re.compile(r"ce:(\d{4}-\d{2}(?:-\d{2})?)(?:\.\.(\d{4}-\d{2}(?:-\d{2})?))?")


def is_live(source: str) -> bool:
    """Whether a source is Cost Explorer itself: `ce:2026-01`, or `ce:2026-01-05..2026-02-03`, both days included."""
    return source.startswith("ce:")


def asked(source: str, cloud: Cloud | None) -> Answer:
    """The days of a source by service and usage type.

    Raises:
        UsageError: the source names no days, or AWS refuses them.
        Refused: as `ask`.
    """
    if cloud is None:
        raise UsageError(f"{source} is asked of an account: give the cloud, as in read_bill(…, cloud=cloud)")
    start, end = _days(source)
    question: dict[str, Any] = {
        "TimePeriod": {"Start": start.isoformat(), "End": end.isoformat()},
        "Granularity": "DAILY",
        "Metrics": [*COSTS, QUANTITY],
        "GroupBy": [{"Type": "DIMENSION", "Key": key} for key in ("SERVICE", "USAGE_TYPE")],
    }
    try:
        return ask(cloud, question)
    except ClientError as error:
        raise UsageError(f"{source} can't be asked: {told(error)}") from None


def _days(source: str) -> tuple[date, date]:
    """The first day and the one after the last."""
    found = _SOURCE.fullmatch(source)
    try:
        if found is None:
            raise ValueError("no days")
        first, last = found[1], found[2] or found[1]
        start = date.fromisoformat(first if len(first) == 10 else f"{first}-01")
        if len(last) == 7:
            year, month = map(int, last.split("-"))
            last = f"{last}-{monthrange(year, month)[1]:02}"
        end = date.fromisoformat(last) + timedelta(days=1)
    except ValueError:
        raise UsageError(f"{source} names no days; say it like ce:2026-01 or ce:2026-01-05..2026-02-03") from None
    if end <= start:
        raise UsageError(f"{source} ends before it begins")
    return start, end
