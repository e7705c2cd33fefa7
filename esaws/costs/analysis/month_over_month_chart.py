"""Chart of a comparison of months: a waterfall from one month over the largest changes to the other."""

from __future__ import annotations

from decimal import Decimal

from esaws.chart import Chart
from esaws.costs.analysis.charts import LESS, MORE, PALE, figure_height, horizontal_bars, new_figure, shorten_name
from esaws.costs.analysis.month_over_month import EFFECTS, CostChange, MonthOverMonth
from esaws.costs.analysis.selection import format_money
from esaws.costs.analysis.usage_by_day import total

_CENT = Decimal("0.01")
_TITLE_REASONS = {
    "quantity": ("more of it was used", "less of it was used"),
    "rate": ("rates went up", "rates went down"),
    "free_tier": ("less of it was free", "more of it was free"),
    "new": ("things are new", "things are new"),
    "gone": ("things are gone", "things are gone"),
    "other": ("of charges without quantities", "of charges without quantities"),
}
"""Effect → the words for an increase and for a decrease."""
_BAR_REASONS = {
    "quantity": ("more of it", "less of it"),
    "rate": ("dearer", "cheaper"),
    "free_tier": ("less was free", "more was free"),
    "new": ("new", "new"),
    "gone": ("gone", "gone"),
    "other": ("not by quantity", "not by quantity"),
}
"""The same, in brief, for the label of a bar."""


def draw_month_over_month(comparison: MonthOverMonth, top: int = 8) -> Chart:
    """Draw a waterfall: the first month, the `top` largest changes with their reasons, all others, the second month."""
    difference = comparison.total_after - comparison.total_before
    direction = "more" if difference > 0 else "less"
    amount = format_money(abs(difference), comparison.currency)
    title = f"{comparison.after:%B} cost {amount} {direction} than {comparison.before:%B}"
    title = title if difference else f"{comparison.after:%B} cost as much as {comparison.before:%B}"
    if difference:
        effects = comparison.effects().items()
        reason, effect = max(effects, key=lambda item: item[1] if difference > 0 else -item[1])
        title += f", mostly because {_TITLE_REASONS[reason][difference < 0]} ({effect:+,.2f})"
    days = f"over the first {comparison.days} days of both" if comparison.days else "over whole months"
    if comparison.has_credits:
        first = f"{comparison.split_before.to_pay:,.2f} to pay in {comparison.before:%B}"
        days += f", before credits; {first}, {comparison.split_after.to_pay:,.2f} in {comparison.after:%B}"
    largest = [change for change in comparison.changes if change.difference][:top]
    rest = total(change.difference for change in comparison.changes) - total(change.difference for change in largest)
    steps = [(change.label, change.difference, _reasons(change)) for change in largest]
    steps += [("all others", rest, "")] if rest else []
    figure, axes = new_figure(title, figure_height(len(steps) + 2), f"{comparison.currency}, {days}")
    names = [
        f"{comparison.before:%B %Y}",
        *(shorten_name(name) for name, _, _ in steps),
        f"{comparison.after:%B %Y}",
    ]
    labels = [format_money(comparison.total_before, comparison.currency)]
    labels += [
        f"{amount:+,.2f}  {why}" if abs(amount) >= _CENT else f"{amount:+.2g}  {why}" for _, amount, why in steps
    ]
    labels.append(format_money(comparison.total_after, comparison.currency))
    starts, widths, level = [0.0], [float(comparison.total_before)], comparison.total_before
    for _, step, _ in steps:
        starts.append(float(level))
        widths.append(float(step))
        level += step
    starts.append(0.0)
    widths.append(float(comparison.total_after))
    colours = [PALE, *(MORE if step > 0 else LESS for _, step, _ in steps), PALE]
    horizontal_bars(axes, names, widths, labels, colours, starts)
    return Chart(figure, title)


def _reasons(change: CostChange) -> str:
    """The effects that make up most of a change, the largest first."""
    amounts = {name: getattr(change, name) for name in EFFECTS}
    largest = max(abs(amount) for amount in amounts.values())
    names = [name for name in sorted(EFFECTS, key=lambda name: -abs(amounts[name])) if abs(amounts[name]) > largest / 5]
    return ", ".join(_BAR_REASONS[name][amounts[name] < 0] for name in names)
