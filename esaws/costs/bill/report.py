"""The report of a bill: totals, costs by service and by usage type, free-tier usage and warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import fsum, isfinite
from typing import TYPE_CHECKING, Any

from esaws.costs.bill.bill import Bill
from esaws.costs.bill.covered_days import missing_months
from esaws.costs.bill.credits import NET_OF_CREDITS, CreditSplit
from esaws.costs.bill.free_tier import FreeUsage, by_allowance, to_decimal
from esaws.costs.bill.queries import by_provider, free_usage, spending
from esaws.costs.results import TableResult

if TYPE_CHECKING:
    import pandas

UNKNOWN_CURRENCY = "unknown"
"""The currency of rows without one."""

Amounts = Mapping[tuple[str, str], Decimal]
"""(name, currency) → amount."""


@dataclass(frozen=True, repr=False)
class Report(TableResult):
    """The costs of a bill by one metric. Amounts of different currencies are never added."""

    bill: Bill
    metric: str
    totals: Mapping[str, Decimal]
    """What is to pay, by currency."""
    splits: Mapping[str, CreditSplit]
    """What was used, paid by credits and is to pay, by currency."""
    by_service: Amounts
    """The most expensive first."""
    by_usage_type: Amounts
    free: Sequence[FreeUsage]
    warnings: Sequence[str]

    @property
    def currency(self) -> str | None:
        """The currency; None if there are several."""
        return next(iter(self.totals)) if len(self.totals) == 1 else None

    @property
    def main_currency(self) -> str | None:
        """The currency with the largest amount before credits, as a number; None without amounts."""
        used = {name: split.to_pay + (split.credits or 0) for name, split in self.splits.items()}
        return max(used, key=lambda name: used[name], default=None)

    @property
    def total(self) -> Decimal | None:
        """The sum; None if there are several currencies."""
        return self.totals[self.currency] if self.currency is not None else None

    @property
    def before_credits(self) -> dict[str, Decimal | None]:
        """What was used, by currency; None where the bill does not show which lines are credits."""
        return {currency: split.before_credits for currency, split in self.splits.items()}

    @property
    def credits(self) -> dict[str, Decimal | None]:
        """What credits paid, by currency; None where the bill does not show it."""
        return {currency: split.credits for currency, split in self.splits.items()}

    @property
    def to_pay(self) -> dict[str, Decimal]:
        """What is left to pay, by currency: the totals."""
        return {currency: split.to_pay for currency, split in self.splits.items()}

    def to_frame(self) -> pandas.DataFrame:
        """Costs by service, the most expensive first. Columns: service, currency, cost."""
        import pandas

        rows = [(service, currency, float(cost)) for (service, currency), cost in self.by_service.items()]
        return pandas.DataFrame(rows, columns=["service", "currency", "cost"])

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON.

        Keys: format, rows, period, periods (each month in the bill), currency, total (both null if currencies are
        mixed), total_usd (null unless USD), totals (by currency), before_credits, credits and to_pay (by currency; the
        first two null where the bill does not show which lines are credits), by_service and by_usage_type ({name:
        amount}, or {name: {currency: amount}} if currencies are mixed; to pay), free_tier
        [{allowance, period, quantity, cap, benefit_usd}], warnings.
        """
        return {
            "format": self.bill.format,
            "rows": self.bill.rows,
            "period": self.bill.period,
            "periods": [f"{month:%Y-%m}" for month in self.bill.months],
            "currency": self.currency,
            "total": _to_json(self.total),
            "total_usd": _to_json(self.total) if self.currency == "USD" else None,
            "totals": {currency: _to_json(amount) for currency, amount in self.totals.items()},
            "before_credits": {currency: _to_json(amount) for currency, amount in self.before_credits.items()},
            "credits": {currency: _to_json(amount) for currency, amount in self.credits.items()},
            "to_pay": {currency: _to_json(amount) for currency, amount in self.to_pay.items()},
            "by_service": self._amounts_to_json(self.by_service),
            "by_usage_type": self._amounts_to_json(self.by_usage_type),
            "free_tier": [
                {
                    "allowance": usage.allowance,
                    "period": usage.period,
                    "quantity": _to_json(usage.quantity),
                    "cap": _to_json(usage.cap),
                    "benefit_usd": _to_json(usage.benefit) if usage.currency == "USD" else None,
                }
                for usage in self.free
            ],
            "warnings": list(self.warnings),
        }

    def __repr__(self) -> str:
        totals = ", ".join(split.describe(currency) for currency, split in self.splits.items())
        return f"{totals} ({self.metric}; {self.bill})"

    def _amounts_to_json(self, amounts: Amounts) -> dict[str, Any]:
        if self.currency is not None or not self.totals:
            return {name: _to_json(amount) for (name, _), amount in amounts.items()}
        by_currency: dict[str, Any] = {}
        for (name, currency), amount in amounts.items():
            by_currency.setdefault(name, {})[currency] = _to_json(amount)
        return by_currency


