"""What an account costs, as a text for people; of what `esaws local cost --json` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

_COLUMNS = ("service", "usage", "now", "USD/h", "this month", "of it free", "USD")
_TO_THE_RIGHT = range(2, len(_COLUMNS))


def costs_as_text(told: Mapping[str, Any]) -> str:
    """Three sentences, the table of usage, dearest first, and what is left of the free tier."""
    month = told["month"]
    lines = [
        f"{_usd(told['per_hour'])} USD an hour as things stand, {_usd(told['list_per_hour'])} at the list price.",
        f"{_usd(month['usd'])} USD since {month['start'][:10]}, {_usd(month['list_usd'])} at the list price"
        f"{_credits(told)}.",
    ]
    if told["closed"]:
        lines.insert(0, f"The account was closed at {told['closed']}: its free plan was used up.")
    if told["lines"]:
        lines += ["", *_table([_COLUMNS, *map(_row, told["lines"])])]
    else:
        lines.append("Nothing is metered.")
    if told["free_tier"]:
        lines += ["", f"Free tier ({told['regime']}), this month:", *map(_allowance, told["free_tier"])]
    lines += ["", *(f"No price is known for {each['usage_type']}: it is counted as 0." for each in _unpriced(told))]
    lines += [f"The price of {each['usage_type']} is not verified." for each in told["lines"] if not each["verified"]]
    return "\n".join(lines).rstrip("\n")


def _credits(told: Mapping[str, Any]) -> str:
    if told["regime"] != "credits":
        return ""
    return f", {_usd(told['month']['credits_usd'])} paid with credits; {_usd(told['credits_left'])} USD of credits left"


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


def _allowance(allowed: Mapping[str, Any]) -> str:
    used = f"  {allowed['allowance']}: {_number(allowed['used'])} of {_number(allowed['cap'])}"
    if Decimal(allowed["used"]) >= Decimal(allowed["cap"]):
        return f"{used}, used up"
    gone = allowed["gone_in_hours"]
    return f"{used}, used up in {gone} h" if gone is not None else f"{used}, enough for this month"


def _unpriced(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [line for line in told["lines"] if not line["priced"]]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    aligned = [
        [cell.rjust(width) if at in _TO_THE_RIGHT else cell.ljust(width) for at, (cell, width) in enumerate(cells)]
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    return ["  ".join(cells).rstrip() for cells in aligned]


def _number(text: str) -> str:
    """Four digits behind the point at most."""
    return f"{Decimal(text):,.4f}".rstrip("0").rstrip(".")


def _usd(text: str) -> str:
    return f"{Decimal(text):,.2f}"
