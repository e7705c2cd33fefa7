"""What was spent, as Cost Explorer tells it: by day or month, by service or whatever else it knows."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from esaws.cloud import Cloud
from esaws.costs.cost_explorer import ask

if TYPE_CHECKING:
    import pandas


def spending(
    cloud: Cloud,
    start: date,
    end: date,
    *,
    by: str = "SERVICE",
    each: Literal["DAILY", "MONTHLY"] = "DAILY",
    where: dict[str, Any] | None = None,
) -> pandas.DataFrame:
    """What the account was charged in the days from `start` on, before `end`, in USD.

    One row for each day (or month) and each value of `by`, a dimension of Cost Explorer such as SERVICE or USAGE_TYPE,
    in which there was anything. Columns: the dimension in lower case, day, quantity (in the unit of the usage, where
    one usage type is shown), usd. `where` is a filter as Cost Explorer takes it.

    On AWS each page of the answer costs 0.01 USD, at most 25 are asked for, and an answer is kept for a day; figures
    come up to a day late.
    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
    """
    import pandas

    question: dict[str, Any] = {
        "TimePeriod": {"Start": start.isoformat(), "End": end.isoformat()},
        "Granularity": each,
        "Metrics": ["UnblendedCost", "UsageQuantity"],
        "GroupBy": [{"Type": "DIMENSION", "Key": by}],
        **({"Filter": where} if where else {}),
    }
    rows = [
        {
            by.lower(): group["Keys"][0],
            "day": period["TimePeriod"]["Start"],
            "quantity": float(group["Metrics"]["UsageQuantity"]["Amount"]),
            "usd": float(group["Metrics"]["UnblendedCost"]["Amount"]),
        }
        for page in ask(cloud, question).pages
        for period in page["ResultsByTime"]
        for group in period["Groups"]
    ]
    frame = pandas.DataFrame(rows, columns=[by.lower(), "day", "quantity", "usd"])
    return frame.assign(day=pandas.to_datetime(frame["day"]))
