"""What changed, as a picture: from the one month over what made it dearer or cheaper to the other."""

from __future__ import annotations

from decimal import Decimal

from esaws.chart import Chart
from esaws.costs.analysis.charts import LESS, MORE, PALE, bars, brief, canvas, draw_unknown, height_of
from esaws.costs.analysis.month_over_month import EFFECTS, Change, Changes
from esaws.costs.analysis.selection import Unknown, money
from esaws.costs.analysis.usage_by_day import total

_WORDS = {
    "quantity": ("more of it was used", "less of it was used"),
    "rate": ("rates went up", "rates went down"),
    "free_tier": ("less of it was free", "more of it was free"),
    "new": ("things are new", "things are new"),
    "gone": ("things are gone", "things are gone"),
    "other": ("of charges without quantities", "of charges without quantities"),
}
"""Why a month cost more, and why less."""
_BRIEFLY = {
    "quantity": ("more of it", "less of it"),
    "rate": ("dearer", "cheaper"),
    "free_tier": ("less was free", "more was free"),
    "new": ("new", "new"),
    "gone": ("gone", "gone"),
    "other": ("not by quantity", "not by quantity"),
}
"""The same beside a bar."""


def draw_changes(found: Changes | Unknown, n: int = 8) -> Chart:
    """A waterfall: the month before, the `n` largest changes with their main reason, all others, the month after."""
    if isinstance(found, Unknown):
        return draw_unknown(found)
    difference = found.total_after - found.total_before
    way = "more" if difference > 0 else "less"
    title = f"{found.after:%B} cost {money(abs(difference), found.currency)} {way} than {found.before:%B}"
    title = title if difference else f"{found.after:%B} cost as much as {found.before:%B}"
    if difference:
        reason, amount = max(found.effects().items(), key=lambda item: item[1] if difference > 0 else -item[1])
        title += f", mostly because {_WORDS[reason][difference < 0]} ({amount:+,.2f})"
    span = f"over the first {found.days} days of both" if found.days else "over whole months"
    shown = [change for change in found.changes if change.difference][:n]
    rest = total(change.difference for change in found.changes) - total(change.difference for change in shown)
    steps = [(change.what, change.difference, _why(change)) for change in shown]
    steps += [("all others", rest, "")] if rest else []
    figure, axes = canvas(title, height_of(len(steps) + 2), f"{found.currency}, {span}")
    names = [f"{found.before:%B %Y}", *(brief(what) for what, _, _ in steps), f"{found.after:%B %Y}"]
    said = [money(found.total_before, found.currency)]
    said += [f"{amount:+,.2f}  {why}" if abs(amount) >= _CENT else f"{amount:+.2g}  {why}" for _, amount, why in steps]
    said.append(money(found.total_after, found.currency))
    starts, widths, at = [0.0], [float(found.total_before)], found.total_before
    for _, amount, _ in steps:
        starts.append(float(at))
        widths.append(float(amount))
        at += amount
    starts.append(0.0)
    widths.append(float(found.total_after))
    colours = [PALE, *(MORE if amount > 0 else LESS for _, amount, _ in steps), PALE]
    bars(axes, names, widths, said, colours, starts)
    return Chart(figure, title)


_CENT = Decimal("0.01")


def _why(change: Change) -> str:
    """The effects that make most of a change, the largest first, without those that are hardly any."""
    amounts = {name: getattr(change, name) for name in EFFECTS}
    largest = max(abs(amount) for amount in amounts.values())
    told = [name for name in sorted(EFFECTS, key=lambda name: -abs(amounts[name])) if abs(amounts[name]) > largest / 5]
    return ", ".join(_said(name, amounts[name]) for name in told)


def _said(name: str, amount: Decimal) -> str:
    return _BRIEFLY[name][amount < 0]
