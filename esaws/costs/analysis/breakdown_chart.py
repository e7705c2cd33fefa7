"""Where the money went, as pictures: bars from the dearest down, and a stack for each day."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from esaws.chart import Chart
from esaws.costs.analysis.breakdown import OTHERS as ALL_OTHERS
from esaws.costs.analysis.breakdown import ByDay, Where, missing
from esaws.costs.analysis.charts import (
    COLOURS,
    GREY,
    OTHERS,
    bars,
    brief,
    canvas,
    dated,
    draw_unknown,
    height_of,
    plain,
)
from esaws.costs.analysis.selection import Unknown, money

_SEEN = Decimal("0.005")
"""Below this, in the currency, there is nothing to be seen."""
_APART = 0.085
"""How far apart two names are at least, in parts of the height."""


def draw_where(found: Where | Unknown) -> Chart:
    """A bar for each part, with what it cost and its share of the whole."""
    if isinstance(found, Unknown):
        return draw_unknown(found)
    title = money(found.total, found.currency)
    if found.total > 0 and found.parts[0][1] > 0:
        first, cost = found.parts[0]
        title += (
            f", and {100 * cost / found.total:.0f} % of it {'' if first == missing(found.by) else 'for '}{brief(first)}"
        )
    shown = [(name, cost) for name, cost in found.parts if abs(cost) >= _SEEN] or list(found.parts[:1])
    less = len(found.parts) - len(shown)
    beneath = f"by {found.by.replace('_', ' ')}, in {found.currency}"
    beneath += f"; {less} {'others come' if less > 1 else 'other comes'} to less than a cent" if less else ""
    figure, axes = canvas(title, height_of(len(shown)), beneath)
    colours = [OTHERS if name == ALL_OTHERS else COLOURS[0] for name, _ in shown]
    named = [f"{name} ({found.others:,})" if name == ALL_OTHERS else name for name, _ in shown]
    bars(axes, named, [float(cost) for _, cost in shown], [_said(found, cost) for _, cost in shown], colours)
    return Chart(figure, title)


def draw_where_by_day(found: ByDay | Unknown) -> Chart:
    """A stack for each day, and beside the last the names in their order."""
    if isinstance(found, Unknown):
        return draw_unknown(found)
    sums = [sum(costs) for costs in zip(*(costs for _, costs in found.parts), strict=True)]
    dearest = max(range(len(sums)), key=lambda at: sums[at])
    day, most = found.days[dearest], money(sums[dearest], found.currency)
    title = f"{money(found.total, found.currency)} in {len(sums)} {'days' if len(sums) > 1 else 'day'}"
    if len(sums) > 1 and sums[dearest] > 0:
        title += f"; the dearest was {day:%-d %B} with {most}"
    figure, axes = canvas(title, beneath=f"{found.currency} a day")
    days: Any = list(found.days)
    up, down = [0.0] * len(days), [0.0] * len(days)
    colours = {
        name: OTHERS if name == ALL_OTHERS else COLOURS[at % len(COLOURS)] for at, (name, _) in enumerate(found.parts)
    }
    for name, costs in found.parts:
        values = [float(cost) for cost in costs]
        bottoms = [up[at] if value >= 0 else down[at] for at, value in enumerate(values)]
        axes.bar(days, values, bottom=bottoms, color=colours[name], width=0.8)
        up = [at + max(value, 0.0) for at, value in zip(up, values, strict=True)]
        down = [at + min(value, 0.0) for at, value in zip(down, values, strict=True)]
    top, low = max(*up, 0.0, 0.0), min(*down, 0.0, 0.0)
    height = (top - low) or 1.0
    axes.set_ylim(low - 0.02 * height, top + 0.05 * height)
    axes.margins(x=0.01)
    named = [(name, costs) for name, costs in found.parts if any(abs(cost) >= _SEEN for cost in costs)]
    for at, (name, costs) in enumerate(named):
        place = low + height * (0.04 + _APART * at)
        axes.annotate(
            plain(f"{brief(name)}  {money(sum(costs), found.currency)}"),
            (1.0, place),
            (6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color=colours[name] if name != ALL_OTHERS else GREY,
            fontsize=9,
            va="center",
            annotation_clip=False,
        )
    axes.grid(axis="y", color="#ececec", linewidth=0.8)
    dated(axes)
    return Chart(figure, title)


def _said(found: Where, cost: Decimal) -> str:
    if found.total <= 0 or not cost:
        return money(cost, found.currency)
    percent = 100 * cost / found.total
    return f"{money(cost, found.currency)} · {'under 1' if abs(percent) < 1 else f'{percent:.0f}'} %"
