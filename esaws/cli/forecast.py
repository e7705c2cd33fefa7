"""`esaws cost forecast`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import cloud_options, print_json, print_table
from esaws.cli.cost import cost
from esaws.cli.deploy import profile_options
from esaws.errors import UsageError

if TYPE_CHECKING:
    from esaws.cloud import Cloud
    from esaws.costs.forecasting.account_regime import DetectedRegime
    from esaws.costs.forecasting.result import Forecast

_AUTO = "auto"


@cost.command("forecast")
@profile_options
@cloud_options
@click.option("--regime", help="legacy, credits, none, or auto to ask the account.  [default: all three side by side]")
@click.option("--opened", metavar="DATE", help="Day the account was opened; it determines the regime.")
@click.option("--hours", type=float, help="Hours of the month that it runs.  [default: 730]")
@click.option("--month", metavar="YYYY-MM", help="Calendar month, with its exact hours.")
@click.option("--as-of", metavar="DATE", help="Day of the prices.  [default: the month's, or today]")
@click.option("--requests", type=float, default=0, help="Requests to the load balancer per month.")
@click.option("--gb-out", type=float, default=0, help="Gigabytes sent to the internet per month.")
@click.option("--gb-between-zones", type=float, default=0, help="Gigabytes between zones per month.")
@click.option("--gb-stored", type=float, help="Gigabytes stored in all buckets.  [default: as declared]")
@click.option("--clusters", type=int, help="Only the first N clusters, with their instances.")
@click.option("--instances", type=int, help="Instances per cluster.")
@click.option("--zones", type=int, help="Instances in the first N zones only.")
@click.option("--nat-gateways", type=int, default=0, help="Add NAT gateways.")
@click.option("--hours-a-day", type=float, default=24, help="Hours a day that it runs; it is parked otherwise.")
@click.option("--credits", "credits_", type=float, help="Remaining credits in USD.  [default: 200]")
@click.option("--vat", type=float, default=0, help="Tax in percent.")
@click.option(
    "--with-alarms", is_flag=True, help="Include what AWS creates itself, such as alarms of scaling policies."
)
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
    """Forecast the monthly cost of a profile.

    No account is needed, and AWS is called only with --regime auto.
    """
    from esaws.costs.forecasting.account_regime import RULE
    from esaws.costs.forecasting.assumptions import Traffic
    from esaws.costs.forecasting.forecast import compare_forecasts, forecast
    from esaws.costs.forecasting.month import Month
    from esaws.costs.forecasting.variations import Variation

    if hours is not None and month is not None:
        raise UsageError("choose one of --hours (of a month of 730 hours) and --month (a calendar month)")
    period = Month.calendar(_parse_day(f"{month}-01", "--month", "2026-02")) if month else Month.average(hours)
    price_day = _parse_day(as_of, "--as-of", "2022-03-01") if as_of else None
    variation = Variation(clusters=clusters, instances=instances, zones=zones, nat_gateways=nat_gateways)
    detected = _detect_regime(cloud, regime, opened, price_day or period.first or date.today())
    assumptions: dict[str, Any] = {
        "region": cloud.region,
        "month": period,
        "as_of": price_day,
        "traffic": Traffic(requests=requests, gb_out=gb_out, gb_between_zones=gb_between_zones),
        "gb_stored": gb_stored,
        "hours_a_day": hours_a_day,
        "credits": detected.credits if detected and credits_ is None else credits_,
        "vat_percent": vat,
        "include_aws_managed": with_alarms,
        "prices": cloud.prices,
    }
    varied = variation.apply(architecture)
    one_regime: Any = detected.regime if detected else regime
    if one_regime:
        result = forecast(varied, regime=one_regime, **assumptions)
        print_json(result.to_dict()) if as_json else _print_forecast(result)
        return
    results = compare_forecasts(varied, **assumptions)
    if as_json:
        print_json([result.to_dict() for result in results])
    else:
        _print_comparison(results.forecasts, detected.reason if detected else RULE)


def _detect_regime(cloud: Cloud, regime: str | None, opened: str | None, today: date) -> DetectedRegime | None:
    """The regime of the user's account from --opened or --regime auto; None without either."""
    from esaws.costs.forecasting.account_regime import detect_regime, regime_by_age

    if opened is not None:
        if regime is not None:
            raise UsageError("--opened determines the regime; remove --regime")
        return regime_by_age(_parse_day(opened, "--opened", "2021-10-04"), today)
    if regime != _AUTO:
        return None
    cloud.check()
    return detect_regime(cloud)


