"""Chart of the free tier: a small plot for each allowance, with the day on which it was used up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.chart import Chart
from esaws.costs.analysis.charts import COLOURS, GREY, escape_math, new_figure
from esaws.costs.analysis.free_tier_usage import AllowanceBurnDown, FreeTierUsage
from esaws.costs.analysis.selection import days_in_month, format_money
from esaws.costs.analysis.usage_by_day import total

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FREE, _CHARGED = COLOURS[1], COLOURS[0]


def draw_free_tier(free_tier: FreeTierUsage, top: int = 6) -> Chart:
    """Draw cumulative usage of the first `top` allowances: free usage in green, charged usage in orange."""
    exhausted = [one for one in free_tier.allowances if one.exhausted_on]
    if exhausted:
        cost = format_money(total(one.charged[-1] for one in exhausted), free_tier.currency)
        day, name = min((one.exhausted_on, one.allowance) for one in exhausted if one.exhausted_on)
        title = f"{cost} for what was no longer free: {name} ran out on {day:%-d %B}"
        if len(exhausted) > 1:
            count = f"{len(exhausted)} allowances ran out"
            title = f"{cost} for what was no longer free: {count}, the first on {day:%-d %B}"
    elif free_tier.allowances:
        title = f"Nothing of {len(free_tier.allowances)} allowances ran out in {free_tier.period:%B %Y}"
    else:
        title = repr(free_tier)
    visible = free_tier.allowances[:top]
    rows = -(-len(visible) // 2)
    if not visible:
        figure, axes = new_figure(title, 1.2)
        axes.axis("off")
        return Chart(figure, title)
    figure, axes = new_figure(title, 0.6 + 2.2 * rows)
    axes.remove()
    plots = figure.subplots(rows, min(2, len(visible)), squeeze=False).flat
    several_payers = len({one.payer for one in free_tier.allowances}) > 1
    for plot, burn_down in zip(plots, visible, strict=False):
        _draw_allowance(plot, burn_down, free_tier, several_payers)
    for plot in list(plots):
        plot.axis("off")
    return Chart(figure, title)


def _draw_allowance(axes: Axes, burn_down: AllowanceBurnDown, free_tier: FreeTierUsage, several_payers: bool) -> None:
    length = days_in_month(free_tier.period)
    days = range(1, len(burn_down.days) + 1)
    used, free = [float(x) for x in burn_down.used], [float(x) for x in burn_down.free]
    cap, top = float(burn_down.cap), max(*(float(x) for x in burn_down.used), float(burn_down.cap), 0.0)
    axes.fill_between(days, 0, free, color=_FREE, alpha=0.35, linewidth=0)
    axes.fill_between(days, free, used, color=_CHARGED, alpha=0.35, linewidth=0)
    axes.plot(days, used, color=_CHARGED if burn_down.exhausted_on else _FREE, linewidth=2)
    axes.axhline(cap, color=GREY, linewidth=1, linestyle="--")
    end = (length, cap)
    axes.annotate(f"{cap:g} are free", end, (-3, 3), textcoords="offset points", color=GREY, fontsize=8, ha="right")
    name = f"{burn_down.allowance} of {burn_down.payer}" if several_payers else burn_down.allowance
    summary = f"{used[-1]:,.6g} of {cap:g} used"
    if burn_down.exhausted_on:
        summary = f"ran out on day {burn_down.exhausted_on.day}; {used[-1] - free[-1]:,.6g} charged"
        summary += f", {format_money(burn_down.charged[-1], free_tier.currency)}"
    axes.set_title(escape_math(f"{name}: {summary}"), loc="left", fontsize=9)
    axes.set_xlim(1, length)
    axes.set_ylim(0, 1.18 * top)
    axes.set_ylabel(burn_down.unit, fontsize=8, color=GREY)
    axes.set_xticks([1, 5, 10, 15, 20, 25, 30][: 7 if length >= 30 else 6])
    axes.tick_params(labelsize=8, colors=GREY)
    axes.spines[["top", "right"]].set_visible(False)
