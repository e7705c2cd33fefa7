"""`esaws cost bill`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import cloud_options, print_json, print_table
from esaws.cli.cost import cost
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.costs.analysis.breakdown import Breakdown
    from esaws.costs.bill.report import Report

_SMALLEST_SHOWN = Decimal("0.005")


@cost.command("bill")
@cloud_options
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("--by", default="service", help="Another dimension than service, as in `esaws cost breakdown`.")
@click.option("--engine", metavar="URL", help="duckdb, spark://…, athena://… or trino://….  [default: duckdb]")
@click.option("--metric", help="unblended, blended, amortized, net_unblended or net_amortized.  [default: unblended]")
def bill_command(
    cloud: Cloud, sources: tuple[str, ...], by: str, engine: str | None, metric: str | None, as_json: bool
) -> None:
    """Read a bill of any format.

    SOURCE is a file, a folder, a glob, s3://bucket/prefix, or days of Cost Explorer (ce:2026-01 or
    ce:2026-01-05..2026-02-03), for which AWS charges 0.01 USD per request. A month exported twice counts once.
    """
    from esaws.costs.bill.read import read_bill
    from esaws.costs.bill.report import report

    result = report(read_bill(*sources, engine=engine, cloud=cloud), metric)
    parts = _parts(result, by) if by != "service" or (not as_json and any(result.credits.values())) else {}
    if not as_json:
        _print_bill(result, by, parts)
        return
    values = result.to_dict()
    if parts:
        values[f"by_{by}"] = _amounts_to_pay(parts)
        if names := {name: text for each in parts.values() for name, text in each.account_names.items()}:
            values["account_names"] = names
    print_json(values)


def _parts(report: Report, by: str) -> dict[str, Breakdown]:
    """The breakdown of each currency with a cost.

    Raises:
        UsageError: no line of the bill has the dimension.
    """
    from esaws.costs.analysis.breakdown import Breakdown, breakdown

    parts = {}
    for currency in report.totals:
        result = breakdown(report.bill, by, sys.maxsize, metric=report.metric, currency=currency)
        if not isinstance(result, Breakdown):
            raise UsageError(f"--by {by}: {result.reason}")
        parts[currency] = result
    return parts


def _amounts_to_pay(parts: dict[str, Breakdown]) -> dict[str, Any]:
    """What is to pay of each part: an amount, or one by currency if there are several."""
    amounts: dict[str, Any] = {}
    for currency, breakdown in parts.items():
        for part in breakdown.to_dict()["parts"]:
            if len(parts) == 1:
                amounts[part["name"]] = part["to_pay"]
            else:
                amounts.setdefault(part["name"], {})[currency] = part["to_pay"]
    return amounts


def _print_bill(report: Report, by: str, parts: dict[str, Breakdown]) -> None:
    """Print the report as a table. Amounts below half a cent are only counted."""
    bill = report.bill
    totals = ", ".join(split.describe(currency) for currency, split in report.splits.items())
    click.echo(f"{totals} for {bill.period or 'no month'} ({bill.format}, {report.metric}, {bill.rows:,} rows)\n")
    rows: list[dict[str, Any]] = [
        {"service": service or "(none)", "cost": f"{amount:,.2f} {currency}"}
        for (service, currency), amount in report.by_service.items()
        if abs(amount) >= _SMALLEST_SHOWN
    ]
    hidden = len(report.by_service) - len(rows)
    if parts:
        rows = [row for currency, each in parts.items() for row in _rows(each, by, currency)]
        hidden = sum(len(each.parts) for each in parts.values()) - len(rows)
    right = ("used", "credits", "to_pay")
    print_table(rows, f"and {hidden} more below half a cent each" if hidden else "", as_json=False, right=right)
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


def _rows(breakdown: Breakdown, by: str, currency: str) -> Iterator[dict[str, Any]]:
    for name, used in breakdown.parts:
        credits = breakdown.credits.get(name, Decimal(0))
        if max(abs(used), abs(credits)) < _SMALLEST_SHOWN:
            continue
        row = {by: breakdown.label(name), "used": f"{used:,.2f} {currency}"}
        if breakdown.credits:
            row |= {"credits": f"{credits:,.2f}", "to_pay": f"{used - credits + 0:,.2f} {currency}"}
        yield row
