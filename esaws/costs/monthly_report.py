"""The cost report of a month: to date, by its end, what changed, what looks forgotten, and what each decision costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.analysis.breakdown import Breakdown, breakdown
from esaws.costs.analysis.credits import Credits, credits
from esaws.costs.analysis.month_end import MonthEnd, month_end
from esaws.costs.analysis.month_over_month import MonthOverMonth, month_over_month
from esaws.costs.analysis.selection import Unknown
from esaws.costs.analysis.waste import Waste, waste
from esaws.costs.attribution.attribution import CostAttribution
from esaws.costs.attribution.billed import decisions
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.credits import is_credit
from esaws.costs.bill.read import read_bill
from esaws.costs.cost_explorer import today_of
from esaws.costs.forecasting.account_regime import detect_regime
from esaws.costs.results import TableResult
from esaws.errors import UsageError
from esaws.pricelist import Regime
from esaws.reference.seccom import Profile, seccom

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart
    from esaws.cloud import Cloud

COST_EXPLORER = "Cost Explorer"
_DECISIONS = "what each decision costs"


@dataclass(frozen=True)
class CostReport(TableResult):
    """The costs of one month of a bill, before credits; each part may be unknown, with the reason."""

    source: str
    """The files, or the days of Cost Explorer."""
    bill: Bill
    month: date
    """Its first day."""
    credits: Credits
    """What was used to date, what credits paid, and what is to pay."""
    month_end: MonthEnd | Unknown
    by_service: Breakdown | Unknown
    changes: MonthOverMonth | Unknown
    """Against the month before."""
    waste: Waste | Unknown
    """What looks forgotten on the last days of the bill."""
    decisions: CostAttribution | Unknown
    """Of the month to date, before credits."""
    warnings: tuple[str, ...]

    def to_frame(self) -> pandas.DataFrame:
        """One row for each answer. Columns: question, answer; an unknown answer has its reason."""
        import pandas

        rows = [
            ("to date", repr(self.credits)),
            ("by the end of the month", repr(self.month_end)),
            ("against the month before", repr(self.changes)),
            ("what looks forgotten", repr(self.waste)),
            (_DECISIONS, repr(self.decisions)),
        ]
        return pandas.DataFrame(rows, columns=["question", "answer"])

    def to_dict(self) -> dict[str, Any]:
        """source, format, month, to_date, month_end, by_service, changes, waste, decisions, warnings.

        Each answer is the `to_dict()` of its question; one that is not known is {unknown: reason}.
        """
        answers = {
            "to_date": self.credits,
            "month_end": self.month_end,
            "by_service": self.by_service,
            "changes": self.changes,
            "waste": self.waste,
            "decisions": self.decisions,
        }
        return {
            "source": self.source,
            "format": self.bill.format,
            "month": f"{self.month:%Y-%m}",
            **{name: answer.to_dict() for name, answer in answers.items()},
            "warnings": list(self.warnings),
        }

    def draw(self) -> Chart:
        """The month to its last complete day, and on to its end."""
        return self.month_end.draw()

    def __repr__(self) -> str:
        return f"{self.month:%B %Y}, from {self.source}: {self.credits!r}"


def cost_report(
    cloud: Cloud,
    *sources: str | Path,
    month: date | None = None,
    currency: str | None = None,
    profile: Profile | None = None,
    regime: Regime = "none",
) -> CostReport:
    """Report the costs of a month: of bill files, or without any of Cost Explorer.

    Args:
        cloud: the account whose Cost Explorer is read; with files it reads those in `s3://` buckets.
        sources: files, globs, folders or `s3://bucket/prefix`; files need no call. Without any, Cost Explorer is read
            for this month and the one before: two requests at least, each for 0.01 USD on AWS and cached for a day.
        month: any day of the month; by default the last month of the bill with a complete day.
        currency: the currency, where the bill has several.
        profile: the profile of the reference system whose decisions the bill is attributed to; without one they are
            unknown. `regime` is the free tier of the account then.

    Figures of Cost Explorer are up to a day late: the running month is projected from the day before yesterday on AWS.

    Raises:
        UsageError: a source can't be read, or the bill does not have the month or the currency.
        Refused: Cost Explorer has more pages than 25.
    """
    if sources:
        bill, name = read_bill(*sources, cloud=cloud), ", ".join(map(str, sources))
        settled = bill
    else:
        bill, settled = _read_cost_explorer(cloud, month)
        name = COST_EXPLORER
    period = month and month.replace(day=1)
    end = _answer("what the month will come to", lambda: month_end(settled, period=period, currency=currency))
    month = _month_of(bill, end, month)
    left = None if sources else detect_regime(cloud).credits
    return CostReport(
        name,
        bill,
        month,
        credits(bill, period=month, currency=currency, left=left),
        end,
        breakdown(bill, period=month, currency=currency),
        _answer("what changed", lambda: month_over_month(settled, after=month, currency=currency)),
        _answer("what looks forgotten", lambda: waste(settled, currency=currency)),
        _decisions(bill, month, profile, regime, cloud.region),
        tuple(_warnings(bill, settled)),
    )


def _read_cost_explorer(cloud: Cloud, month: date | None) -> tuple[Bill, Bill]:
    """The bill of a month and the one before up to yesterday, and the part of it that is not late any more."""
    today = today_of(cloud)
    last = today - timedelta(days=1)
    if month is not None:
        last = min(last, (month.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1))
    first = (last.replace(day=1) - timedelta(days=1)).replace(day=1)
    bill = read_bill(f"ce:{first}..{last}", cloud=cloud)
    complete = today - timedelta(days=2 if cloud.is_aws else 1)
    return bill, bill.as_of(complete) if complete < last else bill


def _month_of(bill: Bill, end: MonthEnd | Unknown, month: date | None) -> date:
    if month is not None:
        return month.replace(day=1)
    if isinstance(end, MonthEnd):
        return end.period
    if not bill.months:
        raise UsageError("the bill has no lines, so there is no month to report; read another one")
    return bill.months[-1]


def _decisions(
    bill: Bill, month: date, profile: Profile | None, regime: Regime, region: str
) -> CostAttribution | Unknown:
    if profile is None:
        return Unknown(_DECISIONS, "no profile is given whose decisions the bill could be attributed to")
    charges = replace(bill, lines=bill.lines.filter(~is_credit(bill.lines)))
    return _answer(_DECISIONS, lambda: decisions(charges, seccom(profile), regime=regime, period=month, region=region))


def _answer(question: str, ask: Callable[[], Any]) -> Any:
    """The answer, or `Unknown` where the bill lacks what the question needs."""
    try:
        return ask()
    except UsageError as error:
        return Unknown(question, str(error))


def _warnings(bill: Bill, settled: Bill) -> Iterator[str]:
    yield from bill.warnings
    if settled is not bill:
        yield "yesterday may be incomplete, as Cost Explorer is up to a day late: the month is projected without it"
