"""A bill on the terminal: the total, on what it was spent, what was free, and what to know about it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import click

from esaws.cli.common import show

if TYPE_CHECKING:
    from esaws.costs.bill.report import Report

_LEAST = Decimal("0.005")


def tell_bill(report: Report) -> None:
    """The report as a table; services that come to less than half a cent are summed up."""
    bill = report.bill
    totals = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in report.totals.items())
    click.echo(f"{totals} for {bill.period or 'no month'} ({bill.format}, {report.metric}, {bill.rows:,} rows)\n")
    rows = [
        {"service": service or "(not told)", "cost": f"{amount:,.2f} {currency}"}
        for (service, currency), amount in report.by_service.items()
        if abs(amount) >= _LEAST
    ]
    less = len(report.by_service) - len(rows)
    show(rows, f"and {less} more for less than half a cent each" if less else "", as_json=False)
    if report.free:
        click.echo("Free:")
        free = [
            {
                "allowance": each.allowance,
                "period": each.period,
                "used": f"{each.quantity:,.4g}" if each.quantity < 1 else f"{each.quantity:,.2f}",
                "of": "" if each.cap is None else f"{each.cap:g}",
                "worth": "not told" if each.benefit is None else f"{each.benefit:,.2f} {each.currency}",
            }
            for each in report.free
        ]
        show(free, "", as_json=False)
    for warning in report.warnings:
        click.echo(f"~ {warning}")
