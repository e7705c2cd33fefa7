"""Where the money went, as a picture: a bar for each day, in the colours of what it was spent on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esaws.chart import Chart

if TYPE_CHECKING:
    import pandas

_COLOURS = ("#ed7100", "#8c4fff", "#c925d1", "#7aa116", "#01a88d")
"""Of AWS's icons: compute, network, databases, storage, integration."""
_OTHERS = "#bfbfbf"
_LEAST = 0.01
"""USD below which nothing can be seen, so that nothing is said of it."""


def draw_spending(frame: pandas.DataFrame) -> Chart:
    """A frame of `spending` by day as a picture: the five dearest apart, the others together."""
    from matplotlib.figure import Figure

    by = frame.columns[0]
    days = frame.pivot_table(index="day", columns=by, values="usd", aggfunc="sum", fill_value=0.0).round(2)
    sums = days.sum().sort_values(ascending=False, kind="stable")
    spent_on = sums.index[sums >= _LEAST]
    dearest = spent_on[: len(_COLOURS)]
    shown = days[dearest].copy()
    if len(spent_on) > len(dearest):
        shown["all others"] = days[spent_on[len(dearest) :]].sum(axis="columns")
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    axes, below = figure.subplots(), 0.0
    for name, colour in zip(shown.columns, (*_COLOURS[: len(dearest)], _OTHERS), strict=False):
        axes.bar(shown.index.day, shown[name], bottom=below, color=colour, label=name, width=0.8)
        below = shown[name] + below
    axes.set_title(f"USD a day, {frame['day'].min():%B %Y}: {frame['usd'].sum():.2f} in all", loc="left", fontsize=10)
    axes.set_ylim(0, 1.05 * max(shown.sum(axis="columns").max(), _LEAST))
    axes.set_xlabel("day of the month", fontsize=9)
    axes.set_xticks(range(1, int(shown.index.day.max()) + 1, 2))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    figure.legend(frameon=False, fontsize=8, loc="outside right upper", reverse=True)
    return Chart(figure, f"{frame['usd'].sum():.2f} USD by {by}")
