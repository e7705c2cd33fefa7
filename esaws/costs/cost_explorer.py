"""Query Cost Explorer: requests cost money, so responses are cached for a day and limited in number.

https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from esaws import simulation
from esaws.costs.bill.credits import CREDIT, CreditSplit
from esaws.costs.results import TableResult
from esaws.errors import Refused
from esaws.files import user_cache_folder, write_atomically
from esaws.timestamps import format_iso, parse_timestamp

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart
    from esaws.cloud import Cloud

USD_PER_REQUEST = 0.01
MAX_REQUESTS = 25
"""The most requests for one query: a quarter of a dollar."""
_RECORD_TYPE = "RECORD_TYPE"
_FRESH = timedelta(hours=24)
"""AWS refreshes its figures at least once in 24 hours."""


@dataclass(frozen=True)
class CachedResponse:
    """The pages of a response, the number of requests that they took, and the cost of these."""

    pages: list[dict[str, Any]]
    requests: int
    usd: float


@dataclass(frozen=True, eq=False)
class Spending(TableResult):
    """The charges of an account by day (or month) and one dimension, in USD, before credits and with them apart."""

    by: str
    rows: pandas.DataFrame

    @property
    def total_usd(self) -> float:
        """What was used, before credits."""
        return float(self.rows["usd"].sum())

    @property
    def credits_usd(self) -> float:
        """What credits paid, positive."""
        return float(self.rows["credits_usd"].sum())

    @property
    def to_pay_usd(self) -> float:
        """What is to pay."""
        return self.total_usd - self.credits_usd

    def to_frame(self) -> pandas.DataFrame:
        """One row for each day (or month) and value of the dimension with any charge or usage.

        Columns: the dimension in lower case, day, quantity (in the unit of the usage type, where a row has one), usd
        (before credits), credits_usd (what they paid, positive).
        """
        return self.rows

    def to_dict(self) -> dict[str, Any]:
        """by, total_usd (before credits), credits_usd, to_pay_usd, rows: a list of the frame's rows, with ISO dates."""
        rows = self.rows.assign(day=self.rows["day"].dt.strftime("%Y-%m-%d")).to_dict("records")
        sums = {name: getattr(self, name) for name in ("total_usd", "credits_usd", "to_pay_usd")}
        return {"by": self.by, **sums, "rows": rows}

    def draw(self) -> Chart:
        """A stacked bar for each day: the five most expensive values, and all others together."""
        from esaws.costs.cost_explorer_chart import draw_spending

        return draw_spending(self)

    def __repr__(self) -> str:
        split = CreditSplit(Decimal(self.to_pay_usd), Decimal(self.credits_usd))
        return f"{split.describe('USD')} by {self.by}"


def spending(
    cloud: Cloud,
    start: date | None = None,
    end: date | None = None,
    *,
    by: str = "SERVICE",
    granularity: Literal["DAILY", "MONTHLY"] = "DAILY",
    filter: dict[str, Any] | None = None,
) -> Spending:
    """Get the charges of the account from `start` to before `end`; by default those of the current month.

    Charges are before credits; what credits paid is beside them. `by` is a dimension of Cost Explorer, such as SERVICE
    or USAGE_TYPE. `filter` is a filter of GetCostAndUsage. On AWS each page costs 0.01 USD, with at most 25 pages, and
    a response is cached for a day. Figures are up to a day late.
    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html

    Raises:
        Refused: the response has more pages than 25.
        botocore.exceptions.ClientError: AWS refuses the request.
    """
    import pandas

    start = start or today_of(cloud).replace(day=1)
    end = end or today_of(cloud) + timedelta(days=1)
    dimensions = dict.fromkeys((by, _RECORD_TYPE))
    request: dict[str, Any] = {
        "TimePeriod": {"Start": start.isoformat(), "End": end.isoformat()},
        "Granularity": granularity,
        "Metrics": ["UnblendedCost", "UsageQuantity"],
        "GroupBy": [{"Type": "DIMENSION", "Key": key} for key in dimensions],
        **({"Filter": filter} if filter else {}),
    }
    dimension = by.lower()
    rows: dict[tuple[str, str], list[float]] = {}
    for page in get_cost_and_usage_cached(cloud, request).pages:
        for period in page["ResultsByTime"]:
            for group in period["Groups"]:
                keys, metrics = group["Keys"], group["Metrics"]
                row = rows.setdefault((keys[0], period["TimePeriod"]["Start"]), [0.0, 0.0, 0.0])
                cost = float(metrics["UnblendedCost"]["Amount"])
                if keys[-1] == CREDIT:
                    row[2] -= cost
                else:
                    row[0] += float(metrics["UsageQuantity"]["Amount"])
                    row[1] += cost
    columns = [dimension, "day", "quantity", "usd", "credits_usd"]
    frame = pandas.DataFrame([(*key, *amounts) for key, amounts in rows.items()], columns=columns)
    return Spending(dimension, frame.assign(day=pandas.to_datetime(frame["day"])))


