"""`esaws cost bill`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import click

from esaws.cli.common import cloud_options, print_json, print_table
from esaws.cli.cost import cost

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.costs.bill.report import Report

_SMALLEST_SHOWN = Decimal("0.005")


@cost.command("bill")
@cloud_options
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("--engine", metavar="URL", help="duckdb, spark://…, athena://… or trino://….  [default: duckdb]")
@click.option("--metric", help="unblended, blended, amortized, net_unblended or net_amortized.  [default: unblended]")
def bill_command(cloud: Cloud, sources: tuple[str, ...], engine: str | None, metric: str | None, as_json: bool) -> None:
    """Read a bill of any format.

    SOURCE is a file, a folder, a glob, s3://bucket/prefix, or days of Cost Explorer (ce:2026-01 or
    ce:2026-01-05..2026-02-03), for which AWS charges 0.01 USD per request. A month exported twice counts once.
    """
    from esaws.costs.bill.read import read_bill
    from esaws.costs.bill.report import report

    result = report(read_bill(*sources, engine=engine, cloud=cloud), metric)
    print_json(result.to_dict()) if as_json else _print_bill(result)


def _print_bill(report: Report) -> None:
    """Print the report as a table. Services below half a cent are only counted."""
    bill = report.bill
    totals = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in report.totals.items())
    click.echo(f"{totals} for {bill.period or 'no month'} ({bill.format}, {report.metric}, {bill.rows:,} rows)\n")
    rows = [
        {"service": service or "(none)", "cost": f"{amount:,.2f} {currency}"}
        for (service, currency), amount in report.by_service.items()
        if abs(amount) >= _SMALLEST_SHOWN
    ]
    hidden = len(report.by_service) - len(rows)
    print_table(rows, f"and {hidden} more below half a cent each" if hidden else "", as_json=False)
    if report.free:
        click.echo("Free:")
        free = [
            {
                "allowance": each.allowance,
                "period": each.period,
                "used": f"{each.quantity:,.4g}" if each.quantity < 1 else f"{each.quantity:,.2f}",
                "of": "" if each.cap is None else f"{each.cap:g}",
                "worth": "unknown" if each.benefit is None else f"{each.benefit:,.2f} {each.currency}",
            }
            for each in report.free
        ]
        print_table(free, "", as_json=False)
    for warning in report.warnings:
        click.echo(f"~ {warning}")
