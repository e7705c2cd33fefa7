"""Charts of breakdowns: a bar for each part, or a stacked bar for each day."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from esaws.chart import Chart
from esaws.costs.analysis.breakdown import ALL_OTHERS, Breakdown, DailyBreakdown, label_for_missing
from esaws.costs.analysis.charts import (
    COLOURS,
    GREY,
    OTHERS,
    escape_math,
    figure_height,
    format_date_axis,
    horizontal_bars,
    new_figure,
    shorten_name,
)
from esaws.costs.analysis.selection import format_money

_VISIBLE = Decimal("0.005")
"""Amounts below this, in the currency, are not drawn."""
_LABEL_GAP = 0.085
"""The least distance between two labels, as a fraction of the height."""


def draw_breakdown(breakdown: Breakdown) -> Chart:
    """Draw a bar for each part, with its cost and its share of the total."""
    title = format_money(breakdown.total, breakdown.currency) + (" used" if breakdown.credits else "")
    if breakdown.total > 0 and breakdown.parts and breakdown.parts[0][1] > 0:
        first, cost = breakdown.parts[0]
        preposition = "" if first == label_for_missing(breakdown.by) else "for "
        title += f", and {100 * cost / breakdown.total:.0f} % of it {preposition}{shorten_name(breakdown.label(first))}"
    parts = [(name, cost) for name, cost in breakdown.parts if abs(cost) >= _VISIBLE] or list(breakdown.parts[:1])
    hidden = len(breakdown.parts) - len(parts)
    subtitle = f"by {breakdown.by.replace('_', ' ')}, in {breakdown.currency}"
    subtitle += f"; {hidden} {'others come' if hidden > 1 else 'other comes'} to less than a cent" if hidden else ""
    subtitle += f"; {_after_credits(breakdown)} (pale: paid by credits)" if breakdown.credits else ""
    figure, axes = new_figure(title, figure_height(len(parts)), subtitle)
    colours = [OTHERS if name == ALL_OTHERS else COLOURS[0] for name, _ in parts]
    names = [f"{name} ({breakdown.others:,})" if name == ALL_OTHERS else breakdown.label(name) for name, _ in parts]
    labels = [_label(breakdown, cost) for _, cost in parts]
    horizontal_bars(axes, names, [float(cost) for _, cost in parts], labels, colours)
    for row, (name, _) in enumerate(parts):
        axes.barh(row, float(breakdown.credits.get(name, 0)), color="white", alpha=0.6, height=0.66)
    return Chart(figure, title)


def draw_daily_breakdown(breakdown: DailyBreakdown) -> Chart:
    """Draw a stacked bar for each day, and the names in their order beside the last one."""
    sums = [sum(costs) for costs in zip(*(costs for _, costs in breakdown.parts), strict=True)]
    dearest = max(range(len(sums)), key=lambda at: sums[at])
    day, most = breakdown.days[dearest], format_money(sums[dearest], breakdown.currency)
    used = format_money(breakdown.total, breakdown.currency) + (" used" if breakdown.split.credits else "")
    title = f"{used} in {len(sums)} {'days' if len(sums) > 1 else 'day'}"
    if len(sums) > 1 and sums[dearest] > 0:
        title += f"; the dearest was {day:%-d %B} with {most}"
    after = f"; {_after_credits(breakdown)}" if breakdown.split.credits else ""
    figure, axes = new_figure(title, subtitle=f"{breakdown.currency} a day{after}")
    days: Any = list(breakdown.days)
    tops, lows = [0.0] * len(days), [0.0] * len(days)
    colours = {
        name: OTHERS if name == ALL_OTHERS else COLOURS[at % len(COLOURS)]
        for at, (name, _) in enumerate(breakdown.parts)
    }
    for name, costs in breakdown.parts:
        values = [float(cost) for cost in costs]
        bottoms = [tops[at] if value >= 0 else lows[at] for at, value in enumerate(values)]
        axes.bar(days, values, bottom=bottoms, color=colours[name], width=0.8)
        tops = [at + max(value, 0.0) for at, value in zip(tops, values, strict=True)]
        lows = [at + min(value, 0.0) for at, value in zip(lows, values, strict=True)]
    top, low = max(*tops, 0.0, 0.0), min(*lows, 0.0, 0.0)
    height = (top - low) or 1.0
    axes.set_ylim(low - 0.02 * height, top + 0.05 * height)
    axes.margins(x=0.01)
    visible = [(name, costs) for name, costs in breakdown.parts if any(abs(cost) >= _VISIBLE for cost in costs)]
    for at, (name, costs) in enumerate(visible):
        axes.annotate(
            escape_math(f"{shorten_name(name)}  {format_money(sum(costs), breakdown.currency)}"),
            (1.0, low + height * (0.04 + _LABEL_GAP * at)),
            (6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color=colours[name] if name != ALL_OTHERS else GREY,
            fontsize=9,
            va="center",
            annotation_clip=False,
        )
    axes.grid(axis="y", color="#ececec", linewidth=0.8)
    format_date_axis(axes)
    return Chart(figure, title)


def _after_credits(breakdown: Breakdown | DailyBreakdown) -> str:
    to_pay = format_money(breakdown.split.to_pay, breakdown.currency)
    return f"{breakdown.split.credits:,.2f} paid by credits, {to_pay} to pay"


def _label(breakdown: Breakdown, cost: Decimal) -> str:
    if breakdown.total <= 0 or not cost:
        return format_money(cost, breakdown.currency)
    percent = 100 * cost / breakdown.total
    share = "under 1" if abs(percent) < 1 else f"{percent:.0f}"
    return f"{format_money(cost, breakdown.currency)} · {share} %"