def get_cost_and_usage_cached(
    cloud: Cloud, request: dict[str, Any], max_requests: int = MAX_REQUESTS
) -> CachedResponse:
    """Call GetCostAndUsage for all pages; on AWS, use the response from the cache where it is fresh.

    Responses are fresh for a day, and for ever if they contain no estimates.

    Raises:
        Refused: the response has more pages than `max_requests`.
        botocore.exceptions.ClientError: AWS refuses the request.
    """
    file = _cache_file(cloud, request) if cloud.is_aws else None  # the local AWS is free, and its clock jumps
    end = date.fromisoformat(request["TimePeriod"]["End"])
    if file is not None and (pages := _load_fresh(file, end)):
        return CachedResponse(pages, 0, 0.0)
    pages = list(_fetch_pages(cloud, request, max_requests))
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"asked": format_iso(datetime.now(UTC)), "pages": pages}, default=str)
        write_atomically(file, content)
    return CachedResponse(pages, len(pages), len(pages) * USD_PER_REQUEST if cloud.is_aws else 0.0)


def today_of(cloud: Cloud) -> date:
    """Today (UTC), of the local AWS's clock or elsewhere of this computer."""
    return simulation.cloud_time(cloud).date()


def _fetch_pages(cloud: Cloud, request: dict[str, Any], max_requests: int) -> Iterator[dict[str, Any]]:
    client, token = cloud.client("ce"), None
    for _ in range(max_requests):
        response = client.get_cost_and_usage(**request, **({"NextPageToken": token} if token else {}))
        yield {name: response[name] for name in ("GroupDefinitions", "ResultsByTime") if name in response}
        if not (token := response.get("NextPageToken")):
            return
    raise Refused(
        f"stopped after {max_requests} requests to Cost Explorer, {max_requests * USD_PER_REQUEST:.2f} USD. "
        "Query fewer days, or read an export of the bill, which is free to read."
    )


def _cache_file(cloud: Cloud, request: dict[str, Any]) -> Path:
    key = json.dumps([cloud.account, request], sort_keys=True)
    name = f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    return user_cache_folder() / "cost-explorer" / name


def _load_fresh(file: Path, end: date) -> list[dict[str, Any]] | None:
    """The pages of a cached response; None if it is older than a day, unless it was final when it was cached."""
    try:
        cached = json.loads(file.read_text("utf-8"))
        retrieved_at, pages = parse_timestamp(cached["asked"]), cached["pages"]
    except (OSError, ValueError, KeyError):
        return None
    has_estimates = any(period.get("Estimated") for page in pages for period in page["ResultsByTime"])
    is_final = retrieved_at.date() >= end and not has_estimates
    return pages if is_final or datetime.now(UTC) - retrieved_at < _FRESH else None