def report(bill: Bill, metric: str | None = None) -> Report:
    """Report the costs of a bill by a metric of `schema.METRICS`; without one, by the bill's first.

    Raises:
        UsageError: the bill does not have the metric, or has a cost that is not a number.
    """
    metric_used = bill.resolve_metric(metric)
    rows = bill.fetch_rows(spending(bill.lines, metric_used))
    if any(isinstance(row["cost"], float) and not isfinite(row["cost"]) for row in rows):
        raise bill.invalid_cost_error()
    services, usage_types = _amounts(rows, "service"), _amounts(rows, "usage_type")
    totals: dict[str, Decimal] = {}
    for (_, currency), amount in services.items():
        totals[currency] = totals.get(currency, Decimal(0)) + amount
    splits = {currency: _split(rows, currency, amount) for currency, amount in totals.items()}
    # FOCUS has a list price of 0 for free usage.
    free = by_allowance(bill.fetch_rows(free_usage(bill.lines)), has_list_prices=not bill.format.startswith("FOCUS"))
    result = Report(bill, metric_used, totals, splits, services, usage_types, free, bill.warnings)
    return replace(result, warnings=(*bill.warnings, *_warnings(result, is_default_metric=metric is None)))


def _amounts(rows: Sequence[Mapping[str, Any]], name: str) -> dict[tuple[str, str], Decimal]:
    """The costs by a name and currency, the greatest first, without those of 0 that have no currency."""
    costs: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        costs.setdefault((row[name], row["currency"]), []).append(row["cost"])
    amounts = {key: _sum(values) or Decimal(0) for key, values in costs.items()}
    return {
        (value, currency or UNKNOWN_CURRENCY): amount
        for (value, currency), amount in sorted(amounts.items(), key=lambda item: (-item[1], item[0]))
        if currency or amount
    }


def _split(rows: Sequence[Mapping[str, Any]], currency: str, to_pay: Decimal) -> CreditSplit:
    """What credits paid of an amount; unknown where a row in its currency has no type."""
    in_currency = [row for row in rows if (row["currency"] or UNKNOWN_CURRENCY) == currency]
    is_known = not any(row["untyped"] for row in in_currency)
    return CreditSplit(to_pay, _sum([row["credits"] for row in in_currency]) if is_known else None)


def _sum(amounts: Sequence[Any]) -> Decimal | None:
    """The sum of the amounts that are not NULL; None if all are."""
    known = [amount for amount in amounts if amount is not None]
    return to_decimal(fsum(known) if isinstance(known[0], float) else sum(known)) if known else None


def _warnings(report: Report, *, is_default_metric: bool) -> Iterator[str]:
    bill = report.bill
    if is_default_metric and report.metric != "unblended":
        yield f"the bill has no unblended costs: {report.metric} costs are counted"
    if any(split.credits is None for split in report.splits.values()):
        yield NET_OF_CREDITS
    if missing := missing_months(bill.months):
        names = ", ".join(f"{month:%Y-%m}" for month in missing)
        yield f"{names} {'is' if len(missing) == 1 else 'are'} not in the bill"
    if len(report.totals) > 1:
        yield f"amounts in {' and '.join(report.totals)} are not added: each currency has its own total"
    if UNKNOWN_CURRENCY in report.totals:
        yield "some rows have no currency"
    if bill.format.startswith("FOCUS"):
        providers = {row["provider"]: row["rows"] for row in bill.fetch_rows(by_provider(bill.lines))}
        if len(providers) > 1:
            rows = ", ".join(f"{rows} rows of {name}" for name, rows in providers.items())
            yield f"several providers, all counted: {rows}"
        if any(usage.benefit is None for usage in report.free):
            yield "FOCUS has a list price of 0 for free usage: its benefit is unknown"


def _to_json(amount: Decimal | None) -> float | None:
    """Round to ten decimals, the precision of AWS's bills."""
    return None if amount is None else float(round(amount, 10))
