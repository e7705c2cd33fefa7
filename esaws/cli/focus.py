"""`esaws cost focus`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from esaws.cli.common import cloud_options, print_json
from esaws.cli.cost import cost

if TYPE_CHECKING:
    from esaws.cloud import Cloud


@cost.command("focus")
@cloud_options
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("-o", "--output", required=True, metavar="FILE", help="Output file: .csv, .csv.gz or .parquet.")
@click.option(
    "--focus-version",
    "--version",
    "focus_version",
    default="1.0",
    metavar="VERSION",
    help="1.0, 1.2, 1.3 or 1.4.  [default: 1.0]",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
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
    """Convert a bill to FOCUS.

    FOCUS is the FinOps Open Cost and Usage Specification. SOURCE is as in `esaws cost bill`. Values missing in the bill
    are left empty; where FOCUS requires one, an assumption is made and reported. With --json: file, version, rows,
    totals (of BilledCost), before_credits, credits and to_pay (by currency), warnings.
    """
    from esaws.costs.bill.read import read_bill
    from esaws.costs.focus.write import check_output, write_focus

    check_output(output, focus_version, engine, overwrite=overwrite)
    written = write_focus(
        read_bill(*sources, engine=engine, cloud=cloud), output, version=focus_version, overwrite=overwrite
    )
    if as_json:
        print_json(written.to_dict())
        return
    totals = ", ".join(split.describe(currency) for currency, split in written.splits.items())
    click.echo(f"{written.file}: FOCUS {written.version}, {written.rows:,} rows, {totals}")
    for warning in written.warnings:
        click.echo(f"~ {warning}")
