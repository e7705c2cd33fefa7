"""Format the costs of a local account, as `esaws local cost` prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

_COLUMNS = ("service", "usage", "now", "USD/h", "this month", "of it free", "USD")
_RIGHT_ALIGNED = range(2, len(_COLUMNS))


def format_costs(costs: Mapping[str, Any]) -> str:
    """Return the totals, the table of usage (highest cost first), and what is left of the free tier.

    `costs` is what `GET /_esaws/cost` returns.
    """
    month = costs["month"]
    lines = [
        f"{_usd(costs['per_hour'])} USD an hour now, {_usd(costs['list_per_hour'])} at list price.",
        f"{_usd(month['usd'])} USD since {month['start'][:10]}, {_usd(month['list_usd'])} at list price"
        f"{_credits(costs)}.",
    ]
    if costs["closed"]:
        lines.insert(0, f"The account was closed at {costs['closed']}: its free plan was used up.")
    if costs["lines"]:
        lines += ["", *_table([_COLUMNS, *map(_row, costs["lines"])])]
    else:
        lines.append("There is no metered usage.")
    if costs["free_tier"]:
        lines += ["", f"Free tier ({costs['regime']}), this month:", *map(_allowance, costs["free_tier"])]
    unpriced = [line["usage_type"] for line in costs["lines"] if not line["priced"]]
    unverified = [line["usage_type"] for line in costs["lines"] if not line["verified"]]
    lines += ["", *(f"{usage_type} has no known price and counts as 0." for usage_type in unpriced)]
    lines += [f"The price of {usage_type} is not verified." for usage_type in unverified]
    return "\n".join(lines).rstrip("\n")


def _credits(costs: Mapping[str, Any]) -> str:
    if costs["regime"] != "credits":
        return ""
    paid, left = costs["month"]["credits_usd"], costs["credits_left"]
    return f", {_usd(paid)} paid with credits; {_usd(left)} USD of credits left"


def _row(line: Mapping[str, Any]) -> tuple[str, ...]:
    unit = line["unit"]
    return (
        line["service"],
        line["usage_type"],
        _number(line["running"]) if Decimal(line["running"]) else "",
        f"{Decimal(line['per_hour']):.4f}",
        f"{_number(line['quantity'])} {unit}",
        _number(line["free"]) if Decimal(line["free"]) else "",
        _usd(line["usd"]),
    )


def _allowance(allowance: Mapping[str, Any]) -> str:
    used = f"  {allowance['allowance']}: {_number(allowance['used'])} of {_number(allowance['cap'])}"
    if Decimal(allowance["used"]) >= Decimal(allowance["cap"]):
        return f"{used}, used up"
    hours = allowance["gone_in_hours"]
    return f"{used}, used up in {hours} h" if hours is not None else f"{used}, enough for this month"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    aligned = [
        [cell.rjust(width) if at in _RIGHT_ALIGNED else cell.ljust(width) for at, (cell, width) in enumerate(cells)]
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    return ["  ".join(cells).rstrip() for cells in aligned]


def _number(text: str) -> str:
    """At most four decimals."""
    return f"{Decimal(text):,.4f}".rstrip("0").rstrip(".")


def _usd(text: str) -> str:
    return f"{Decimal(text):,.2f}"