def _parse_day(text: str, option: str, example: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text.removesuffix('-01')} is not a date; write it like {example}") from None


def _print_forecast(forecast: Forecast) -> None:
    """Print the forecast of one regime in full."""
    click.echo(f"{_total(forecast, f'for {forecast.month} in {forecast.region}, {forecast.regime}')}\n")
    rows = forecast.to_frame().round(4).to_dict("records")
    table = [
        {
            "service": row["service"],
            "usage_type": row["usage_type"],
            "operation": row["operation"],
            "quantity": f"{row['quantity']:,.10g} {row['unit']}",
            "usd_list": _usd(row["list_usd"]),
            "usd_free": _usd(row["free_usd"]),
            "usd": _usd(row["usd"]) + ("" if row["verified"] else " ~"),
        }
        for row in rows
    ]
    print_table(rows, "", as_json=False, table_rows=table)
    for line in (*_sums(forecast), *_exhausted(forecast), *_notes(forecast)):
        click.echo(line)


def _print_comparison(forecasts: Sequence[Forecast], reason: str) -> None:
    """Print all regimes side by side. `reason` explains which of them applies to an account."""
    for forecast in forecasts:
        click.echo(f"{forecast.regime:8}{_total(forecast, f'for {forecast.month}')}")
    lines: dict[tuple[str, str | None], dict[str, str]] = {}
    for forecast in forecasts:
        for line in forecast.lines:
            names = {"service": line.service, "usage_type": line.usage_type, "operation": line.operation or ""}
            row = lines.setdefault((line.usage_type, line.operation), names)
            row[f"usd_{forecast.regime}"] = _usd(line.usd) + ("" if line.verified else " ~")
    rows = sorted(lines.values(), key=lambda row: -float(row["usd_none"].strip(" ~?") or 0))
    click.echo()
    print_table(rows, "", as_json=False)
    for forecast in forecasts:
        for text in _exhausted(forecast):
            click.echo(f"{forecast.regime:8}{text}")
    click.echo(f"\nWhich one applies? {reason[0].upper()}{reason[1:]}.")
    for text in dict.fromkeys(note for forecast in forecasts for note in _notes(forecast)):
        click.echo(text)


def _total(forecast: Forecast, period: str) -> str:
    text = f"{forecast.format_usd(forecast.to_pay_usd)} to pay {period}"
    if forecast.credits_usd:
        text += f", after {forecast.credits_usd:.2f} of credits"
    if forecast.vat_usd:
        text += f", with {float(forecast.vat_percent):g} % tax"
    if forecast.aws_managed_usd:
        text += f"; {forecast.aws_managed_usd:.2f} more for resources that AWS creates"
    return text


def _sums(forecast: Forecast) -> Iterator[str]:
    total, listed = forecast.format_usd(forecast.total_usd), forecast.format_usd(forecast.list_usd)
    yield f"{total} before credits and tax, of {listed.removesuffix(' USD')} at list price"


def _exhausted(forecast: Forecast) -> Iterator[str]:
    """Allowances and credits that are used up within the month, and when."""
    for row in forecast.allowances().dropna().to_dict("records"):
        hours = row["exhausted_after_h"]
        allowance = f"{row['cap']:,g} {row['unit']} are free ({row['allowance']})"
        yield f"{allowance}, used up after {hours:g} hours, on day {hours // 24 + 1:.0f}"
    for credits, days in forecast.runways.items():
        yield f"{credits:g} USD of credits last {days:.1f} days"


def _notes(forecast: Forecast) -> Iterator[str]:
    yield f"Assumed: {_assumptions(forecast)}. Prices of {forecast.as_of}, from {forecast.prices_origin}."
    for warning in forecast.warnings():
        yield f"~ {warning}"


def _assumptions(forecast: Forecast) -> str:
    values: dict[str, Any] = dict(forecast.assumptions)
    flows = {"requests": "requests", "gb_out": "GB out", "gb_between_zones": "GB between zones"}
    words = [f"{values[name]:,.12g} {text}" for name, text in flows.items() if values[name]] or ["no traffic"]
    if values["requests"]:
        words.append(f"{values['requests_per_connection']:g} requests a connection")
    stored = values["gb_stored"]
    words.append("declared sizes in buckets" if stored is None else f"{stored:g} GB in buckets")
    return ", ".join([*words, f"{values['hours_a_day']:g} hours a day"])


def _usd(amount: Any) -> str:
    return "?" if amount is None or amount != amount else f"{float(amount):.2f}"
