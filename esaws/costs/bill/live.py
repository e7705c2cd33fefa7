"""Cost Explorer asked itself: each request is counted at its price, none is made twice in a day, and there is a cap.

https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from esaws.costs.bill.explorer_results import COSTS, QUANTITY
from esaws.errors import Refused, UsageError, told

if TYPE_CHECKING:
    from esaws.cloud import Cloud

USD_A_REQUEST = 0.01
CAP = 25
"""The most requests for one bill: a quarter of a dollar."""
_FRESH = timedelta(hours=24)
"""AWS refreshes its figures at least once in 24 hours."""
_SOURCE = re.compile(r"ce:(\d{4}-\d{2}(?:-\d{2})?)(?:\.\.(\d{4}-\d{2}(?:-\d{2})?))?")


@dataclass(frozen=True)
class Asked:
    """What Cost Explorer said, and how often it was asked."""

    pages: list[dict[str, Any]]
    requests: int
    usd: float


def is_live(source: str) -> bool:
    """Whether a source is Cost Explorer itself: `ce:2026-01`, or `ce:2026-01-05..2026-02-03`, both days included."""
    return source.startswith("ce:")


def asked(source: str, cloud: Cloud | None, cap: int = CAP) -> Asked:
    """The days of a source by service and usage type, from the cache where they are known.

    Raises:
        UsageError: the source names no days, or AWS refuses them.
        Refused: more requests would be needed than `cap`.
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
    kept = _cache(cloud, question) if cloud.is_aws else None  # the local AWS costs nothing, and its clock jumps
    if kept is not None and (pages := _fresh(kept, end)):
        return Asked(pages, 0, 0.0)
    pages = []
    try:
        for page in _pages(cloud, question, cap):
            pages.append(page)
    except ClientError as error:
        raise UsageError(f"{source} can't be asked: {told(error)}") from None
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({"asked": datetime.now(UTC).isoformat(), "pages": pages}, default=str), "utf-8")
    return Asked(pages, len(pages), len(pages) * USD_A_REQUEST if cloud.is_aws else 0.0)


def _pages(cloud: Cloud, question: dict[str, Any], cap: int) -> Iterator[dict[str, Any]]:
    explorer, token = cloud.client("ce"), None
    for _ in range(cap):
        answer = explorer.get_cost_and_usage(**question, **({"NextPageToken": token} if token else {}))
        yield {name: answer[name] for name in ("GroupDefinitions", "ResultsByTime") if name in answer}
        if not (token := answer.get("NextPageToken")):
            return
    raise Refused(
        f"stopped after {cap} requests to Cost Explorer, {cap * USD_A_REQUEST:.2f} USD: ask for fewer days, or read an "
        "export of the bill, which costs nothing to read"
    )


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


def _cache(cloud: Cloud, question: dict[str, Any]) -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "esaws" / "cost-explorer"
    asked_by = json.dumps([cloud.account, question], sort_keys=True)
    return folder / f"{hashlib.sha256(asked_by.encode()).hexdigest()[:32]}.json"


def _fresh(kept: Path, end: date) -> list[dict[str, Any]] | None:
    """What was kept, if it is not older than a day or if nothing of it was estimated any more."""
    try:
        known = json.loads(kept.read_text("utf-8"))
        when, pages = datetime.fromisoformat(known["asked"]), known["pages"]
    except (OSError, ValueError, KeyError):
        return None
    is_final = when.date() >= end and not any(each.get("Estimated") for page in pages for each in page["ResultsByTime"])
    return pages if is_final or datetime.now(UTC) - when < _FRESH else None
