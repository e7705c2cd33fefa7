"""The pace of an account: what a day costs before credits and what credits pay of it, from Cost Explorer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from esaws.cloud import Cloud
from esaws.costs.analysis.selection import RECURRING
from esaws.costs.bill.credits import CREDIT
from esaws.costs.cost_explorer import USD_PER_REQUEST, get_cost_and_usage_cached
from esaws.errors import Refused, describe_error

WINDOW_DAYS = 7
"""The days whose mean is the pace: a whole week."""
MOST_REQUESTS = 2
"""One request by service and one by region, each with one page."""
MOST_USD = MOST_REQUESTS * USD_PER_REQUEST
"""What the requests cost at most on AWS; nothing where the responses of today are in the cache."""

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Pace:
    """The mean of the last complete days, in USD a day. Tax, fees and refunds are not part of it."""

    start: date
    end: date
    """The last day, included."""
    used: Decimal
    """Before credits."""
    paid_by_credits: Decimal
    last_day_used: Decimal
    """What the last day alone cost before credits: it shows a change that the mean hides."""
    last_day_paid_by_credits: Decimal
    by_service: Mapping[str, Decimal] = field(default_factory=dict)
    """Before credits, the most expensive first."""
    by_region: Mapping[str, Decimal] | None = None
    """Before credits, the most expensive first; None where it is not known."""

    @property
    def to_pay(self) -> Decimal:
        """What is to pay a day."""
        return self.used - self.paid_by_credits

    @property
    def days(self) -> int:
        """The days that it is the mean of."""
        return (self.end - self.start).days + 1


@dataclass(frozen=True)
class PaceAnswer:
    """The pace, or the reasons why it or a part of it is unknown, with what the requests cost."""

    pace: Pace | None
    reasons: tuple[str, ...] = ()
    requests: int = 0
    usd: float = 0.0


def fetch_pace(cloud: Cloud, today: date) -> PaceAnswer:
    """Fetch the pace of the last seven complete days with two requests at most, 0.01 USD each on AWS.

    Figures of AWS are up to a day late, so there the last complete day is the one before yesterday.
    https://docs.aws.amazon.com/cost-management/latest/userguide/ce-what-is.html
    """
    last = today - timedelta(days=2 if cloud.is_aws else 1)
    period = {"Start": (last - timedelta(days=WINDOW_DAYS - 1)).isoformat(), "End": str(last + timedelta(days=1))}
    answers: dict[str, list[Mapping[str, Any]]] = {}
    reasons: list[str] = []
    requests, usd = 0, 0.0
    for dimension in ("SERVICE", "REGION"):
        request = {
            "TimePeriod": period,
            "Granularity": "DAILY",
            "Metrics": ["UnblendedCost"],
            "GroupBy": [{"Type": "DIMENSION", "Key": key} for key in (dimension, "RECORD_TYPE")],
        }
        try:
            response = get_cost_and_usage_cached(cloud, request, max_requests=1)
        except Refused:
            requests, usd = requests + 1, usd + (USD_PER_REQUEST if cloud.is_aws else 0.0)
            reasons.append(f"costs by {dimension.lower()} fill more than one page of Cost Explorer")
        except ClientError as error:
            reasons.append(f"costs by {dimension.lower()}: {describe_error(error)}")
        else:
            requests, usd = requests + response.requests, usd + response.usd
            answers[dimension] = [period for page in response.pages for period in page["ResultsByTime"]]
        if dimension not in answers and dimension == "SERVICE":
            break
    return PaceAnswer(pace_of(answers), tuple(reasons), requests, usd)


def pace_of(answers: Mapping[str, Iterable[Mapping[str, Any]]]) -> Pace | None:
    """The pace, from results of GetCostAndUsage by (SERVICE, RECORD_TYPE) and by (REGION, RECORD_TYPE).

    It counts from the first day with a cost: an account may be younger than a week. None where the amounts are not in
    USD.
    """
    if "SERVICE" not in answers:
        return None
    results = list(answers["SERVICE"])
    amounts = [_amounts(result) for result in results]
    dated = [(result["TimePeriod"]["Start"], day) for result, day in zip(results, amounts, strict=True)]
    if not dated or any(day is None for day in amounts):
        return None
    first = next((at for at, (_, day) in enumerate(dated) if day and any(day.values())), 0)
    days = [day or {} for _, day in dated[first:]]
    by_region = None
    if "REGION" in answers:
        of_regions = [_amounts(result) for result in answers["REGION"]][first:]
        by_region = None if None in of_regions else _mean_by_name([day or {} for day in of_regions])
    paid = [-sum((usd for (_, kind), usd in day.items() if kind == CREDIT), _ZERO) for day in days]
    by_service = _mean_by_name(days)
    return Pace(
        date.fromisoformat(dated[first][0]),
        date.fromisoformat(dated[-1][0]),
        sum(by_service.values(), _ZERO),
        sum(paid, _ZERO) / len(days),
        sum(_mean_by_name(days[-1:]).values(), _ZERO),
        paid[-1],
        by_service,
        by_region,
    )


def _amounts(result: Mapping[str, Any]) -> dict[tuple[str, str], Decimal] | None:
    """(name, record type) → USD of a day; None where an amount is in another currency."""
    amounts: dict[tuple[str, str], Decimal] = {}
    for group in result["Groups"]:
        cost = group["Metrics"]["UnblendedCost"]
        if cost.get("Unit", "USD") != "USD":
            return None
        amounts[group["Keys"][0], group["Keys"][1]] = Decimal(cost["Amount"])
    return amounts


def _mean_by_name(days: list[dict[tuple[str, str], Decimal]]) -> dict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for day in days:
        for (name, kind), usd in day.items():
            if kind in RECURRING:
                sums[name] += usd
    means = {name: usd / len(days) for name, usd in sums.items() if usd}
    return dict(sorted(means.items(), key=lambda item: (-item[1], item[0])))
