"""How the free tier burns down, as a picture: a small plot for each allowance, with the day on which it was used up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.chart import Chart
from esaws.costs.analysis.charts import COLOURS, GREY, canvas, draw_unknown, plain
from esaws.costs.analysis.free_tier_usage import BurnDown, Burned
from esaws.costs.analysis.selection import Unknown, days_in, money
from esaws.costs.analysis.usage_by_day import total

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FREE, _CHARGED = COLOURS[3], COLOURS[0]


def draw_burn_down(found: BurnDown | Unknown, n: int = 6) -> Chart:
    """What is used of the `n` dearest allowances by the end of each day: green what is free, orange what is charged."""
    if isinstance(found, Unknown):
        return draw_unknown(found)
    out = [each for each in found.allowances if each.ran_out]
    if out:
        cost = money(total(each.charged[-1] for each in out), found.currency)
        first = min((each.ran_out, each.allowance) for each in out if each.ran_out)
        title = f"{cost} for what was no longer free: {first[1]} ran out on {first[0]:%-d %B}"
        if len(out) > 1:
            title = f"{cost} for what was no longer free: {len(out)} allowances ran out, the first on {first[0]:%-d %B}"
    elif found.allowances:
        title = f"Nothing of {len(found.allowances)} allowances ran out in {found.period:%B %Y}"
    else:
        title = f"The bill of {found.period:%B %Y} tells no free usage"
    shown = found.allowances[:n]
    rows = -(-len(shown) // 2)
    if not shown:
        figure, axes = canvas(title, 1.2)
        axes.axis("off")
        return Chart(figure, title)
    figure, axes = canvas(title, 0.6 + 2.2 * rows)
    axes.remove()
    plots = figure.subplots(rows, min(2, len(shown)), squeeze=False).flat
    several = len({each.payer for each in found.allowances}) > 1
    for plot, each in zip(plots, shown, strict=False):
        _draw(plot, each, found, several)
    for plot in list(plots):
        plot.axis("off")
    return Chart(figure, title)


def _draw(axes: Axes, each: Burned, found: BurnDown, several: bool) -> None:
    days = range(1, len(each.days) + 1)
    used, free = [float(x) for x in each.used], [float(x) for x in each.free]
    cap, top = float(each.cap), max(*(float(x) for x in each.used), float(each.cap), 0.0)
    axes.fill_between(days, 0, free, color=_FREE, alpha=0.35, linewidth=0)
    axes.fill_between(days, free, used, color=_CHARGED, alpha=0.35, linewidth=0)
    axes.plot(days, used, color=_CHARGED if each.ran_out else _FREE, linewidth=2)
    axes.axhline(cap, color=GREY, linewidth=1, linestyle="--")
    end = (days_in(found.period), cap)
    axes.annotate(f"{cap:g} are free", end, (-3, 3), textcoords="offset points", color=GREY, fontsize=8, ha="right")
    name = f"{each.allowance} of {each.payer}" if several else each.allowance
    said = f"{used[-1]:,.6g} of {cap:g} used"
    if each.ran_out:
        said = f"ran out on day {each.ran_out.day}; {used[-1] - free[-1]:,.6g} charged"
        said += f", {money(each.charged[-1], found.currency)}"
    axes.set_title(plain(f"{name}: {said}"), loc="left", fontsize=9)
    axes.set_xlim(1, days_in(found.period))
    axes.set_ylim(0, 1.18 * top)
    axes.set_ylabel(each.unit, fontsize=8, color=GREY)
    axes.set_xticks([1, 5, 10, 15, 20, 25, 30][: 7 if days_in(found.period) >= 30 else 6])
    axes.tick_params(labelsize=8, colors=GREY)
    axes.spines[["top", "right"]].set_visible(False)
