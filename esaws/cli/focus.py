"""`esaws cost focus`: a bill, in whatever format it came, as FOCUS."""

from __future__ import annotations

import click

from esaws.cli.common import print_json, with_cloud
from esaws.cli.costs import cost
from esaws.cloud import Cloud


@cost.command("focus")
@with_cloud
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to: .csv, .csv.gz or .parquet.")
@click.option("--focus-version", default="1.0", metavar="VERSION", help="1.0 or 1.2.  [default: 1.0]")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@click.option("--engine", metavar="URL", help="Only duckdb writes FOCUS.  [default: duckdb]")
def focus_command(
    cloud: Cloud,
    sources: tuple[str, ...],
    output: str,
    focus_version: str,
    overwrite: bool,
    engine: str | None,
    as_json: bool,
) -> None:
    """Write a bill as FOCUS, the FinOps Open Cost and Usage Specification.

    SOURCE is what `esaws cost bill` reads. What a bill does not tell is left empty, or assumed where FOCUS demands it,
    and said. With --json: file, version, rows, totals (of BilledCost, by currency), warnings.
    """
    from esaws.costs.bill.read import read_bill
    from esaws.costs.focus.write import ready_for, write_focus

    ready_for(output, focus_version, engine, overwrite=overwrite)
    written = write_focus(
        read_bill(*sources, engine=engine, cloud=cloud), output, version=focus_version, overwrite=overwrite
    )
    if as_json:
        print_json(written.to_dict())
        return
    totals = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in written.totals.items())
    click.echo(f"{written.file}: FOCUS {written.version}, {written.rows:,} rows, {totals}")
    for warning in written.warnings:
        click.echo(f"~ {warning}")
