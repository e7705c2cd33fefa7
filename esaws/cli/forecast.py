"""How a forecast is told in a terminal: the sum first, then the dearest lines, then what runs out when."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from esaws.cli.common import show

if TYPE_CHECKING:
    from esaws.costs.forecasting.result import Forecast


def show_forecast(found: "Forecast") -> None:
    """One regime in full."""
    click.echo(f"{_in_all(found, f'for {found.month} in {found.region}, {found.regime}')}\n")
    rows = found.to_frame().round(4).to_dict("records")
    shown = [
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
    show(rows, "", as_json=False, shown=shown)
    for line in (*_sums(found), *_run_out(found), *_said(found)):
        click.echo(line)


def show_side_by_side(found: Sequence["Forecast"], whose: str) -> None:
    """All regimes, line by line; `whose` says which of them is the reader's."""
    for each in found:
        click.echo(f"{each.regime:8}{_in_all(each, f'for {each.month}')}")
    lines: dict[tuple[str, str | None], dict[str, str]] = {}
    for each in found:
        for line in each.lines:
            names = {"service": line.service, "usage_type": line.usage_type, "operation": line.operation or ""}
            row = lines.setdefault((line.usage_type, line.operation), names)
            row[f"usd_{each.regime}"] = _usd(line.usd) + ("" if line.verified else " ~")
    rows = sorted(lines.values(), key=lambda row: -float(row["usd_none"].strip(" ~?") or 0))
    click.echo()
    show(rows, "", as_json=False)
    for each in found:
        for text in _run_out(each):
            click.echo(f"{each.regime:8}{text}")
    click.echo(f"\nWhich is yours? {whose[0].upper()}{whose[1:]}.")
    for text in dict.fromkeys(text for each in found for text in _said(each)):
        click.echo(text)


def _in_all(found: "Forecast", what_for: str) -> str:
    text = f"{found.in_words(found.to_pay_usd)} to pay {what_for}"
    if found.credits_usd:
        text += f", after {found.credits_usd:.2f} of credits"
    if found.vat_usd:
        text += f", with {float(found.vat_percent):g} % tax"
    if found.below_usd:
        text += f"; {found.below_usd:.2f} more for what AWS makes below it"
    return text


def _sums(found: "Forecast") -> Iterator[str]:
    yield f"{found.in_words(found.total_usd)} before credits and tax, of {found.list_usd:.2f} at list price"


def _run_out(found: "Forecast") -> Iterator[str]:
    """What of the free tier, and of credits, comes to an end, and when."""
    for used in found.allowances().dropna().to_dict("records"):
        after = used["exhausted_after_h"]
        free = f"{used['cap']:,g} {used['unit']} are free ({used['allowance']})"
        yield f"{free}, and used up after {after:g} hours, on day {after // 24 + 1:.0f}"
    for credits, days in found.runways.items():
        yield f"{credits:g} USD of credits last {days:.1f} days"


def _said(found: "Forecast") -> Iterator[str]:
    yield f"Assumed: {_assumed(found)}. Prices of {found.as_of}, from {found.origin}."
    for warning in found.warnings():
        yield f"~ {warning}"


def _assumed(found: "Forecast") -> str:
    given: dict[str, Any] = dict(found.assumed)
    flows = {"requests": "requests", "gb_out": "GB out", "gb_between_zones": "GB between zones"}
    words = [f"{given[name]:,.12g} {text}" for name, text in flows.items() if given[name]] or ["no traffic"]
    if given["requests"]:
        words.append(f"{given['requests_per_connection']:g} requests a connection")
    stored = given["gb_stored"]
    words.append("in buckets what is declared" if stored is None else f"{stored:g} GB in buckets")
    return ", ".join([*words, f"{given['hours_a_day']:g} hours a day"])


def _usd(amount: Any) -> str:
    return "?" if amount is None or amount != amount else f"{float(amount):.2f}"
