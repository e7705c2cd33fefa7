"""Days of Cost Explorer as a source of a bill."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from esaws.aws import error_code
from esaws.costs.bill.credits import CREDIT
from esaws.costs.bill.formats.cost_explorer_responses import COSTS, QUANTITY
from esaws.costs.cost_explorer import CachedResponse, get_cost_and_usage_cached
from esaws.errors import EsawsError, UsageError, describe_error

if TYPE_CHECKING:
    from esaws.cloud import Cloud

_TAX = "Tax"
_SOURCE = re.compile(r"ce:(\d{4}-\d{2}(?:-\d{2})?)(?:\.\.(\d{4}-\d{2}(?:-\d{2})?))?")


def is_cost_explorer_source(source: str) -> bool:
    """Whether a source is like `ce:2026-01`, or `ce:2026-01-05..2026-02-03` with both days included."""
    return source.startswith("ce:")


def get_costs(source: str, cloud: Cloud | None) -> CachedResponse:
    """Get the costs of a source's days by service and usage type, and what credits paid of them.

    Cost Explorer groups by two dimensions at most, so credits take a request of their own. All that is not a credit
    counts as usage, or as tax.

    Raises:
        UsageError: the source has no valid dates, or Cost Explorer has no data for them.
        EsawsError: AWS refuses the call.
        Refused: the response has too many pages, see `get_cost_and_usage_cached`.
    """
    if cloud is None:
        raise UsageError(f"{source} needs an account. Pass the cloud: read_bill(…, cloud=cloud).")
    start, end = _parse_dates(source)
    request: dict[str, Any] = {
        "TimePeriod": {"Start": start.isoformat(), "End": end.isoformat()},
        "Granularity": "DAILY",
        "Metrics": [*COSTS, QUANTITY],
        "GroupBy": [{"Type": "DIMENSION", "Key": key} for key in ("SERVICE", "USAGE_TYPE")],
    }
    credits = {"Dimensions": {"Key": "RECORD_TYPE", "Values": [CREDIT]}}
    try:
        used = get_cost_and_usage_cached(cloud, {**request, "Filter": {"Not": credits}})
        paid = get_cost_and_usage_cached(cloud, {**request, "Filter": credits})
    except ClientError as error:
        code = error_code(error)
        # The account has not enabled Cost Explorer, or a date is one that it does not take.
        kind = UsageError if code in ("DataUnavailableException", "ValidationException") else EsawsError
        raise kind(f"{source}: Cost Explorer refused the call: {describe_error(error)}") from None

    pages = [*_with_type(used.pages, "Usage"), *_with_type(paid.pages, CREDIT)]
    return CachedResponse(pages, used.requests + paid.requests, used.usd + paid.usd)


def _with_type(pages: Iterable[dict[str, Any]], type_: str) -> Iterator[dict[str, Any]]:
    """Pages as if they were grouped by record type, too."""
    definition = {"Type": "DIMENSION", "Key": "RECORD_TYPE"}
    for page in pages:
        periods = [
            {
                **period,
                "Groups": [
                    {**group, "Keys": [*group["Keys"], _TAX if group["Keys"][0] == _TAX else type_]}
                    for group in period.get("Groups", ())
                ],
            }
            for period in page["ResultsByTime"]
        ]
        yield {**page, "GroupDefinitions": [*page.get("GroupDefinitions", ()), definition], "ResultsByTime": periods}


def _parse_dates(source: str) -> tuple[date, date]:
    """The first day, and the day after the last."""
    match = _SOURCE.fullmatch(source)
    try:
        if match is None:
            raise ValueError(source)
        first, last = match[1], match[2] or match[1]
        start = date.fromisoformat(first if len(first) == 10 else f"{first}-01")
        if len(last) == 7:
            year, month = map(int, last.split("-"))
            last = f"{last}-{monthrange(year, month)[1]:02}"
        end = date.fromisoformat(last) + timedelta(days=1)
    except ValueError:
        raise UsageError(f"{source}: no valid dates. Write ce:2026-01 or ce:2026-01-05..2026-02-03.") from None
    if end <= start:
        raise UsageError(f"{source}: the end is before the start")
    return start, end
