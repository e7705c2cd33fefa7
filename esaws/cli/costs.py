"""What it will cost, and what it did."""

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import cli, print_json, show, with_cloud
from esaws.cli.deploy import with_system
from esaws.cloud import Cloud
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.costs.forecasting.account_regime import Mine

_MINE = "mine"


@cli.group()
def cost() -> None:
    """Say what a month costs before it comes, and read the bill when it did."""


@cost.command("forecast")
@with_system
@with_cloud
@click.option("--regime", help="legacy, credits or none; mine asks the account.  [default: all three side by side]")
@click.option("--opened", metavar="DATE", help="When the account was opened: that decides the regime.")
@click.option("--hours", type=float, help="The first so many hours of a month of 730.  [default: 730]")
@click.option("--month", metavar="YYYY-MM", help="This calendar month, with its true hours.")
@click.option("--as-of", metavar="DATE", help="The prices of this day.  [default: of the month, or today]")
@click.option("--requests", type=float, default=0, help="Requests to the load balancer in the month.")
@click.option("--gb-out", type=float, default=0, help="Gigabytes of answers to the internet in the month.")
@click.option("--gb-between-zones", type=float, default=0, help="Gigabytes between zones in the month.")
@click.option("--gb-stored", type=float, help="Gigabytes in all buckets together.  [default: as declared]")
@click.option("--clusters", type=int, help="Only the first so many clusters, with their machines.")
@click.option("--instances", type=int, help="So many instances in each cluster.")
@click.option("--zones", type=int, help="Machines in the first so many zones only.")
@click.option("--nat-gateways", type=int, default=0, help="Add NAT gateways.")
@click.option("--hours-a-day", type=float, default=24, help="Run so long each day, and be parked in between.")
@click.option("--credits", "credits_", type=float, help="USD of credits that are left.  [default: all of 200]")
@click.option("--vat", type=float, default=0, help="Per cent of tax.")
@click.option("--with-alarms", is_flag=True, help="Count what AWS makes below it, as its bill does: alarms of scaling.")
def forecast_command(
    cloud: Cloud,
    architecture: Any,
    regime: str | None,
    opened: str | None,
    hours: float | None,
    month: str | None,
    as_of: str | None,
    requests: float,
    gb_out: float,
    gb_between_zones: float,
    gb_stored: float | None,
    clusters: int | None,
    instances: int | None,
    zones: int | None,
    nat_gateways: int,
    hours_a_day: float,
    credits_: float | None,
    vat: float,
    with_alarms: bool,
    as_json: bool,
) -> None:
    """What a month of a profile costs. No account is needed, and nothing is asked of AWS unless you say so."""
    from esaws.cli.forecast import show_forecast, show_side_by_side
    from esaws.costs.forecasting.account_regime import RULE
    from esaws.costs.forecasting.assumptions import Traffic
    from esaws.costs.forecasting.forecast import forecast, forecasts
    from esaws.costs.forecasting.month import Month
    from esaws.costs.forecasting.variations import Variation

    if hours is not None and month is not None:
        raise UsageError("--hours are of a month of 730, --month is a calendar month: take one of them")
    when = Month.calendar(_day(f"{month}-01", "--month", "2026-02")) if month else Month.average(hours)
    on = _day(as_of, "--as-of", "2022-03-01") if as_of else None
    variation = Variation(clusters=clusters, instances=instances, zones=zones, nat_gateways=nat_gateways)
    mine = _mine(cloud, regime, opened, on or when.first or date.today())
    assumptions: dict[str, Any] = {
        "region": cloud.region,
        "month": when,
        "as_of": on,
        "traffic": Traffic(requests=requests, gb_out=gb_out, gb_between_zones=gb_between_zones),
        "gb_stored": gb_stored,
        "hours_a_day": hours_a_day,
        "credits": mine.credits if mine and credits_ is None else credits_,
        "vat_percent": vat,
        "count_below": with_alarms,
        "prices": cloud.prices,
    }
    what = variation.of(architecture)
    chosen: Any = mine.regime if mine else regime
    if chosen:
        found = forecast(what, regime=chosen, **assumptions)
        print_json(found.to_dict()) if as_json else show_forecast(found)
        return
    each = forecasts(what, **assumptions)
    if as_json:
        print_json([one.to_dict() for one in each])
    else:
        show_side_by_side(each, mine.why if mine else RULE)


@cost.command("bill")
@with_cloud
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("--engine", metavar="URL", help="duckdb, spark://…, athena://… or trino://….  [default: duckdb]")
@click.option("--metric", help="unblended, blended, amortized, net_unblended or net_amortized.  [default: unblended]")
def bill_command(cloud: Cloud, sources: tuple[str, ...], engine: str | None, metric: str | None, as_json: bool) -> None:
    """Read a bill, in whatever format it came.

    SOURCE is a file, a folder, a glob, s3://bucket/prefix, or days of Cost Explorer itself (ce:2026-01, or
    ce:2026-01-05..2026-02-03), where AWS asks 0.01 USD for each request. Months that were exported twice count once.
    """
    from esaws.cli.bill import tell_bill
    from esaws.costs.bill.read import read_bill
    from esaws.costs.bill.report import report

    found = report(read_bill(*sources, engine=engine, cloud=cloud), metric)
    print_json(found.to_dict()) if as_json else tell_bill(found)


@cost.command("prices")
@with_cloud
@click.option("--refresh", is_flag=True, help="Ask AWS for them first, and keep the answer for 30 days.")
def prices_command(cloud: Cloud, refresh: bool, as_json: bool) -> None:
    """The unit prices of a region, where each is from, and whether a published list or a bill shows it."""
    from esaws.costs.forecasting.price_refresh import refresh_prices
    from esaws.pricelist import current

    if refresh and not cloud.is_aws:
        raise UsageError(f"{cloud.target} has the bundled prices; with ESAWS_TARGET=aws they are asked of AWS")
    if refresh:
        refresh_prices(cloud)
    known = current()
    rows = [
        {
            "service": price.service,
            "usage_type": price.usage_type,
            "operation": price.operation,
            "unit": price.unit,
            "usd": float(price.usd),
            "from": float(price.begins),
            "as_of": price.as_of.isoformat(),
            "verified": price.verified,
            "source": price.source,
        }
        for (region, _, _), found in sorted(known.prices.items())
        for price in found
        if region == cloud.region and price.holds(None)
    ]
    shown = [
        {name: row[name] for name in ("service", "usage_type", "operation", "unit")}
        | {"usd": f"{row['usd']:.10g}{'' if row['verified'] else ' ~'}", "as_of": row["as_of"]}
        for row in rows
    ]
    show(
        rows,
        f"{len(rows)} prices of {cloud.region}, from {known.origin}; ~ no published list confirms it",
        as_json,
        shown,
    )


def _mine(cloud: Cloud, regime: str | None, opened: str | None, today: date) -> "Mine | None":
    """What is known of the reader's own account, if it is asked for."""
    from esaws.costs.forecasting.account_regime import my_regime, regime_by_age

    if opened is not None:
        if regime is not None:
            raise UsageError("--opened decides the regime: leave out --regime")
        return regime_by_age(_day(opened, "--opened", "2021-10-04"), today)
    if regime != _MINE:
        return None
    cloud.check()
    return my_regime(cloud)


def _day(text: str, option: str, example: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text.removesuffix('-01')} is no date; say it like {example}") from None
