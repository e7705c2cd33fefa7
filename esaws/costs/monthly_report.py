"""The cost report of a month: to date, by its end, what changed, what looks forgotten, and what each decision costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esaws.costs.analysis.breakdown import Breakdown, breakdown
from esaws.costs.analysis.credits import Credits, credits
from esaws.costs.analysis.month_end import MonthEnd, month_end
from esaws.costs.analysis.month_over_month import MonthOverMonth, month_over_month
from esaws.costs.analysis.selection import Unknown
from esaws.costs.analysis.waste import Waste, waste
from esaws.costs.attribution.attribution import CostAttribution
from esaws.costs.attribution.billed import PRICED_DIFFERENTLY, decisions
from esaws.costs.bill.bill import Bill
from esaws.costs.bill.bill_file import EmptyBill
from esaws.costs.bill.covered_days import next_month
from esaws.costs.bill.credits import is_credit
from esaws.costs.bill.read import read_bill
from esaws.costs.cost_explorer import today_of
from esaws.costs.forecasting.account_regime import DetectedRegime, detect_regime
from esaws.costs.results import TableResult
from esaws.errors import UsageError
from esaws.pricelist import Regime
from esaws.reference.seccom import Profile, seccom

if TYPE_CHECKING:
    import pandas

    from esaws.chart import Chart
    from esaws.cloud import Cloud

COST_EXPLORER = "Cost Explorer"
_TO_DATE = "what was used to date"
_MONTH_END = "what the month will come to"
_BY_SERVICE = "where the money went, by service"
_CHANGES = "what changed"
_WASTE = "what looks forgotten"
_DECISIONS = "what each decision costs"
_MOST_UNEXPLAINED = Fraction(1, 2)
"""The share of a bill that list prices may leave unexplained: beyond it, what decisions cost would be a guess."""


@dataclass(frozen=True)
class CostReport(TableResult):
    """The costs of one month of a bill, before credits; each part may be unknown, with the reason."""

    source: str
    """The files, or the days of Cost Explorer."""
    bill: Bill | None
    """None where Cost Explorer has no costs yet."""
    month: date
    """Its first day."""
    credits: Credits | Unknown
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
            "format": self.bill.format if self.bill else COST_EXPLORER,
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
    regime: Regime | None = None,
) -> CostReport:
    """Report the costs of a month: of bill files, or without any of Cost Explorer.

    Args:
        cloud: the account whose Cost Explorer is read; with files it reads those in `s3://` buckets.
        sources: files, globs, folders or `s3://bucket/prefix`; files need no call. Without any, Cost Explorer is read
            for this month and the one before: two requests at least, each for 0.01 USD on AWS and cached for a day.
        month: any day of the month; by default the last month of the bill with a complete day.
        currency: the currency, where the bill has several.
        profile: the profile of the reference system whose decisions the bill is attributed to; without one they are
            unknown.
        regime: the free tier with which decisions are priced; by default that of the account for Cost Explorer where
            AWS shows it, and for files none.

    Amounts are of complete days, where there are any: of Cost Explorer those before yesterday, as its figures are up to
    a day late; on the local AWS those before today.

    Raises:
        UsageError: a source can't be read, or the bill does not have the month or the currency.
        Refused: Cost Explorer has more pages than 25.
    """
    if sources:
        files = read_bill(*sources, cloud=cloud)
        read = _Read(", ".join(map(str, sources)), files, files, files.warnings)
        today, account = date.max, DetectedRegime(None, "")
    else:
        today, account = today_of(cloud), detect_regime(cloud)
        read = _read_cost_explorer(cloud, today, month)
    period = month and month.replace(day=1)
    end = read.answer(_MONTH_END, lambda bill: month_end(bill, period=period, currency=currency))
    month = period or _month_of(read.bill, end, today)
    bill = read.complete if read.complete and month in read.complete.months else read.bill
    to_date: Credits | Unknown = Unknown(_TO_DATE, read.nothing)
    by_service: Breakdown | Unknown = Unknown(_BY_SERVICE, read.nothing)
    if bill is not None:
        to_date = credits(bill, period=month, currency=currency, left=account.credits)
        by_service = breakdown(bill, period=month, currency=currency)
    return CostReport(
        read.source,
        bill,
        month,
        to_date,
        end,
        by_service,
        read.answer(_CHANGES, lambda bill: month_over_month(bill, after=month, currency=currency)),
        read.answer(_WASTE, lambda bill: waste(bill, currency=currency)),
        _decisions(bill, read.nothing, month, profile, regime or account.regime or "none", cloud.region),
        tuple(read.warnings),
    )


@dataclass(frozen=True)
class _Read:
    """What was read."""

    source: str
    bill: Bill | None
    complete: Bill | None
    """The bill to its last complete day; None where it has none."""
    warnings: Sequence[str]
    nothing: str = ""
    """Why there is no bill, or no complete day of it."""

    def answer(self, question: str, ask: Callable[[Bill], Any]) -> Any:
        """The answer of the complete days, or `Unknown` where these lack what the question needs."""
        if self.complete is None:
            return Unknown(question, self.nothing)
        try:
            return ask(self.complete)
        except UsageError as error:
            return Unknown(question, str(error))


def _read_cost_explorer(cloud: Cloud, today: date, month: date | None) -> _Read:
    """Read a month and the one before; of the running month up to today.

    Figures are up to a day late on AWS, so there the last complete day is the one before yesterday.
    """
    last = today
    if month is not None:
        last = min(last, next_month(month) - timedelta(days=1))
    first = (last.replace(day=1) - timedelta(days=1)).replace(day=1)
    try:
        bill = read_bill(f"ce:{first}..{last}", cloud=cloud)
    except EmptyBill:
        return _Read(COST_EXPLORER, None, None, (), f"{COST_EXPLORER} has no costs from {first} to {last}")
    complete = today - timedelta(days=2 if cloud.is_aws else 1)
    if last <= complete:
        return _Read(COST_EXPLORER, bill, bill, bill.warnings)
    late = f"{COST_EXPLORER} is up to a day late" if cloud.is_aws else "today is not over"
    warnings = (*bill.warnings, f"{late}: amounts are of the days up to {complete}, if there are any")
    try:
        return _Read(COST_EXPLORER, bill, bill.as_of(complete), warnings)
    except UsageError:
        return _Read(COST_EXPLORER, bill, None, warnings, f"there are no costs before {complete + timedelta(days=1)}")


def _month_of(bill: Bill | None, end: MonthEnd | Unknown, today: date) -> date:
    if isinstance(end, MonthEnd):
        return end.period
    if bill is None:
        return today.replace(day=1)
    if not bill.months:
        raise UsageError("the bill has no lines, so there is no month to report; read another one")
    return bill.months[-1]


def _decisions(
    bill: Bill | None, nothing: str, month: date, profile: Profile | None, regime: Regime, region: str
) -> CostAttribution | Unknown:
    if profile is None:
        return Unknown(_DECISIONS, "no profile is given whose decisions the bill could be attributed to")
    if bill is None:
        return Unknown(_DECISIONS, nothing)
    charges = replace(bill, lines=bill.lines.filter(~is_credit(bill.lines)))
    try:
        found = decisions(charges, seccom(profile), regime=regime, period=month, region=region)
    except UsageError as error:
        return Unknown(_DECISIONS, str(error))
    unexplained = sum(abs(share.usd) for share in found.rest if share.name == PRICED_DIFFERENTLY)
    if unexplained > Fraction(abs(found.total_usd)) * _MOST_UNEXPLAINED:
        difference = f"{float(unexplained):,.2f} of {found.total_usd:,.2f} USD is {PRICED_DIFFERENTLY}"
        return Unknown(_DECISIONS, f"{difference}: the free tier may be another than {regime!r}, or prices are agreed")
    return found
