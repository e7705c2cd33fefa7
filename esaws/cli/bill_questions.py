"""`esaws cost breakdown`, `month-over-month`, `month-end`, `anomalies`, `idle-hours`, `waste`, `free-tier`, `credits`.

Each reads a bill, asks it one question of `esaws.costs`, and prints the answer.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from datetime import date
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import cloud_options, print_json, print_table, suggest
from esaws.cli.cost import cost

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.costs.bill.bill import Bill

_SOURCE_HELP = "BILL is a file, a folder or any other source of `esaws cost bill`. Amounts are before credits."
_DIMENSIONS = (
    "service",
    "usage_type",
    "operation",
    "resource",
    "account",
    "payer",
    "region",
    "zone",
    "type",
    "cluster",
)
_CENT = 0.01


def question(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `bill`, `as_json` and `options` (metric and currency), from the options of every question."""

    @cloud_options
    @click.argument("sources", nargs=-1, required=True, metavar="BILL…")
    @click.option("--currency", metavar="CODE", help="The currency, where the bill has several, like EUR.")
    @click.option("--as-of", metavar="DATE", help="Ignore lines that begin after this day, like 2026-10-15.")
    @click.option("--metric", help="unblended, blended, amortized, …  [default: unblended]")
    @click.option("--engine", metavar="URL", help="duckdb, spark://…, athena://… or trino://….  [default: duckdb]")
    @wraps(command)
    def wrapped(
        cloud: Cloud,
        sources: tuple[str, ...],
        currency: str | None,
        as_of: str | None,
        metric: str | None,
        engine: str | None,
        **values: Any,
    ) -> Any:
        from esaws.costs.bill.read import read_bill

        day = _parse_day(as_of, "--as-of") if as_of else None
        if values.get("month"):
            values["month"] = _parse_day(f"{values['month']}-01", "--month")
        bill = read_bill(*sources, engine=engine, cloud=cloud)
        options = {"metric": metric, "currency": currency}
        if "ask_account" in values:
            values["cloud"] = cloud
        return command(bill=bill.as_of(day) if day else bill, options=options, **values)

    wrapped.__doc__ = f"{command.__doc__}\n\n    {_SOURCE_HELP}\n    "
    return wrapped


