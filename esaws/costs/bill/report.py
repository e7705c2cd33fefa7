"""The report of a bill: what it comes to, on what it was spent, what was free, and what to know about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.free_tier import Free, by_allowance, decimal
from esaws.costs.bill.queries import by_provider, by_service, by_usage_type, free_usage

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from esaws.costs.bill.bill import Bill

UNKNOWN = "unknown"
"""The currency of rows that name none."""

Amounts = Mapping[tuple[str, str], Decimal]
"""(what, currency) → amount."""


@dataclass(frozen=True)
class Report:
    """What a bill comes to, counted by one metric. Amounts of different currencies are never added."""

    bill: Bill
    metric: str
    totals: Mapping[str, Decimal]
    """By currency."""
    by_service: Amounts
    """Dearest first."""
    by_usage_type: Amounts
    free: Sequence[Free]
    warnings: Sequence[str]

    @property
    def currency(self) -> str | None:
        """The currency; None if there are several."""
        return next(iter(self.totals)) if len(self.totals) == 1 else None

    @property
    def total(self) -> Decimal | None:
        """The sum; None if there are several currencies."""
        return self.totals[self.currency] if self.currency is not None else None

    def to_dict(self) -> dict[str, Any]:
        """With documented keys.

        format, rows, period, currency, total (both null where currencies are mixed), total_usd (null unless USD),
        totals (by currency), by_service and by_usage_type ({what: amount}, or {what: {currency: amount}} where
        currencies are mixed), free_tier [{allowance, period, quantity, cap, benefit_usd}], warnings.
        """
        return {
            "format": self.bill.format,
            "rows": self.bill.rows,
            "period": self.bill.period,
            "currency": self.currency,
            "total": _number(self.total),
            "total_usd": _number(self.total) if self.currency == "USD" else None,
            "totals": {currency: _number(amount) for currency, amount in self.totals.items()},
            "by_service": self._told(self.by_service),
            "by_usage_type": self._told(self.by_usage_type),
            "free_tier": [
                {
                    "allowance": free.allowance,
                    "period": free.period,
                    "quantity": _number(free.quantity),
                    "cap": _number(free.cap),
                    "benefit_usd": _number(free.benefit) if free.currency == "USD" else None,
                }
                for free in self.free
            ],
            "warnings": list(self.warnings),
        }

    def _told(self, amounts: Amounts) -> dict[str, Any]:
        if self.currency is not None or not self.totals:
            return {what: _number(amount) for (what, _), amount in amounts.items()}
        told: dict[str, Any] = {}
        for (what, currency), amount in amounts.items():
            told.setdefault(what, {})[currency] = _number(amount)
        return told


def report(bill: Bill, metric: str | None = None) -> Report:
    """The report of a bill, counted by a metric of `canonical.METRICS`; without one, as AWS charges.

    Raises:
        UsageError: the bill does not tell this metric, or has an amount that is no number.
    """
    counted = bill.metric(metric)
    services = _amounts(bill, by_service(bill.lines, counted), "service")
    sums: dict[str, Decimal] = {}
    for (_, currency), amount in services.items():
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    used = _amounts(bill, by_usage_type(bill.lines, counted), "usage_type")
    free = by_allowance(bill.rows_of(free_usage(bill.lines)), valued=not bill.format.startswith("FOCUS"))
    found = Report(bill, counted, sums, services, used, free, bill.warnings)
    return replace(found, warnings=(*bill.warnings, *_warnings(bill, metric, found)))


def _amounts(bill: Bill, table: ir.Table, name: str) -> dict[tuple[str, str], Decimal]:
    """The sums of a report; what comes to nothing in a currency that nobody names is left out."""
    found = {}
    for row in bill.rows_of(table):
        if isinstance(row["cost"], float) and not isfinite(row["cost"]):
            raise bill.no_number()
        amount = decimal(row["cost"]) or Decimal(0)
        if row["currency"] or amount:
            found[row[name], row["currency"] or UNKNOWN] = amount
    return found


def _warnings(bill: Bill, wanted: str | None, report: Report) -> Iterator[str]:
    if wanted is None and report.metric != "unblended":
        yield f"the bill tells no unblended costs: counted by {report.metric}"
    if len(report.totals) > 1:
        yield f"amounts in {' and '.join(report.totals)} are never added: there is a total for each"
    if UNKNOWN in report.totals:
        yield "some rows name no currency"
    if bill.format.startswith("FOCUS"):
        providers = {row["provider"]: row["rows"] for row in bill.rows_of(by_provider(bill.lines))}
        if len(providers) > 1:
            yield f"all are counted: {', '.join(f'{rows} rows of {name}' for name, rows in providers.items())}"
        if any(free.benefit is None for free in report.free):
            yield "FOCUS tells free usage at a list price of 0: what it would have cost is not known"


def _number(amount: Decimal | None) -> float | None:
    """As JSON has it: without what is less than AWS's ten decimals."""
    return None if amount is None else float(round(amount, 10))
