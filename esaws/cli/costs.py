"""What it will cost, and what it did."""

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.system import with_system
from esaws.cli.words import cli, print_json, show, with_cloud
from esaws.cloud import Cloud
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.costs.forecast.forecast import Forecast


@cli.group()
def cost() -> None:
    """Say what a month costs before it comes, and read the bill when it did."""


@cost.command("forecast")
@with_system
@with_cloud
@click.option("--regime", help="legacy, credits or none.  [default: all three side by side]")
@click.option("--hours", type=float, help="The first so many hours of a month of 730.  [default: 730]")
@click.option("--month", metavar="YYYY-MM", help="This calendar month, with its true hours.")
@click.option("--as-of", metavar="DATE", help="The prices of this day, like 2022-03-01.  [default: today]")
@click.option("--requests", type=float, default=0, help="Requests to the load balancer in the month.")
@click.option("--gb-out", type=float, default=0, help="Gigabytes of answers to the internet in the month.")
@click.option("--gb-between-zones", type=float, default=0, help="Gigabytes between zones in the month.")
@click.option("--hours-a-day", type=float, default=24, help="Run so long each day, and be parked in between.")
@click.option("--credits", "credits_", type=float, help="USD of credits that are left.  [default: all of 200]")
@click.option("--vat", type=float, default=0, help="Per cent of tax.")
@click.option("--with-alarms", is_flag=True, help="Count the alarms that scaling makes, too.")
def forecast_command(
    cloud: Cloud,
    architecture: Any,
    regime: str | None,
    hours: float | None,
    month: str | None,
    as_of: str | None,
    requests: float,
    gb_out: float,
    gb_between_zones: float,
    hours_a_day: float,
    credits_: float | None,
    vat: float,
    with_alarms: bool,
    as_json: bool,
) -> None:
    """What a month of a profile costs. No account is needed, and nothing is asked of AWS."""
    from esaws.costs.forecast.assumptions import Traffic
    from esaws.costs.forecast.forecast import forecast, forecasts
    from esaws.costs.forecast.month import Month

    if hours is not None and month is not None:
        raise UsageError("--hours are of a month of 730, --month is a calendar month: take one of them")
    assumptions = {
        "region": cloud.region,
        "month": Month.calendar(_day(f"{month}-01", "--month", "2026-02")) if month else Month.average(hours),
        "as_of": _day(as_of, "--as-of", "2022-03-01") if as_of else None,
        "traffic": Traffic(requests=requests, gb_out=gb_out, gb_between_zones=gb_between_zones),
        "hours_a_day": hours_a_day,
        "credits": credits_,
        "vat_percent": vat,
        "count_below": with_alarms,
    }
    if regime:
        found = forecast(architecture, regime=regime, **assumptions)  # type: ignore[arg-type]
        print_json(found.to_dict()) if as_json else _show_forecast(found)
        return
    each = forecasts(architecture, **assumptions)
    print_json([one.to_dict() for one in each]) if as_json else _show_side_by_side(each)


def _day(text: str, option: str, example: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text.removesuffix('-01')} is no date; say it like {example}") from None


def _show_forecast(found: "Forecast") -> None:
    from esaws.costs.forecast.forecast import cents

    click.echo(f"{cents(found.to_pay_usd)} USD to pay for {found.month} ({found.regime}, prices of {found.as_of})\n")
    rows = found.to_frame().round(4).to_dict("records")
    shown = [
        {
            "service": row["service"],
            "usage_type": row["usage_type"],
            "quantity": f"{row['quantity']:g} {row['unit']}",
            "usd_list": _usd(row["list_usd"]),
            "usd_free": _usd(row["free_usd"]),
            "usd": _usd(row["usd"]) + ("" if row["verified"] else " ~"),
        }
        for row in rows
    ]
    show(rows, f"\n{_sum(found)}", as_json=False, shown=shown)
    for used in found.allowances().dropna().to_dict("records"):
        after = used["exhausted_after_h"]
        click.echo(f"{used['cap']:g} {used['unit']} are free ({used['allowance']}), and used up after {after:g} hours")
    if found.runway_days is not None:
        click.echo(f"{found.credits:g} USD of credits last {found.runway_days:.1f} days")
    _warn(found)


def _show_side_by_side(found: list["Forecast"]) -> None:
    from esaws.costs.forecast.mine import RULE

    lines = {
        line.usage_type: {"service": line.service, "usage_type": line.usage_type}
        for each in found
        for line in each.lines
    }
    for usage_type, row in lines.items():
        for each in found:
            some = [line.usd for line in each.lines if line.usage_type == usage_type]
            row[f"usd_{each.regime}"] = _usd(None if None in some else sum(filter(None, some)))
    rows = sorted(lines.values(), key=lambda row: -float(row["usd_none"].replace("?", "0")))
    show(rows, "", as_json=False)
    for each in found:
        click.echo(f"{each.regime:8} {_sum(each)}")
    click.echo(f"\nWhich is yours? {RULE[0].upper()}{RULE[1:]}.")
    _warn(found[-1])


def _sum(found: "Forecast") -> str:
    from esaws.costs.forecast.forecast import cents

    text = f"{cents(found.total_usd)} USD of {cents(found.list_usd)} at list price"
    if found.credits_usd:
        text += f", {cents(found.credits_usd)} of it from credits"
        if found.runway_days is not None:
            text += f", which last {found.runway_days:.1f} days"
    return text + (f"; {cents(found.to_pay_usd)} to pay with {found.vat_percent:g} % tax" if found.vat_usd else "")


def _warn(found: "Forecast") -> None:
    for warning in found.warnings():
        click.echo(f"~ {warning}")


def _usd(amount: Any) -> str:
    return "?" if amount is None or amount != amount else f"{float(amount):.2f}"