def month_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `month`, the first day of the month that it is about, or None."""
    option = click.option("--month", metavar="YYYY-MM", help="Only this month of the bill.")
    return option(command)


@cost.command("breakdown")
@question
@click.option(
    "--by",
    default="service",
    shell_complete=suggest(*_DIMENSIONS, "tag:", "cost_category:"),
    help=f"{', '.join(_DIMENSIONS)}, tag:KEY or cost_category:NAME.  [default: service]",
)
@click.option("--top", type=int, default=10, help="The number of values; all others are summed up.  [default: 10]")
@month_option
def breakdown_command(
    bill: Bill, by: str, top: int, month: date | None, options: dict[str, Any], as_json: bool
) -> None:
    """Break a bill down by one dimension: the most expensive values, and all others together."""
    from esaws.costs.analysis.breakdown import Breakdown, breakdown

    result = breakdown(bill, by, top, period=month, **options)
    rows = []
    if isinstance(result, Breakdown):
        used = "cost" if result.split.credits is None else "used"
        for part in result.to_dict()["parts"]:
            name = part.get("account_name")
            row = {by: f"{name} ({part['name']})" if name else part["name"], used: part["cost"]}
            if result.credits:
                row |= {"credits": part["credits"], "to_pay": part["to_pay"]}
            rows.append(row | {"percent": part["percent"]})
    _print(result, rows, as_json)


@cost.command("month-over-month")
@question
@click.option("--before", metavar="YYYY-MM", help="The first month.  [default: the one before the last]")
@click.option("--after", metavar="YYYY-MM", help="The second month.  [default: the last]")
def month_over_month_command(
    bill: Bill, before: str | None, after: str | None, options: dict[str, Any], as_json: bool
) -> None:
    """Compare two months of a bill over the same days, and explain each difference."""
    from esaws.costs.analysis.month_over_month import MonthOverMonth, month_over_month

    first, second = (
        _parse_day(f"{month}-01", option) if month else None
        for month, option in ((before, "--before"), (after, "--after"))
    )
    result = month_over_month(bill, first, second, **options)
    rows = []
    if isinstance(result, MonthOverMonth):
        for change in result.changes:
            effects = {
                name: getattr(change, name) for name in ("quantity", "rate", "free_tier", "new", "gone", "other")
            }
            reasons = [name.replace("_", " ") for name, amount in effects.items() if abs(amount) >= _CENT]
            amounts = {name: float(getattr(change, name)) for name in ("before", "after", "difference")}
            rows.append({"what": change.label, **amounts, "because_of": ", ".join(reasons)})
    _print(result, rows, as_json)


@cost.command("month-end")
@question
@month_option
def month_end_command(bill: Bill, month: date | None, options: dict[str, Any], as_json: bool) -> None:
    """Project what the last month of a bill will cost by its end."""
    from esaws.costs.analysis.month_end import MonthEnd, month_end

    result = month_end(bill, period=month, **options)
    rows = result.to_frame().reset_index().to_dict("records") if isinstance(result, MonthEnd) else []
    _print(result, rows, as_json)


@cost.command("anomalies")
@question
@click.option("--minimum", type=float, default=1, help="The least amount above the usual.  [default: 1]")
def anomalies_command(bill: Bill, minimum: float, options: dict[str, Any], as_json: bool) -> None:
    """Find the days on which a service cost unusually much, and the usage behind it."""
    from esaws.costs.analysis.anomalies import Anomalies, anomalies

    result = anomalies(bill, minimum=minimum, **options)
    if isinstance(result, Anomalies):
        found = [anomaly.to_dict() for anomaly in result.anomalies]
        if as_json:
            print_json(found)
            return
        _print(result, found, as_json)
        return
    _print(result, [], as_json)


@cost.command("idle-hours")
@question
@month_option
def idle_hours_command(bill: Bill, month: date | None, options: dict[str, Any], as_json: bool) -> None:
    """Find the hours in which something ran but served no traffic."""
    from esaws.costs.analysis.idle_hours import IdleHours, idle_hours

    result = idle_hours(bill, period=month, **options)
    rows = result.to_frame().reset_index().to_dict("records") if isinstance(result, IdleHours) else []
    _print(result, rows, as_json)


@cost.command("waste")
@question
def waste_command(bill: Bill, options: dict[str, Any], as_json: bool) -> None:
    """Find resources that cost money in the last days of a bill, and show no use."""
    from esaws.costs.analysis.waste import Waste, waste

    result = waste(bill, **options)
    rows = []
    if isinstance(result, Waste):
        for resource in result.to_dict()["resources"]:
            rows.append({name: resource[name] for name in ("what", "name", "sure", "cost", "a_month", "fix")})
    _print(result, rows, as_json)


@cost.command("free-tier")
@question
@month_option
def free_tier_command(bill: Bill, month: date | None, options: dict[str, Any], as_json: bool) -> None:
    """Show how much of each free-tier allowance was used in a month, and on which day it ran out."""
    from esaws.costs.analysis.free_tier_usage import FreeTierUsage, free_tier

    result = free_tier(bill, period=month, **options)
    rows = []
    if isinstance(result, FreeTierUsage):
        for one in result.to_dict()["allowances"]:
            rows.append({name: one[name] for name in ("allowance", "used", "cap", "unit", "charged", "ran_out")})
    _print(result, rows, as_json)


@cost.command("credits")
@question
@click.option("--left", type=float, help="What is left of the credits: the Billing console shows it, no bill does.")
@click.option("--ask-account", is_flag=True, help="Request what is left from the account, if the bill is its own.")
@month_option
def credits_command(
    bill: Bill,
    left: float | None,
    ask_account: bool,
    month: date | None,
    cloud: Cloud,
    options: dict[str, Any],
    as_json: bool,
) -> None:
    """Show what was used, what credits paid of it, how much a day, and when they ended."""
    from esaws.costs.analysis.credits import credits

    result = credits(bill, period=month, left=left, cloud=cloud if ask_account else None, **options)
    _print(result, [], as_json)


def _print(result: Any, rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Print the JSON of an answer, or its sentence, its table and its notes."""
    if as_json:
        print_json(result.to_dict())
        return
    _print_text(repr(result))
    if rows:
        click.echo()
        shown = [{name: _format(value) for name, value in row.items()} for row in rows]
        numbers = {name for name in rows[0] if any(isinstance(row[name], float) for row in rows)}
        print_table(rows, "", as_json=False, table_rows=shown, right=numbers)
    for note in getattr(result, "notes", ()):
        _print_text(f"~ {note}")


def _print_text(text: str) -> None:
    """Print a sentence; in a terminal, break its lines between words."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    click.echo(textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False) if width else text)


def _format(value: Any) -> Any:
    if isinstance(value, float):
        small = 0 < abs(value) < _CENT / 2
        return "" if value != value else f"{value:.2g}" if small else f"{value + 0:,.2f}"
    return value


def _parse_day(text: str, option: str) -> date:
    from esaws.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError:
        example = "2026-10-15" if option == "--as-of" else "2026-10"
        given = text if option == "--as-of" else text.removesuffix("-01")
        raise UsageError(f"{option} {given} is not a date; write it like {example}") from None
